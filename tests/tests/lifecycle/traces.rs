//! What a sandbox could leave behind on the machine.

use std::path::Path;
use std::process::{Command, Stdio};

use super::support::run;

/// Everything that is left of the sandbox in a folder, in words; nothing, if all is well.
pub(crate) fn traces(folder: &Path) -> Vec<String> {
    let mut left: Vec<String> =
        processes(folder).into_iter().map(|(id, line)| format!("process {id}: {line}")).collect();
    let text = |file: &str| std::fs::read_to_string(file).unwrap();
    let mine = |line: &&str| line.contains(&folder.display().to_string());
    left.extend(text("/proc/mounts").lines().filter(mine).map(|line| format!("mount: {line}")));
    left.extend(names("/sys/class/net", "eksbox").map(|name| format!("interface: {name}")));
    left.extend(names("/run/netns", "").map(|name| format!("network namespace: {name}")));
    for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        let hierarchy = hierarchy.path().display().to_string();
        left.extend(names(&hierarchy, "eks-encrypt-sandbox").map(|name| format!("cgroup: {hierarchy}/{name}")));
    }
    let rules = run(Command::new("iptables-save").stdin(Stdio::null())).stdout;
    let ours = |line: &&str| line.contains("KUBE-") || line.contains("198.18.") || line.contains("198.19.");
    left.extend(rules.lines().filter(ours).map(|line| format!("iptables rule: {line}")));
    left
}

/// The processes whose command line names the folder, with that line, in the order of their start.
pub(crate) fn processes(folder: &Path) -> Vec<(u32, String)> {
    let folder = folder.display().to_string();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let mut found: Vec<_> = all
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            (line.contains(&folder) && id != std::process::id()).then_some((id, line))
        })
        .collect();
    found.sort_unstable();
    found
}

fn names(folder: &str, prefix: &str) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(move |name| name.starts_with(prefix))
}
