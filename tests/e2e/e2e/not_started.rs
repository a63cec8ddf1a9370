//! Jobs that do not start: each says why in the object's own words within 30 s, and nothing of it stays.

use std::time::{Duration, Instant};

use super::assertions::{ClusterSnapshot, cleaned_up};
use super::node::push;
use super::running::Running;
use super::support::{admin, apply, associated, enable, plugin, seed_secrets, wait_for, with_node};

/// An image that nobody has.
const NO_IMAGE: &str = "127.0.0.1:1/none:1";

/// A namespace in which no Pod may be.
const FULL: &str = r#"{"apiVersion":"v1","kind":"List","items":[
    {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"full"}},
    {"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"no-room","namespace":"full"},"spec":{"hard":{"pods":"0"}}}]}"#;

#[tokio::test]
async fn an_image_that_can_not_be_pulled_and_a_quota_that_is_full_are_named_and_nothing_stays() {
    let sandbox = with_node();
    seed_secrets(&sandbox, 5, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    apply(&sandbox, "full.json", FULL);
    let before = ClusterSnapshot::of_runs_in(&sandbox, &["eks-encrypt", "full"]).await;
    let image = push(&sandbox);

    let arguments = enable(&sandbox, &["--image", &image, "--namespace", "full"]);
    let mut full = Running::start(&sandbox, "full", &arguments);
    let mut unpulled = Running::start(&sandbox, "unpulled", &enable(&sandbox, &["--image", NO_IMAGE]));
    for run in [&mut full, &mut unpulled] {
        run.until("\nJob eks-encrypt-");
    }
    let made = Instant::now();
    full.until("exceeded quota: no-room");
    unpulled.until("ImagePull");
    assert!(made.elapsed() < Duration::from_secs(30), "it took {:?} to say so", made.elapsed());

    // Who corrects the command meanwhile, or does without a Pod, is not led to wait for the same Job.
    for more in [["--image", image.as_str()].as_slice(), &["--local"]] {
        let output = plugin(&sandbox, &enable(&sandbox, more));
        assert_eq!(output.code, Some(3), "{}", output.stderr);
        assert!(output.stderr.contains("`kubectl delete job -n eks-encrypt-"), "{}", output.stderr);
    }

    for (run, why) in [(full, ["exceeded quota: no-room", "pods=0"]), (unpulled, ["ImagePull", NO_IMAGE])] {
        let output = run.end();
        assert_eq!(output.code, Some(6), "{}", output.stderr);
        for part in [&why[..], &["--local"]].concat() {
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
    }
    let jobs = ["get", "jobs,pods", "--all-namespaces", "--output=name", "-l", "app.kubernetes.io/name=eks-encrypt"];
    wait_for("the Jobs to go", || admin(&sandbox, &jobs).ok().is_empty().then_some(()));
    before.untouched(&sandbox).await;
    // The namespace with the quota is somebody's; what was made in it goes.
    cleaned_up(&sandbox).await;
    admin(&sandbox, &["get", "namespace", "full"]).ok();
}

#[tokio::test]
async fn a_pod_that_no_node_takes_is_named_and_begins_when_one_comes() {
    let sandbox = with_node();
    seed_secrets(&sandbox, 20, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let (before, image) = (ClusterSnapshot::of(&sandbox).await, push(&sandbox));
    let arguments = enable(&sandbox, &["--image", &image, "--node-selector", "disk=fast"]);
    let mut run = Running::start(&sandbox, "run", &arguments);
    run.until("\nJob eks-encrypt-");
    let made = Instant::now();
    run.until("no node takes its Pod: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector");
    assert!(made.elapsed() < Duration::from_secs(30), "it took {:?} to say so", made.elapsed());
    // An autoscaler may need minutes for another node; meanwhile there is another way.
    run.until("--local");
    admin(&sandbox, &["label", "node", "--all", "disk=fast"]).ok();
    let output = run.end();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
    cleaned_up(&sandbox).await;
}
