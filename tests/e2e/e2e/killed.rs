//! What is ended in mid-run: the Job's Pod, by a crash or a drained node, and the laptop that watches it.

use std::time::{Duration, Instant};

use eks_encrypt_sandbox::sandbox::Sandbox;
use serde_json::Value;

use super::assertions::{ClusterSnapshot, cleaned_up, own_namespace, write_counts};
use super::blocking_webhook;
use super::node::push;
use super::running::{Running, STARTED};
use super::support::{Fixture, admin, as_on_eks, associated, enable, plugin, seed_secrets, wait_for};

/// The Pods of runs that are not being deleted.
fn pods(sandbox: &Sandbox) -> Vec<String> {
    let list = ["get", "pods", "--all-namespaces", "-l", "app.kubernetes.io/name=eks-encrypt", "--output=json"];
    let list = admin(sandbox, &list).json();
    let living = list["items"].as_array().unwrap().iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    living.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

/// A run in a Pod, watched from a laptop, that has begun and can't write the Secrets of the last namespace.
async fn start_blocked_run(secrets: u32, namespaces: u32) -> (Fixture, ClusterSnapshot, Running) {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, secrets, namespaces).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let (before, image) = (ClusterSnapshot::of(&sandbox).await, push(&sandbox));
    let last = namespaces - 1;
    blocking_webhook::block(&sandbox, &format!("seed-{last}"), &format!("secret-{last}"));
    let mut laptop = Running::start(&sandbox, "laptop", &enable(&sandbox, &["--image", image.as_str()]));
    laptop.until(STARTED);
    (sandbox, before, laptop)
}

#[tokio::test]
async fn a_killed_pods_successor_goes_on_and_another_machine_sees_it_end_after_the_laptop_has_vanished() {
    let (sandbox, before, mut laptop) = start_blocked_run(300, 3).await;
    // The record is what a successor goes on from.
    let namespace = own_namespace(&sandbox);
    let record = ["get", "configmap", "-n", &namespace, "eks-encrypt-run", "--output=jsonpath={.data.rewritten}"];
    wait_for("what can be written to be written", || (admin(&sandbox, &record).stdout == "200").then_some(()));

    // A second machine looks how things stand.
    let status = plugin(&sandbox, &["status", "--output=json"]).json();
    assert!(status["atWork"].as_str().is_some_and(|job| job.starts_with("eks-encrypt-")), "{status}");
    assert_eq!((&status["secrets"]["total"], &status["secrets"]["behind"]), (&300.into(), &100.into()), "{status}");
    assert_eq!((&status["run"]["result"], &status["run"]["verifiedByJob"]), (&"".into(), &false.into()), "{status}");

    let first = pods(&sandbox);
    assert_eq!(first.len(), 1, "{first:?}");
    admin(&sandbox, &["delete", "pod", "-n", &namespace, &first[0], "--force", "--grace-period=0"]).ok();
    laptop.until("going on with run");
    laptop.kill();
    blocking_webhook::unblock(&sandbox);

    let output = plugin(&sandbox, &["attach", "--output=json"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("Done and proven"), "{}", output.stderr);
    let report = output.json();
    // The successor did what was left, and nothing twice.
    let tally = ["listed", "rewritten", "current", "failed"].map(|outcome| report["tally"][outcome].as_u64().unwrap());
    assert_eq!(tally, [300, 100, 200, 0], "{report}");
    assert_eq!(report["proven"], Value::Bool(true), "{report}");
    before.all_moved(&sandbox).await;
    // Each Secret was written once, by one of two Pods.
    assert_eq!(write_counts(&sandbox).into_values().collect::<Vec<_>>(), [200, 100]);
    cleaned_up(&sandbox).await;
}

/// Evicts a Pod, as `kubectl drain` does.
fn evict(sandbox: &Sandbox, pod: &str) {
    let namespace = own_namespace(sandbox);
    let eviction = format!(
        r#"{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"{pod}","namespace":"{namespace}"}}}}"#
    );
    let file = sandbox.folder().logs().join("eviction.json");
    std::fs::write(&file, eviction).unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    admin(sandbox, &["create", "--raw", &path, "--filename", file.to_str().unwrap()]).ok();
}

#[tokio::test]
async fn an_evicted_pod_has_its_last_word_and_is_no_failure_of_the_job() {
    let (sandbox, before, mut laptop) = start_blocked_run(200, 2).await;
    let pod = pods(&sandbox).remove(0);
    evict(&sandbox, &pod);
    let evicted = Instant::now();
    laptop.until(" has stopped: SIGTERM");
    // It promises 5 s. Whoever does not listen is killed after 15, without a word.
    assert!(evicted.elapsed() < Duration::from_secs(10), "it took {:?}", evicted.elapsed());
    laptop.until("going on with run");
    blocking_webhook::unblock(&sandbox);
    let output = laptop.end();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let failed = ["get", "jobs", "--all-namespaces", "--output=jsonpath={.items[*].status.failed}"];
    let failed = admin(&sandbox, &failed).ok();
    assert!(["", "0"].contains(&failed.trim()), "a disruption counts as a failure: {failed}");
    before.all_moved(&sandbox).await;
}

#[tokio::test]
async fn ctrl_c_leaves_the_job_at_work_and_says_how_to_see_its_end() {
    let (sandbox, before, mut laptop) = start_blocked_run(20, 1).await;
    laptop.interrupt();
    let output = laptop.end();
    assert_eq!(output.code, Some(130), "{}", output.stderr);
    assert!(
        output.stderr.contains("The Job was not stopped: it goes on in the cluster, unless it has ended."),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("kubectl eks-encrypt attach"), "{}", output.stderr);
    blocking_webhook::unblock(&sandbox);
    let output = plugin(&sandbox, &["attach"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
}
