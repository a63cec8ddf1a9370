//! Free ports. The listeners that found them are closed before the parts that use them start, so another program could
//! slip in between; such a part dies with "address already in use" in its message.

use std::net::{IpAddr, TcpListener};

use rand::RngExt;

/// Below the range from which the kernel takes ports for outgoing connections (32768 and up): while the API server is down
/// for its restart, a client of its port could otherwise be given that very port.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// As many free TCP ports of an address as asked for, all different.
pub(crate) fn free<const N: usize>(address: IpAddr) -> std::io::Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    while listeners.len() < N {
        match TcpListener::bind((address, rand::rng().random_range(RANGE))) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
