//! Which steps a run that was found gets.
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::testing::run::made_job;
use crate::testing::{KEY, forbidden, kubernetes, not_found, reached, recording_api_server, reencrypt};

/// The calls that change something, where a Job of ours is running with these flags.
async fn changed_by_following(more: &[&str]) -> Vec<String> {
    let job = made_job("r1", "ops", more);
    let list = json!({"metadata": {}, "items": [job]}).to_string();
    let (client, heard) = recording_api_server(move |method, path| match method {
        "GET" => (200, list.clone()),
        _ => (200, crate::testing::api_object(path)),
    });
    let flags = reencrypt(&[&["--namespace", "ops", "--image", "registry.example/job:1"], more].concat());
    let kubernetes = reached(client);
    let work = RunRequest {
        kubernetes: &kubernetes,
        run: &Run::from_id("r2", "ops"),
        key_arn: KEY,
        engine: &flags.engine,
        job: &flags.job,
        wait: true,
        missing: &[],
    };
    let found = find_active(&work, &Terminal::captured()).await.unwrap();
    assert_eq!(found.unwrap().id, "r1");
    heard.lock().unwrap().iter().filter(|call| !call.starts_with("GET ")).cloned().collect()
}

#[tokio::test]
async fn a_job_at_work_gets_its_rights_again() {
    let changed = changed_by_following(&[]).await;
    assert!(changed.iter().any(|call| call.contains("/clusterrolebindings/eks-encrypt-r1")), "{changed:?}");
}

/// They would stay: nobody takes rights away from a run that was given none.
#[tokio::test]
async fn a_job_at_work_with_somebodys_service_account_is_given_no_rights() {
    let changed = changed_by_following(&["--service-account", "theirs"]).await;
    assert!(changed.is_empty(), "{changed:?}");
}

/// It was applied to at once, and refused: the run ended with exit code 6.
#[tokio::test(start_paused = true)]
async fn a_run_waits_for_a_namespace_that_is_being_deleted() {
    let began = Instant::now();
    let client = kubernetes(move |method, path| {
        let terminating = began.elapsed() < Duration::from_secs(5);
        match (method, path.split('?').next().unwrap()) {
            ("GET", "/api/v1/namespaces/ops") if terminating => {
                (200, r#"{"metadata":{"name":"ops","deletionTimestamp":"2026-11-24T07:00:00Z"}}"#.into())
            }
            ("GET", "/api/v1/namespaces/ops") => not_found(path),
            ("GET", _) => (200, r#"{"metadata":{},"items":[]}"#.into()),
            _ if terminating => (403, forbidden("create", "jobs")),
            _ => (200, crate::testing::api_object(path)),
        }
    });
    let flags = reencrypt(&["--namespace", "ops", "--image", "registry.example/job:1"]);
    let (kubernetes, terminal) = (reached(client), Terminal::captured());
    let (engine, job) = (&flags.engine, &flags.job);
    let run = &Run::from_id("r1", "ops");
    let work = RunRequest { kubernetes: &kubernetes, run, key_arn: KEY, engine, job, wait: false, missing: &[] };
    let begun = run_or_follow(&work, &terminal, &RefCell::default(), Instant::now() + Duration::from_secs(60)).await;
    assert!(matches!(begun, Ok(Followed::Detached(_))), "{}", terminal.text());
    assert!(terminal.text().starts_with("Namespace ops is being deleted: waiting for that"), "{}", terminal.text());
}

/// What happens to a run whose ServiceAccount exists already, where its first creation was answered with this code.
async fn created_twice(first: u16) -> bool {
    let answers = std::sync::Mutex::new(vec![409, first]);
    let client = kubernetes(move |method, path| match (method, path.contains("/serviceaccounts")) {
        ("POST", true) => {
            let code = answers.lock().unwrap().pop().unwrap();
            let reason = if code == 409 { "AlreadyExists" } else { "InternalError" };
            (code, json!({"kind": "Status", "status": "Failure", "reason": reason, "code": code}).to_string())
        }
        ("DELETE", _) => (200, r#"{"kind":"Status","status":"Success"}"#.into()),
        _ => (200, crate::testing::api_object(path)),
    });
    let flags = reencrypt(&["--namespace", "ops", "--image", "registry.example/job:1"]);
    let (kubernetes, run) = (reached(client), Run::from_id("r1", "ops"));
    let (engine, job) = (&flags.engine, &flags.job);
    let work = RunRequest { kubernetes: &kubernetes, run: &run, key_arn: KEY, engine, job, wait: false, missing: &[] };
    create_run(&work, &Terminal::captured(), &RefCell::default()).await.is_ok()
}

/// The answer got lost, the second attempt met the first one's object, and the run was taken back.
#[tokio::test(start_paused = true)]
async fn an_object_whose_creation_was_not_answered_is_the_runs_own() {
    assert!(created_twice(500).await);
    assert!(!created_twice(409).await, "somebody else has made it");
}
