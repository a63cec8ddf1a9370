//! Rights are gone, or somebody is told.
use std::sync::{Arc, Mutex};

use super::*;
use crate::testing::{NOT_SERVED, forbidden, kubernetes, not_found, reached, reached_by, recording_api_server};

fn run() -> Run {
    Run::from_id("r1", "ops")
}

#[tokio::test(start_paused = true)]
async fn a_404_that_does_not_name_the_object_is_no_deletion() {
    let terminal = Terminal::captured();
    for body in ["404 page not found", NOT_SERVED] {
        delete_job(&reached(kubernetes(move |_, _| (404, body.into()))), &run(), &terminal).await;
    }
    insta::assert_snapshot!(terminal.text(), @r"
    warning: can't delete job eks-encrypt-r1: 404 page not found
      do it by hand: kubectl delete job eks-encrypt-r1 -n ops
    warning: can't delete job eks-encrypt-r1: the server could not find the requested resource
      do it by hand: kubectl delete job eks-encrypt-r1 -n ops
    ");
}

/// Who may make Jobs alone was told to delete what had never been there.
#[tokio::test]
async fn a_run_with_somebodys_service_account_has_no_rights_to_take_away() {
    let (client, heard) = recording_api_server(|_, _| (403, forbidden("get", "clusterrolebindings")));
    let (terminal, theirs) = (Terminal::captured(), Run { manages_rbac: false, ..run() });
    assert!(revoke_rbac(&reached(client), &theirs, &terminal).await.is_empty());
    assert!(heard.lock().unwrap().is_empty(), "{heard:?}");
    assert_eq!(terminal.text(), "");
}

/// An object of this run.
fn labelled(run: &str) -> String {
    serde_json::json!({"metadata": {"name": "x", "labels": {"eks-encrypt/run": run}}}).to_string()
}

/// Nobody can say whether the API server would give the same answer to a deletion.
#[tokio::test(start_paused = true)]
async fn what_was_applied_by_hand_is_not_deleted_unseen() {
    let (client, heard) = recording_api_server(|method, path| match method {
        "DELETE" => (200, r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.into()),
        _ => (403, forbidden("get", path.split('?').next().unwrap().rsplit('/').nth(1).unwrap())),
    });
    let terminal = Terminal::captured();
    let by_hand = Run { job: "eks-encrypt".into(), ..Run::from_id("by-hand", "ops") };
    revoke_rbac(&reached(client), &by_hand, &terminal).await;
    assert!(heard.lock().unwrap().iter().all(|call| !call.starts_with("DELETE")), "{heard:?}");
    insta::assert_snapshot!(terminal.text(), @r#"
    warning: can't see whose ClusterRoleBinding eks-encrypt is, so it stays: clusterrolebindings is forbidden: User "alice" cannot get resource "clusterrolebindings"
    warning: can't see whose RoleBinding eks-encrypt is, so it stays: rolebindings is forbidden: User "alice" cannot get resource "rolebindings"
    warning: can't see whose ClusterRole eks-encrypt is, so it stays: clusterroles is forbidden: User "alice" cannot get resource "clusterroles"
    warning: can't see whose Role eks-encrypt is, so it stays: roles is forbidden: User "alice" cannot get resource "roles"
    warning: can't see whose ServiceAccount eks-encrypt is, so it stays: serviceaccounts is forbidden: User "alice" cannot get resource "serviceaccounts"
    "#);
}

/// Two runs of one namespace, of which the lease keeps the second out: at its end it takes away nothing of the first.
#[tokio::test]
async fn a_run_takes_no_rights_by_a_name_that_others_share() {
    let (client, heard) = recording_api_server(|_, path| not_found(path));
    revoke_rbac(&reached(client), &run(), &Terminal::captured()).await;
    let shared = |call: &String| !call.contains("/eks-encrypt-r1");
    assert_eq!(heard.lock().unwrap().iter().filter(|call| shared(call)).count(), 0, "{heard:?}");
}

#[tokio::test]
async fn rights_that_another_run_or_a_person_gave_are_left() {
    for there in [labelled("r2"), r#"{"metadata":{"name":"eks-encrypt"}}"#.to_owned()] {
        let deleted = Arc::new(Mutex::new(Vec::new()));
        let heard = deleted.clone();
        let client = kubernetes(move |method, path| match (method, path.contains("/namespaces/")) {
            ("DELETE", _) => {
                heard.lock().unwrap().push(path.to_owned());
                (200, r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.into())
            }
            (_, true) => (200, there.clone()),
            (_, false) => (200, labelled("r1")),
        });
        assert_eq!(
            revoke_rbac(&reached(client), &run(), &Terminal::captured()).await,
            [""; 0],
            "nobody says whose they are"
        );
        let deleted = deleted.lock().unwrap();
        assert_eq!(deleted.len(), 2, "{deleted:?}");
        assert!(deleted.iter().all(|path| path.contains("eks-encrypt-r1")), "{deleted:?}");
    }
}

#[tokio::test]
async fn a_right_that_stays_is_said_with_its_cure() {
    let client = kubernetes(|method, path| match path.contains("clusterrolebindings") {
        true if method == "GET" => (200, labelled("r1")),
        true => (
            403,
            r#"{"kind":"Status","status":"Failure","code":403,"reason":"Forbidden","message":"you may not"}"#.into(),
        ),
        false => not_found(path),
    });
    let terminal = Terminal::captured();
    revoke_rbac(&reached(client), &run(), &terminal).await;
    insta::assert_snapshot!(terminal.text(), @r"
    warning: can't delete clusterrolebinding eks-encrypt-r1: you may not
      do it by hand: kubectl delete clusterrolebinding eks-encrypt-r1
    ");
}

/// What is old is so by the clock of the API server, where it is 9:00: our own is anywhere else.
#[tokio::test]
async fn rights_that_no_job_uses_are_taken_away_and_no_others() {
    let binding = |run: &str, name: &str, namespace: &str, made: &str| {
        serde_json::json!({"metadata": {"name": name, "labels": {"eks-encrypt/run": run}, "creationTimestamp": made},
            "roleRef": {"apiGroup": "", "kind": "", "name": ""}, "subjects": [{"kind": "", "name": "", "namespace": namespace}]})
    };
    let (long_ago, just_now) = ("2026-11-24T07:00:00Z", "2026-11-24T08:59:30Z");
    let list = serde_json::json!({"metadata": {}, "items": [
        binding("broken-off", "eks-encrypt-broken-off", "ops", long_ago),
        binding("over", "eks-encrypt-over", "ops", long_ago),
        binding("just-over", "eks-encrypt-just-over", "ops", just_now),
        binding("at-work", "eks-encrypt-at-work", "ops", long_ago),
        binding("begins", "eks-encrypt-begins", "ops", just_now),
        binding("elsewhere", "eks-encrypt-elsewhere", "shop", long_ago),
        binding("by-hand", "eks-encrypt", "ops", long_ago),
    ]});
    let deleted = Arc::new(Mutex::new(Vec::new()));
    let heard = deleted.clone();
    let client = kubernetes(move |method, path| match (method, path) {
        ("DELETE", path) => {
            deleted.lock().unwrap().push(path.split('?').next().unwrap().rsplit("/v1/").next().unwrap().to_owned());
            not_found(path)
        }
        (_, path) if path.contains("/clusterrolebindings?") => (200, list.to_string()),
        (_, path) if path.contains("/clusterrolebindings/eks-encrypt-") => {
            let (_, run) = path.split_once("/eks-encrypt-").unwrap();
            (200, labelled(run.trim_end_matches('?')))
        }
        (_, path) if path.ends_with("-at-work") => (200, r#"{"metadata":{}}"#.into()),
        (_, path) if path.ends_with("-over") => {
            (200, r#"{"metadata":{},"status":{"conditions":[{"type":"Complete","status":"True"}]}}"#.into())
        }
        (_, path) => not_found(path),
    });
    let terminal = Terminal::captured();
    revoke_stale(&reached(client), Some("ops"), &terminal).await;
    let heard: Vec<_> =
        heard.lock().unwrap().iter().filter(|path| path.starts_with("clusterrolebindings")).cloned().collect();
    let taken = ["broken-off", "over", "just-over"].map(|run| format!("clusterrolebindings/eks-encrypt-{run}"));
    assert_eq!(heard, taken);
    insta::assert_snapshot!(terminal.text(), @r"
    note: run broken-off has left its rights in the cluster: taking them away
    note: run over has left its rights in the cluster: taking them away
    note: run just-over has left its rights in the cluster: taking them away
    ");
}

/// Who has several clusters would paste the command into another one.
#[tokio::test]
async fn the_command_for_a_right_that_stays_names_the_cluster() {
    let client = kubernetes(|method, _| match method {
        "GET" => (200, labelled("r1")),
        _ => (403, forbidden("delete", "roles")),
    });
    let terminal = Terminal::captured();
    let kubernetes = reached_by(&["--context", "my prod", "--kubeconfig", "/tmp/k"], client);
    revoke_rbac(&kubernetes, &run(), &terminal).await;
    let text = terminal.text();
    let cures: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("  do it by hand: ")).collect();
    insta::assert_snapshot!(cures.join("\n"), @r"
    kubectl delete clusterrolebinding eks-encrypt-r1 --context 'my prod' --kubeconfig /tmp/k
    kubectl delete rolebinding eks-encrypt-r1 -n ops --context 'my prod' --kubeconfig /tmp/k
    kubectl delete clusterrole eks-encrypt-r1 --context 'my prod' --kubeconfig /tmp/k
    kubectl delete role eks-encrypt-r1 -n ops --context 'my prod' --kubeconfig /tmp/k
    kubectl delete serviceaccount eks-encrypt-r1 -n ops --context 'my prod' --kubeconfig /tmp/k
    ");
}
