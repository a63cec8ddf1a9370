//! Which run is followed, how it is judged, and what becomes of its rights.
use super::*;
use crate::cli::{Cli, Command};
use crate::testing::{
    self, Heard, KEY, error_text, forbidden, kubeconfig, kubernetes as api_server, not_found, recording_api_server,
};
use clap::Parser as _;
use insta::assert_snapshot;
use serde_json::{Value, json};

fn flags(more: &[&str]) -> Attach {
    let base = ["kubectl-eks_encrypt", "attach"];
    let Command::Attach(flags) = Cli::try_parse_from(base.iter().chain(&testing::in_namespace(more))).unwrap().command
    else {
        panic!()
    };
    flags
}

/// A Job of this run that was made at this minute, by `enable` or `reencrypt`; ended so, if it has.
fn job(name: &str, minute: u32, condition: Option<&str>) -> Value {
    let run = name.strip_prefix("eks-encrypt-").unwrap_or("by-hand");
    let conditions: Vec<_> = condition.iter().map(|word| json!({"type": word, "status": "True"})).collect();
    json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": conditions},
        "metadata": {"name": name, "namespace": "eks-encrypt", "labels": {"eks-encrypt/run": run},
            "creationTimestamp": format!("2026-11-24T07:{minute:02}:00Z"),
            "managedFields": [{"manager": "eks-encrypt", "operation": "Apply"}]},
        "spec": {"template": {"spec": {"containers": [{"name": "job", "env": [
            {"name": "EKS_ENCRYPT_KEY_ARN", "value": KEY}, {"name": "EKS_ENCRYPT_METHOD", "value": "annotate"}]}]}}}})
}

/// A Job as manifests/ has it: its own name, no key.
fn by_hand() -> Value {
    let mut job = job("eks-encrypt", 0, Some("Complete"));
    job["metadata"]["managedFields"] = json!([{"manager": "kubectl-client-side-apply", "operation": "Update"}]);
    job["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "".into();
    job
}

/// An API server with these Jobs, whose rights carry these labels. The Job that is asked for by name has ended with this last
/// word of its Pod.
fn server(jobs: Vec<Value>, rights: Value, condition: &'static str, result: &'static str) -> (Client, Heard) {
    recording_api_server(move |method, path| {
        let bare = path.split('?').next().unwrap();
        let asked = |job: &&Value| bare.ends_with(&format!("/jobs/{}", job["metadata"]["name"].as_str().unwrap()));
        let run = path.split("run%3D").nth(1).unwrap_or("r1").split('&').next().unwrap().to_owned();
        let body = match (method, bare) {
            ("DELETE", _) => json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}),
            (_, bare) if bare.ends_with("/jobs") => json!({"metadata": {}, "items": jobs}),
            (_, bare) if bare.contains("/jobs/") => {
                let Some(job) = jobs.iter().find(asked) else { return not_found(path) };
                let mut job = job.clone();
                job["status"]["conditions"] = json!([{"type": condition, "status": "True"}]);
                job
            }
            (_, bare) if bare.contains("rbac.authorization") || bare.contains("/serviceaccounts/") => {
                json!({"metadata": {"name": "x", "labels": rights}})
            }
            // The second is newer than the first list, and so written since.
            ("GET", "/api/v1/secrets") => {
                let version = if path.contains("limit=1&") || path.ends_with("limit=1") { "100" } else { "200" };
                json!({"metadata": {"resourceVersion": version}, "items": [
                    {"metadata": {"namespace": "a", "name": "s", "resourceVersion": "90"}},
                    {"metadata": {"namespace": "a", "name": "t", "resourceVersion": "150"}}]})
            }
            ("PATCH", "/api/v1/namespaces/a/secrets/s") => {
                json!({"metadata": {"namespace": "a", "name": "s", "resourceVersion": "90"}})
            }
            (_, bare) if bare.ends_with("/log") => return (200, String::new()),
            (_, bare) if bare.ends_with("/pods") => {
                let tally = r#"{"listed":2,"rewritten":2,"current":0,"gone":0,"failed":0}"#;
                let word = format!(
                    r#"{{"wire":1,"run":"{run}","pod":"p","seq":9,"time":"2026-11-24T07:00:00Z","event":"finished","result":"{result}","tally":{tally},"reason":"words"}}"#
                );
                json!({"metadata": {}, "items": [{"metadata": {"name": "p"}, "status": {"containerStatuses": [
                    {"name": "job", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                     "state": {"terminated": {"exitCode": 0, "message": word}}}]}}]})
            }
            (_, path) => panic!("asked {path}"),
        };
        (200, body.to_string())
    })
}

/// What `attach` does and says.
async fn attached(client: Client, more: &[&str]) -> (Result<ExitCode, CliError>, String) {
    let (terminal, kubernetes) = (Terminal::captured(), kubeconfig(client, "https://127.0.0.1:1", "authority A"));
    let code = follow_latest(&flags(more), &kubernetes, &terminal, &RefCell::default()).await;
    (code, terminal.text())
}

fn ours() -> Value {
    json!({"app.kubernetes.io/name": "eks-encrypt", "eks-encrypt/run": "r1"})
}

fn deleted(heard: &Heard) -> Vec<String> {
    let deleted = |call: &&String| call.starts_with("DELETE");
    heard.lock().unwrap().iter().filter(deleted).map(|call| call.rsplit("/v1/").next().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_job_at_work_is_followed_before_a_newer_one_that_has_ended() {
    let jobs = vec![
        job("eks-encrypt-r0", 1, Some("Failed")),
        job("eks-encrypt-r1", 2, None),
        job("eks-encrypt-r2", 3, Some("Complete")),
    ];
    let (client, heard) = server(jobs, ours(), "Complete", "complete");
    let (code, text) = attached(client, &[]).await;
    assert_eq!(code.unwrap(), ExitCode::Done);
    assert!(text.starts_with("Job eks-encrypt-r1 is at work in namespace eks-encrypt\n"), "{text}");
    assert!(text.contains("\nDone and proven: every Secret is under the key.\n"), "{text}");
    assert!(text.contains(KEY) && !text.contains("by hand"), "{text}");
    assert_snapshot!(deleted(&heard).join("\n"), @r"
    clusterrolebindings/eks-encrypt-r1?
    namespaces/eks-encrypt/rolebindings/eks-encrypt-r1?
    clusterroles/eks-encrypt-r1?
    namespaces/eks-encrypt/roles/eks-encrypt-r1?
    namespaces/eks-encrypt/serviceaccounts/eks-encrypt-r1?
    ");
    let labels = "labelSelector=app.kubernetes.io%2Fname%3Deks-encrypt%2Ceks-encrypt%2Frun";
    assert!(heard.lock().unwrap()[0].contains(labels), "{:?}", heard.lock().unwrap()[0]);
}

#[tokio::test(start_paused = true)]
async fn without_one_at_work_it_is_the_last_one() {
    let mut stranger = job("eks-encrypt-r3", 9, None);
    stranger["spec"]["template"]["spec"]["containers"][0]["name"] = "other".into();
    let jobs = vec![job("eks-encrypt-r1", 2, Some("Failed")), job("eks-encrypt-r0", 1, Some("Complete")), stranger];
    let (client, _) = server(jobs, ours(), "Failed", "incomplete");
    let (code, text) = attached(client, &[]).await;
    assert_eq!(code.unwrap(), ExitCode::Incomplete);
    assert_snapshot!(text, @r"
    Job eks-encrypt-r1 has ended in namespace eks-encrypt

    NOT DONE: the run says that it is incomplete: words.

      cluster   that of kubeconfig context prod
      key       arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      Secrets   2 listed: 2 rewritten, 0 current already, 0 deleted meanwhile, 0 failed
      took      1 s
      run       r1 (kubectl logs -n eks-encrypt job/eks-encrypt-r1)

    Mend the cause, then run `enable` or `reencrypt` (again): it goes through every Secret once more.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_another_one_kept_out_is_refused() {
    let (client, _) = server(vec![job("eks-encrypt-r1", 2, Some("Failed"))], ours(), "Failed", "refused");
    let (code, _) = attached(client, &[]).await;
    assert_eq!(code.unwrap(), ExitCode::Refused);
}

#[tokio::test(start_paused = true)]
async fn rights_applied_by_hand_stay_and_that_is_said_at_the_end() {
    let rights = json!({"app.kubernetes.io/name": "eks-encrypt"});
    let (client, heard) = server(vec![by_hand()], rights, "Complete", "complete");
    let (code, text) = attached(client, &["--context", "prod"]).await;
    // It names no key.
    assert_eq!(code.unwrap(), ExitCode::Incomplete);
    assert_eq!(deleted(&heard), [""; 0]);
    assert_snapshot!(text, @r"
    Job eks-encrypt has ended in namespace eks-encrypt
    note: this Job names no key by its own ARN, so that nothing can be proven
    1 of 1 API servers write under one key, and nothing shows that it is yours

    NOT PROVEN: every Secret was written, but not seen under the key: 1 of 1 API servers write under one key, and nothing shows that it is yours.

      cluster   that of kubeconfig context prod
      key       not known to this run; `kubectl eks-encrypt status --context prod` shows which the cluster has
      Secrets   2 listed: 2 rewritten, 0 current already, 0 deleted meanwhile, 0 failed
      took      1 s
      run       by-hand (kubectl logs -n eks-encrypt job/eks-encrypt --context prod)

    A Secret that an API server with another key wrote last is under that key. Fix the cause, then run:
      kubectl eks-encrypt verify --context prod --namespace eks-encrypt

    Rights that were applied by hand stay: ClusterRoleBinding eks-encrypt, RoleBinding eks-encrypt, ClusterRole eks-encrypt, Role eks-encrypt, ServiceAccount eks-encrypt
    To remove them, with the Job, its log and the run record (GitOps: take them out there first):
      kubectl eks-encrypt cleanup --context prod
    To remove the right to list and patch every Secret alone:
      kubectl delete clusterrolebinding eks-encrypt --context prod
    ");
}

/// A Job that `manifests` printed has its run's label on its rights: they are the run's, whoever applied them.
#[tokio::test(start_paused = true)]
async fn rights_that_were_printed_are_taken_away() {
    let mut printed = job("eks-encrypt-r1", 2, Some("Complete"));
    printed["metadata"]["managedFields"] = json!([{"manager": "kubectl-client-side-apply", "operation": "Update"}]);
    let (client, heard) = server(vec![printed], ours(), "Complete", "complete");
    let (code, text) = attached(client, &[]).await;
    assert_eq!(code.unwrap(), ExitCode::Done);
    assert_eq!(deleted(&heard).len(), 5);
    assert!(text.contains("\nDone and proven: every Secret is under the key.\n"), "{text}");
    assert!(text.contains(KEY) && !text.contains("by hand"), "{text}");
}

#[tokio::test]
async fn no_run_is_an_error_that_says_where_to_look() {
    let client = api_server(|_, _| (200, r#"{"metadata":{},"items":[]}"#.into()));
    let (end, text) = attached(client, &["-n", "ops"]).await;
    assert_eq!(text, "");
    let denied = attached(api_server(|_, _| (403, forbidden("list", "jobs"))), &["-n", "ops"]).await;
    assert_snapshot!([error_text(end.unwrap_err()), error_text(denied.0.unwrap_err())].join("\n"), @r#"
    exit 1
    error: there is no run in namespace ops (in another one: -n NAMESPACE); `kubectl eks-encrypt status --namespace ops` shows what there was
    exit 1
    error: can't list Jobs in namespace ops: jobs is forbidden: User "alice" cannot list resource "jobs"
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_job_deleted_meanwhile_leaves_no_rights() {
    let (client, heard) = recording_api_server(|method, path| match (method, path) {
        ("DELETE", _) => (200, r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.into()),
        (_, path) if path.contains("/jobs?") => {
            (200, json!({"metadata": {}, "items": [job("eks-encrypt-r1", 2, None)]}).to_string())
        }
        (_, path) if path.contains("rbac.authorization") => {
            (200, json!({"metadata": {"name": "x", "labels": ours()}}).to_string())
        }
        (_, path) => not_found(path),
    });
    let (end, text) = attached(client, &[]).await;
    assert_snapshot!(format!("{text}\n{}", error_text(end.unwrap_err())), @r"
    Job eks-encrypt-r1 is at work in namespace eks-encrypt
    exit 6
    error: Job eks-encrypt-r1 in namespace eks-encrypt is gone: somebody deleted it before it had ended; run `enable` or `reencrypt` (again) to begin another
    ");
    assert_eq!(deleted(&heard).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_goes_on_when_time_is_up_keeps_its_rights() {
    let (client, heard) = recording_api_server(|_, path| match path.split('?').next().unwrap() {
        bare if bare.ends_with("/jobs") => {
            (200, json!({"metadata": {}, "items": [job("eks-encrypt-r1", 2, None)]}).to_string())
        }
        bare if bare.contains("/jobs/") => (200, job("eks-encrypt-r1", 2, None).to_string()),
        _ => (200, json!({"metadata": {}, "items": []}).to_string()),
    });
    let (end, _) = attached(client, &["--timeout", "1m"]).await;
    assert_eq!(end.unwrap_err().code, ExitCode::StillRunning);
    assert_eq!(deleted(&heard), [""; 0]);
}
