//! The main job through kubectl's own plugin lookup, with a real Pod; after it, etcd is the judge.

use eks_encrypt_tests::aws::scenario::{Scenario, UpdateFailure};
use eks_encrypt_tests::sandbox::Sandbox;
use eks_encrypt_tests::seed::{Seed, seed};
use eks_encrypt_tests::truth::inspect::Storage;

use super::judge::revisions;
use super::node::push;
use super::support::{Said, apply, associated, aws, control_plane, kubectl, plugin, wait_for, with_node};

/// An image that no test pulls.
const NO_IMAGE: &str = "127.0.0.1:1/none:1";

fn enable(sandbox: &Sandbox, key: &str, image: &str, more: &[&str]) -> Said {
    let arguments =
        ["enable", "--cluster", "sandbox", "--key-arn", key, "--region", "us-west-2", "--image", image, "--yes"];
    plugin(sandbox, &[&arguments[..], more].concat())
}

#[test]
fn the_api_server_goes_away_in_mid_run_and_no_secret_is_lost() {
    let (sandbox, runtime) = (with_node(), tokio::runtime::Runtime::new().unwrap());
    let admin = runtime.block_on(sandbox.admin()).unwrap();
    let wanted = Seed { secrets: 4000, namespaces: 3, size: 64, awkward: false };
    runtime.block_on(seed(&admin, wanted)).unwrap();
    let (before, image) = (runtime.block_on(sandbox.digest()).unwrap(), push(&sandbox));
    associated(&sandbox, &sandbox.info().keys.customer);
    let said = std::thread::scope(|scope| {
        // One patch at a time: the run is still under way when the API server goes.
        let key = &sandbox.info().keys.customer;
        let running = scope.spawn(|| enable(&sandbox, key, &image, &["--concurrency", "1"]));
        let log = ["logs", "-n", "eks-encrypt", "-l", "app.kubernetes.io/name=eks-encrypt", "--tail=1"];
        wait_for("the first patches", || {
            kubectl(&sandbox, &log).stdout.contains(r#""event":"progress""#).then_some(())
        });
        runtime.block_on(sandbox.restart_api_server()).unwrap();
        assert!(!running.is_finished(), "the run had ended before the API server went: this test shows nothing");
        running.join().unwrap()
    });
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let stored = runtime.block_on(sandbox.inspect()).unwrap();
    assert_eq!(stored.count(Storage::CustomerKey), stored.total);
    assert_eq!(runtime.block_on(sandbox.digest()).unwrap(), before);
}

#[tokio::test]
async fn a_secret_that_a_policy_protects_is_named_and_the_rest_moves() {
    let sandbox = with_node();
    let admin = sandbox.admin().await.unwrap();
    seed(&admin, Seed { secrets: 50, namespaces: 1, size: 64, awkward: false }).await.unwrap();
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

    let said = enable(&sandbox, &sandbox.info().keys.customer, &push(&sandbox), &[]);
    assert_eq!(said.code, Some(6), "{}", said.stderr);
    assert!(said.stderr.contains("seed-0/secret-7") && said.stderr.contains("secret-7 is frozen"), "{}", said.stderr);
    let stored = sandbox.inspect().await.unwrap();
    assert_eq!(stored.count(Storage::CustomerKey), stored.total - 1);
    assert_eq!(stored.secret("seed-0/secret-7").unwrap().storage, Storage::AwsOwnedKey);
}

#[tokio::test]
async fn another_clusters_kubeconfig_is_refused_with_nothing_touched() {
    let (ours, other) = (control_plane(), control_plane());
    seed(&other.admin().await.unwrap(), Seed { secrets: 5, namespaces: 1, size: 64, awkward: false }).await.unwrap();
    let before = (revisions(&ours).await, revisions(&other).await);
    let kubeconfig = other.folder().kubeconfig().display().to_string();
    let said = enable(&ours, &ours.info().keys.customer, NO_IMAGE, &["--kubeconfig", &kubeconfig]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    assert!(
        said.stderr.contains(&ours.info().endpoint) && said.stderr.contains(&other.info().endpoint),
        "{}",
        said.stderr
    );
    assert_eq!((revisions(&ours).await, revisions(&other).await), before);
    let cluster = aws(&ours, &["eks", "describe-cluster", "--name", "sandbox"]).json();
    assert_eq!(cluster["cluster"].get("encryptionConfig"), None);
}

#[tokio::test]
async fn keys_that_can_not_be_are_refused_by_us_before_anything_is_changed() {
    let sandbox = control_plane();
    let keys = &sandbox.info().keys;
    for (key, why) in [
        (&keys.disabled, "Disabled"),
        (&keys.asymmetric, "RSA_2048"),
        (&keys.pending_deletion, "it is going to be deleted"),
    ] {
        let said = enable(&sandbox, key, NO_IMAGE, &[]);
        assert_eq!(said.code, Some(3), "{}", said.stderr);
        // Our own sentence: EKS would refuse such a key too.
        let words = said.words();
        assert!(words.contains("can't encrypt a cluster") && words.contains(why), "{}", said.stderr);
    }
    assert!(!kubectl(&sandbox, &["get", "namespaces", "--output=name"]).ok().contains("eks-encrypt"));
}

#[tokio::test]
async fn what_eks_says_comes_through_with_an_exit_code_of_its_own() {
    let sandbox = control_plane();
    let keys = &sandbox.info().keys;
    sandbox.set_scenario(&Scenario { deny_create_grant: true, ..Scenario::default() }).await.unwrap();
    let said = enable(&sandbox, &keys.customer, NO_IMAGE, &[]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    assert!(said.stderr.contains("User not authorized to perform kms:CreateGrant operation"), "{}", said.stderr);

    let failure = UpdateFailure { error_code: "AccessDenied".into(), error_message: "no grant could be made".into() };
    sandbox.set_scenario(&Scenario { update_fails: Some(failure), ..Scenario::default() }).await.unwrap();
    let said = enable(&sandbox, &keys.customer, NO_IMAGE, &[]);
    assert_eq!(said.code, Some(5), "{}", said.stderr);
    assert!(said.stderr.contains("no grant could be made"), "{}", said.stderr);
}

#[tokio::test]
async fn throttled_calls_are_asked_again_and_another_key_is_refused() {
    let sandbox = control_plane();
    let keys = &sandbox.info().keys;
    associated(&sandbox, &keys.other);
    sandbox.set_scenario(&Scenario { throttle: 2, ..Scenario::default() }).await.unwrap();
    let said = enable(&sandbox, &keys.customer, NO_IMAGE, &[]);
    assert_eq!(said.code, Some(4), "{}", said.stderr);
    assert!(said.stderr.contains(&keys.other) && said.stderr.contains(&keys.customer), "{}", said.stderr);
}
