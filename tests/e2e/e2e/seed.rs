//! The Secrets that a sandbox is filled with are what they are said to be.

use eks_encrypt_sandbox::seed::{Seed, edge_cases, seed};

use super::support::{control_plane, kubectl, run, sandbox_program, wait_for};

#[tokio::test]
async fn awkward_secrets_are_as_awkward_as_promised_and_can_be_made_again() {
    let sandbox = control_plane();
    let admin = sandbox.admin().await.unwrap();
    let wanted = Seed { secrets: 20, namespaces: 3, size: 100, awkward: true };
    let seeded = seed(&admin, wanted).await.unwrap();
    let digest = sandbox.digest().await.unwrap();
    let inspection = sandbox.inspect().await.unwrap();
    assert_eq!(inspection.total, seeded.secrets as usize);
    let mut inspect = sandbox.command(sandbox_program()).unwrap();
    let listed = run(inspect.args(["inspect", "--output=json", "--dir"]).arg(sandbox.folder().path())).json();
    assert_eq!((&listed["total"], &listed["digest"]), (&inspection.total.into(), &digest.clone().into()));
    assert_eq!(listed["secrets"][0]["storage"], "aws-owned-key");
    assert!(listed["secrets"][0]["modRevision"].is_u64());
    seed(&admin, wanted).await.unwrap();
    assert_eq!(sandbox.inspect().await.unwrap().total, inspection.total);

    let namespace = kubectl(&sandbox, &["get", "namespace", edge_cases::TERMINATING, "--output=json"]).json();
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let get =
        |name: &str| kubectl(&sandbox, &["get", "secret", "-n", edge_cases::NAMESPACE, name, "--output=json"]).json();
    assert_eq!(get("immutable")["immutable"], true);
    // Our annotation no longer fits.
    let error = kubectl(
        &sandbox,
        &[
            "annotate",
            "secret",
            "-n",
            edge_cases::NAMESPACE,
            "annotations-at-limit",
            "eksctl.io/kms-encryption-timestamp=2026-01-02T03:04:05Z",
        ],
    )
    .error();
    assert!(error.contains("metadata.annotations: Too long"), "{error}");

    // The namespace's controller comes by some seconds later; what is seeded stays as it is all the same.
    let conditions = ["get", "namespace", edge_cases::TERMINATING, "--output=jsonpath={.status.conditions[*].type}"];
    wait_for("the namespace's controller", || kubectl(&sandbox, &conditions).ok().contains("Finalizers").then_some(()));
    assert_eq!(sandbox.digest().await.unwrap(), digest);
}
