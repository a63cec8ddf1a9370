//! Without the plugin at all: the key associated by the `aws` command line, manifests/ applied by kustomize with an overlay as
//! its comment shows it, and removed again.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::assertions::{ClusterSnapshot, namespaces, no_rights};
use super::node::push;
use super::support::{Fixture, associated, kubectl, seed_secrets, wait_for, with_node};

/// The manifests, as they lie in the repository.
const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../manifests");

/// The overlay in the comment of manifests/kustomization.yaml.
fn overlay() -> String {
    let text = std::fs::read_to_string(Path::new(MANIFESTS).join("kustomization.yaml")).unwrap();
    let comment = text.lines().skip_while(|line| !line.starts_with("#      apiVersion: kustomize"));
    let lines = comment.map_while(|line| line.strip_prefix("#      "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// A reviewer's folder: a copy of manifests/, and beside it the overlay, for this image and run.
fn reviewed(sandbox: &Fixture, image: &str, run: &str) -> PathBuf {
    let (copy, mine) = (sandbox.folder().logs().join("manifests"), sandbox.folder().logs().join("mine"));
    for folder in ["", "network-policy"] {
        std::fs::create_dir_all(copy.join(folder)).unwrap();
        for file in std::fs::read_dir(Path::new(MANIFESTS).join(folder)).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), copy.join(folder).join(file.file_name())).unwrap();
            }
        }
    }
    std::fs::create_dir_all(&mine).unwrap();
    let (name, tag) = image.rsplit_once(':').unwrap();
    let mut text = overlay();
    for (blank, value) in
        [("REGISTRY/eks-encrypt-job", name), ("TAG", tag), ("RUN", run), ("\"ARN\"", &sandbox.info().keys.customer)]
    {
        assert_eq!(text.matches(blank).count(), 1, "{blank} in {text}");
        text = text.replace(blank, value);
    }
    std::fs::write(mine.join("kustomization.yaml"), text).unwrap();
    mine
}

fn pods(sandbox: &Fixture) -> usize {
    kubectl(sandbox, &["get", "pods", "-n", "eks-encrypt", "--output=name"]).ok().lines().count()
}

#[tokio::test]
async fn applied_by_kustomize_it_runs_to_its_end_and_is_removed_again() {
    let sandbox = with_node();
    seed_secrets(&sandbox, 50, 2).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let (before, image) = (ClusterSnapshot::of(&sandbox).await, push(&sandbox));
    let mine = reviewed(&sandbox, &image, "2026-q4");
    let mine = mine.to_str().unwrap();

    let applied = kubectl(&sandbox, &["apply", "-k", mine]).ok();
    assert!(applied.contains("networkpolicy.networking.k8s.io/eks-encrypt created"), "{applied}");
    let job = ["wait", "-n", "eks-encrypt", "--for=condition=Complete", "--timeout=90s", "job/eks-encrypt"];
    kubectl(&sandbox, &job).ok();

    // What an operator reads: the log's last word, and the record.
    let log = kubectl(&sandbox, &["logs", "-n", "eks-encrypt", "job/eks-encrypt"]).ok();
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["result"]), (&"finished".into(), &"complete".into()), "{log}");
    assert_eq!((&last["run"], &last["tally"]["rewritten"]), (&"2026-q4".into(), &50.into()), "{log}");
    assert_eq!(
        (&last["proof"]["tally"]["rewritten"], &last["proof"]["tally"]["failed"]),
        (&0.into(), &0.into()),
        "{log}"
    );
    assert!(!log.contains("forbidden"), "a right is missing: {log}");
    // The same word once more where no log is needed.
    let message = "-o=jsonpath={.items[0].status.containerStatuses[0].state.terminated.message}";
    let message = kubectl(&sandbox, &["get", "pods", "-n", "eks-encrypt", message]).ok();
    assert_eq!(serde_json::from_str::<Value>(&message).unwrap(), last, "the termination message");
    let record = ["get", "configmap", "-n", "eks-encrypt", "eks-encrypt-run", "--output=json"];
    let record = kubectl(&sandbox, &record).json()["data"].clone();
    assert_eq!((&record["run"], &record["result"]), (&"2026-q4".into(), &"complete".into()), "{record}");
    assert_eq!(record["keyArn"], sandbox.info().keys.customer, "{record}");

    // Applied again, it does nothing, or is refused; for another run, the Job is deleted.
    let made = || {
        let job = kubectl(&sandbox, &["get", "job", "-n", "eks-encrypt", "eks-encrypt", "--output=json"]).json();
        (job["metadata"]["uid"].clone(), job["metadata"]["generation"].clone())
    };
    let first = made();
    kubectl(&sandbox, &["apply", "-k", mine]).ok();
    assert_eq!((made(), pods(&sandbox)), (first, 1));
    reviewed(&sandbox, &image, "2027-q1");
    let error = kubectl(&sandbox, &["apply", "-k", mine]).error();
    assert!(error.contains("field is immutable"), "{error}");
    kubectl(&sandbox, &["delete", "job", "-n", "eks-encrypt", "eks-encrypt"]).ok();
    kubectl(&sandbox, &["apply", "-k", mine]).ok();
    kubectl(&sandbox, &job).ok();
    let log = kubectl(&sandbox, &["logs", "-n", "eks-encrypt", "job/eks-encrypt"]).ok();
    assert!(log.lines().last().unwrap().contains(r#""run":"2027-q1""#), "{log}");

    kubectl(&sandbox, &["delete", "-k", mine]).ok();
    wait_for("the namespace to go", || namespaces(&sandbox).is_empty().then_some(()));
    no_rights(&sandbox);
    before.all_moved(&sandbox).await;
}
