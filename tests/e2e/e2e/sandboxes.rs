//! What a sandbox promises while it lives: alone in its folder, side by side with others, its parts looked after, and a control plane
//! where nobody is root. (What it leaves behind: `lifecycle`.)

use std::path::Path;
use std::process::{Command, Stdio};

use eks_encrypt_sandbox::folder::Folder;
use eks_encrypt_sandbox::sandbox::Sandbox;
use nix::sys::signal::Signal;

use super::support::{
    Fixture, folder, kill_process, kubectl, parts, run, run_a_pod, sandbox_program, wait_for, with_node,
};

/// The process of one part of a sandbox.
fn part(folder: &Path, program: &str) -> u32 {
    let all = parts(folder);
    let (id, _) = all.iter().find(|(_, line)| line.split(' ').next().unwrap().ends_with(program)).unwrap();
    *id
}

#[test]
fn two_live_side_by_side_and_end_apart() {
    let (one, two) = (with_node(), with_node());
    assert_ne!(one.info().endpoint, two.info().endpoint);
    assert_ne!(one.info().node.as_ref().unwrap().registry, two.info().node.as_ref().unwrap().registry);
    drop(one);
    a_folder_has_one_sandbox(&two);
    controllers_that_end_are_started_again(&two);
    a_part_that_dies_is_named_with_the_last_lines_of_its_log(&two);
}

fn a_folder_has_one_sandbox(sandbox: &Fixture) {
    let output = run(sandbox.command(sandbox_program()).unwrap().args(["up", "--dir"]).arg(sandbox.folder().path()));
    let error = output.error();
    assert!(error.contains("a sandbox runs in") && error.contains("already"), "{error}");
    run_a_pod(sandbox, "undisturbed");
}

fn controllers_that_end_are_started_again(sandbox: &Fixture) {
    kill_process(part(sandbox.folder().path(), "/kube-controller-manager"), Signal::SIGKILL);
    kubectl(sandbox, &["create", "namespace", "after"]).ok();
    let account = || kubectl(sandbox, &["get", "serviceaccount", "default", "--namespace=after"]).code == Some(0);
    wait_for("the new controller manager to work", || account().then_some(()));
    assert_eq!(sandbox.failed_component(), None);
}

fn a_part_that_dies_is_named_with_the_last_lines_of_its_log(sandbox: &Fixture) {
    kill_process(part(sandbox.folder().path(), "docker-registry"), Signal::SIGKILL);
    let casualty = wait_for("the death to be noticed", || sandbox.failed_component());
    assert!(casualty.starts_with("registry ended (signal: 9 (SIGKILL)). The last lines of"), "{casualty}");
    let output =
        run(sandbox.command(sandbox_program()).unwrap().args(["status", "--dir"]).arg(sandbox.folder().path()));
    assert!(output.error().contains("registry ended"));
}

#[test]
fn without_root_the_control_plane_starts_alone_and_says_so() {
    let folder = folder();
    let dir = folder.path().join("box");
    // Another user; with the right to read this one's files, for programs may lie in a home.
    let capabilities = ["--inh-caps=+dac_read_search,+dac_override", "--ambient-caps=+dac_read_search,+dac_override"];
    let nobody = |arguments: &[&str]| {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).args(capabilities);
        run(setpriv.arg(sandbox_program()).args(arguments).arg("--dir").arg(&dir).stdin(Stdio::null()))
    };
    // A second one would be in a user namespace, where the right to read others' files does not count.
    let output = nobody(&["up", "--api-servers=1"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("the control plane alone: a node needs root"), "{}", output.stderr);
    let sandbox = Sandbox::attach(Folder::at(&dir)).unwrap();
    assert!(kubectl(&sandbox, &["get", "namespaces", "--output=name"]).ok().contains("namespace/default"));
    assert_eq!(nobody(&["down"]).code, Some(0));
    assert_eq!(parts(&dir), []);
}
