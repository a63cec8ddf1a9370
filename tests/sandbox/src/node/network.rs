//! The node's network namespace and the cable from the host to it. Both vanish with the supervisor: the namespace is
//! named in a mount that only the supervisor's mount namespace has, and a cable goes with either of its ends.

use std::process::Command;

use thiserror::Error;

use crate::network_slot::Net;

/// The namespace's name below /run/netns.
const NAMESPACE: &str = "node";

/// Folders that a node has for itself: what lies in them on the machine is not seen.
pub(crate) const COVERED: [&str; 4] = ["/run", "/var/log", "/var/lib/cni", "/var/lib/kubelet"];

/// What the kubelet wants the machine's settings to be (Kubernetes, `pkg/kubelet/cm/container_manager_linux.go`,
/// setupKernelTunables). It would set them; shown these stand-ins, it finds them so, and the machine stays as it is.
const SYSCTLS: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// A command that prepares the node failed.
#[derive(Debug, Error)]
pub(crate) enum NetworkError {
    /// It could not be started.
    #[error("`{0}` could not be started")]
    Start(String, #[source] std::io::Error),
    /// It said no.
    #[error("`{command}` failed: {output}")]
    Failed {
        /// The command.
        command: String,
        /// What it printed.
        output: String,
    },
}

/// Gives the supervisor folders of its own where containerd, CNI and the kubelet have fixed paths. Must run in a mount
/// namespace of its own, or it would hide the machine's.
pub(crate) fn own_folders() -> Result<(), NetworkError> {
    // Pods' mounts have to reach containerd's children, but never the machine: shared among ourselves only.
    run("mount --make-rprivate /")?;
    run("mount --make-rshared /")?;
    for folder in COVERED {
        // The packages and the kubelet make them too; made here, they stay empty on the machine.
        std::fs::create_dir_all(folder).map_err(|source| NetworkError::Start(folder.to_owned(), source))?;
        run(&format!("mount -t tmpfs -o mode=0755 tmpfs {folder}"))?;
    }
    for (sysctl, wanted) in SYSCTLS {
        let stand_in = format!("/run/{}", sysctl.replace('/', "."));
        std::fs::write(&stand_in, wanted).map_err(|source| NetworkError::Start(stand_in.clone(), source))?;
        run(&format!("mount --bind {stand_in} /proc/sys/{sysctl}"))?;
    }
    Ok(())
}

/// Makes the namespace and the cable.
pub(crate) fn make(net: Net) -> Result<(), NetworkError> {
    let (cable, host, node) = (net.interface(), net.host(), net.node());
    run(&format!("ip netns add {NAMESPACE}"))?;
    run(&format!("ip link add {cable} type veth peer name eth0 netns {NAMESPACE}"))?;
    run(&format!("ip address add {host}/24 dev {cable}"))?;
    run(&format!("ip link set {cable} up"))?;
    run(&format!("ip -n {NAMESPACE} link set lo up"))?;
    run(&format!("ip -n {NAMESPACE} address add {node}/24 dev eth0"))?;
    run(&format!("ip -n {NAMESPACE} link set eth0 up"))?;
    run(&format!("ip -n {NAMESPACE} route add default via {host}"))
}

/// Gives the API server with a number its address, at the host's end of the cable.
pub(crate) fn add_server(net: Net, number: u8) -> Result<(), NetworkError> {
    run(&format!("ip address add {}/24 dev {}", net.server(number), net.interface()))
}

/// What makes a command run in the node's network. Not `ip netns exec`, which hides the cgroup mounts.
pub(crate) fn enter() -> [String; 3] {
    ["nsenter".to_owned(), format!("--net=/run/netns/{NAMESPACE}"), "--".to_owned()]
}

/// Runs a command whose words hold no blanks, and hands on what it complains of.
pub(crate) fn run(line: &str) -> Result<(), NetworkError> {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    let output = Command::new(program).args(words).output();
    let output = output.map_err(|source| NetworkError::Start(line.to_owned(), source))?;
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(NetworkError::Failed { command: line.to_owned(), output })
}
