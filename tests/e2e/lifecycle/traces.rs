//! What a sandbox could leave behind on the machine.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{processes_where, run};

/// What there is on the machine, in words, of all that a sandbox makes. Taken before and after, it must be the same.
pub(crate) fn machine() -> BTreeSet<String> {
    let mut there: BTreeSet<String> =
        processes(Path::new("/")).into_iter().map(|(_, line)| format!("process: {line}")).collect();
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    there.extend(mounts.lines().map(|line| format!("mount: {line}")));
    there.extend(names("/sys/class/net").map(|name| format!("interface: {name}")));
    there.extend(names("/run/netns").map(|name| format!("network namespace: {name}")));
    for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let hierarchy = hierarchy.path().display().to_string();
        there.extend(names(&hierarchy).map(|name| format!("cgroup: {hierarchy}/{name}")));
    }
    let rules = run(Command::new("iptables-save").stdin(Stdio::null())).ok();
    // Counters and time stamps change by themselves.
    there.extend(rules.lines().filter(|line| line.starts_with("-A")).map(|line| format!("iptables rule: {line}")));
    for sysctl in
        ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys"]
    {
        let value = std::fs::read_to_string(format!("/proc/sys/{sysctl}")).unwrap();
        there.insert(format!("sysctl: {sysctl} = {}", value.trim()));
    }
    for folder in ["/opt", "/opt/containerd", "/usr/libexec", "/var/lib/cni", "/var/lib/kubelet", "/var/log"] {
        there.extend(names(folder).map(|name| format!("file: {folder}/{name}")));
    }
    there
}

/// What is there now and was not before.
pub(crate) fn left_since(before: &BTreeSet<String>) -> Vec<String> {
    machine().difference(before).cloned().collect()
}

/// The same beside a living sandbox, whose own short processes (kube-proxy's `iptables-restore`) come and go: looks until
/// there is nothing.
#[track_caller]
pub(crate) fn nothing_stays_since(before: &BTreeSet<String>) {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let left = left_since(before);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "this stays for 90 s: {left:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The processes of sandboxes whose folder is at or below a path, with their command lines: parts, which carry their
/// sandbox in their environment, and Pods, which are in a sandbox's cgroup.
pub(crate) fn processes(folder: &Path) -> Vec<(u32, String)> {
    processes_where(|process| process.is_part_of(folder) || process.read("cgroup").contains("eks-encrypt-sandbox"))
}

fn names(folder: &str) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}
