//! etcd, the store that is the judge of everything: one member, on loopback, its data in the sandbox's folder.

use crate::folder::Folder;
use crate::parts::{Missing, Parts};
use crate::process::Start;

/// What etcd is started with. Nothing survives a sandbox, so it does not wait for the disk.
pub(crate) fn start(parts: &Parts, folder: &Folder, [clients, peers]: [u16; 2]) -> Result<Start, Missing> {
    let (clients, peers) = (url(clients), url(peers));
    Ok(Start::new("etcd", &parts.program("etcd")?, folder.log("etcd"))
        .arg("--name=sandbox")
        .arg(format!("--data-dir={}", folder.etcd().display()))
        .arg(format!("--listen-client-urls={clients}"))
        .arg(format!("--advertise-client-urls={clients}"))
        .arg(format!("--listen-peer-urls={peers}"))
        .arg(format!("--initial-advertise-peer-urls={peers}"))
        .arg(format!("--initial-cluster=sandbox={peers}"))
        .arg("--unsafe-no-fsync=true")
        .arg("--quota-backend-bytes=8589934592")
        .arg("--log-level=warn"))
}

/// etcd's address for clients.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
