//! The main job through kubectl's own plugin lookup, where something is wrong with the cluster, the key, EKS or the API server;
//! after it, etcd is the judge.

use std::time::{Duration, Instant};

use eks_encrypt_sandbox::aws::scenario::{Scenario, UpdateFailure};
use eks_encrypt_sandbox::info::STRANGER;
use eks_encrypt_sandbox::sandbox::Sandbox;
use serde_json::Value;

use super::assertions::{ClusterSnapshot, cleaned_up, own_namespace};
use super::blocking_webhook;
use super::node::push;
use super::running::Running;
use super::support::{
    CommandOutput, Fixture, admin, apply, as_on_eks, associate, associated, aws, control_plane, enable, key_of,
    kubectl, plugin, plugin_command, run, seed_secrets, update, wait_for, with_node,
};

/// `enable` with a key, from here.
fn with_key(sandbox: &Sandbox, key: &str) -> CommandOutput {
    let arguments = ["enable", "--cluster", "sandbox", "--key-arn", key, "--region", "us-west-2", "--local", "--yes"];
    plugin(sandbox, &arguments)
}

/// A sandbox without a node, some Secrets, and how they are.
async fn some_secrets() -> (Fixture, ClusterSnapshot) {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 20, 1).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    (sandbox, before)
}

#[tokio::test]
async fn the_api_server_crashes_in_mid_run_and_no_secret_is_lost() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 300, 3).await;
    let image = push(&sandbox);
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    // The run is still under way when the API server goes.
    blocking_webhook::block(&sandbox, "seed-2", "secret-2");
    let mut run = Running::start(&sandbox, "run", &enable(&sandbox, &["--image", &image]));
    run.until("\nJob eks-encrypt-");
    let namespace = own_namespace(&sandbox);
    let log = ["logs", "-n", &namespace, "-l", "app.kubernetes.io/name=eks-encrypt", "--tail=1"];
    wait_for("the first patches", || admin(&sandbox, &log).stdout.contains(r#""event":"progress""#).then_some(()));
    sandbox.kill_api_servers(None).await.unwrap();
    // Nobody answers for as long as it takes the plugin to notice.
    run.until("note: no answer, asking again");
    sandbox.restart_api_servers(None).await.unwrap();
    run.assert_running();
    blocking_webhook::unblock(&sandbox);
    let output = run.end();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
    cleaned_up(&sandbox).await;
}

#[tokio::test]
async fn a_secret_that_a_policy_protects_is_named_and_the_rest_moves() {
    let sandbox = with_node();
    seed_secrets(&sandbox, 50, 1).await;
    let policy = r#"{"apiVersion":"v1","kind":"List","items":[
        {"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicy","metadata":{"name":"frozen"},
         "spec":{"failurePolicy":"Fail","matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],
         "operations":["UPDATE"],"resources":["secrets"]}]},"validations":[{"expression":"object.metadata.name != 'secret-7'",
         "message":"secret-7 is frozen"}]}},
        {"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicyBinding","metadata":{"name":"frozen"},
         "spec":{"policyName":"frozen","validationActions":["Deny"]}}]}"#;
    apply(&sandbox, "policy.json", policy);
    let denied = || {
        kubectl(&sandbox, &["label", "secret", "-n", "seed-0", "secret-7", "a=b", "--dry-run=server"]).code != Some(0)
    };
    wait_for("the policy to be in force", || denied().then_some(()));
    let (before, image) = (ClusterSnapshot::of(&sandbox).await, push(&sandbox));

    let output = plugin(&sandbox, &enable(&sandbox, &["--image", &image]));
    assert_eq!(output.code, Some(6), "{}", output.stderr);
    assert!(
        output.stderr.contains("seed-0/secret-7") && output.stderr.contains("secret-7 is frozen"),
        "{}",
        output.stderr
    );
    before.moved_but(&sandbox, &["seed-0/secret-7"]).await;
    // Another Pod would say the same, so there was none.
    let pods = admin(&sandbox, &["get", "pods", "-n", &own_namespace(&sandbox), "--output=name"]).ok();
    assert_eq!(pods.lines().count(), 1, "{pods}");
    cleaned_up(&sandbox).await;
}

#[tokio::test]
async fn another_clusters_kubeconfig_is_refused_with_nothing_touched() {
    let ((ours, our), (other, their)) = (some_secrets().await, some_secrets().await);
    let kubeconfig = other.folder().kubeconfig().display().to_string();
    let output = plugin(&ours, &enable(&ours, &["--local", "--kubeconfig", &kubeconfig]));
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(
        output.stderr.contains(&ours.info().endpoint) && output.stderr.contains(&other.info().endpoint),
        "{}",
        output.stderr
    );
    our.untouched(&ours).await;
    their.untouched(&other).await;
    assert_eq!((key_of(&ours).await, key_of(&other).await), (None, None));
}

/// Each of these leaves the cluster untouched, so one sandbox does for all.
#[tokio::test]
async fn what_is_refused_leaves_the_cluster_untouched() {
    let (sandbox, before) = some_secrets().await;
    keys_that_can_not_be_are_refused_by_us_before_anything_is_changed(&sandbox, &before).await;
    a_cluster_that_is_not_active_is_left_alone(&sandbox, &before).await;
    a_person_without_rights_in_the_cluster_is_told_which_before_the_key_is_associated(&sandbox, &before).await;
    without_an_image_the_three_ways_out_are_named_before_anything_is_asked(&sandbox);
}

async fn keys_that_can_not_be_are_refused_by_us_before_anything_is_changed(
    sandbox: &Sandbox,
    before: &ClusterSnapshot,
) {
    let keys = &sandbox.info().keys;
    for (key, why) in [
        (&keys.disabled, "Disabled"),
        (&keys.asymmetric, "RSA_2048"),
        (&keys.pending_deletion, "it is going to be deleted"),
    ] {
        let output = with_key(sandbox, key);
        assert_eq!(output.code, Some(3), "{}", output.stderr);
        // Our own sentence: EKS would refuse such a key too.
        let words = output.plain_text();
        assert!(words.contains("can't encrypt a cluster") && words.contains(why), "{}", output.stderr);
    }
    before.untouched(sandbox).await;
    assert_eq!(key_of(sandbox).await, None);
}

async fn a_cluster_that_is_not_active_is_left_alone(sandbox: &Sandbox, before: &ClusterSnapshot) {
    sandbox.set_scenario(&Scenario { cluster_status: Some("FAILED".into()), ..Scenario::default() }).await.unwrap();
    let output = plugin(sandbox, &enable(sandbox, &["--local"]));
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(output.plain_text().contains("FAILED, not ACTIVE"), "{}", output.stderr);
    sandbox.set_scenario(&Scenario::default()).await.unwrap();
    before.untouched(sandbox).await;
    assert_eq!(key_of(sandbox).await, None);
}

async fn a_person_without_rights_in_the_cluster_is_told_which_before_the_key_is_associated(
    sandbox: &Sandbox,
    before: &ClusterSnapshot,
) {
    let mut command = plugin_command(sandbox, &enable(sandbox, &["--image", "registry.example/job:1"]));
    command.env("AWS_ACCESS_KEY_ID", STRANGER.id).env("AWS_SECRET_ACCESS_KEY", STRANGER.secret);
    let output = run(&mut command);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    for part in [
        "FAIL rights",
        "cannot get resource \"namespaces\"",
        "create clusterroles.rbac",
        "create jobs.batch in namespace",
    ] {
        assert!(output.plain_text().contains(part), "{part}: {}", output.stderr);
    }
    before.untouched(sandbox).await;
    assert_eq!(key_of(sandbox).await, None);
}

fn without_an_image_the_three_ways_out_are_named_before_anything_is_asked(sandbox: &Sandbox) {
    let output = plugin(sandbox, &enable(sandbox, &[]));
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    for way in ["--push-image REGISTRY/REPO", "--image", "--local"] {
        assert!(output.stderr.contains(way), "{}", output.stderr);
    }
}

#[tokio::test]
async fn what_eks_says_comes_through_and_the_same_command_succeeds_when_that_is_mended() {
    let (sandbox, before) = some_secrets().await;
    sandbox.set_scenario(&Scenario { deny_create_grant: true, ..Scenario::default() }).await.unwrap();
    let output = plugin(&sandbox, &enable(&sandbox, &["--local"]));
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(output.stderr.contains("User not authorized to perform kms:CreateGrant operation"), "{}", output.stderr);
    before.untouched(&sandbox).await;

    let failure = UpdateFailure { error_code: "AccessDenied".into(), error_message: "no grant could be made".into() };
    sandbox.set_scenario(&Scenario { update_fails: Some(failure), ..Scenario::default() }).await.unwrap();
    let output = plugin(&sandbox, &enable(&sandbox, &["--local"]));
    assert_eq!(output.code, Some(5), "{}", output.stderr);
    assert!(output.stderr.contains("no grant could be made"), "{}", output.stderr);
    before.untouched(&sandbox).await;

    // By its alias this time, and with calls that EKS has no time for.
    sandbox.set_scenario(&Scenario { throttle: 3, ..Scenario::default() }).await.unwrap();
    let output = with_key(&sandbox, "alias/customer");
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(key_of(&sandbox).await.as_ref(), Some(&sandbox.info().keys.customer));
    before.all_moved(&sandbox).await;
    cleaned_up(&sandbox).await;
}

#[tokio::test]
async fn an_association_under_way_is_followed_and_time_that_is_up_is_no_failure() {
    let (sandbox, before) = some_secrets().await;
    sandbox.set_scenario(&Scenario { update_seconds: 25, ..Scenario::default() }).await.unwrap();
    let begun = Instant::now();
    let output = plugin(&sandbox, &enable(&sandbox, &["--local", "--timeout", "3s"]));
    assert_eq!(output.code, Some(7), "{}", output.stderr);
    before.untouched(&sandbox).await;

    // As long as that takes, nothing else may begin.
    let updates = aws(&sandbox, &["eks", "list-updates", "--name", "sandbox"]).json();
    let id = updates["updateIds"][0].as_str().unwrap();
    assert_eq!(update(&sandbox, id)["status"], "InProgress");
    let error = associate(&sandbox, &sandbox.info().keys.customer).error();
    assert!(error.contains("(ResourceInUseException)") && error.contains(id), "{error}");
    let cluster = aws(&sandbox, &["eks", "describe-cluster", "--name", "sandbox"]).json();
    assert_eq!(cluster["cluster"]["status"], "UPDATING");

    let output = plugin(&sandbox, &enable(&sandbox, &["--local", "--output", "yaml"]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("EKS is already associating"), "{}", output.stderr);
    assert_eq!(update(&sandbox, id)["status"], "Successful");
    let cluster = aws(&sandbox, &["eks", "describe-cluster", "--name", "sandbox"]).json();
    assert_eq!(cluster["cluster"]["status"], "ACTIVE");
    assert!(begun.elapsed() >= Duration::from_secs(25), "the update did not take its time");
    let report: Value = serde_saphyr::from_str(&output.stdout).unwrap();
    assert_eq!((&report["done"], &report["proven"]), (&true.into(), &true.into()), "{}", output.stdout);
    before.all_moved(&sandbox).await;
}

#[tokio::test]
async fn another_key_is_refused_and_stays() {
    let (sandbox, _) = some_secrets().await;
    let keys = &sandbox.info().keys;
    associated(&sandbox, &keys.other).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    sandbox.set_scenario(&Scenario { throttle: 2, ..Scenario::default() }).await.unwrap();
    let output = plugin(&sandbox, &enable(&sandbox, &["--local"]));
    assert_eq!(output.code, Some(4), "{}", output.stderr);
    assert!(output.stderr.contains(&keys.other) && output.stderr.contains(&keys.customer), "{}", output.stderr);
    before.untouched(&sandbox).await;
    assert_eq!(key_of(&sandbox).await.as_ref(), Some(&keys.other));
}
