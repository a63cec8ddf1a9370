//! The cgroup of one sandbox, below which the kubelet puts its Pods. Made by the supervisor, removed by the janitor after
//! the last process has gone: cgroups are files, which outlive processes.

use std::io;
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";

/// Makes the cgroup in every hierarchy that kubelet or runc uses.
pub(crate) fn make(name: &str) -> io::Result<()> {
    for hierarchy in hierarchies() {
        let path = hierarchy.join(name);
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // A new cpuset may use nothing until it is told; runc does not tell the levels above its own.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if path.join(file).exists() {
                std::fs::write(path.join(file), std::fs::read(hierarchy.join(file))?)?;
            }
        }
        if path.join("cgroup.subtree_control").exists() && is_unified(&hierarchy) {
            let controllers = std::fs::read_to_string(path.join("cgroup.controllers"))?;
            let wanted: Vec<String> = controllers.split_whitespace().map(|name| format!("+{name}")).collect();
            std::fs::write(path.join("cgroup.subtree_control"), wanted.join(" "))?;
        }
    }
    Ok(())
}

/// Removes the cgroup and all below it. What is not there is removed already.
pub(crate) fn remove(name: &str) -> io::Result<()> {
    // In every hierarchy there is: beside cgroup v1, runc makes one in `unified` too.
    let mut all = folders();
    all.push(PathBuf::from(ROOT));
    all.iter().try_for_each(|hierarchy| remove_tree(&hierarchy.join(name)))
}

/// A cgroup's folder is removed by rmdir alone; its files can't be.
fn remove_tree(path: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    std::fs::remove_dir(path)
}

/// One folder on a machine with cgroup v2 alone; one for each controller on cgroup v1.
fn hierarchies() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    if is_unified(root) {
        return vec![root.to_owned()];
    }
    // `unified` carries no controllers beside cgroup v1.
    folders().into_iter().filter(|path| !path.ends_with("unified")).collect()
}

fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(ROOT).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir() && !path.is_symlink()).collect()
}

fn is_unified(hierarchy: &Path) -> bool {
    hierarchy.join("cgroup.controllers").exists() && hierarchy == Path::new(ROOT)
}
