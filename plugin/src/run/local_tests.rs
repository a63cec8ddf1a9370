//! The engine in this process, against a scripted API server.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::k8s::Kubernetes;
use crate::model::options::Prove;
use crate::output::cluster_ref::ClusterRef;
use crate::output::report_finished;
use crate::run::proof::{CensusBefore, Prover};
use crate::run::verdict::Verdict;
use crate::run::verify_result;
use crate::testing::{KEY, forbidden, kubeconfig, kubernetes_with_calls, reencrypt};
use insta::assert_snapshot;
use serde_json::{Value, json};

type Written = Arc<Mutex<Vec<(String, Value)>>>;

fn missing(kind: &str, name: &str) -> (u16, String) {
    let status = json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound",
        "message": format!("{kind} {name} not found"), "details": {"name": name, "kind": kind}});
    (404, status.to_string())
}

/// An API server with two Secrets, whose patches get this code, this record, and this Lease; and what was written there.
fn api_server(code: u16, record: Option<Value>, lease: Option<Value>) -> (Client, Written) {
    let written = Written::default();
    let heard = written.clone();
    let secrets = Mutex::new(BTreeMap::from([("db", 5), ("web", 6)]));
    let client = kubernetes_with_calls(move |call| {
        let path = call.path.split('?').next().unwrap();
        let body: Value = serde_json::from_str(&call.body).unwrap_or_default();
        if call.method != "GET" {
            written.lock().unwrap().push((format!("{} {path}", call.method), body.clone()));
        }
        let metadata = |name: &str, version: u64| json!({"metadata": {"namespace": "shop", "name": name, "resourceVersion": version.to_string()}});
        match (call.method.as_str(), path) {
            ("GET", "/version") => {
                let version = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "", "gitTreeState": "",
                    "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
                (200, version.to_string())
            }
            ("GET", "/api/v1/secrets") => {
                let secrets = secrets.lock().unwrap();
                let items: Vec<_> = secrets.iter().map(|(name, version)| metadata(name, *version)).collect();
                (200, json!({"metadata": {"resourceVersion": "100"}, "items": items}).to_string())
            }
            ("PATCH", path) if path.contains("/secrets/") && code == 200 => {
                let mut secrets = secrets.lock().unwrap();
                let (name, version) = secrets.iter_mut().find(|(name, _)| path.ends_with(**name)).unwrap();
                // A touch of what is current writes nothing.
                if body["metadata"]["annotations"].is_object() {
                    *version += 100;
                }
                (200, metadata(name, *version).to_string())
            }
            ("PATCH", path) if path.contains("/secrets/") => (code, forbidden("patch", "secrets")),
            ("GET", path) if path.contains("/configmaps/") => match &record {
                Some(data) => (200, json!({"metadata": {"name": "eks-encrypt-run"}, "data": data}).to_string()),
                None => missing("configmaps", "eks-encrypt-run"),
            },
            ("GET", path) if path.contains("/leases/") => match &lease {
                Some(spec) => (200, json!({"metadata": {"resourceVersion": "1"}, "spec": spec}).to_string()),
                None => missing("leases", "eks-encrypt"),
            },
            ("GET", "/api/v1/namespaces/eks-encrypt") => missing("namespaces", "eks-encrypt"),
            ("POST", "/api/v1/namespaces") if code == 403 => (403, forbidden("create", "namespaces")),
            _ => (200, json!({"metadata": {"name": "x", "resourceVersion": "1"}}).to_string()),
        }
    });
    (client, heard)
}

/// A local run with this key until it ends, or until this many seconds are over; what is said, and the exit code.
async fn ran(client: Client, key_arn: &str, seconds: u64) -> (Run, ExitCode, String) {
    let flags = reencrypt(&["--local"]);
    let kubernetes: Kubernetes = kubeconfig(client.clone(), "https://127.0.0.1:1", "authority A");
    let run = Run::new(Some("eks-encrypt"), Timestamp::now(), rand::random());
    let (engine, job) = (&flags.engine, &flags.job);
    let work = RunRequest { kubernetes: &kubernetes, run: &run, key_arn, engine, job, wait: true, missing: &[] };
    let (terminal, phase) = (Terminal::captured(), RefCell::default());
    let stop = async {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        "Ctrl-C".to_owned()
    };
    let (run, ended) = run_until(stop, &work, &client, &terminal, &phase).await.unwrap();
    assert_eq!(*phase.borrow(), Phase::Local);
    let cluster_ref = ClusterRef { context: "prod".into(), key_arn: key_arn.to_owned(), ..ClusterRef::default() };
    let prover = Prover {
        kubernetes: &kubernetes,
        key_arn,
        before: None,
        wanted: Prove::None,
        pace: (None, None),
        deadline: Instant::now(),
        terminal: &terminal,
    };
    let verdict = verify_result(&run, &ended, &prover, CensusBefore::NotWanted, &phase).await;
    // A run that Ctrl-C has stopped is told of as stopped; only one that went through everything is verified.
    let stopped_or_failed = matches!(verdict, Verdict::Incomplete { .. });
    assert_eq!(phase.into_inner(), if stopped_or_failed { Phase::Local } else { Phase::Verifying });
    let code = report_finished(&run, &ended, &verdict, &cluster_ref, &[], Duration::from_secs(2), None, &terminal);
    let text = terminal.text().replace(&run.id, "RUN").replace(env!("CARGO_PKG_VERSION"), "0.0.0");
    (run, code, text)
}

fn of_secrets(written: &Written) -> Vec<String> {
    written
        .lock()
        .unwrap()
        .iter()
        .filter(|(call, _)| call.contains("/secrets/"))
        .map(|(call, _)| call.clone())
        .collect()
}

/// The fields of the last record that was written.
fn last_record(written: &Written) -> Value {
    let written = written.lock().unwrap();
    written.iter().rev().find(|(call, _)| call.contains("/configmaps")).unwrap().1["data"].clone()
}

const HOUR: u64 = 3_600;

#[tokio::test(start_paused = true)]
async fn every_secret_is_written_from_here() {
    let (client, written) = api_server(200, None, None);
    let (run, code, text) = ran(client, KEY, HOUR).await;
    assert_eq!((code, run.job.as_str()), (ExitCode::Done, ""), "{text}");
    assert_snapshot!(text[..text.find("Write it down").unwrap()], @r"
    The run has begun: 2 Secrets, watermark 100, engine 0.0.0, API server v1.34.4

    Done: every Secret is accounted for. NOT PROVEN.

      cluster   that of kubeconfig context prod
      key       arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      Secrets   2 listed: 2 rewritten, 0 current already, 0 deleted meanwhile, 0 failed
      took      2 s
      run       RUN
    ");
    assert_eq!(of_secrets(&written).len(), 2, "each written once");
    let record = last_record(&written);
    assert_eq!(
        (&record["result"], &record["jobUid"], &record["keyArn"]),
        (&json!("complete"), &json!(""), &json!(KEY))
    );
    let made: Vec<_> = written.lock().unwrap().iter().map(|(call, _)| call.clone()).collect();
    assert!(!made.iter().any(|call| call.contains("rbac") || call.contains("/jobs")), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_a_record_and_says_that_it_is_not_done() {
    let (client, written) = api_server(503, None, None);
    let (_, code, text) = ran(client, KEY, 60).await;
    assert_eq!(code, ExitCode::Incomplete);
    assert_snapshot!(text, @r#"
    The run has begun: 2 Secrets, watermark 100, engine 0.0.0, API server v1.34.4
    note: trying again: secrets is forbidden: User "alice" cannot patch resource "secrets"
    note: trying again: secrets is forbidden: User "alice" cannot patch resource "secrets"
    note: trying again: secrets is forbidden: User "alice" cannot patch resource "secrets"
    The run has stopped: Ctrl-C

    NOT DONE: the run stopped before it had gone through every Secret: Ctrl-C (until then 2 listed, 0 failed, 2 not reached; it is not known how many more there are).

      cluster   that of kubeconfig context prod
      key       arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      Secrets   2 listed: 0 rewritten, 0 current already, 0 deleted meanwhile, 0 failed
      took      2 s
      run       RUN

    Mend the cause, then run `enable` or `reencrypt` (again): it goes through every Secret once more.
    "#);
    assert_eq!(last_record(&written)["result"], "stopped");
}

/// What a local run left that wrote `db` and was broken off, with these fields in place of its own.
fn left(more: &[(&str, &str)]) -> Value {
    let mut data = json!({"run": "before", "jobUid": "", "watermark": "5", "method": "annotate", "keyArn": KEY,
        "phase": "rewrite", "result": "", "listed": "1", "rewritten": "1", "current": "0", "gone": "0", "failed": "0",
        "updated": "2026-11-24T07:00:00Z", "proof": ""});
    for (name, value) in more {
        data[name] = (*value).into();
    }
    data
}

#[tokio::test(start_paused = true)]
async fn a_local_run_that_was_broken_off_is_gone_on_with() {
    for result in ["", "stopped"] {
        let (client, written) = api_server(200, Some(left(&[("result", result)])), None);
        let (run, code, text) = ran(client, KEY, HOUR).await;
        assert_eq!((run.id.as_str(), code), ("before", ExitCode::Done), "{text}");
        assert!(
            text.contains("note: going on with run RUN: Secrets written since resourceVersion 5 are done"),
            "{text}"
        );
        assert!(text.contains("2 listed: 1 rewritten, 1 current already"), "{text}");
        assert_eq!(of_secrets(&written).len(), 1, "web is written");
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_record_is_gone_on_with() {
    let records = [
        left(&[("result", "complete")]),
        left(&[("result", "incomplete")]),
        left(&[("jobUid", "u")]),
        left(&[("method", "touch")]),
        left(&[("keyArn", "arn:other")]),
    ];
    for record in records {
        let (client, _) = api_server(200, Some(record.clone()), None);
        let (run, _, text) = ran(client, KEY, HOUR).await;
        assert!(run.id != "before" && !text.contains("going on with"), "{record} {text}");
    }
    // A run without a key may be older than the association.
    let (client, _) = api_server(200, Some(left(&[("keyArn", "")])), None);
    assert_ne!(ran(client, "", HOUR).await.0.id, "before");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_the_lease_keeps_this_one_out() {
    let now = Timestamp::now().to_string();
    let lease = json!({"holderIdentity": "r0/pod", "leaseDurationSeconds": 20, "acquireTime": now, "renewTime": now});
    // A Lease that somebody keeps renewing has another version each time that it is looked at.
    let version = std::sync::atomic::AtomicU64::new(1);
    let (inner, written) = api_server(200, None, None);
    drop(inner);
    let client = kubernetes_with_calls(move |call| {
        let path = call.path.split('?').next().unwrap();
        if path.contains("/leases/") {
            let version = version.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
            return (200, json!({"metadata": {"resourceVersion": version}, "spec": lease}).to_string());
        }
        match path.contains("/configmaps/") {
            true => missing("configmaps", "eks-encrypt-run"),
            false => (200, json!({"metadata": {"name": "x"}}).to_string()),
        }
    });
    let (_, code, text) = ran(client, KEY, HOUR).await;
    assert_eq!(code, ExitCode::Refused, "{text}");
    assert!(text.contains("NOT DONE: this run did not go on: another run is at work: r0/pod"), "{text}");
    assert_eq!(of_secrets(&written), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_may_not_be_made_does_not_keep_the_run() {
    let (client, _) = api_server(403, None, None);
    let (_, code, text) = ran(client, KEY, HOUR).await;
    assert_eq!(code, ExitCode::Incomplete, "the Secrets may not be patched either");
    assert_snapshot!(text.lines().next().unwrap(), @r#"note: can't make namespace eks-encrypt: namespaces is forbidden: User "alice" cannot create resource "namespaces"; the run goes on, and keeps no record if it does not exist"#);
}
