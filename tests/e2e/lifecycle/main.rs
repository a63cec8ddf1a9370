//! A sandbox leaves nothing behind, however it ends. These tests look at the whole machine, so they run alone and one after
//! the other: the traces that they look for would be another test's living sandbox.
//!
//! Run by `make test`. Needs root, and what `make parts` and `make build` make.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../e2e/support.rs"]
#[allow(dead_code, reason = "shared with the other end-to-end tests, which use the rest")]
mod support;
mod traces;

use std::path::Path;
use std::process::{Command, Stdio};

use eks_encrypt_sandbox::folder::Folder;
use eks_encrypt_sandbox::options::Options;
use eks_encrypt_sandbox::sandbox::{Sandbox, end, running};
use nix::sys::signal::Signal;

use support::{folder, kill_process, run, run_a_pod, sandbox_program, wait_for, with_node};
use traces::{left_since, machine, nothing_stays_since, processes};

/// A sandbox with a Pod that runs until it is ended: it has mounts, a network namespace and processes of its own.
fn with_a_pod(folder: &Path) -> Sandbox {
    let sandbox = Sandbox::start(&sandbox_program(), Folder::at(folder), Options::default(), |_| ()).unwrap();
    run_a_pod(&sandbox, "pod");
    sandbox
}

#[test]
fn a_dropped_sandbox_leaves_nothing() {
    let (before, folder) = (machine(), folder());
    let sandbox = with_a_pod(folder.path());
    let living = left_since(&before);
    for kind in ["process: ", "interface: ", "cgroup: "] {
        assert!(living.iter().any(|trace| trace.starts_with(kind)), "no {kind}in {living:?}: this test could not fail");
    }
    drop(sandbox);
    assert_eq!(left_since(&before), Vec::<String>::new());
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(files.iter().all(|name| name == "lock" || name == "logs"), "{files:?}");
}

#[test]
fn up_kill_up_down_leaves_nothing() {
    let (before, folder) = (machine(), folder());
    let place = Folder::at(folder.path());
    let sandbox = with_a_pod(folder.path());
    kill_process(sandbox.janitor_pid().unwrap(), Signal::SIGKILL);
    wait_for("the kernel to end the rest", || processes(folder.path()).is_empty().then_some(()));
    drop(sandbox);

    let sandbox = with_a_pod(folder.path());
    sandbox.detach().unwrap();
    assert!(end(&place).unwrap());
    assert_eq!(left_since(&before), Vec::<String>::new());
    assert!(!end(&place).unwrap(), "there is none to end any more");
}

#[test]
fn down_cleans_up_after_a_crash() {
    let (before, folder) = (machine(), folder());
    let sandbox = with_a_pod(folder.path());
    kill_process(sandbox.janitor_pid().unwrap(), Signal::SIGKILL);
    wait_for("the kernel to end the rest", || processes(folder.path()).is_empty().then_some(()));
    drop(sandbox);
    assert!(!end(&Folder::at(folder.path())).unwrap());
    assert_eq!(left_since(&before), Vec::<String>::new());
}

#[test]
fn a_killed_supervisor_takes_everything_with_it() {
    let (before, folder) = (machine(), folder());
    let sandbox = with_a_pod(folder.path());
    let all = processes(folder.path());
    let supervisor = all.iter().find(|(_, line)| {
        line.contains("supervise") && line.contains(sandbox_program().to_str().unwrap()) && !line.starts_with("unshare")
    });
    kill_process(supervisor.unwrap().0, Signal::SIGKILL);
    wait_for("the janitor to clean up", || running(sandbox.folder()).unwrap().is_none().then_some(()));
    drop(sandbox);
    assert_eq!(left_since(&before), Vec::<String>::new());
}

#[test]
fn a_starter_that_is_killed_or_interrupted_leaves_nothing() {
    for signal in [Signal::SIGKILL, Signal::SIGINT] {
        let (before, folder) = (machine(), folder());
        let place = Folder::at(folder.path());
        // What runs in a shell's background (`make test &`) inherits that SIGINT is ignored, and so would this.
        let mut command = Command::new("env");
        command
            .arg("--default-signal=INT")
            .arg(sandbox_program())
            .args(["up", "--dir"])
            .arg(folder.path())
            .stdin(Stdio::null());
        let mut starter = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for("the node's parts to start", || place.log("containerd").exists().then_some(()));
        kill_process(starter.id(), signal);
        starter.wait().unwrap();
        wait_for("the janitor to clean up", || running(&place).unwrap().is_none().then_some(()));
        assert_eq!(left_since(&before), Vec::<String>::new(), "after {signal}");
    }
}

#[test]
fn an_air_gap_leaves_nothing_also_when_its_owner_is_killed() {
    let sandbox = with_node();
    let before = machine();
    let inside = |words: &[&str]| {
        let mut command = sandbox.command(sandbox_program()).unwrap();
        command.args(["air-gapped", "--dir"]).arg(sandbox.folder().path()).arg("--").args(words);
        command
    };
    let mut owner = inside(&["sleep", "1000"]).spawn().unwrap();
    let cable = || left_since(&before).iter().any(|trace| trace.starts_with("interface: eksgap"));
    wait_for("the cable to the gap", || cable().then_some(()));
    kill_process(owner.id(), Signal::SIGKILL);
    owner.wait().unwrap();
    nothing_stays_since(&before);

    // Another one has the same address, and tells what was tried in it.
    run(&mut inside(&["true"])).ok();
    let error = run(&mut inside(&["getent", "ahosts", "name.example.com"])).error();
    assert!(error.contains("it tried to reach:") && error.contains("DNS query for name.example.com"), "{error}");
    nothing_stays_since(&before);
}

#[test]
fn a_folder_that_the_node_would_cover_is_refused() {
    let before = machine();
    let folder = tempfile::Builder::new().prefix("eks").tempdir_in("/run").unwrap();
    let started = Sandbox::start(&sandbox_program(), Folder::at(folder.path()), Options::default(), |_| ());
    let error = format!("{:#}", started.unwrap_err());
    assert!(error.contains("a sandbox with a node can't be below /run"), "{error}");
    assert_eq!(left_since(&before), Vec::<String>::new());
}
