//! Without a Pod: the engine in the plugin's own process, and the commands around it, on a control plane that has no node.

use super::judge::{Before, namespaces, no_rights};
use super::support::{admin, aws, control_plane, enable, filled, plugin, wait_for};

#[tokio::test]
async fn a_run_from_here_from_the_plan_to_the_last_trace() {
    let sandbox = control_plane();
    filled(&sandbox, 600, 2).await;
    let before = Before::of(&sandbox).await;

    // The plan: every check, and nothing written.
    let said = plugin(&sandbox, &enable(&sandbox, &["--local", "--dry-run"]));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("This was a dry run: nothing was changed."), "{}", said.stderr);
    before.untouched(&sandbox).await;
    assert_eq!(namespaces(&sandbox), "");
    let cluster = aws(&sandbox, &["eks", "describe-cluster", "--name", "sandbox"]).json();
    assert_eq!(cluster["cluster"].get("encryptionConfig"), None);

    // The run.
    let said = plugin(&sandbox, &enable(&sandbox, &["--local", "--output=json"]));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("Done and proven"), "{}", said.stderr);
    let report = said.json();
    assert_eq!((&report["proven"], &report["tally"]["rewritten"]), (&true.into(), &600.into()), "{report}");
    before.all_moved(&sandbox).await;
    // No Job was made, and no rights; the record is there.
    let made = ["get", "jobs,serviceaccounts", "-n", "eks-encrypt", "--output=name", "-l", "app.kubernetes.io/name"];
    assert_eq!(admin(&sandbox, &made).ok(), "");
    let record = ["get", "configmap", "-n", "eks-encrypt", "eks-encrypt-run", "--output=json"];
    assert_eq!(admin(&sandbox, &record).json()["data"]["run"], report["run"]);

    // How things stand: one Secret that somebody makes later is under the key by itself.
    admin(&sandbox, &["create", "secret", "generic", "later", "--from-literal=key=value"]).ok();
    let status = plugin(&sandbox, &["status", "--output=json"]).json();
    assert_eq!((&status["secrets"]["total"], &status["secrets"]["behind"]), (&601.into(), &0.into()), "{status}");
    assert_eq!(status["cluster"]["keyArn"], sandbox.info().keys.customer);
    assert_eq!((&status["run"]["proven"], &status["run"]["result"]), (&true.into(), &"complete".into()), "{status}");
    assert_eq!(status["notSeen"], serde_json::json!([]), "{status}");

    // The last trace.
    let cleanup = plugin(&sandbox, &["cleanup", "--dry-run"]);
    assert_eq!(cleanup.code, Some(0), "{}", cleanup.stderr);
    assert!(cleanup.stderr.contains("would remove Namespace eks-encrypt"), "{}", cleanup.stderr);
    assert_eq!(namespaces(&sandbox), "namespace/eks-encrypt\n");
    let cleanup = plugin(&sandbox, &["cleanup"]);
    assert_eq!(cleanup.code, Some(0), "{}", cleanup.stderr);
    wait_for("the namespace to go", || namespaces(&sandbox).is_empty().then_some(()));
    no_rights(&sandbox);
    let again = plugin(&sandbox, &["cleanup"]);
    assert!(again.stderr.contains("There is nothing of ours in this cluster."), "{}", again.stderr);
}
