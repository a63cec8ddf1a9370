//! Process 1 of a process namespace inherits every orphan (containerd's shims are orphans by design) and has to bury
//! them, or the table of processes fills up.

use std::collections::HashSet;

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpid};

/// Buries the dead children that nobody waits for. The children in `ours` are waited for elsewhere.
pub(crate) fn orphans(ours: &HashSet<u32>) {
    if getpid() != Pid::from_raw(1) {
        return;
    }
    for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse::<i32>().ok()) {
            let known = u32::try_from(child).is_ok_and(|id| ours.contains(&id));
            if !known {
                // A living child answers that it lives; an error means that it is gone.
                let _ = waitpid(Pid::from_raw(child), Some(WaitPidFlag::WNOHANG));
            }
        }
    }
}
