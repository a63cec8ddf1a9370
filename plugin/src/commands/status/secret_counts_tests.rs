//! Counting every Secret by its metadata, over pages.
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::testing::{Call, forbidden, kubernetes, kubernetes_with_calls, recording_api_server};

async fn counted(client: &Client, watermark: &str) -> Result<SecretCounts, Cause> {
    let server = "https://127.0.0.1:1".parse().unwrap();
    count(
        client,
        &Watermark::new(watermark),
        &mut ResponseDeadline::new(&server, Instant::now() + Duration::from_secs(600)),
    )
    .await
}

/// Secrets of these versions, whose names begin with `letter`.
fn page_of(letter: &str, versions: &[&str], token: &str) -> (u16, String) {
    let item = |(number, version): (usize, &&str)| {
        let name = format!("{letter}{number}");
        serde_json::json!({"metadata": {"name": name, "namespace": "a", "resourceVersion": version}})
    };
    let items: Vec<_> = versions.iter().enumerate().map(item).collect();
    let metadata = serde_json::json!({"resourceVersion": "900", "continue": token});
    (200, serde_json::json!({"kind": "PartialObjectMetadataList", "metadata": metadata, "items": items}).to_string())
}

fn expired() -> (u16, String) {
    let status = serde_json::json!({"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired",
        "message": "The provided continue parameter is too old"});
    (410, status.to_string())
}

#[tokio::test]
async fn every_page_is_counted_by_the_rule_of_the_watermark() {
    let (client, heard) = recording_api_server(|_, path| match path.contains("continue=next") {
        true => page_of("b", &["7", "100000"], ""),
        // As text, 99 would be greater than 100. What does not parse was not seen to be written.
        false => page_of("a", &["99", "100", "101", "zzz"], "next"),
    });
    let standing = counted(&client, "100").await.unwrap();
    assert_eq!(standing, SecretCounts { total: 6, behind: 4 });
    let pages = ["GET /api/v1/secrets?&limit=500", "GET /api/v1/secrets?&limit=500&continue=next"];
    assert_eq!(*heard.lock().unwrap(), pages);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_list_is_not_an_empty_cluster() {
    let client = kubernetes(|_, _| (200, r#"{"metadata":{},"status":"Success"}"#.into()));
    counted(&client, "100").await.unwrap_err();
}

#[tokio::test]
async fn nothing_but_metadata_is_asked_for() {
    let client = kubernetes_with_calls(|call: &Call| {
        assert!(call.accept.contains("as=PartialObjectMetadataList"), "{}", call.accept);
        assert!(call.accept.split(',').all(|form| form.contains("as=PartialObjectMetadataList")), "{}", call.accept);
        page_of("a", &["1"], "")
    });
    assert_eq!(counted(&client, "").await.unwrap(), SecretCounts { total: 1, behind: 1 });
}

#[tokio::test]
async fn a_list_that_expires_is_begun_again_and_nothing_is_counted_twice() {
    let expirations = AtomicU32::new(1);
    let client = kubernetes(move |_, path| match path.contains("continue=") {
        true if expirations.fetch_sub(1, Ordering::Relaxed) > 0 => {
            expirations.store(0, Ordering::Relaxed);
            expired()
        }
        true => page_of("b", &["3"], ""),
        false => page_of("a", &["1", "2"], "next"),
    });
    assert_eq!(counted(&client, "1").await.unwrap(), SecretCounts { total: 3, behind: 1 });
}

#[tokio::test]
async fn a_list_that_comes_no_further_is_given_up() {
    let (client, heard) =
        recording_api_server(
            |_, path| if path.contains("continue=") { expired() } else { page_of("a", &["1"], "next") },
        );
    let error = counted(&client, "1").await.unwrap_err();
    assert_eq!(error.to_string(), "the list of Secrets expired twice after a/a0 without coming further");
    assert_eq!(heard.lock().unwrap().len(), 4);
}

/// Annotations can hold copies of whole Secrets. A walk of its own here would not have learnt that.
#[tokio::test]
async fn a_page_that_is_too_long_is_halved_as_the_engine_does_it() {
    let client = kubernetes(|_, path| match path.contains("limit=500") {
        true => (200, "x".repeat(9 << 20)),
        false => page_of("a", &["1", "2"], ""),
    });
    assert_eq!(counted(&client, "1").await.unwrap(), SecretCounts { total: 2, behind: 1 });
}

#[tokio::test]
async fn a_cluster_without_secrets_has_none() {
    let client = kubernetes(|_, _| (200, r#"{"kind":"PartialObjectMetadataList","metadata":{},"items":null}"#.into()));
    assert_eq!(counted(&client, "1").await.unwrap(), SecretCounts::default());
}

/// What was wrong for a moment is not why the next answer is a refusal.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_without_older_troubles() {
    let asked = AtomicU32::new(0);
    let client = kubernetes(move |_, _| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => (503, "starting".into()),
        _ => (403, forbidden("list", "secrets")),
    });
    let error = counted(&client, "1").await.unwrap_err().to_string();
    assert_eq!(error, "secrets is forbidden: User \"alice\" cannot list resource \"secrets\"");
}
