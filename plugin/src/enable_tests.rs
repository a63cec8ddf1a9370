//! The whole second half as scenarios: a cluster that has the key, against a scripted API server.
use std::sync::{Arc, Mutex};

use super::*;
use crate::testing::{self, KEY, WITH, api_object, cluster, enable as flags, kubernetes, not_found, told};
use insta::assert_snapshot;

/// What an API server was asked, without queries, and with the run's id as `RUN`.
type Asked = Arc<Mutex<Vec<String>>>;

/// An API server on which the Job runs through: it appears when it is applied, and has ended with this last word.
/// `job_state`: whether it is `there` already, or `over`, or will be `deleted`, or the resource that may not be applied.
fn api_server(job_state: &'static str, result: &'static str, failed: u64) -> (kube::Client, Asked) {
    let asked = Asked::default();
    let heard = asked.clone();
    let run = Mutex::new("20261124-070000-beef".to_owned());
    let client = kubernetes(move |method, path| {
        let bare = path.split('?').next().unwrap_or_default().to_owned();
        if let Some((_, id)) = bare.split_once("/clusterroles/eks-encrypt-") {
            *run.lock().unwrap() = id.to_owned();
        }
        let run = run.lock().unwrap().clone();
        heard.lock().unwrap().push(format!("{method} {}", bare.replace(&run, "RUN")));
        let job = |conditions: serde_json::Value| {
            serde_json::json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": conditions},
                "metadata": {"name": format!("eks-encrypt-{run}"), "namespace": "eks-encrypt", "labels": {"eks-encrypt/run": run},
                    "managedFields": [{"manager": "eks-encrypt", "operation": "Apply"}]},
                "spec": {"template": {"spec": {"containers": [{"name": "job", "env": [
                    {"name": "EKS_ENCRYPT_KEY_ARN", "value": KEY}, {"name": "EKS_ENCRYPT_METHOD", "value": "annotate"}]}]}}}})
        };
        let word = format!(
            r#"{{"wire":1,"run":"{run}","pod":"p","seq":1,"time":"2026-11-24T07:00:00Z","event":"finished","result":"{result}","tally":{{"listed":3,"rewritten":{},"current":0,"gone":0,"failed":{failed}}}}}"#,
            3 - failed
        );
        let body = match (method, bare.as_str()) {
            ("GET", "/apis/batch/v1/namespaces/eks-encrypt/jobs") => {
                let items = match job_state {
                    "there" => vec![job(serde_json::json!([]))],
                    "over" => vec![job(serde_json::json!([{"type": "Complete", "status": "True"}]))],
                    _ => vec![],
                };
                serde_json::json!({"apiVersion": "batch/v1", "kind": "JobList", "metadata": {}, "items": items})
            }
            ("GET", "/api/v1/namespaces/eks-encrypt") => return not_found(path),
            ("PATCH", path) if path.contains(&format!("/{job_state}/")) => return (403, status(403, "Forbidden")),
            ("GET", path) if path.ends_with("/clusterrolebindings") => serde_json::json!({"metadata": {}, "items": []}),
            ("GET", path) if path.contains("/jobs/") && job_state == "deleted" => return not_found(path),
            ("GET", path) if path.contains("/rbac.authorization.k8s.io/") => {
                serde_json::json!({"metadata": {"name": "x", "labels": {"eks-encrypt/run": run}},
                    "roleRef": {"apiGroup": "", "kind": "", "name": ""}})
            }
            ("GET", path) if path.ends_with("/pods") => {
                serde_json::json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [
                {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "job", "image": "", "imageID": "", "ready": false,
                    "restartCount": 0, "state": {"terminated": {"exitCode": 0, "message": word}}}]}}]})
            }
            ("GET", path) if path.ends_with("/log") => return (200, format!("2026-11-24T07:00:00Z {word}\n")),
            ("GET", _) => {
                job(serde_json::json!([{"type": if failed > 0 { "Failed" } else { "Complete" }, "status": "True"}]))
            }
            ("DELETE", _) => return (200, r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.into()),
            (_, path) => return (200, api_object(path)),
        };
        (200, body.to_string())
    });
    (client, asked)
}

fn status(code: u16, reason: &str) -> String {
    serde_json::json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "you may not"})
        .to_string()
}

/// A cluster that has the key already.
fn ground(client: kube::Client) -> Ground {
    testing::ground(client, &[WITH])
}

#[tokio::test(start_paused = true)]
async fn a_run_is_made_followed_and_its_rights_are_taken_away() {
    let (client, asked) = api_server("not there", "complete", 0);
    let (screen, stage) = (Screen::kept(), RefCell::default());
    let code = go_on(&flags(&[]), &ground(client), &screen, &stage).await.unwrap();
    assert_eq!(code, ExitCode::Done, "{}", screen.text());
    assert!(matches!(stage.into_inner(), Stage::Following(_)));
    assert_snapshot!(asked.lock().unwrap().join("\n"), @r"
    GET /readyz
    GET /apis/batch/v1/namespaces/eks-encrypt/jobs
    GET /apis/rbac.authorization.k8s.io/v1/clusterrolebindings
    GET /api/v1/namespaces/eks-encrypt
    PATCH /api/v1/namespaces/eks-encrypt
    PATCH /api/v1/namespaces/eks-encrypt/serviceaccounts/eks-encrypt
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt-RUN
    PATCH /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-RUN
    GET /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-RUN
    GET /api/v1/namespaces/eks-encrypt/pods
    GET /api/v1/namespaces/eks-encrypt/pods/p/log
    GET /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-RUN
    GET /api/v1/namespaces/eks-encrypt/pods
    GET /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-RUN
    DELETE /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-RUN
    GET /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt-RUN
    DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt-RUN
    GET /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-RUN
    DELETE /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-RUN
    GET /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt-RUN
    DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt-RUN
    ");
}

#[tokio::test(start_paused = true)]
async fn a_failed_secret_makes_the_exit_code_say_so() {
    let (client, _) = api_server("not there", "incomplete", 1);
    let screen = Screen::kept();
    let code = go_on(&flags(&[]), &ground(client), &screen, &RefCell::default()).await.unwrap();
    assert_eq!(code, ExitCode::Incomplete);
    assert!(screen.text().contains("NOT DONE: 1 of 3 Secrets could not be re-encrypted."), "{}", screen.text());
}

#[tokio::test(start_paused = true)]
async fn a_job_at_work_is_followed_and_not_doubled() {
    let (client, asked) = api_server("there", "complete", 0);
    let code = go_on(&flags(&[]), &ground(client), &Screen::kept(), &RefCell::default()).await.unwrap();
    assert_eq!(code, ExitCode::Done);
    let patched: Vec<_> = asked.lock().unwrap().iter().filter(|call| call.starts_with("PATCH")).cloned().collect();
    assert_snapshot!(patched.join("\n"), @r"
    PATCH /api/v1/namespaces/eks-encrypt/serviceaccounts/eks-encrypt
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt-RUN
    ");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_may_not_be_made_is_named() {
    let (client, asked) = api_server("clusterroles", "complete", 0);
    let error = go_on(&flags(&[]), &ground(client), &Screen::kept(), &RefCell::default()).await.unwrap_err();
    let id =
        asked.lock().unwrap().iter().find_map(|call| Some(call.split_once("/clusterroles/")?.1.to_owned())).unwrap();
    assert_eq!(id, "eks-encrypt-RUN");
    let (head, rest) =
        told(error).split_once("ClusterRole eks-encrypt-").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_snapshot!(format!("{head}ClusterRole RUN:{}", rest.split_once(':').unwrap().1), @r"
    exit 6
    error: can't apply ClusterRole RUN: no Secret has been re-encrypted by this run, and it has been taken back; run the same command again when this is mended: you may not
    ");
    assert!(!asked.lock().unwrap().iter().any(|call| call.contains("PATCH") && call.contains("/jobs/")));
    assert!(
        asked.lock().unwrap().iter().any(|call| call.starts_with("DELETE") && call.contains("/clusterrolebindings/"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_apply_failed_is_taken_away_for_it_may_be_there() {
    let (client, asked) = api_server("jobs", "complete", 0);
    go_on(&flags(&[]), &ground(client), &Screen::kept(), &RefCell::default()).await.unwrap_err();
    let deleted: Vec<_> = asked.lock().unwrap().iter().filter(|call| call.starts_with("DELETE")).cloned().collect();
    assert_eq!(deleted.len(), 5, "{deleted:?}");
    assert_eq!(deleted[0], "DELETE /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-RUN");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ended_while_nobody_looked_is_judged_and_its_rights_are_taken_away() {
    let (client, asked) = api_server("over", "complete", 0);
    let screen = Screen::kept();
    let code = go_on(&flags(&[]), &ground(client), &screen, &RefCell::default()).await.unwrap();
    assert_eq!(code, ExitCode::Done, "{}", screen.text());
    assert!(screen.text().contains("has ended in namespace eks-encrypt meanwhile"), "{}", screen.text());
    let asked = asked.lock().unwrap();
    assert!(!asked.iter().any(|call| call.starts_with("PATCH")), "{asked:?}");
    assert_eq!(asked.iter().filter(|call| call.starts_with("DELETE")).count(), 4, "{asked:?}");
}

#[tokio::test]
async fn before_eks_has_answered_nobody_says_that_it_associates() {
    let (client, _) = api_server("not there", "complete", 0);
    let ground = testing::ground(client, &[]);
    let eks = ground.eks.map(|eks| Eks { cluster: cluster(None), plan: Plan::Associate, ..eks });
    let ground = Ground { eks, ..ground };
    let stage = RefCell::default();
    go_on(&flags(&[]), &ground, &Screen::kept(), &stage).await.unwrap_err();
    assert_eq!(stage.into_inner(), Stage::Asking);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_gone_is_not_deleted_again() {
    let (client, asked) = api_server("deleted", "complete", 0);
    let error = go_on(&flags(&[]), &ground(client), &Screen::kept(), &RefCell::default()).await.unwrap_err();
    assert!(told(error).contains("is gone"));
    let asked = asked.lock().unwrap();
    assert!(asked.iter().any(|call| call.starts_with("DELETE") && call.contains("/clusterrolebindings/")), "{asked:?}");
    assert!(!asked.iter().any(|call| call.starts_with("DELETE") && call.contains("/jobs/")), "{asked:?}");
}
