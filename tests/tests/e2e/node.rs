//! Pods are real: restricted ones run, reach the API server through the Service address, and their logs are followed.

use std::path::Path;
use std::process::Stdio;

use super::support::{kubectl, run, wait_for, with_node};

/// The Job's image, as `make image` builds it.
pub(crate) fn image() -> &'static Path {
    let image = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/image/eks-encrypt-job.oci.tar"));
    assert!(image.exists(), "{} is not there: `make image` builds it", image.display());
    image
}

/// Pushes the Job's image into the sandbox's registry; its name there.
pub(crate) fn push(sandbox: &super::support::Fixture) -> String {
    let mut command = sandbox.command(super::support::SANDBOX).unwrap();
    let said = run(command.arg("push").arg("--dir").arg(sandbox.folder().path()).arg(image()));
    said.ok().trim().to_owned()
}

#[test]
fn a_restricted_pod_from_the_registry_runs_to_its_end_and_its_log_is_followed() {
    let sandbox = with_node();
    let image = push(&sandbox);
    kubectl(&sandbox, &["create", "namespace", "strict"]).ok();
    let label = "pod-security.kubernetes.io/enforce=restricted";
    kubectl(&sandbox, &["label", "namespace", "strict", label]).ok();
    // The account may do nothing, which the Job says after it has reached the API server through the Service address.
    let pod = format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"pod","namespace":"strict","labels":{{"eks-encrypt/run":"r"}}}},
        "spec":{{"restartPolicy":"Never","securityContext":{{"runAsNonRoot":true,"runAsUser":65532,"seccompProfile":{{"type":"RuntimeDefault"}}}},
        "containers":[{{"name":"job","image":"{image}","args":["--help"],
        "securityContext":{{"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"capabilities":{{"drop":["ALL"]}}}}}}]}}}}"#
    );
    let file = sandbox.folder().path().join("pod.json");
    std::fs::write(&file, pod).unwrap();
    kubectl(&sandbox, &["apply", "--filename", file.to_str().unwrap()]).ok();
    let phase = || kubectl(&sandbox, &["get", "pod", "pod", "-n", "strict", "--output=jsonpath={.status.phase}"]).ok();
    wait_for("the Pod to complete", || (phase() == "Succeeded").then_some(()));
    let log = kubectl(&sandbox, &["logs", "--follow", "pod", "-n", "strict"]).ok();
    assert!(log.contains("Usage:"), "{log}");
}

#[test]
fn an_unrestricted_pod_is_refused_where_pod_security_says_so() {
    let sandbox = with_node();
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/namespace.yaml");
    kubectl(&sandbox, &["apply", "--filename", manifests.to_str().unwrap()]).ok();
    let error = kubectl(&sandbox, &["run", "loose", "-n", "eks-encrypt", "--image=nothing"]).error();
    assert!(error.contains("violates PodSecurity \"restricted:latest\""), "{error}");
}

#[test]
fn the_machines_own_settings_stay_as_they_are() {
    let read =
        || ["vm/overcommit_memory", "kernel/panic"].map(|name| std::fs::read(format!("/proc/sys/{name}")).unwrap());
    let before = read();
    let sandbox = with_node();
    assert_eq!(read(), before);
    drop(sandbox);
    assert_eq!(read(), before);
    let rules = run(std::process::Command::new("iptables-save").stdin(Stdio::null())).stdout;
    assert!(!rules.contains("KUBE-"), "{rules}");
}
