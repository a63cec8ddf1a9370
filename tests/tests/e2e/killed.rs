//! What is killed in mid-run: the Job's Pod, and the laptop that watches it.

use eks_encrypt_tests::sandbox::Sandbox;
use serde_json::Value;

use super::gate;
use super::judge::{Before, times};
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

#[tokio::test]
async fn a_killed_pods_successor_goes_on_and_another_machine_sees_it_end_after_the_laptop_has_vanished() {
    let sandbox = with_node();
    filled(&sandbox, 300, 3).await;
    associated(&sandbox, &sandbox.info().keys.customer);
    let (before, image) = (Before::of(&sandbox).await, push(&sandbox));
    gate::shut(&sandbox, "seed-2", "secret-2");

    let mut laptop = Running::start(&sandbox, "laptop", &enable(&sandbox, &["--image", image.as_str()]));
    laptop.until(BEGUN);
    // The record is what a successor goes on from.
    let record = ["get", "configmap", "-n", "eks-encrypt", "eks-encrypt-run", "--output=jsonpath={.data.rewritten}"];
    wait_for("what can be written to be written", || (admin(&sandbox, &record).stdout == "200").then_some(()));

    // A second machine looks how things stand.
    let status = plugin(&sandbox, &["status", "--output=json"]).json();
    assert!(status["atWork"].as_str().is_some_and(|job| job.starts_with("eks-encrypt-")), "{status}");
    assert_eq!((&status["secrets"]["total"], &status["secrets"]["behind"]), (&300.into(), &100.into()), "{status}");
    assert_eq!((&status["run"]["result"], &status["run"]["proven"]), (&"".into(), &false.into()), "{status}");

    let first = pods(&sandbox);
    assert_eq!(first.len(), 1, "{first:?}");
    admin(&sandbox, &["delete", "pod", "-n", "eks-encrypt", &first[0], "--force", "--grace-period=0"]).ok();
    laptop.until("going on with run");
    laptop.kill();
    gate::open(&sandbox);

    let said = plugin(&sandbox, &["attach", "--output=json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("Done and proven"), "{}", said.stderr);
    let report = said.json();
    // The successor did what was left, and nothing twice.
    let tally = ["listed", "rewritten", "current", "failed"].map(|outcome| report["tally"][outcome].as_u64().unwrap());
    assert_eq!(tally, [300, 100, 200, 0], "{report}");
    assert_eq!(report["proven"], Value::Bool(true), "{report}");
    before.all_moved(&sandbox).await;
    // Each Secret was written once, by one of two Pods.
    assert_eq!(times(&sandbox).into_values().collect::<Vec<_>>(), [200, 100]);
}
