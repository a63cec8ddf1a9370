//! Free ports. The listeners that found them are closed before the parts that use them start, so another program could
//! slip in between; such a part dies with "address already in use" in its message.

use std::net::{IpAddr, TcpListener};

/// As many free TCP ports of an address as asked for, all different.
pub(crate) fn free<const N: usize>(address: IpAddr) -> std::io::Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    for _ in 0..N {
        listeners.push(TcpListener::bind((address, 0))?);
    }
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
