//! A plugin and a Job of different wire formats: nobody could tell what such a run came to, so nothing is written.

use super::assertions::ClusterSnapshot;
use super::node::push;
use super::support::{admin, apply, associated, plugin, seed_secrets, wait_for, with_node};

#[tokio::test]
async fn a_job_made_for_another_wire_version_is_told_by_attach_and_writes_nothing() {
    let sandbox = with_node();
    seed_secrets(&sandbox, 5, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    let image = push(&sandbox);

    // As a plugin of another version would have made it, and so that its Pod waits.
    let printed = plugin(&sandbox, &["manifests", "--image", &image]).ok();
    let wire = "name: EKS_ENCRYPT_WIRE_VERSION\n          value: \"1\"";
    assert!(printed.contains(wire), "{printed}");
    let other =
        printed.replace(wire, &wire.replace('1', "2")).replace("  backoffLimit:", "  suspend: true\n  backoffLimit:");
    apply(&sandbox, "other.yaml", &other);

    let output = plugin(&sandbox, &["attach"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    for part in ["it speaks version 2 of the wire format", "reads version 1", "it goes on without us"] {
        assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
    }

    let jobs = ["get", "jobs", "-n", "eks-encrypt", "--output=name"];
    let job = admin(&sandbox, &jobs).ok().trim().to_owned();
    admin(&sandbox, &["patch", &job, "-n", "eks-encrypt", "--type=merge", "--patch", r#"{"spec":{"suspend":false}}"#])
        .ok();
    let failed =
        ["get", &job, "-n", "eks-encrypt", "--output=jsonpath={.status.conditions[?(@.type=='Failed')].status}"];
    wait_for("the Job to refuse", || (admin(&sandbox, &failed).ok() == "True").then_some(()));
    let output = plugin(&sandbox, &["attach"]);
    assert_eq!(output.code, Some(3), "nothing was written: {}", output.stderr);
    let why = "speaks version 1 of the wire format, and whoever made this Job reads version 2: no Secret was written";
    assert!(output.plain_text().contains(why), "{}", output.stderr);
    before.untouched(&sandbox).await;
}
