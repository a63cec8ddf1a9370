//! What one patch asks for, and what its answer means.
use super::*;
use crate::fixture::{Reply, not_found, page, patch_one as outcome, patched, status, status_of};
use crate::wire::outcome::Outcome;

#[tokio::test(start_paused = true)]
async fn annotate_sets_the_annotation_and_asks_for_metadata_alone() {
    let (outcome, log) = outcome(Method::Annotate, |call| {
        assert!(call.accept.contains("as=PartialObjectMetadata;"), "asked for the whole Secret: {}", call.accept);
        patched("a/s", "6")
    })
    .await;
    assert_eq!(outcome, Ok(Outcome::Rewritten));
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
    assert_eq!(outcome, Ok(Outcome::Rewritten));
    assert_eq!(log.of("PATCH").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_else_is_invalid_or_a_webhook_says_so_is_not_touched_behind_its_back() {
    for api_error in
        [|| invalid("data", ""), || invalid("metadata.annotations", "admission webhook \"w\" denied the request: ")]
    {
        let (outcome, log) = outcome(Method::Annotate, move |_| api_error()).await;
        assert!(outcome.unwrap_err().contains("is invalid"));
        assert_eq!(log.of("PATCH").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn touch_sends_an_empty_patch_and_knows_a_current_secret_by_its_version() {
    let (rewritten, log) = outcome(Method::Touch, |_| patched("a/s", "6")).await;
    assert_eq!(rewritten, Ok(Outcome::Rewritten));
    assert_eq!(log.of("")[0].1, json!({}));
    assert_eq!(outcome(Method::Touch, |_| patched("a/s", "5")).await.0, Ok(Outcome::Current));
}

#[tokio::test(start_paused = true)]
async fn a_secret_deleted_meanwhile_is_gone() {
    let (outcome, log) = outcome(Method::Annotate, |_| not_found("secrets", "s")).await;
    assert_eq!(outcome, Ok(Outcome::Gone));
    assert_eq!(log.of("").len(), 1);
}

/// Secret a/s, whose namespace the API server does not know, and what a list shows of it.
async fn without_a_namespace(listed: &'static [(&'static str, &'static str)]) -> Result<Outcome, String> {
    let (outcome, log) = outcome(Method::Annotate, move |call| match call.patched() {
        Some(_) => not_found("namespaces", "a"),
        None => page("9", listed, "", 0),
    })
    .await;
    let asked: Vec<String> = log.of("").into_iter().map(|(line, _)| line).collect();
    let look = "GET /api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Ds";
    assert_eq!(asked, ["PATCH /api/v1/namespaces/a/secrets/s?fieldManager=eks-encrypt", look]);
    outcome
}

#[tokio::test(start_paused = true)]
async fn a_secret_deleted_with_its_namespace_is_gone() {
    assert_eq!(without_a_namespace(&[]).await, Ok(Outcome::Gone));
}

/// It was "gone", and the proof held, while etcd had it under the old key.
#[tokio::test(start_paused = true)]
async fn a_secret_that_outlived_its_namespace_is_a_failure_and_not_gone() {
    insta::assert_snapshot!(without_a_namespace(&[("a/s", "5")]).await.unwrap_err(), @"it is left over from namespace a, which does not exist any more, so that the API server lets nobody write it: delete it, or create the namespace, and run this again");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_not_yet_ready_is_asked_again() {
    const STARTING: &str = r#"secrets "s" is forbidden: not yet ready to handle request"#;
    let mut calls = 0;
    let (written, _) = outcome(Method::Annotate, move |_| {
        calls += 1;
        if calls < 3 { status(403, "Forbidden", "s", STARTING) } else { patched("a/s", "6") }
    })
    .await;
    assert_eq!(written, Ok(Outcome::Rewritten));
    // The same words in a policy's mouth are a denial.
    let denied = format!("admission webhook \"w\" denied the request: {STARTING}");
    let (outcome, log) = outcome(Method::Annotate, move |_| status(403, "Forbidden", "s", &denied)).await;
    assert!(outcome.is_err());
    assert_eq!(log.of("PATCH").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_404_that_a_webhook_passes_on_is_a_denial_and_not_taken_for_gone() {
    const DENIED: &str = r#"admission webhook "w.example.com" denied the request: secrets "s" not found"#;
    for (kind, name) in [("secrets", "s"), ("namespaces", "a"), ("", "")] {
        let (outcome, log) = outcome(Method::Annotate, move |_| status_of(kind, 404, "NotFound", name, DENIED)).await;
        assert_eq!(outcome.unwrap_err(), DENIED, "{kind}");
        assert_eq!(log.of("").len(), 1, "{kind}: tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_about_another_object_of_the_same_name_is_not_taken_for_gone() {
    for (kind, name) in [("configmaps", "s"), ("secrets", "a"), ("namespaces", "s")] {
        let (outcome, _) = outcome(Method::Annotate, move |_| not_found(kind, name)).await;
        assert_eq!(outcome.unwrap_err(), format!("{kind} {name:?} not found"));
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
    assert_eq!(outcome, Ok(Outcome::Rewritten));
}
