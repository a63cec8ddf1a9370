//! What one patch asks for, and what each kind of answer means.
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::fixture::{self, Call, Log, Reply, not_found, patched, status, status_of};

/// Patches Secret a/s (resourceVersion 5) against `script`.
async fn outcome(method: Method, script: impl FnMut(&Call) -> Reply + Send + 'static) -> (Outcome, Log) {
    let mut script = script;
    let (client, server) = fixture::pair();
    let log = server.serve(move |call| Some(script(call)));
    let (spec, trouble) = (fixture::spec(method, 1), Trouble::default());
    let patcher = Patcher::new(&client, &spec.limit, &trouble, method, spec.time);
    (patcher.patch(secret("s")).await.unwrap(), log)
}

fn secret(name: &str) -> Secret {
    Secret { namespace: "a".into(), name: name.into(), resource_version: "5".into() }
}

fn failed(outcome: &Outcome) -> &str {
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.namespace.as_str(), failure.name.as_str()), ("a", "s"));
    &failure.reason
}

const NO_RIGHTS: &str =
    r#"secrets "s" is forbidden: User "x" cannot patch resource "secrets" in API group "" in the namespace "a""#;

#[tokio::test(start_paused = true)]
async fn annotate_sets_the_annotation_and_asks_for_metadata_alone() {
    let (outcome, log) = outcome(Method::Annotate, |call| {
        assert!(call.accept.contains("as=PartialObjectMetadata;"), "asked for the whole Secret: {}", call.accept);
        patched("a/s", "6")
    })
    .await;
    assert_eq!(outcome, Outcome::Rewritten);
    insta::assert_json_snapshot!(log.of(""), @r#"
    [
      [
        "PATCH /api/v1/namespaces/a/secrets/s?fieldManager=eks-encrypt",
        {
          "metadata": {
            "annotations": {
              "eksctl.io/kms-encryption-timestamp": "2026-01-02T03:04:05Z"
            }
          }
        }
      ]
    ]
    "#);
}

/// The API server's refusal of a field's value.
fn invalid(field: &str, by: &str) -> Reply {
    let message = format!("{by}Secret \"s\" is invalid: {field}: Too long: may not be more than 262144 bytes");
    let cause = json!({ "reason": "FieldValueTooLong", "message": "Too long", "field": field });
    let details = json!({ "name": "s", "kind": "Secret", "causes": [cause] });
    let status = json!({ "kind": "Status", "status": "Failure", "code": 422, "reason": "Invalid", "message": message, "details": details });
    Reply::Json(422, status)
}

#[tokio::test(start_paused = true)]
async fn a_secret_with_no_room_for_the_annotation_is_touched_instead() {
    let (outcome, log) = outcome(Method::Annotate, |call| {
        if call.body == json!({}) { patched("a/s", "6") } else { invalid("metadata.annotations", "") }
    })
    .await;
    assert_eq!(outcome, Outcome::Rewritten);
    assert_eq!(log.of("PATCH").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_else_is_invalid_or_a_webhook_says_so_is_not_touched_behind_its_back() {
    for refusal in
        [|| invalid("data", ""), || invalid("metadata.annotations", "admission webhook \"w\" denied the request: ")]
    {
        let (outcome, log) = outcome(Method::Annotate, move |_| refusal()).await;
        assert!(failed(&outcome).contains("is invalid"));
        assert_eq!(log.of("PATCH").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn touch_sends_an_empty_patch_and_knows_a_current_secret_by_its_version() {
    let (rewritten, log) = outcome(Method::Touch, |_| patched("a/s", "6")).await;
    assert_eq!(rewritten, Outcome::Rewritten);
    assert_eq!(log.of("")[0].1, json!({}));
    assert_eq!(outcome(Method::Touch, |_| patched("a/s", "5")).await.0, Outcome::Current);
}

#[tokio::test(start_paused = true)]
async fn a_secret_deleted_meanwhile_is_gone() {
    for (kind, name) in [("secrets", "s"), ("namespaces", "a")] {
        let (outcome, log) = outcome(Method::Annotate, move |_| not_found(kind, name)).await;
        assert_eq!(outcome, Outcome::Gone, "{kind}");
        assert_eq!(log.of("").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_that_a_webhook_passes_on_is_a_denial_and_not_taken_for_gone() {
    const DENIED: &str = r#"admission webhook "w.example.com" denied the request: secrets "s" not found"#;
    for (kind, name) in [("secrets", "s"), ("namespaces", "a"), ("", "")] {
        let (outcome, log) = outcome(Method::Annotate, move |_| status_of(kind, 404, "NotFound", name, DENIED)).await;
        assert_eq!(failed(&outcome), DENIED, "{kind}");
        assert_eq!(log.of("").len(), 1, "{kind}: tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_about_another_object_of_the_same_name_is_not_taken_for_gone() {
    for (kind, name) in [("configmaps", "s"), ("secrets", "a"), ("namespaces", "s")] {
        let (outcome, _) = outcome(Method::Annotate, move |_| not_found(kind, name)).await;
        assert_eq!(failed(&outcome), format!("{kind} {name:?} not found"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_that_does_not_name_the_secret_is_not_taken_for_gone() {
    let mut calls = 0;
    let (outcome, _) = outcome(Method::Annotate, move |_| {
        calls += 1;
        if calls < 3 { Reply::PlainText(404, "404 page not found", None) } else { patched("a/s", "6") }
    })
    .await;
    assert_eq!(outcome, Outcome::Rewritten);
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
    assert_eq!(outcome, Outcome::Rewritten);
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
    assert_eq!(outcome, Outcome::Rewritten);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_restarts_for_30_s_is_survived() {
    let begun = Instant::now();
    let away = Duration::from_secs(30);
    let (outcome, _) =
        outcome(Method::Annotate, move |_| if begun.elapsed() < away { Reply::Broken } else { patched("a/s", "6") })
            .await;
    assert_eq!(outcome, Outcome::Rewritten);
    assert!(begun.elapsed() < away + Duration::from_secs(11), "came back too late: {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_stays_away_is_that_secrets_failure() {
    let begun = Instant::now();
    let (outcome, _) = outcome(Method::Annotate, |_| Reply::Broken).await;
    assert_eq!(failed(&outcome), "no answer from the API server: connection reset by peer");
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
        assert_eq!(failed(&outcome), message);
        assert_eq!(log.of("").len(), 1, "{code} was tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn rights_that_were_never_there_are_not_waited_for() {
    for code in [401, 403] {
        let (outcome, log) = outcome(Method::Annotate, move |_| status(code, "", "", NO_RIGHTS)).await;
        assert_eq!(failed(&outcome), NO_RIGHTS);
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
    let (spec, trouble) = (fixture::spec(Method::Touch, 1), Trouble::default());
    let patcher = Patcher::new(&client, &spec.limit, &trouble, Method::Touch, spec.time);
    assert_eq!(patcher.patch(secret("s")).await.unwrap(), Outcome::Rewritten);
    assert_eq!(patcher.patch(secret("s")).await.unwrap(), Outcome::Rewritten);
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
        let (spec, trouble) = (fixture::spec(Method::Touch, 1), Trouble::default());
        let patcher = Patcher::new(&client, &spec.limit, &trouble, Method::Touch, spec.time);
        assert_eq!(patcher.patch(secret("s")).await.unwrap(), Outcome::Rewritten, "rights are there");
        assert_eq!(failed(&patcher.patch(secret("s")).await.unwrap()), message);
        assert_eq!(log.of("").len(), 2, "tried again: {message}");
    }
}

const UNREACHABLE: &str = concat!(
    r#"Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: "#,
    r#"Post "https://w.a.svc:443/?timeout=10s": no endpoints available for service "w""#
);

/// Whether each of these Secrets waited as long as patience goes, one after the other, and how it ended.
async fn waits(answers: Vec<fn() -> Reply>) -> Vec<(bool, Outcome)> {
    let (count, (client, server)) = (answers.len(), fixture::pair());
    server.serve(move |call| {
        let number: usize = call.patched().unwrap().trim_start_matches("a/s").parse().unwrap();
        Some(answers[number]())
    });
    let (spec, trouble) = (fixture::spec(Method::Touch, 1), Trouble::default());
    let patcher = Patcher::new(&client, &spec.limit, &trouble, Method::Touch, spec.time);
    let mut waits = Vec::new();
    for number in 0..count {
        let begun = Instant::now();
        let outcome = patcher.patch(secret(&format!("s{number}"))).await.unwrap();
        waits.push((begun.elapsed() >= PATIENCE, outcome));
    }
    waits
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_stays_unreachable_is_not_waited_for_by_each_secret_until_one_is_let_through() {
    let refused = || status(500, "InternalError", "", UNREACHABLE);
    let mut answers: Vec<fn() -> Reply> = vec![refused; ENOUGH_IN_VAIN + 2];
    answers.extend([(|| patched("a/s", "6")) as fn() -> Reply, refused]);
    let mut waited: Vec<bool> = waits(answers).await.into_iter().map(|(waited, _)| waited).collect();
    assert_eq!(waited.pop(), Some(true), "one was let through, so it is worth waiting again");
    assert_eq!(waited, [vec![true; ENOUGH_IN_VAIN], vec![false; 3]].concat());
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_stays_away_is_waited_for_by_each_secret() {
    let waits = waits(vec![|| Reply::Broken; ENOUGH_IN_VAIN + 2]).await;
    assert!(waits.iter().all(|(waited, outcome)| *waited && matches!(outcome, Outcome::Failed(_))), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_reason_is_cut() {
    let long = "é".repeat(5000);
    let (outcome, _) = outcome(Method::Annotate, move |_| status(422, "Invalid", "s", &long)).await;
    assert_eq!(failed(&outcome).chars().count(), LONGEST_REASON + 1);
}
