//! containerd with runc, from Debian: its configuration, the CNI network of the Pods, and the pause image.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::folder::Folder;
use crate::info::Registry;
use crate::network_slot::Net;
use crate::parts::{Missing, Parts};
use crate::process::Start;

use super::network::enter;

/// The name under which the pause image is imported; `make parts` builds it so.
const PAUSE: &str = "eks-encrypt.local/pause:1";

/// containerd's socket.
pub(crate) fn socket(folder: &Folder) -> PathBuf {
    folder.node().join("containerd.sock")
}

/// Writes its configuration.
pub(crate) fn configure(folder: &Folder, net: Net, registries: &[Registry]) -> std::io::Result<()> {
    let node = folder.node();
    let networks = node.join("cni");
    std::fs::create_dir_all(&networks)?;
    for registry in registries {
        let hosts = node.join("certs.d").join(&registry.address);
        std::fs::create_dir_all(&hosts)?;
        std::fs::write(hosts.join("hosts.toml"), host(registry))?;
    }
    std::fs::write(networks.join("10-sandbox.conflist"), network(net).to_string())?;
    std::fs::write(node.join("containerd.toml"), configuration(folder))
}

/// How a registry is reached, and whom its certificate may be of. Names and passwords come with each Pod.
fn host(Registry { address, authority, .. }: &Registry) -> String {
    let (scheme, trust) = match authority {
        Some(file) => ("https", format!("  ca = {}\n", toml_string(file))),
        None => ("http", String::new()),
    };
    format!("[host.\"{scheme}://{address}\"]\n  capabilities = [\"pull\", \"resolve\"]\n{trust}")
}

/// What containerd is started with, in the node's network.
pub(crate) fn start(parts: &Parts, folder: &Folder) -> Result<Start, Missing> {
    let program = parts.system("containerd")?;
    let config = folder.node().join("containerd.toml");
    Ok(Start::wrapped("containerd", &enter(), &program, folder.log("containerd"))
        .arg("--config")
        .arg(config)
        // Layers are unpacked here on their way, and /tmp may be small.
        .env("TMPDIR", folder.node()))
}

/// Imports the pause image, which also shows that containerd works.
pub(crate) fn import_pause(parts: &Parts, folder: &Folder) -> Result<(), String> {
    let archive = parts.pause_image().map_err(|error| error.to_string())?;
    let ctr = parts.system("ctr").map_err(|error| error.to_string())?;
    let output = Command::new(ctr)
        .arg("--address")
        .arg(socket(folder))
        .args(["--namespace", "k8s.io", "images", "import", "--snapshotter", "native"])
        .arg(archive)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

fn configuration(folder: &Folder) -> String {
    let node = folder.node();
    let at = |path: &str| toml_string(&node.join(path));
    format!(
        r#"version = 2
root = {root}
state = {state}
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]

[grpc]
address = {socket}

[plugins."io.containerd.internal.v1.opt"]
path = {opt}

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
# Lowering a process's score below the parent's needs CAP_SYS_RESOURCE, which many containers and virtual machines lack.
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".containerd]
# Plain copies: overlayfs does not work on every file system, and our images have one file.
snapshotter = "native"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = {networks}

[plugins."io.containerd.grpc.v1.cri".registry]
config_path = {hosts}
"#,
        root = at("containerd"),
        opt = at("opt"),
        state = toml_string(Path::new("/run/containerd/state")),
        socket = toml_string(&socket(folder)),
        networks = at("cni"),
        hosts = at("certs.d"),
    )
}

/// A bridge in the node's network namespace; what leaves the node leaves with the node's address.
fn network(net: Net) -> serde_json::Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "sandbox",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "ipMasq": true,
                // A Pod that talks to its own Service comes back through the bridge it left by.
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{ "subnet": net.pods() }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                    // The machine's own, if it has one, must not be touched.
                    "dataDir": "/run/cni",
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    })
}

fn toml_string(path: &Path) -> String {
    // JSON's strings are TOML's basic strings.
    json!(path).to_string()
}
