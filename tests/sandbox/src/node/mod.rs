//! The node: containerd, kubelet and kube-proxy in a network namespace of their own, and the image registries beside them.
//!
//! All of it runs in the supervisor's process and mount namespaces, so that the kernel removes every process, mount,
//! network namespace, interface and iptables rule when the supervisor ends, however it ends.

pub(crate) mod cgroup;
pub(crate) mod containerd;
pub(crate) mod kubelet;
pub(crate) mod network;
pub(crate) mod proxy;
pub(crate) mod registry;

use k8s_openapi::api::core::v1::Node;
use kube::Api;

use crate::info::NodeInfo;
use crate::layout::SandboxLayout;
use crate::options::RegistryAccess;
use crate::pki::Authority;
use crate::process_group::{ProcessGroup, READY};

/// The node's name, in the form that EC2 gives.
pub(crate) const NAME: &str = "ip-198-18-0-2.sandbox.internal";

/// Starts the node's parts and the registries, and waits until the node is Ready.
pub(crate) async fn start(
    processes: &mut ProcessGroup,
    layout: &SandboxLayout,
    ca: &Authority,
    admin: &kube::Client,
) -> anyhow::Result<Option<NodeInfo>> {
    let SandboxLayout { programs, folder, .. } = layout;
    let Some(net) = layout.net else { return Ok(None) };
    let plain = RegistryAccess { tls: false, password: false };
    let doors = [(plain, layout.registry)].into_iter().chain(layout.registries.iter().copied());
    let mut registries = Vec::new();
    for (number, (door, address)) in doors.enumerate() {
        let (start, registry) = registry::start(programs, folder, ca, number, door, address)?;
        processes.start(start)?;
        processes.ready(READY, || registry::answers(address)).await?;
        registries.push(registry);
    }
    containerd::configure(folder, net, &registries)?;
    kubelet::configure(folder, net, &ca.ca_file())?;
    processes.start(proxy::start(programs, folder, net)?)?;
    processes.start(containerd::start(programs, folder)?)?;
    processes.ready(READY, async || containerd::import_pause(programs, folder)).await?;
    processes.start(kubelet::start(programs, folder, net)?)?;
    processes.ready(READY, || is_ready(admin)).await?;
    let registry = registries.remove(0).address;
    Ok(Some(NodeInfo { name: NAME.to_owned(), registry, registries }))
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
