//! What a list asks for, and that each Secret is shown once whatever happens between pages.
use futures::TryStreamExt;

use super::*;
use crate::fixture::{self, Reply, page, status};

/// All pages' Secrets, as `namespace/name`.
async fn shown(client: &Client) -> Result<Vec<String>, ListError> {
    let last_error = LastError::default();
    let pages: Vec<Page> = pages(client, &last_error, false).try_collect().await?;
    Ok(pages.iter().flat_map(|page| page.secrets.iter().map(Secret::key)).collect())
}

fn expired() -> Reply {
    status(410, "Expired", "", "The provided continue parameter is too old")
}

#[tokio::test(start_paused = true)]
async fn walks_three_pages_of_metadata() {
    let (client, server) = fixture::pair();
    let log = server.serve(|call| {
        assert!(call.accept.contains("as=PartialObjectMetadataList"), "asked for whole Secrets: {}", call.accept);
        Some(match call.query.as_str() {
            "limit=500" => page("9", &[("a/1", "1"), ("a/2", "2")], "t1", 3),
            "limit=500&continue=t1" => page("9", &[("a/3", "3"), ("b/1", "4")], "t2", 1),
            "limit=500&continue=t2" => page("9", &[("b/2", "5")], "", 0),
            other => panic!("{other}"),
        })
    });
    assert_eq!(shown(&client).await.unwrap(), ["a/1", "a/2", "a/3", "b/1", "b/2"]);
    assert_eq!(log.of("/secrets").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_empty_cluster_has_one_empty_page_with_the_watermark() {
    let (client, server) = fixture::pair();
    server.serve(|_| Some(page("9", &[], "", 0)));
    let last_error = LastError::default();
    let pages: Vec<Page> = pages(&client, &last_error, false).try_collect().await.unwrap();
    assert_eq!(pages, [Page { secrets: vec![], resource_version: "9".into(), remaining: 0, restarted: false }]);
}

/// An API server that has just started answers so until it has read its roles.
#[tokio::test(start_paused = true)]
async fn rights_that_were_there_for_the_first_page_may_come_back_for_the_second() {
    const NO: &str =
        r#"secrets is forbidden: User "u" cannot list resource "secrets" in API group "" at the cluster scope"#;
    let (client, server) = fixture::pair();
    let mut calls = 0;
    server.serve(move |_| {
        calls += 1;
        Some(match calls {
            1 => page("9", &[("a/1", "1")], "t1", 1),
            2 => status(403, "Forbidden", "", NO),
            _ => page("9", &[("a/2", "2")], "", 0),
        })
    });
    assert_eq!(shown(&client).await.unwrap(), ["a/1", "a/2"]);
}

/// A list of the proof is not the first of its run.
#[tokio::test(start_paused = true)]
async fn rights_that_a_list_before_had_may_come_back_for_the_first_page() {
    let no = || status(403, "Forbidden", "", r#"secrets is forbidden: User "u" cannot list resource "secrets""#);
    for (was_authorized, asked) in [(true, 2), (false, 1)] {
        let (client, server) = fixture::pair();
        let mut calls = 0;
        let log = server.serve(move |_| {
            calls += 1;
            Some(if calls == 1 { no() } else { page("9", &[("a/1", "1")], "", 0) })
        });
        let last_error = LastError::default();
        let listed: Result<Vec<Page>, _> = pages(&client, &last_error, was_authorized).try_collect().await;
        assert_eq!((listed.is_ok(), log.of("/secrets").len()), (was_authorized, asked));
    }
}

#[tokio::test(start_paused = true)]
async fn rights_that_were_there_may_come_back_for_the_list_that_begins_again() {
    let (client, server) = fixture::pair();
    let mut calls = 0;
    server.serve(move |_| {
        calls += 1;
        Some(match calls {
            1 => page("9", &[("a/1", "1")], "t1", 1),
            2 => expired(),
            3 => status(401, "Unauthorized", "", "Unauthorized"),
            _ => page("20", &[("a/1", "1"), ("a/2", "2")], "", 0),
        })
    });
    assert_eq!(shown(&client).await.unwrap(), ["a/1", "a/2"]);
}

/// A gateway's friendly 200 would make a run "complete" that has seen no Secret.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_list_is_not_an_empty_cluster() {
    let (client, server) = fixture::pair();
    server.serve(|_| Some(Reply::Json(200, serde_json::json!({ "metadata": {}, "status": "Success" }))));
    let error = shown(&client).await.unwrap_err();
    assert!(matches!(error, ListError::Refused(ApiError::Unreadable(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_list_begins_again_and_shows_no_secret_twice() {
    let (client, server) = fixture::pair();
    let mut lists = 0;
    server.serve(move |call| {
        Some(match call.query.as_str() {
            "limit=500" => {
                lists += 1;
                // The second list: a/1 was deleted, a/15 was made, and pages end elsewhere.
                match lists {
                    1 => page("9", &[("a/1", "1"), ("a/2", "2")], "old", 2),
                    _ => page("20", &[("a/15", "15"), ("a/2", "12"), ("a/3", "3")], "new", 1),
                }
            }
            "limit=500&continue=old" => expired(),
            _ => page("20", &[("b/1", "4")], "", 0),
        })
    });
    // a/15 stands before the cursor: it was made after the first list, so it is under the key and nobody's to count.
    assert_eq!(shown(&client).await.unwrap(), ["a/1", "a/2", "a/3", "b/1"]);
}

#[tokio::test(start_paused = true)]
async fn the_cursor_compares_as_the_api_server_sorts() {
    // `-` sorts before `/`: as tuples, namespace `a` would come before `a-b`.
    let (client, server) = fixture::pair();
    let mut lists = 0;
    server.serve(move |call| {
        Some(match call.query.as_str() {
            "limit=500" => {
                lists += 1;
                page("9", &[("a-b/z", "1")], if lists == 1 { "old" } else { "new" }, 1)
            }
            "limit=500&continue=old" => expired(),
            _ => page("9", &[("a/a", "2")], "", 0),
        })
    });
    assert_eq!(shown(&client).await.unwrap(), ["a-b/z", "a/a"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_out_of_order_is_not_gone_on_with_after_it_expired() {
    let (client, server) = fixture::pair();
    server.serve(|call| {
        Some(match call.query.as_str() {
            "limit=500" => page("9", &[("b/1", "1"), ("a/1", "2")], "old", 1),
            _ => expired(),
        })
    });
    assert!(matches!(shown(&client).await, Err(ListError::Unordered)));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_expires_at_once_every_time_ends() {
    let (client, server) = fixture::pair();
    server.serve(|call| Some(if call.query == "limit=500" { page("9", &[("a/1", "1")], "old", 1) } else { expired() }));
    assert!(matches!(shown(&client).await, Err(ListError::Stuck(at)) if at == "a/1"));
}

#[tokio::test(start_paused = true)]
async fn a_page_is_asked_for_again_while_the_api_server_is_away() {
    let (client, server) = fixture::pair();
    let mut calls = 0;
    server.serve(move |_| {
        calls += 1;
        Some(match calls {
            1 => Reply::Broken,
            2 => status(503, "ServiceUnavailable", "", "starting"),
            3 => Reply::PlainText(404, "404 page not found", None),
            _ => page("9", &[("a/1", "1")], "", 0),
        })
    });
    assert_eq!(shown(&client).await.unwrap(), ["a/1"]);
}

#[tokio::test(start_paused = true)]
async fn pages_too_large_to_hold_are_asked_for_in_halves() {
    let (client, server) = fixture::pair();
    let huge = "x".repeat(9 << 20);
    let log = server.serve(move |call| {
        Some(match call.query.as_str() {
            "limit=500" => page("9", &[("a/1", "1")], "t1", 300),
            "limit=500&continue=t1" => page("9", &[(&format!("a/{huge}"), "2")], "t2", 1),
            "limit=250&continue=t1" => page("9", &[("a/2", "2")], "t2", 1),
            "limit=250&continue=t2" => page("9", &[("a/3", "3")], "", 0),
            other => panic!("{other}"),
        })
    });
    assert_eq!(shown(&client).await.unwrap(), ["a/1", "a/2", "a/3"]);
    assert_eq!(log.of("/secrets").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn missing_rights_end_the_list_with_the_api_servers_words() {
    let (client, server) = fixture::pair();
    let log = server.serve(|_| {
        Some(status(403, "Forbidden", "", r#"secrets is forbidden: User "x" cannot list resource "secrets""#))
    });
    let error = format!("{:#}", anyhow::Error::new(shown(&client).await.unwrap_err()));
    assert_eq!(error, r#"can't list Secrets: secrets is forbidden: User "x" cannot list resource "secrets""#);
    assert_eq!(log.of("/secrets").len(), 1, "rights do not come by asking again");
}

/// kube-apiserver writes an empty list as null where metadata is asked for.
#[tokio::test(start_paused = true)]
async fn a_cluster_without_secrets_is_a_list_of_null() {
    let (client, server) = fixture::pair();
    server.serve(|_| {
        Some(Reply::Json(
            200,
            serde_json::json!({ "kind": "PartialObjectMetadataList", "metadata": { "resourceVersion": "9" }, "items": null }),
        ))
    });
    let last_error = LastError::default();
    let all: Vec<Page> = pages(&client, &last_error, false).try_collect().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].resource_version.as_str(), all[0].secrets.len()), ("9", 0));
}

#[test]
fn fuzz_reads_any_page() {
    let item = serde_json::json!({"metadata": {"namespace": "a", "name": "b", "resourceVersion": "9", "annotations": {"x": "{}"}}});
    let metadata = serde_json::json!({"resourceVersion": "9", "continue": "t", "remainingItemCount": 3});
    let page = serde_json::json!({"metadata": metadata, "items": [item, item]}).to_string();
    crate::fuzz::fuzz(&[page.as_bytes(), br#"{"metadata":{},"items":null}"#], |bytes| {
        _ = serde_json::from_slice::<List>(bytes).map(|list| list.items.unwrap_or_default().len());
    });
}
