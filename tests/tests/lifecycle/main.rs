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

use eks_encrypt_tests::folder::Folder;
use eks_encrypt_tests::options::Options;
use eks_encrypt_tests::sandbox::{Sandbox, end, running};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use support::{SANDBOX, folder, kubectl, run, wait_for, with_node};
use traces::{processes, traces};

fn kill_process(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

/// A sandbox with a Pod that runs until it is ended: it has mounts, a network namespace and processes of its own.
fn with_a_pod(folder: &Path) -> Sandbox {
    let sandbox = Sandbox::start(Path::new(SANDBOX), Folder::at(folder), Options::default(), |_| ()).unwrap();
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c",
        "image":"eks-encrypt.local/pause:1","imagePullPolicy":"Never"}]}}"#;
    let file = folder.join("pod.json");
    std::fs::write(&file, pod).unwrap();
    kubectl(&sandbox, &["apply", "--filename", file.to_str().unwrap()]).ok();
    let phase = || kubectl(&sandbox, &["get", "pod", "p", "--output=jsonpath={.status.phase}"]).ok();
    wait_for("the Pod to run", || (phase() == "Running").then_some(()));
    assert_ne!(traces(folder), Vec::<String>::new(), "a living sandbox has traces, or this test can't fail");
    sandbox
}

#[test]
fn a_dropped_sandbox_leaves_nothing() {
    let folder = folder();
    drop(with_a_pod(folder.path()));
    assert_eq!(traces(folder.path()), Vec::<String>::new());
}

#[test]
fn up_kill_up_down_leaves_nothing() {
    let folder = folder();
    let place = Folder::at(folder.path());
    let sandbox = with_a_pod(folder.path());
    kill_process(sandbox.janitor_pid().unwrap(), Signal::SIGKILL);
    wait_for("the kernel to end the rest", || processes(folder.path()).is_empty().then_some(()));
    drop(sandbox);

    let sandbox = Sandbox::start(Path::new(SANDBOX), place.clone(), Options::default(), |_| ()).unwrap();
    assert!(kubectl(&sandbox, &["get", "nodes"]).ok().contains("Ready"));
    sandbox.detach().unwrap();
    assert!(end(&place).unwrap());
    assert_eq!(traces(folder.path()), Vec::<String>::new());
    assert!(!end(&place).unwrap(), "there is none to end any more");
}

#[test]
fn a_killed_supervisor_takes_everything_with_it() {
    let folder = folder();
    let sandbox = with_a_pod(folder.path());
    let supervisor = processes(folder.path()).into_iter().find(|(_, command)| command.contains("sandbox supervise"));
    // Behind setpriv and unshare, the one that is not them: it comes last.
    assert!(supervisor.is_some());
    let all = processes(folder.path());
    let supervisor =
        all.iter().rfind(|(_, command)| command.contains("sandbox supervise") && !command.starts_with("unshare"));
    kill_process(supervisor.unwrap().0, Signal::SIGKILL);
    wait_for("the janitor to clean up", || running(sandbox.folder()).unwrap().is_none().then_some(()));
    assert_eq!(traces(folder.path()), Vec::<String>::new());
}

#[test]
fn a_starter_that_is_killed_or_interrupted_leaves_nothing() {
    for signal in [Signal::SIGKILL, Signal::SIGINT] {
        let folder = folder();
        let place = Folder::at(folder.path());
        let mut command = Command::new(SANDBOX);
        command
            .arg("up")
            .arg("--dir")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut starter = command.spawn().unwrap();
        wait_for("the node's parts to start", || place.log("containerd").exists().then_some(()));
        kill_process(starter.id(), signal);
        starter.wait().unwrap();
        wait_for("the janitor to clean up", || running(&place).unwrap().is_none().then_some(()));
        assert_eq!(traces(folder.path()), Vec::<String>::new(), "after {signal}");
    }
}

#[test]
fn sandboxes_live_side_by_side_and_end_apart() {
    let (one, two) = (with_node(), with_node());
    assert_ne!(one.info().endpoint, two.info().endpoint);
    assert_ne!(one.info().node.as_ref().unwrap().registry, two.info().node.as_ref().unwrap().registry);
    drop(one);
    let nodes =
        kubectl(&two, &["get", "nodes", "--output=jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"]);
    assert_eq!(nodes.ok(), "True");
}

#[test]
fn a_folder_has_one_sandbox() {
    let sandbox = with_node();
    let said = run(sandbox.command(SANDBOX).unwrap().args(["up", "--dir"]).arg(sandbox.folder().path()));
    let error = said.error();
    assert!(error.contains("a sandbox runs in") && error.contains("already"), "{error}");
    assert!(kubectl(&sandbox, &["get", "nodes"]).ok().contains("Ready"), "the first one was disturbed");
}

#[test]
fn a_part_that_dies_is_named_with_the_last_lines_of_its_log() {
    let sandbox = with_node();
    let all = processes(sandbox.folder().path());
    let registry = all.iter().find(|(_, command)| command.contains("docker-registry")).unwrap();
    kill_process(registry.0, Signal::SIGKILL);
    let casualty = wait_for("the death to be noticed", || sandbox.casualty());
    assert!(casualty.starts_with("registry ended (signal: 9 (SIGKILL)). The last lines of"), "{casualty}");
    let said = run(sandbox.command(SANDBOX).unwrap().args(["status", "--dir"]).arg(sandbox.folder().path()));
    assert!(said.error().contains("registry ended"));
}

#[tokio::test]
async fn controllers_that_end_are_started_again() {
    let sandbox = with_node();
    let all = processes(sandbox.folder().path());
    let manager = all.iter().find(|(_, command)| command.contains("/kube-controller-manager ")).unwrap();
    kill_process(manager.0, Signal::SIGKILL);
    kubectl(&sandbox, &["create", "namespace", "after"]).ok();
    let account = || kubectl(&sandbox, &["get", "serviceaccount", "default", "--namespace=after"]).code == Some(0);
    wait_for("the new controller manager to work", || account().then_some(()));
    assert_eq!(sandbox.casualty(), None);
}
