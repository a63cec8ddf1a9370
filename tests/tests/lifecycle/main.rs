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
use traces::{left_since, machine, nothing_stays_since, processes};

fn kill_process(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

/// The process of one part of a sandbox.
fn part(folder: &Path, program: &str) -> u32 {
    let all = processes(folder);
    let (id, _) = all.iter().find(|(_, line)| line.split(' ').next().unwrap().ends_with(program)).unwrap();
    *id
}

/// Whether the sandbox's node is Ready and runs Pods: one is made and waited for.
fn run_a_pod(sandbox: &Sandbox, name: &str) {
    let pod = format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}"}},"spec":{{"containers":[{{"name":"c",
        "image":"eks-encrypt.local/pause:1","imagePullPolicy":"Never"}}]}}}}"#
    );
    let file = sandbox.folder().path().join("logs/pod.json");
    std::fs::write(&file, pod).unwrap();
    kubectl(sandbox, &["apply", "--filename", file.to_str().unwrap()]).ok();
    let phase = || kubectl(sandbox, &["get", "pod", name, "--output=jsonpath={.status.phase}"]).ok();
    wait_for("the Pod to run", || (phase() == "Running").then_some(()));
}

/// A sandbox with a Pod that runs until it is ended: it has mounts, a network namespace and processes of its own.
fn with_a_pod(folder: &Path) -> Sandbox {
    let sandbox = Sandbox::start(Path::new(SANDBOX), Folder::at(folder), Options::default(), |_| ()).unwrap();
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
    let supervisor = all
        .iter()
        .find(|(_, line)| line.contains("supervise") && line.contains(SANDBOX) && !line.starts_with("unshare"));
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
        command.args(["--default-signal=INT", SANDBOX, "up", "--dir"]).arg(folder.path()).stdin(Stdio::null());
        let mut starter = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for("the node's parts to start", || place.log("containerd").exists().then_some(()));
        kill_process(starter.id(), signal);
        starter.wait().unwrap();
        wait_for("the janitor to clean up", || running(&place).unwrap().is_none().then_some(()));
        assert_eq!(left_since(&before), Vec::<String>::new(), "after {signal}");
    }
}

#[test]
fn sandboxes_live_side_by_side_and_end_apart() {
    let (one, two) = (with_node(), with_node());
    assert_ne!(one.info().endpoint, two.info().endpoint);
    assert_ne!(one.info().node.as_ref().unwrap().registry, two.info().node.as_ref().unwrap().registry);
    drop(one);
    run_a_pod(&two, "after");
}

#[test]
fn a_folder_has_one_sandbox() {
    let sandbox = with_node();
    let said = run(sandbox.command(SANDBOX).unwrap().args(["up", "--dir"]).arg(sandbox.folder().path()));
    let error = said.error();
    assert!(error.contains("a sandbox runs in") && error.contains("already"), "{error}");
    run_a_pod(&sandbox, "undisturbed");
}

#[test]
fn a_part_that_dies_is_named_with_the_last_lines_of_its_log() {
    let sandbox = with_node();
    kill_process(part(sandbox.folder().path(), "docker-registry"), Signal::SIGKILL);
    let casualty = wait_for("the death to be noticed", || sandbox.casualty());
    assert!(casualty.starts_with("registry ended (signal: 9 (SIGKILL)). The last lines of"), "{casualty}");
    let said = run(sandbox.command(SANDBOX).unwrap().args(["status", "--dir"]).arg(sandbox.folder().path()));
    assert!(said.error().contains("registry ended"));
}

#[test]
fn controllers_that_end_are_started_again() {
    let sandbox = with_node();
    kill_process(part(sandbox.folder().path(), "/kube-controller-manager"), Signal::SIGKILL);
    kubectl(&sandbox, &["create", "namespace", "after"]).ok();
    let account = || kubectl(&sandbox, &["get", "serviceaccount", "default", "--namespace=after"]).code == Some(0);
    wait_for("the new controller manager to work", || account().then_some(()));
    assert_eq!(sandbox.casualty(), None);
}

#[test]
fn an_air_gap_leaves_nothing_also_when_its_owner_is_killed() {
    let sandbox = with_node();
    let before = machine();
    let inside = |words: &[&str]| {
        let mut command = sandbox.command(SANDBOX).unwrap();
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
fn without_root_the_control_plane_starts_alone_and_says_so() {
    let folder = folder();
    let dir = folder.path().join("box");
    // Another user; with the right to read this one's files, for programs may lie in a home.
    let capabilities = ["--inh-caps=+dac_read_search,+dac_override", "--ambient-caps=+dac_read_search,+dac_override"];
    let nobody = |command: &str| {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).args(capabilities);
        run(setpriv.arg(SANDBOX).args([command, "--dir"]).arg(&dir).stdin(Stdio::null()))
    };
    let said = nobody("up");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("the control plane alone: a node needs root"), "{}", said.stderr);
    let sandbox = Sandbox::attach(Folder::at(&dir)).unwrap();
    assert!(kubectl(&sandbox, &["get", "namespaces", "--output=name"]).ok().contains("namespace/default"));
    assert_eq!(nobody("down").code, Some(0));
    assert!(processes(&dir).is_empty());
}

#[test]
fn a_folder_that_the_node_would_cover_is_refused() {
    let before = machine();
    let folder = tempfile::Builder::new().prefix("eks").tempdir_in("/run").unwrap();
    let started = Sandbox::start(Path::new(SANDBOX), Folder::at(folder.path()), Options::default(), |_| ());
    let error = format!("{:#}", started.unwrap_err());
    assert!(error.contains("a sandbox with a node can't be below /run"), "{error}");
    assert_eq!(left_since(&before), Vec::<String>::new());
}
