//! How long a write is tried again, and which refusals are final.
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::engine::attempt::Attempt;
use crate::fixture::{self, Reply, came_to, patch_one as outcome, patched, secret, status};
use crate::wire::event::Method;
use crate::wire::outcome::Outcome;

const NO_RIGHTS: &str =
    r#"secrets "s" is forbidden: User "x" cannot patch resource "secrets" in API group "" in the namespace "a""#;

/// Touches Secret a/`name`.
async fn touch(writer: &Writer<'_>, name: &str) -> Result<Outcome, String> {
    let secret = secret(name);
    let answer = writer.write(&secret, &json!({}), |_| true).await;
    came_to(Attempt::of(writer, &secret, answer).await)
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again() {
    let mut answers = [
        status(409, "Conflict", "s", "the object has been modified"),
        status(500, "InternalError", "", "failed calling webhook"),
        status(503, "ServiceUnavailable", "", "starting"),
        status(504, "Timeout", "", "request did not complete within requested timeout"),
        Reply::PlainText(429, "Too many requests, please try again later.", Some(1)),
        Reply::Broken,
        Reply::Never,
        Reply::Json(200, json!({ "kind": "cut off" })),
        patched("a/s", "6"),
    ]
    .into_iter();
    let (outcome, _) = outcome(Method::Annotate, move |_| answers.next().unwrap()).await;
    assert_eq!(outcome, Ok(Outcome::Rewritten));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for() {
    let begun = Instant::now();
    let mut times = Vec::new();
    let (outcome, _) = outcome(Method::Annotate, move |_| {
        times.push(begun.elapsed());
        match times.as_slice() {
            [_] => Reply::PlainText(429, "Too many requests, please try again later.", Some(7)),
            [first, second] => {
                assert!(*second - *first >= Duration::from_secs(7), "{times:?}");
                patched("a/s", "6")
            }
            more => panic!("{more:?}"),
        }
    })
    .await;
    assert_eq!(outcome, Ok(Outcome::Rewritten));
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_restarts_for_30_s_is_survived() {
    let begun = Instant::now();
    let away = Duration::from_secs(30);
    let (outcome, _) =
        outcome(Method::Annotate, move |_| if begun.elapsed() < away { Reply::Broken } else { patched("a/s", "6") })
            .await;
    assert_eq!(outcome, Ok(Outcome::Rewritten));
    assert!(begun.elapsed() < away + Duration::from_secs(11), "came back too late: {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_stays_away_is_that_secrets_failure() {
    let begun = Instant::now();
    let (outcome, _) = outcome(Method::Annotate, |_| Reply::Broken).await;
    assert_eq!(outcome.unwrap_err(), "no answer from the API server: connection reset by peer");
    assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 2, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_final_and_says_who_denied() {
    for (code, reason, message) in [
        (400, "BadRequest", r#"admission webhook "w.example.com" denied the request: no"#),
        (
            403,
            "Forbidden",
            r#"secrets "s" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request"#,
        ),
        (403, "Forbidden", r#"secrets "s" is forbidden: exceeded quota: q"#),
        (422, "Invalid", r#"Secret "s" is invalid: metadata.annotations: Too long"#),
    ] {
        let (outcome, log) = outcome(Method::Annotate, move |_| status(code, reason, "s", message)).await;
        assert_eq!(outcome.unwrap_err(), message);
        assert_eq!(log.of("").len(), 1, "{code} was tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn rights_that_were_never_there_are_not_waited_for() {
    for code in [401, 403] {
        let (outcome, log) = outcome(Method::Annotate, move |_| status(code, "", "", NO_RIGHTS)).await;
        assert_eq!(outcome.unwrap_err(), NO_RIGHTS);
        assert_eq!(log.of("").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn rights_that_were_there_may_come_back_when_the_api_server_has_started() {
    let (client, server) = fixture::pair();
    let mut calls = 0;
    server.serve(move |_| {
        calls += 1;
        Some(if calls == 2 { status(403, "Forbidden", "s", NO_RIGHTS) } else { patched("a/s", "6") })
    });
    let (spec, last_error) = (fixture::spec(Method::Touch, 1), LastError::default());
    let writer = Writer::new(&client, &spec.limit, &last_error);
    assert_eq!(touch(&writer, "s").await, Ok(Outcome::Rewritten));
    assert_eq!(touch(&writer, "s").await, Ok(Outcome::Rewritten));
}

#[tokio::test(start_paused = true)]
async fn a_denial_that_speaks_of_rights_is_no_lack_of_rights_and_not_waited_for() {
    for (code, message) in [
        (403, format!(r#"admission webhook "w" denied the request: {NO_RIGHTS}"#)),
        (401, r#"admission webhook "w" denied the request: Unauthorized"#.into()),
        (403, r#"secrets "s" is forbidden: ValidatingAdmissionPolicy 'p' denied request: you cannot change a resource "x""#.into()),
        (403, format!(r#"secrets "s" is forbidden: ValidatingAdmissionPolicy 'p' denied request: {NO_RIGHTS}"#)),
    ] {
        let (client, server) = fixture::pair();
        let (mut calls, words) = (0, message.clone());
        let log = server.serve(move |_| {
            calls += 1;
            Some(if calls > 1 { status(code, "Forbidden", "s", &words) } else { patched("a/s", "6") })
        });
        let (spec, last_error) = (fixture::spec(Method::Touch, 1), LastError::default());
        let writer = Writer::new(&client, &spec.limit, &last_error);
        assert_eq!(touch(&writer, "s").await, Ok(Outcome::Rewritten), "rights are there");
        assert_eq!(touch(&writer, "s").await.unwrap_err(), message);
        assert_eq!(log.of("").len(), 2, "tried again: {message}");
    }
}

const UNREACHABLE: &str = concat!(
    r#"Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: "#,
    r#"Post "https://w.a.svc:443/?timeout=10s": no endpoints available for service "w""#
);

/// Whether each of these Secrets waited as long as patience goes, one after the other, and how it ended.
async fn waits(answers: Vec<fn() -> Reply>) -> Vec<(bool, Result<Outcome, String>)> {
    let (count, (client, server)) = (answers.len(), fixture::pair());
    server.serve(move |call| {
        let number: usize = call.patched().unwrap().trim_start_matches("a/s").parse().unwrap();
        Some(answers[number]())
    });
    let (spec, last_error) = (fixture::spec(Method::Touch, 1), LastError::default());
    let writer = Writer::new(&client, &spec.limit, &last_error);
    let mut waits = Vec::new();
    for number in 0..count {
        let begun = Instant::now();
        let outcome = touch(&writer, &format!("s{number}")).await;
        waits.push((begun.elapsed() >= PATIENCE, outcome));
    }
    waits
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_stays_unreachable_is_not_waited_for_by_each_secret_until_one_is_let_through() {
    let refused = || status(500, "InternalError", "", UNREACHABLE);
    let mut answers: Vec<fn() -> Reply> = vec![refused; MAX_WEBHOOK_FAILURES + 2];
    answers.extend([(|| patched("a/s", "6")) as fn() -> Reply, refused]);
    let mut waited: Vec<bool> = waits(answers).await.into_iter().map(|(waited, _)| waited).collect();
    assert_eq!(waited.pop(), Some(true), "one was let through, so it is worth waiting again");
    assert_eq!(waited, [vec![true; MAX_WEBHOOK_FAILURES], vec![false; 3]].concat());
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_stays_away_is_waited_for_by_each_secret() {
    let waits = waits(vec![|| Reply::Broken; MAX_WEBHOOK_FAILURES + 2]).await;
    assert!(waits.iter().all(|(waited, outcome)| *waited && outcome.is_err()), "{waits:?}");
}
