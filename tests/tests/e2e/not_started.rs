//! Jobs that do not start: each says why in the object's own words, and nothing of it stays.

use std::time::{Duration, Instant};

use super::judge::Before;
use super::node::push;
use super::running::Running;
use super::support::{admin, apply, associated, enable, filled, wait_for, with_node};

/// An image that nobody has.
const NO_IMAGE: &str = "127.0.0.1:1/none:1";

/// A namespace in which no Pod may be.
const FULL: &str = r#"{"apiVersion":"v1","kind":"List","items":[
    {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"full"}},
    {"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"no-room","namespace":"full"},"spec":{"hard":{"pods":"0"}}}]}"#;

#[tokio::test]
async fn an_image_that_can_not_be_pulled_and_a_quota_that_is_full_are_named_and_nothing_stays() {
    let sandbox = with_node();
    filled(&sandbox, 5, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer);
    apply(&sandbox, "full.json", FULL);
    let before = Before::of_runs_in(&sandbox, &["eks-encrypt", "full"]).await;
    let image = push(&sandbox);

    let arguments = enable(&sandbox, &["--image", &image, "--namespace", "full"]);
    let mut full = Running::start(&sandbox, "full", &arguments);
    let mut unpulled = Running::start(&sandbox, "unpulled", &enable(&sandbox, &["--image", NO_IMAGE]));
    full.until(" made in namespace full");
    let made = Instant::now();
    full.until("exceeded quota: no-room");
    assert!(made.elapsed() < Duration::from_secs(30), "it took {:?} to say so", made.elapsed());
    unpulled.until(NO_IMAGE);

    for (run, why) in [(full, ["exceeded quota: no-room", "pods=0"]), (unpulled, ["ImagePull", NO_IMAGE])] {
        let said = run.end();
        assert_eq!(said.code, Some(6), "{}", said.stderr);
        for part in [&why[..], &["--local"]].concat() {
            assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
        }
    }
    let jobs = ["get", "jobs,pods", "--all-namespaces", "--output=name", "-l", "app.kubernetes.io/name=eks-encrypt"];
    wait_for("the Jobs to go", || admin(&sandbox, &jobs).ok().is_empty().then_some(()));
    before.untouched(&sandbox).await;
}
