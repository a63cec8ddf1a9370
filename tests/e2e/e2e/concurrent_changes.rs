//! What changes under a run: Secrets that come and go, lists that expire, and policies that somebody makes meanwhile.

use eks_encrypt_sandbox::options::Options;

use super::assertions::{ClusterSnapshot, cleaned_up};
use super::blocking_webhook::{self, POOLFUL};
use super::running::{Running, STARTED};
use super::support::{
    admin, apply, associated, control_plane, enable, one_api_server, plugin, seed_secrets, start, wait_for,
};

/// A policy that denies writes of some Secrets.
const FREEZE: &str = r#"{"apiVersion":"v1","kind":"List","items":[
    {"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicy","metadata":{"name":"freeze"},
     "spec":{"failurePolicy":"Fail","matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],
     "operations":["UPDATE"],"resources":["secrets"]}]},"validations":[{"expression":
     "!(object.metadata.name in ['secret-101', 'secret-103'])","message":"frozen until Monday"}]}},
    {"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicyBinding","metadata":{"name":"freeze"},
     "spec":{"policyName":"freeze","validationActions":["Deny"]}}]}"#;

#[tokio::test]
async fn secrets_come_and_go_and_the_list_expires_and_each_is_accounted_for() {
    // Up to Kubernetes 1.33, and in 1.34 some seconds later, a list can't go on after a compaction.
    let old = vec!["feature-gates=ListFromCacheSnapshot=false".to_owned()];
    let sandbox = start(Options { api_server: old, ..one_api_server() });
    // Three pages, and the gate holds the run on the first.
    seed_secrets(&sandbox, 1300, 2).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    blocking_webhook::block(&sandbox, "seed-0", "secret-0");

    let mut run = Running::start(&sandbox, "run", &enable(&sandbox, &["--local", "--output=json"]));
    run.until(STARTED);
    // Some have been listed by now and some have not.
    let all = |namespace: &str, numbers: &[u32]| {
        let names: Vec<String> = numbers.iter().map(|number| format!("secret-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        admin(&sandbox, &[&["delete", "secret", "-n", namespace], &names[..]].concat()).ok();
    };
    all("seed-0", &[0, 2, 500, 998, 1298]);
    all("seed-1", &[1, 3, 501, 999, 1299]);
    for namespace in ["default", "seed-0", "seed-1"] {
        admin(&sandbox, &["create", "secret", "generic", "-n", namespace, "new", "--from-literal=key=value"]).ok();
    }
    // What the list goes on from is forgotten now.
    sandbox.etcd().compact().await.unwrap();
    // From here on only the run writes.
    let before = ClusterSnapshot::of(&sandbox).await;
    run.assert_running();
    blocking_webhook::unblock(&sandbox);

    let output = run.end();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("the list of Secrets expired and began again"), "{}", output.stderr);
    assert!(output.stderr.contains("1,293 Secrets verified: 0 rewritten"), "{}", output.stderr);
    before.all_moved(&sandbox).await;
    assert!(output.json()["tally"]["gone"].as_u64().is_some_and(|gone| gone > 0));
    cleaned_up(&sandbox).await;
}

#[tokio::test]
async fn a_policy_that_appears_in_mid_run_leaves_names_and_the_same_command_finishes_without_it() {
    let sandbox = control_plane();
    // seed-0 holds the run; the last two namespaces come after it.
    seed_secrets(&sandbox, 4 * POOLFUL, 2).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    blocking_webhook::block(&sandbox, "seed-0", "secret-0");
    let command = enable(&sandbox, &["--local"]);
    let mut run = Running::start(&sandbox, "run", &command);
    run.until(STARTED);
    apply(&sandbox, "freeze.json", FREEZE);
    wait_for("the policy to be in force", || {
        (!blocking_webhook::is_writable(&sandbox, "seed-1", "secret-101")).then_some(())
    });
    run.assert_running();
    blocking_webhook::unblock(&sandbox);

    let output = run.end();
    assert_eq!(output.code, Some(6), "{}", output.stderr);
    assert!(
        output.stderr.contains("398 rewritten, 0 current already, 0 deleted meanwhile, 2 failed"),
        "{}",
        output.stderr
    );
    for name in ["secret-101", "secret-103"] {
        let line = output.stderr.lines().find(|line| line.starts_with(&format!("  seed-1/{name}: ")));
        assert!(line.is_some_and(|line| line.contains("frozen until Monday")), "{}", output.stderr);
    }
    admin(&sandbox, &["delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "freeze"]).ok();
    wait_for("the policy to be gone", || blocking_webhook::is_writable(&sandbox, "seed-1", "secret-101").then_some(()));
    before.moved_but(&sandbox, &["seed-1/secret-101", "seed-1/secret-103"]).await;

    let output = plugin(&sandbox, &command);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
    cleaned_up(&sandbox).await;
}
