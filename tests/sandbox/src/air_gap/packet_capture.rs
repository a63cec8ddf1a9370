//! An ear in a network namespace: hears every packet in it, and writes down where somebody began to talk to somebody. Input:
//! the namespace of the thread that opens the ear. Output: who began to talk to whom, each once.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::Context;
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimeout};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket};
use nix::sys::time::TimeVal;

/// So that no packet is lost while an image of some megabytes is pulled and both cores are busy.
const BUFFER: usize = 32 << 20;

/// Headers, and a DNS question; the rest is nobody's business.
const MAX_CONNECTIONS: usize = 512;

/// How soon the ear notices that it is closed, in microseconds.
const POLL_MICROSECONDS: i64 = 50_000;

/// Somebody began to talk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// Who.
    pub from: IpAddr,
    /// To whom.
    pub to: IpAddr,
    /// At which port; none for an echo request.
    pub port: Option<u16>,
    /// In words: `TCP`, `UDP`, `ping`, or what was asked of a name server.
    pub what: String,
}

impl std::fmt::Display for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { to, port, what, .. } = self;
        match port {
            Some(port) => write!(f, "{what} to {to} port {port}"),
            None => write!(f, "{what} to {to}"),
        }
    }
}

/// An open ear.
#[derive(Debug)]
pub struct PacketCapture {
    heard: Arc<Mutex<BTreeSet<Connection>>>,
    closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PacketCapture {
    /// Opens one in the calling thread's network namespace, for all of its interfaces.
    pub(crate) fn start() -> anyhow::Result<Self> {
        // Datagrams: what comes begins with the IP header.
        let socket = socket(AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)
            .context("can't listen to packets")?;
        setsockopt(&socket, RcvBufForce, &BUFFER)?;
        setsockopt(&socket, ReceiveTimeout, &TimeVal::new(0, POLL_MICROSECONDS))?;
        let (heard, closed) = (Arc::<Mutex<_>>::default(), Arc::<AtomicBool>::default());
        let (into, until) = (Arc::clone(&heard), Arc::clone(&closed));
        let thread = std::thread::spawn(move || capture(&socket, &into, &until));
        Ok(Self { heard, closed, thread: Some(thread) })
    }

    /// What it has heard so far.
    #[must_use]
    pub fn connections(&self) -> BTreeSet<Connection> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for PacketCapture {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // A panic of its own has been printed already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn capture(socket: &OwnedFd, heard: &Mutex<BTreeSet<Connection>>, closed: &AtomicBool) {
    let mut packet = [0; MAX_CONNECTIONS];
    while !closed.load(Ordering::Relaxed) {
        // An error is the time that is up: look whether the ear is closed.
        let Ok(length) = recv(socket.as_raw_fd(), &mut packet, MsgFlags::empty()) else { continue };
        if let Some(begun) = connection_in(&packet[..length.min(MAX_CONNECTIONS)]) {
            heard.lock().unwrap_or_else(PoisonError::into_inner).insert(begun);
        }
    }
}

/// What a packet begins, if it begins something: answers do not, nor does what the kernel says by itself.
fn connection_in(packet: &[u8]) -> Option<Connection> {
    let (from, to, protocol, rest) = match packet.first()? >> 4 {
        4 => {
            let header = usize::from(packet.first()? & 0x0f) * 4;
            let address =
                |at: usize| Some(IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?)));
            (address(12)?, address(16)?, *packet.get(9)?, packet.get(header..)?)
        }
        6 => {
            let address =
                |at: usize| Some(IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(packet.get(at..at + 16)?).ok()?)));
            (address(8)?, address(24)?, *packet.get(6)?, packet.get(40..)?)
        }
        _ => return None,
    };
    let port = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
    let (port, what) = match protocol {
        // Of the flags, SYN without ACK.
        6 if rest.get(13)? & 0x12 == 0x02 => (Some(port), "TCP".to_owned()),
        17 if port == 53 => (Some(port), dns_name(rest.get(8..)?).unwrap_or_else(|| "UDP".to_owned())),
        17 => (Some(port), "UDP".to_owned()),
        1 if *rest.first()? == 8 => (None, "ping".to_owned()),
        58 if *rest.first()? == 128 => (None, "ping".to_owned()),
        _ => return None,
    };
    Some(Connection { from, to, port, what })
}

/// The first question of a DNS query (RFC 1035, 4.1: twelve bytes of header, then labels, each behind its length).
fn dns_name(query: &[u8]) -> Option<String> {
    let (mut labels, mut rest) = (Vec::new(), query.get(12..)?);
    while let Some((&length, after)) = rest.split_first().filter(|(length, _)| **length > 0) {
        labels.push(String::from_utf8_lossy(after.get(..usize::from(length))?));
        rest = &after[usize::from(length)..];
    }
    Some(format!("DNS query for {}", labels.join(".")))
}

#[cfg(test)]
mod tests {
    //! Which packets begin something, and what they are called.
    use super::*;

    /// A packet of IPv4 without options.
    fn v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 198, 18, 0, 254, 169, 254, 169, 254];
        packet.extend(payload);
        packet
    }

    fn tcp(flags: u8) -> Vec<u8> {
        let mut segment = vec![0xc0, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags];
        segment.extend([0; 6]);
        v4(6, &segment)
    }

    fn words(packet: &[u8]) -> Option<String> {
        connection_in(packet).map(|begun| begun.to_string())
    }

    #[test]
    fn a_connection_is_heard_by_its_first_packet_alone() {
        assert_eq!(words(&tcp(0x02)).as_deref(), Some("TCP to 169.254.169.254 port 80"));
        for answer in [0x12, 0x10, 0x14, 0x18, 0x11] {
            assert_eq!(words(&tcp(answer)), None, "{answer:#x}");
        }
    }

    #[test]
    fn a_question_for_a_name_is_heard_with_the_name() {
        let mut datagram = vec![0xc0, 0, 0, 53, 0, 0, 0, 0];
        datagram.extend([0; 12]);
        datagram.extend(b"\x03sts\x09amazonaws\x03com\x00\x00\x01\x00\x01");
        assert_eq!(
            words(&v4(17, &datagram)).as_deref(),
            Some("DNS query for sts.amazonaws.com to 169.254.169.254 port 53")
        );
        // Cut off, it is a datagram to a name server all the same.
        assert_eq!(words(&v4(17, &datagram[..22])).as_deref(), Some("UDP to 169.254.169.254 port 53"));
    }

    #[test]
    fn ipv6_is_heard_and_the_kernels_own_messages_are_not() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 8, 17, 64];
        packet.extend([0; 32]);
        packet.extend([0xc0, 0, 1, 0xbb, 0, 0, 0, 0]);
        assert_eq!(words(&packet).as_deref(), Some("UDP to :: port 443"));
        // A neighbour solicitation, an unreachable port, and ARP.
        packet[6] = 58;
        packet[40] = 135;
        assert_eq!(words(&packet), None);
        assert_eq!(words(&v4(1, &[3, 3, 0, 0, 0, 0, 0, 0])), None);
        assert_eq!(words(&[0, 1, 8, 0, 6, 4, 0, 1]), None);
    }

    #[test]
    fn nonsense_is_nothing() {
        let long = tcp(0x02);
        for length in 0..33 {
            assert_eq!(words(&long[..length]), None, "{length}");
        }
    }
}
