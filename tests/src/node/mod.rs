//! The node: containerd, kubelet and kube-proxy in a network namespace of their own, and the image registry beside them.
//!
//! All of it runs in the supervisor's process and mount namespaces, so that the kernel removes every process, mount,
//! network namespace, interface and iptables rule when the supervisor ends, however it ends.

pub(crate) mod cgroup;
pub(crate) mod containerd;
pub(crate) mod kubelet;
pub(crate) mod network;
pub(crate) mod proxy;
pub(crate) mod registry;

/// The node's name, in the form that EC2 gives.
pub(crate) const NAME: &str = "ip-198-18-0-2.sandbox.internal";

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::Api;

use crate::folder::Folder;
use crate::lane::Net;
use crate::parts::Parts;
use crate::process::{Part, PartError};

/// The longest that a part of the node takes, on 2 cores while something compiles beside it.
const READY: Duration = Duration::from_secs(60);

/// Starts the node's parts and the registry, and gives them with the kubelet last.
pub(crate) async fn start(
    programs: &Parts,
    folder: &Folder,
    net: Net,
    ca_file: &Path,
    registry: SocketAddr,
) -> anyhow::Result<Vec<Part>> {
    containerd::configure(folder, net, &registry.to_string())?;
    kubelet::configure(folder, net, ca_file)?;
    let mut containerd = containerd::start(programs, folder)?.spawn()?;
    let registry = registry::start(programs, folder, registry)??.spawn()?;
    let proxy = proxy::start(programs, folder, net)?.spawn()?;
    containerd.ready(READY, async || containerd::import_pause(programs, folder)).await?;
    let kubelet = kubelet::start(programs, folder, net)?.spawn()?;
    Ok(vec![containerd, registry, proxy, kubelet])
}

/// Waits until the node is Ready; `parts` has the kubelet last.
pub(crate) async fn ready(parts: &mut [Part], admin: &kube::Client) -> Result<(), PartError> {
    let Some(kubelet) = parts.last_mut() else { return Ok(()) };
    kubelet.ready(READY, || is_ready(admin)).await
}

async fn is_ready(admin: &kube::Client) -> Result<(), String> {
    let nodes: Api<Node> = Api::all(admin.clone());
    let node = nodes.get(NAME).await.map_err(|error| format!("{error:#}"))?;
    let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
    match conditions.iter().find(|condition| condition.type_ == "Ready") {
        Some(condition) if condition.status == "True" => Ok(()),
        Some(condition) => Err(condition.message.clone().unwrap_or_default()),
        None => Err("the node has no Ready condition yet".to_owned()),
    }
}
