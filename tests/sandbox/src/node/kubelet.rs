//! The kubelet: its configuration and flags. The node registers itself and is Ready when containerd and CNI are.

use std::path::Path;

use serde_json::json;

use crate::folder::Folder;
use crate::network_slot::Net;
use crate::parts::{Missing, Parts};
use crate::process::Start;

use super::{NAME, containerd, network::enter};

/// Writes its configuration.
pub(crate) fn configure(folder: &Folder, net: Net, ca_file: &Path) -> std::io::Result<()> {
    let config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": net.node().to_string(),
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": ca_file },
        },
        "authorization": { "mode": "Webhook" },
        "containerRuntimeEndpoint": format!("unix://{}", containerd::socket(folder).display()),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", net.cgroup()),
        "enforceNodeAllocatable": [],
        "failSwapOn": false,
        // On a machine of a developer or of CI, disks are often nearly full; a Pod here is one small file.
        "evictionHard": { "nodefs.available": "0%", "imagefs.available": "0%", "memory.available": "0%" },
        "imageGCHighThresholdPercent": 100,
        // The default is a folder below /usr, which the kubelet would make.
        "volumePluginDir": folder.node().join("volume-plugins"),
        "podLogsDir": "/var/log/pods",
        "resolvConf": "",
        "serializeImagePulls": false,
        "healthzPort": 0,
        "registerNode": true,
    });
    std::fs::write(folder.node().join("kubelet.json"), config.to_string())
}

/// What the kubelet is started with, in the node's network.
pub(crate) fn start(parts: &Parts, folder: &Folder, net: Net) -> Result<Start, Missing> {
    let program = parts.program("kubelet")?;
    Ok(Start::wrapped("kubelet", &enter(), &program, folder.log("kubelet"))
        .arg(format!("--config={}", folder.node().join("kubelet.json").display()))
        .arg(format!("--kubeconfig={}", folder.component_kubeconfig("kubelet").display()))
        .arg(format!("--root-dir={}", folder.node().join("kubelet").display()))
        .arg(format!("--cert-dir={}", folder.node().join("kubelet-pki").display()))
        .arg(format!("--hostname-override={NAME}"))
        .arg(format!("--node-ip={}", net.node())))
}
