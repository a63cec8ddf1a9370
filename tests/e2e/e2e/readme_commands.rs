//! The commands that people come with from eksctl, each through kubectl's own plugin lookup and with a real Pod.

use eks_encrypt_sandbox::etcd_oracle::inspect::Storage;
use eks_encrypt_sandbox::sandbox::Sandbox;
use eks_encrypt_sandbox::seed::{Seed, seed};
use serde_json::Value;

use super::assertions::{ClusterSnapshot, cleaned_up, namespaces, own_namespace, revisions};
use super::node::push;
use super::support::{admin, as_on_eks, enable, key_of, plugin, plugin_with_aws, run, seed_secrets, with_node};

/// An eksctl ClusterConfig with more in it than is our business.
fn cluster_config(sandbox: &Sandbox) -> String {
    let key = &sandbox.info().keys.customer;
    let text = format!(
        "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata:\n  name: sandbox\n  region: us-west-2\n\
         managedNodeGroups:\n  - name: workers\n    desiredCapacity: 3\nsecretsEncryption:\n  keyARN: {key}\n"
    );
    let file = sandbox.folder().path().join("logs/kms-cluster.yaml");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// What a report must say of a run in which all went well.
#[track_caller]
fn proven(report: &Value, listed: usize) {
    let facts = [&report["done"], &report["proven"], &report["exitCode"], &report["tally"]["listed"]];
    assert_eq!(facts.map(Value::to_string), ["true", "true", "0", &listed.to_string()], "{report}");
    assert_eq!(report["verified"]["tally"]["rewritten"], 0, "{report}");
}

#[tokio::test]
async fn flags_move_every_secret_and_the_file_finds_the_key_associated_and_goes_on() {
    let sandbox = as_on_eks();
    // More than one page of the Job's list, and every awkward kind.
    let wanted = Seed { secrets: 1200, namespaces: 3, size: 256, awkward: true };
    let seeded = seed(&sandbox.admin().await.unwrap(), wanted).await.unwrap();
    assert_eq!(seeded.secrets, 1213);
    let (before, image) = (ClusterSnapshot::of(&sandbox).await, push(&sandbox));
    assert_eq!(sandbox.inspect().await.unwrap().count(Storage::CustomerKey), 0);

    let output = run(&mut plugin_with_aws(&sandbox, &enable(&sandbox, &["--image", &image])));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("Done and proven: every Secret is under the key."), "{}", output.stderr);
    assert!(output.stderr.contains("1,213 listed: 1,213 rewritten"), "{}", output.stderr);
    assert!(output.stderr.contains("1,213 Secrets verified: 0 rewritten"), "{}", output.stderr);
    before.all_moved(&sandbox).await;
    let secret = admin(&sandbox, &["get", "secret", "-n", "seed-0", "secret-0", "--output=json"]).json();
    assert!(secret["metadata"]["annotations"]["eksctl.io/kms-encryption-timestamp"].is_string());
    // The run record stays.
    let namespace = own_namespace(&sandbox);
    let record = ["get", "configmap", "-n", &namespace, "eks-encrypt-run", "--output=json"];
    let record = admin(&sandbox, &record).json();
    assert_eq!(record["data"]["keyArn"], sandbox.info().keys.customer);
    assert_eq!(record["data"]["result"], "complete");

    // What was verified is verified again, and nothing is written.
    let (file, secrets) = (cluster_config(&sandbox), revisions(&sandbox).await);
    let output = plugin(&sandbox, &["enable", "--file", &file, "--image", &image, "--yes", "--output=json"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("this key is associated already"), "{}", output.stderr);
    let report = output.json();
    let facts = [&report["kind"], &report["proven"], &report["verified"]["tally"]["listed"]];
    assert_eq!(facts, [&Value::from("Verification"), &true.into(), &1213.into()], "{report}");
    assert!(revisions(&sandbox).await == secrets, "Secrets were written");
    before.all_moved(&sandbox).await;
    cleaned_up(&sandbox).await;
}

#[tokio::test]
async fn the_association_alone_writes_no_secret_and_reencrypt_then_moves_all() {
    let sandbox = with_node();
    seed_secrets(&sandbox, 300, 2).await;
    let (before, image, file) = (ClusterSnapshot::of(&sandbox).await, push(&sandbox), cluster_config(&sandbox));

    let output = plugin(&sandbox, &["enable", "-f", &file, "--encrypt-existing-secrets=false", "--yes"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("Done: the key is associated."), "{}", output.stderr);
    assert_eq!(key_of(&sandbox).await.as_ref(), Some(&sandbox.info().keys.customer));
    before.untouched(&sandbox).await;
    assert_eq!(namespaces(&sandbox), "");

    // Cluster and region come from the kubeconfig's context.
    let output = plugin(&sandbox, &["reencrypt", "--image", &image, "--method=touch", "--yes", "-o", "json"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let report = output.json();
    proven(&report, 300);
    assert_eq!(report["tally"]["rewritten"], 300, "{report}");
    before.all_moved(&sandbox).await;
    cleaned_up(&sandbox).await;
    let secret = admin(&sandbox, &["get", "secret", "-n", "seed-0", "secret-0", "--output=json"]).json();
    assert_eq!(secret["metadata"].get("annotations"), None, "a touch leaves no trace");
}
