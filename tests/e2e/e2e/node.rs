//! Pods are real: restricted ones run, reach the API server through the Service address, and their logs are followed.

use std::path::Path;

use super::support::{Fixture, kubectl, run, wait_for, with_node};

/// The Job's image, as `make image` builds it.
pub(crate) fn image() -> &'static Path {
    let image = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/image/eks-encrypt-job.oci.tar"));
    assert!(image.exists(), "{} is not there: `make image` builds it", image.display());
    image
}

/// Pushes the Job's image into the sandbox's registry; its name there.
pub(crate) fn push(sandbox: &Fixture) -> String {
    push_archive(sandbox, image(), "eks-encrypt-job:dev")
}

/// Pushes any image; its name there.
pub(crate) fn push_archive(sandbox: &Fixture, archive: &Path, name: &str) -> String {
    let mut command = sandbox.command(super::support::sandbox_program()).unwrap();
    let output = run(command.arg("push").arg("--dir").arg(sandbox.folder().path()).arg(archive).arg(name));
    output.ok().trim().to_owned()
}

#[test]
fn pods_are_real() {
    let sandbox = with_node();
    a_restricted_pod_reaches_the_api_server_and_its_log_is_followed_to_its_end(&sandbox);
    an_unrestricted_pod_is_refused_where_pod_security_says_so(&sandbox);
}

fn a_restricted_pod_reaches_the_api_server_and_its_log_is_followed_to_its_end(sandbox: &Fixture) {
    let image = push(sandbox);
    kubectl(sandbox, &["create", "namespace", "strict"]).ok();
    let label = "pod-security.kubernetes.io/enforce=restricted";
    kubectl(sandbox, &["label", "namespace", "strict", label]).ok();
    // The Job without any rights: what the API server answers it comes back in its log.
    let pod = format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"pod","namespace":"strict"}},"spec":{{"restartPolicy":"Never",
        "securityContext":{{"runAsNonRoot":true,"runAsUser":65532,"seccompProfile":{{"type":"RuntimeDefault"}}}},
        "containers":[{{"name":"job","image":"{image}","env":[{{"name":"EKS_ENCRYPT_RUN","value":"r"}},
        {{"name":"POD_NAME","value":"pod"}},{{"name":"POD_NAMESPACE","value":"strict"}}],
        "securityContext":{{"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"capabilities":{{"drop":["ALL"]}}}}}}]}}}}"#
    );
    let file = sandbox.folder().path().join("logs/pod.json");
    std::fs::write(&file, pod).unwrap();
    kubectl(sandbox, &["apply", "--filename", file.to_str().unwrap()]).ok();
    // kubectl waits for the container to begin, follows its log, and ends with it.
    kubectl(
        sandbox,
        &["wait", "pod/pod", "-n", "strict", "--for=jsonpath={.status.containerStatuses}", "--timeout=60s"],
    )
    .ok();
    let log = wait_for("the container's log", || {
        let output = kubectl(sandbox, &["logs", "--follow", "pod", "-n", "strict"]);
        (output.code == Some(0)).then_some(output.stdout)
    });
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["result"]), (&"finished".into(), &"stopped".into()), "{log}");
    let user = "system:serviceaccount:strict:default";
    assert!(last["reason"].as_str().unwrap().contains(user), "{log}");
}

fn an_unrestricted_pod_is_refused_where_pod_security_says_so(sandbox: &Fixture) {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/namespace.yaml");
    kubectl(sandbox, &["apply", "--filename", manifests.to_str().unwrap()]).ok();
    let error = kubectl(sandbox, &["run", "loose", "-n", "eks-encrypt", "--image=nothing"]).error();
    assert!(error.contains("violates PodSecurity \"restricted:latest\""), "{error}");
}
