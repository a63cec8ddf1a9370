//! API servers for whole commands: one on which every check passes, and one on which a run goes through.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{KEY, api_object, kubernetes, not_found};
use crate::model::run::Run;
use crate::run::manifests::{self, ManifestSettings};

/// What AWS's STS says of us.
pub(crate) const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/alice</Arn>\
    <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

/// The answers of an API server on which every check passes.
pub(crate) fn passing(method: &str, path: &str) -> (u16, String) {
    match (method, path) {
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews?") => {
            let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview","metadata":{},"status":{"userInfo":{"username":"alice@example"}}}"#;
            (201, review.into())
        }
        ("POST", _) => (201, r#"{"spec":{},"metadata":{},"status":{"allowed":true}}"#.into()),
        ("GET", path) if path.contains("admissionregistration") || path.contains("/jobs?") => {
            (200, r#"{"metadata":{},"items":[]}"#.into())
        }
        ("GET", path) if path.contains("/secrets?") => {
            (200, r#"{"metadata":{"remainingItemCount":2012},"items":[{"metadata":{"name":"a"}}]}"#.into())
        }
        ("GET", path) => not_found(path),
        (_, path) => (200, api_object(path)),
    }
}

/// The Job that `enable` and `reencrypt` make with the image of [`super::enable`], as the API server answers: with its own fields, and
/// without empty ones.
pub(crate) fn made_job(run: &str, namespace: &str, more: &[&str]) -> Value {
    let base = ["--namespace", namespace, "--image", "registry.example/job:1"];
    let flags = super::reencrypt(&[&base[..], more].concat());
    let run = Run::from_id(run, namespace);
    let settings = ManifestSettings {
        run: &run,
        key_arn: KEY,
        engine: &flags.engine,
        job: &flags.job,
        watched: true,
        missing: &[],
    };
    let mut job = serde_json::to_value(manifests::job_manifest(&settings).unwrap()).unwrap();
    job["metadata"]["managedFields"] = json!([{"manager": "eks-encrypt", "operation": "Apply"},
        {"manager": "kube-controller-manager", "operation": "Update"}]);
    let pod = &mut job["spec"]["template"]["spec"];
    pod["serviceAccount"] = pod["serviceAccountName"].clone();
    for variable in pod["containers"][0]["env"].as_array_mut().unwrap() {
        if variable["value"] == "" {
            variable.as_object_mut().unwrap().remove("value");
        } else if variable["valueFrom"].is_object() {
            variable["valueFrom"]["fieldRef"]["apiVersion"] = "v1".into();
        }
    }
    job
}

/// Whether a call changes nothing: a read, a review, or a dry run.
pub(crate) fn changes_nothing(call: &str) -> bool {
    call.starts_with("GET ") || call.contains("reviews?") || call.contains("dryRun=All")
}

/// What an API server was asked, without queries, and with the run's id as `RUN`.
pub(crate) type Asked = Arc<Mutex<Vec<String>>>;

/// An API server on which the Job runs through: it appears when it is applied, and has ended with this last word.
/// `job_state`: whether it is `there` already, or `over`, or will be `deleted`, or the resource that may not be applied.
pub(crate) fn api_server(job_state: &'static str, result: &'static str, failed: u64) -> (kube::Client, Asked) {
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
        let job = |conditions: Value| {
            let mut job = made_job(&run, "eks-encrypt", &[]);
            job["status"] = json!({"conditions": conditions});
            job
        };
        let word = format!(
            r#"{{"wire":1,"run":"{run}","pod":"p","seq":1,"time":"2026-11-24T07:00:00Z","event":"finished","result":"{result}","tally":{{"listed":3,"rewritten":{},"current":0,"gone":0,"failed":{failed}}}}}"#,
            3 - failed
        );
        let body = match (method, bare.as_str()) {
            ("GET", "/apis/batch/v1/namespaces/eks-encrypt/jobs") => {
                let items = match job_state {
                    "there" => vec![job(json!([]))],
                    "over" => vec![job(
                        json!([{"type": "Complete", "status": "True", "lastTransitionTime": "2026-11-24T07:00:00Z"}]),
                    )],
                    _ => vec![],
                };
                json!({"apiVersion": "batch/v1", "kind": "JobList", "metadata": {}, "items": items})
            }
            ("GET", "/api/v1/namespaces/eks-encrypt") => return not_found(path),
            // The first list is that of the watermark; what the run has written is newer.
            ("GET", "/api/v1/secrets") => {
                let version = if path.contains("limit=1&") || path.ends_with("limit=1") { "100" } else { "200" };
                let secret = json!({"metadata": {"namespace": "a", "name": "s", "resourceVersion": "150"}});
                json!({"metadata": {"resourceVersion": version}, "items": [secret]})
            }
            ("PATCH", path) if path.contains(&format!("/{job_state}/")) => return (403, status(403, "Forbidden")),
            ("GET", path) if path.ends_with("/clusterrolebindings") => json!({"metadata": {}, "items": []}),
            ("GET", path) if path.contains("/jobs/") && job_state == "deleted" => return not_found(path),
            ("GET", path) if path.contains("/rbac.authorization.k8s.io/") => {
                json!({"metadata": {"name": "x", "labels": {"eks-encrypt/run": run}},
                    "roleRef": {"apiGroup": "", "kind": "", "name": ""}})
            }
            ("GET", path) if path.ends_with("/pods") => {
                json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [
                {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "job", "image": "", "imageID": "", "ready": false,
                    "restartCount": 0, "state": {"terminated": {"exitCode": 0, "message": word}}}]}}]})
            }
            ("GET", path) if path.ends_with("/log") => return (200, format!("2026-11-24T07:00:00Z {word}\n")),
            ("GET", _) => job(json!([{"type": if failed > 0 { "Failed" } else { "Complete" }, "status": "True"}])),
            ("DELETE", _) => return (200, r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.into()),
            (_, path) => return (200, api_object(path)),
        };
        (200, body.to_string())
    });
    (client, asked)
}

pub(crate) fn status(code: u16, reason: &str) -> String {
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "you may not"}).to_string()
}
