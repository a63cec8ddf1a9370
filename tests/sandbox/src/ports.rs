//! Ports for the parts of a sandbox, reserved on this machine for as long as it lives.

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::AsRawFd as _;

use nix::sys::socket::sockopt::ReuseAddr;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, bind, setsockopt, socket};
use rand::RngExt;

/// Below the range from which the kernel takes ports for outgoing connections (32768 and up): while the API server is down
/// for its restart, a client of its port could otherwise be given that very port.
const RANGE: Range<u16> = 20_000..32_000;

/// Keeps other sandboxes from these ports until it is dropped. It holds the UDP port of the same number, which nobody here
/// uses: the TCP port stays free for the part that listens there, seconds later, and the kernel releases it with the process.
#[derive(Debug)]
pub(crate) struct Reservation {
    _sockets: Vec<UdpSocket>,
}

/// As many free TCP ports of an address as asked for, all different. A program that is no sandbox can still take one before its part
/// listens there: the part then ends with "address already in use".
pub(crate) fn reserve<const N: usize>(address: IpAddr) -> std::io::Result<([u16; N], Reservation)> {
    reserve_in(RANGE, address)
}

fn reserve_in<const N: usize>(range: Range<u16>, address: IpAddr) -> std::io::Result<([u16; N], Reservation)> {
    let mut sockets = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let socket = loop {
            *port = rand::rng().random_range(range.clone());
            match free(address, *port) {
                Ok(socket) => break socket,
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        };
        sockets.push(socket);
    }
    Ok((ports, Reservation { _sockets: sockets }))
}

/// Reserves a port on which nobody listens.
fn free(address: IpAddr, port: u16) -> Result<UdpSocket, Error> {
    let reserved = UdpSocket::bind((address, port))?;
    // Never listens: a program that starts meanwhile has a copy of the socket for a moment, and that must not be in the part's way.
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let probe = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&probe, ReuseAddr, &true)?;
    match SocketAddr::new(address, port) {
        SocketAddr::V4(at) => bind(probe.as_raw_fd(), &SockaddrIn::from(at)),
        SocketAddr::V6(at) => bind(probe.as_raw_fd(), &SockaddrIn6::from(at)),
    }?;
    Ok(reserved)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::{Duration, Instant};

    use super::*;

    /// A port that somebody listens on is not taken.
    #[test]
    fn a_port_with_a_listener_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let error = free(Ipv4Addr::LOCALHOST.into(), listener.local_addr().unwrap().port()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }

    /// Two sandboxes that started at once got the same port, and a part of one of them ended.
    #[test]
    fn a_port_is_reserved_once_before_anybody_listens_there() {
        let reserve = || reserve_in::<40>(31_800..31_900, Ipv4Addr::LOCALHOST.into()).unwrap();
        let ((first, held), (second, _)) = (reserve(), reserve());
        let all: HashSet<_> = first.into_iter().chain(second).collect();
        assert_eq!(all.len(), 80);
        TcpListener::bind((Ipv4Addr::LOCALHOST, first[0])).unwrap();
        drop(held);
        // A program that another test starts has a copy of the socket until it runs.
        let limit = Instant::now() + Duration::from_secs(10);
        while let Err(error) = UdpSocket::bind((Ipv4Addr::LOCALHOST, first[0])) {
            assert!(Instant::now() < limit, "the port stays reserved: {error}");
            std::thread::yield_now();
        }
    }
}
