//! What is killed in mid-run: the Job's Pod, and the laptop that watches it.

use std::collections::BTreeMap;

use eks_encrypt_tests::sandbox::Sandbox;
use serde_json::Value;

use super::judge::Before;
use super::node::push;
use super::running::{BEGUN, Running};
use super::support::{admin, associated, enable, filled, plugin, wait_for, with_node};

/// The Pods of runs that are not being deleted.
fn pods(sandbox: &Sandbox) -> Vec<String> {
    let list = ["get", "pods", "-n", "eks-encrypt", "-l", "app.kubernetes.io/name=eks-encrypt", "--output=json"];
    let list = admin(sandbox, &list).json();
    let living = list["items"].as_array().unwrap().iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    living.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

/// How many Secrets carry which time: each Pod of a run writes one of its own.
pub(crate) fn times(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let list = admin(sandbox, &["get", "secrets", "--all-namespaces", "--output=json"]).json();
    let mut times = BTreeMap::new();
    for secret in list["items"].as_array().unwrap() {
        let time = &secret["metadata"]["annotations"]["eksctl.io/kms-encryption-timestamp"];
        *times.entry(time.as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    times
}

#[tokio::test]
async fn a_killed_pods_successor_goes_on_and_another_machine_sees_it_end_after_the_laptop_has_vanished() {
    let sandbox = with_node();
    filled(&sandbox, 3000, 3).await;
    associated(&sandbox, &sandbox.info().keys.customer);
    let (before, image) = (Before::of(&sandbox).await, push(&sandbox));

    let slowly = ["--image", image.as_str(), "--concurrency=1"];
    let mut laptop = Running::start(&sandbox, "laptop", &enable(&sandbox, &slowly));
    laptop.until(BEGUN);
    // The record is what a successor goes on from.
    let record = ["get", "configmap", "-n", "eks-encrypt", "eks-encrypt-run", "--output=jsonpath={.data.rewritten}"];
    wait_for("the first counts in the run record", || {
        admin(&sandbox, &record).stdout.parse::<u32>().is_ok_and(|rewritten| rewritten > 0).then_some(())
    });

    // A second machine looks how things stand.
    let status = plugin(&sandbox, &["status", "--output=json"]).json();
    assert!(status["atWork"].as_str().is_some_and(|job| job.starts_with("eks-encrypt-")), "{status}");
    assert_eq!(status["secrets"]["total"], 3000, "{status}");
    assert_eq!((&status["run"]["result"], &status["run"]["proven"]), (&"".into(), &false.into()), "{status}");

    let first = pods(&sandbox);
    assert_eq!(first.len(), 1, "{first:?}");
    admin(&sandbox, &["delete", "pod", "-n", "eks-encrypt", &first[0], "--force", "--grace-period=0"]).ok();
    laptop.until("going on with run");
    laptop.kill();

    let said = plugin(&sandbox, &["attach", "--output=json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("Done and proven"), "{}", said.stderr);
    let report = said.json();
    let count = |outcome: &str| report["tally"][outcome].as_u64().unwrap();
    assert_eq!((count("listed"), count("failed")), (3000, 0), "{report}");
    assert!(count("current") > 0 && count("rewritten") > 0, "the successor did not do what was left: {report}");
    assert_eq!(report["proven"], Value::Bool(true), "{report}");
    before.all_moved(&sandbox).await;
    // Each Secret was written once, by one of two Pods.
    let times = times(&sandbox);
    assert_eq!((times.len(), times.get("")), (2, None), "{times:?}");
    assert_eq!(times.values().max().copied(), Some(count("current").max(count("rewritten")) as usize), "{times:?}");
}
