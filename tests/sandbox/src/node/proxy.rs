//! kube-proxy: makes Service addresses work in the node's network namespace, the API server's above all.

use crate::folder::Folder;
use crate::network_slot::Net;
use crate::parts::{Missing, Parts};
use crate::process::Start;

use super::{NAME, network::enter};

/// What kube-proxy is started with, in the node's network.
pub(crate) fn start(parts: &Parts, folder: &Folder, net: Net) -> Result<Start, Missing> {
    let program = parts.program("kube-proxy")?;
    Ok(Start::wrapped("kube-proxy", &enter(), &program, folder.log("kube-proxy"))
        .arg(format!("--kubeconfig={}", folder.component_kubeconfig("kube-proxy").display()))
        .arg(format!("--hostname-override={NAME}"))
        .arg("--proxy-mode=iptables")
        .arg(format!("--cluster-cidr={}", net.pods()))
        // Limits of connection tracking belong to the machine, not to this namespace: they are left as they are.
        .arg("--conntrack-max-per-core=0")
        .arg("--conntrack-tcp-timeout-established=0")
        .arg("--conntrack-tcp-timeout-close-wait=0"))
}
