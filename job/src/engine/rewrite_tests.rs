//! The whole loop against a scripted API server.
use std::collections::BTreeSet;

use futures::channel::oneshot;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::engine::pass::LAST_ANSWERS;
use crate::fixture::{self, Call, Reply, Said, not_found, page, patched, spec, status};
use crate::wire::event::Method;
use crate::wire::outcome::Tally;

/// Runs to the end.
async fn run(
    method: Method,
    script: impl FnMut(&Call) -> Option<Reply> + Send + 'static,
) -> (RunResult, Said, fixture::Log) {
    let (client, server) = fixture::pair();
    let (log, said) = (server.serve(script), Said::default());
    let result = rewrite(&client, &spec(method, 8), said.sink(), std::future::pending()).await;
    (result, said, log)
}

/// Every patch succeeds with a new resourceVersion.
fn write_all(call: &Call) -> Option<Reply> {
    call.patched().map(|key| patched(&key, "1000"))
}

fn tally(said: &Said) -> Tally {
    match said.events().pop() {
        Some(Event::Finished { tally, .. }) => tally,
        other => panic!("not the last line: {other:?}"),
    }
}

fn keys(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("a/{number:04}")).collect()
}

/// A page of Secrets that were all written before the watermark.
fn old(keys: &[String], token: &str, remaining: u64) -> Reply {
    page("100", &keys.iter().map(|key| (key.as_str(), "7")).collect::<Vec<_>>(), token, remaining)
}

#[tokio::test(start_paused = true)]
async fn three_pages_are_written_once_each_and_add_up() {
    let (result, said, log) = run(Method::Annotate, |call| match call.query.as_str() {
        _ if !call.is_list() => write_all(call),
        "limit=500" => Some(old(&keys(0, 500), "t1", 700)),
        "limit=500&continue=t1" => Some(old(&keys(500, 1000), "t2", 200)),
        _ => Some(old(&keys(1000, 1200), "", 0)),
    })
    .await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(tally(&said), Tally { listed: 1200, rewritten: 1200, ..Tally::default() });
    let patches = log.of("PATCH /api/v1/namespaces/a/");
    assert_eq!(patches.len(), 1200);
    assert_eq!(patches.iter().map(|(line, _)| line).collect::<BTreeSet<_>>().len(), 1200);
    insta::assert_json_snapshot!(said.events().first(), @r#"
    {
      "event": "started",
      "version": "0.1.0",
      "server": "v1.34.4-eks-1",
      "method": "annotate",
      "watermark": "100",
      "total": 1200
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_empty_cluster_is_done() {
    let (result, said, log) = run(Method::Annotate, |call| call.is_list().then(|| old(&[], "", 0))).await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(tally(&said), Tally::default());
    assert_eq!(
        log.of("PATCH /api/v1/namespaces/eks-encrypt/configmaps/").last().unwrap().1["data"]["watermark"],
        "100"
    );
}

#[tokio::test(start_paused = true)]
async fn the_pool_does_not_drain_between_pages() {
    let (client, mut server) = fixture::pair();
    let job =
        tokio::spawn(async move { rewrite(&client, &spec(Method::Annotate, 8), |_| (), std::future::pending()).await });
    server.next_about_secrets().await.reply(old(&keys(0, 2), "t1", 2));
    // Two patches and the next page are asked for together, and none is answered.
    let (mut patches, mut lists) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let call = server.next_about_secrets().await;
        if call.is_list() { lists.push(call) } else { patches.push(call) }
    }
    lists.pop().unwrap().reply(old(&keys(2, 4), "", 0));
    // The second page's patches come while the first page's are still in flight.
    patches.push(server.next_about_secrets().await);
    patches.push(server.next_about_secrets().await);
    let seen: BTreeSet<String> = patches.iter().filter_map(Call::patched).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), keys(0, 4));
    for call in patches {
        let key = call.patched().unwrap();
        call.reply(patched(&key, "1000"));
    }
    server.serve(|_| None);
    assert_eq!(job.await.unwrap(), RunResult::Complete);
}

#[tokio::test(start_paused = true)]
async fn at_most_one_page_is_fetched_ahead() {
    let (client, server) = fixture::pair();
    // No patch is ever answered, so that the first page is never gone through: its 500 are more than the pool takes.
    let log = server.serve(|call| match call.query.as_str() {
        _ if !call.is_list() => call.patched().map(|_| Reply::Never),
        "limit=500" => Some(old(&keys(0, 500), "t1", 1000)),
        "limit=500&continue=t1" => Some(old(&keys(500, 1000), "t2", 500)),
        other => panic!("a third page was fetched: {other}"),
    });
    let stop = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        "enough".to_owned()
    };
    assert_eq!(rewrite(&client, &spec(Method::Annotate, 8), |_| (), stop).await, RunResult::Stopped);
    assert_eq!(log.of("GET /api/v1/secrets").len(), 2);
    assert_eq!(log.of("/secrets/").len(), 8, "more patches in flight than allowed");
}

#[tokio::test(start_paused = true)]
async fn one_bad_secret_stops_nothing_and_is_not_forgotten() {
    let (result, said, _) = run(Method::Annotate, |call| match call.patched().as_deref() {
        None => call.is_list().then(|| old(&keys(0, 5), "", 0)),
        Some("a/0001") => Some(status(403, "Forbidden", "0001", r#"admission webhook "w" denied the request: no"#)),
        Some("a/0002") => Some(not_found("secrets", "0002")),
        Some("a/0003") => Some(patched("a/0003", "7")),
        Some(_) => write_all(call),
    })
    .await;
    assert_eq!(result, RunResult::Incomplete);
    assert_eq!(tally(&said), Tally { listed: 5, rewritten: 2, current: 1, gone: 1, failed: 1 });
    insta::assert_json_snapshot!(said.events()[1..], @r#"
    [
      {
        "event": "note",
        "message": "Secret a/0001 is tried again at the end: admission webhook \"w\" denied the request: no"
      },
      {
        "event": "failure",
        "namespace": "a",
        "name": "0001",
        "reason": "admission webhook \"w\" denied the request: no"
      },
      {
        "event": "finished",
        "result": "incomplete",
        "tally": {
          "listed": 5,
          "rewritten": 2,
          "current": 1,
          "gone": 1,
          "failed": 1
        },
        "reason": "1 Secret could not be written"
      }
    ]
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_webhook_does_not_hold_the_run_for_hours() {
    let begun = Instant::now();
    let (result, said, log) = run(Method::Annotate, |call| match call.patched() {
        None => call.is_list().then(|| old(&keys(0, 500), "", 0)),
        Some(_) => Some(status(500, "InternalError", "", r#"failed calling webhook "w": no endpoints available"#)),
    })
    .await;
    assert_eq!(result, RunResult::Incomplete);
    assert_eq!(tally(&said), Tally { listed: 500, failed: 500, ..Tally::default() });
    let tried: BTreeSet<String> = log.of("/secrets/").into_iter().map(|(line, _)| line).collect();
    assert_eq!(tried.len(), 500, "each is tried");
    assert!(begun.elapsed() < Duration::from_secs(2 * 90), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_expired_list_is_gone_on_with_and_still_adds_up() {
    let mut lists = 0;
    let (result, said, log) = run(Method::Annotate, move |call| match call.query.as_str() {
        _ if !call.is_list() => write_all(call),
        "limit=500" => {
            lists += 1;
            Some(match lists {
                1 => old(&keys(0, 2), "t1", 2),
                // Ours are behind the watermark now, so is one that somebody else wrote; and one was made in front.
                _ => page(
                    "300",
                    &[("a/0", "250"), ("a/0000", "1000"), ("a/0001", "1000"), ("a/0002", "260"), ("a/0003", "7")],
                    "",
                    0,
                ),
            })
        }
        _ => Some(status(410, "Expired", "", "The provided continue parameter is too old")),
    })
    .await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(tally(&said), Tally { listed: 4, rewritten: 3, current: 1, ..Tally::default() });
    assert_eq!(log.of("/secrets/").len(), 3);
    assert_eq!(said.notes(), ["the list of Secrets expired and began again; those already listed are left out"]);
}

/// The data of a record that a Pod of the run in `fixture::spec` left when it was killed, but for `changes`.
fn left(changes: &[(&str, &str)]) -> Value {
    let run = spec(Method::Annotate, 1);
    let mut data = json!({ "run": run.run, "jobUid": run.job_uid, "keyArn": run.key_arn, "watermark": "100",
        "method": "annotate", "phase": "rewrite", "result": "", "listed": "4", "rewritten": "2", "current": "0",
        "gone": "0", "failed": "0", "updated": "2026-01-02T03:04:05Z" });
    for (key, value) in changes {
        data[*key] = (*value).into();
    }
    data
}

/// Four Secrets, two of them behind resourceVersion 100; a record that is there already; every patch succeeds.
async fn run_after(record: Value) -> (RunResult, Said, fixture::Log) {
    run(Method::Annotate, move |call| match call.line.as_str() {
        "GET /api/v1/namespaces/eks-encrypt/configmaps/eks-encrypt-run" => {
            Some(Reply::Json(200, json!({ "metadata": {}, "data": record })))
        }
        "GET /api/v1/secrets" => {
            Some(page("900", &[("a/1", "101"), ("a/2", "100"), ("a/3", "500"), ("a/4", "7")], "", 0))
        }
        _ => write_all(call),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_successor_goes_on_from_the_records_watermark() {
    let (result, said, log) = run_after(left(&[])).await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(tally(&said), Tally { listed: 4, rewritten: 2, current: 2, ..Tally::default() });
    let patched: BTreeSet<String> = log.of("/secrets/").into_iter().map(|(line, _)| line).collect();
    assert!(patched.iter().all(|line| line.contains("/2?") || line.contains("/4?")), "{patched:?}");
    let (_, last) = log.of("PATCH /api/v1/namespaces/eks-encrypt/configmaps/").pop().unwrap();
    assert_eq!(last["data"]["watermark"], "100", "a successor keeps the watermark");
    assert_eq!(last["data"]["result"], "complete");
}

/// Run by hand before the association, the Job leaves a record; applied again after it, under the same run id, it has to
/// write every Secret, or "done" would be false.
#[tokio::test(start_paused = true)]
async fn a_job_applied_again_writes_every_secret_whatever_record_the_one_before_left() {
    for changes in [
        [("result", "complete"), ("jobUid", "the one before"), ("keyArn", "")].as_slice(),
        &[("jobUid", "the one before")],
        &[("jobUid", "")],
        &[("result", "complete")],
        &[("run", "r0")],
    ] {
        let (result, said, log) = run_after(left(changes)).await;
        assert_eq!(result, RunResult::Complete);
        assert_eq!(tally(&said), Tally { listed: 4, rewritten: 4, ..Tally::default() }, "{changes:?}");
        let (_, last) = log.of("PATCH /api/v1/namespaces/eks-encrypt/configmaps/").pop().unwrap();
        assert_eq!(last["data"]["watermark"], "900", "{changes:?}");
        assert_eq!(last["data"]["jobUid"], spec(Method::Annotate, 1).job_uid.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_written_is_noted_once_and_at_the_end_and_stops_nothing() {
    let begun = Instant::now();
    let (result, said, _) = run(Method::Annotate, move |call| match call.line.as_str() {
        line if line.starts_with("PATCH") && line.contains("configmaps") => {
            Some(status(403, "Forbidden", "", "no rights"))
        }
        "GET /api/v1/secrets" => Some(old(&keys(0, 1), "", 0)),
        // Slow enough for several records to be due.
        _ if call.patched().is_some() && begun.elapsed() < Duration::from_secs(20) => {
            Some(Reply::PlainText(429, "later", Some(20)))
        }
        _ => write_all(call),
    })
    .await;
    assert_eq!(result, RunResult::Complete);
    let about_the_record = said.notes().into_iter().filter(|note| note.contains("run record")).collect::<Vec<_>>();
    assert_eq!(
        about_the_record,
        [
            "can't write the run record ConfigMap eks-encrypt/eks-encrypt-run: no rights; the run goes on",
            "can't write the run record ConfigMap eks-encrypt/eks-encrypt-run: no rights; it does not say how the run ended",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn while_nothing_moves_there_is_a_line_every_15_s_that_says_why() {
    let begun = Instant::now();
    let (_, said, _) = run(Method::Annotate, move |call| match call.line.as_str() {
        "GET /api/v1/secrets" => Some(old(&keys(0, 1), "", 0)),
        _ if call.patched().is_some() && begun.elapsed() < Duration::from_secs(40) => Some(Reply::Broken),
        _ => write_all(call),
    })
    .await;
    let beats = said.events().iter().filter(|event| matches!(event, Event::Progress { .. })).count();
    assert!((3..=4).contains(&beats), "one when the page came, and one each 15 s: {beats}");
    assert_eq!(said.notes()[0], "trying again: no answer from the API server: connection reset by peer");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_reached_the_api_server_says_what_may_keep_it_away() {
    let (_, said, _) = run(Method::Annotate, |_| Some(Reply::Broken)).await;
    insta::assert_snapshot!(said.notes()[0], @"no answer from the API server: connection reset by peer; asking again. If that stays so, a NetworkPolicy may keep this Pod from the API server's TCP port 443: manifests/network-policy has one that lets it through");
    // One that forbids the question, or has no time, has been reached.
    for api_error in [status(403, "Forbidden", "", "no"), status(503, "ServiceUnavailable", "", "no endpoints")] {
        let mut api_error = Some(api_error);
        let (_, said, _) = run(Method::Annotate, move |call| match call.line.as_str() {
            "GET /version" => api_error.take(),
            "GET /api/v1/secrets" => Some(old(&keys(0, 1), "", 0)),
            _ => write_all(call),
        })
        .await;
        assert!(!said.notes().iter().any(|note| note.contains("NetworkPolicy")), "{:?}", said.notes());
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_stops_the_run_after_what_was_listed() {
    let (result, said, _) = run(Method::Annotate, |call| match call.query.as_str() {
        _ if !call.is_list() => write_all(call),
        "limit=500" => Some(old(&keys(0, 3), "t1", 9)),
        _ => Some(status(400, "BadRequest", "", "continue key is not valid")),
    })
    .await;
    assert_eq!(result, RunResult::Stopped);
    assert_eq!(tally(&said).rewritten, 3);
    insta::assert_json_snapshot!(said.events().last(), @r#"
    {
      "event": "finished",
      "result": "stopped",
      "tally": {
        "listed": 3,
        "rewritten": 3,
        "current": 0,
        "gone": 0,
        "failed": 0
      },
      "reason": "can't list Secrets: continue key is not valid"
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_the_answers_under_way_writes_the_record_and_ends_within_5_s() {
    let (client, mut server) = fixture::pair();
    let (tell, told) = oneshot::channel::<String>();
    let said = Said::default();
    let sink = said.sink();
    let job = tokio::spawn(async move {
        let stop = async { told.await.unwrap() };
        rewrite(&client, &spec(Method::Annotate, 2), sink, stop).await
    });
    server.next_about_secrets().await.reply(old(&keys(0, 80), "", 0));
    let (first, second) = (server.next_about_secrets().await, server.next_about_secrets().await);
    tell.send("SIGTERM: the Pod is being ended".into()).unwrap();
    let begun = Instant::now();
    let key = first.patched().unwrap();
    first.reply(patched(&key, "1000"));
    // The others are never answered; the record's writes are, and then comes the end.
    let log = server.serve(|call| call.patched().map(|_| Reply::Never));
    assert_eq!(job.await.unwrap(), RunResult::Stopped);
    drop(second);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let Some(Event::Finished { result: RunResult::Stopped, tally, reason: Some(reason), .. }) = said.events().pop()
    else {
        panic!("{:?}", said.events().pop())
    };
    assert_eq!((tally.listed, tally.rewritten, reason.as_str()), (80, 1, "SIGTERM: the Pod is being ended"));
    let (_, last) = log.of("configmaps").pop().unwrap();
    assert_eq!((&last["data"]["result"], &last["data"]["rewritten"]), (&json!("stopped"), &json!("1")));
}

#[tokio::test(start_paused = true)]
async fn after_a_stop_no_patch_is_sent_and_the_end_waits_only_for_answers() {
    let (client, mut server) = fixture::pair();
    let ((tell, told), (hear, heard)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
    let said = Said::default();
    let sink = said.sink();
    let job = tokio::spawn(async move {
        let stop = async {
            told.await.unwrap();
            hear.send(()).unwrap();
            "SIGTERM".to_owned()
        };
        rewrite(&client, &spec(Method::Annotate, 2), sink, stop).await
    });
    server.next_about_secrets().await.reply(old(&keys(0, 80), "", 0));
    let (first, second) = (server.next_about_secrets().await, server.next_about_secrets().await);
    tell.send(()).unwrap();
    heard.await.unwrap();
    let begun = Instant::now();
    for call in [first, second] {
        let key = call.patched().unwrap();
        call.reply(patched(&key, "1000"));
    }
    let log = server.serve(write_all);
    assert_eq!(job.await.unwrap(), RunResult::Stopped);
    assert_eq!(log.of("/secrets/"), [], "78 Secrets waited for their turn");
    assert_eq!(tally(&said), Tally { listed: 80, rewritten: 2, ..Tally::default() });
    assert!(begun.elapsed() < LAST_ANSWERS, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_within_5_s_even_when_nothing_answers() {
    let (client, server) = fixture::pair();
    server.serve(|_| Some(Reply::Never));
    let begun = Instant::now();
    let said = Said::default();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        "SIGTERM".to_owned()
    };
    assert_eq!(rewrite(&client, &spec(Method::Annotate, 2), said.sink(), stop).await, RunResult::Stopped);
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    assert_eq!(said.notes(), ["waiting for the API server"]);
}

/// All work is done, and the last record is being tried when the Pod is told to end.
#[tokio::test(start_paused = true)]
async fn a_stop_while_the_last_record_is_written_ends_within_5_s_and_takes_nothing_back() {
    let (client, server) = fixture::pair();
    server.serve(|call| match call.line.contains("/configmaps") && call.line.starts_with("PATCH") {
        true => Some(Reply::Never),
        false if call.is_list() => Some(old(&keys(0, 1), "", 0)),
        false => write_all(call),
    });
    let (begun, said) = (Instant::now(), Said::default());
    let stop = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        "SIGTERM".to_owned()
    };
    assert_eq!(rewrite(&client, &spec(Method::Annotate, 2), said.sink(), stop).await, RunResult::Complete);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(begun.elapsed() >= Duration::from_secs(4), "the record gets its time: {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_fails_is_tried_again_when_all_others_are_done() {
    let mut tries = 0;
    let (result, said, log) = run(Method::Annotate, move |call| match call.patched().as_deref() {
        None => call.is_list().then(|| old(&keys(0, 600), "", 0)),
        Some("a/0001") => {
            tries += 1;
            Some(match tries {
                1 => status(403, "Forbidden", "0001", r#"admission webhook "w" denied the request: not now"#),
                _ => patched("a/0001", "1000"),
            })
        }
        Some(_) => write_all(call),
    })
    .await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(tally(&said), Tally { listed: 600, rewritten: 600, ..Tally::default() });
    assert!(log.of("PATCH").iter().rfind(|(line, _)| line.contains("/secrets/")).unwrap().0.contains("/0001?"));
    assert!(
        !said.events().iter().any(|event| matches!(event, Event::Failure(_))),
        "it was called failed before its time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_lost_its_rights_stops_early_and_says_why() {
    const NO_RIGHTS: &str =
        r#"secrets "x" is forbidden: User "u" cannot patch resource "secrets" in API group "" in the namespace "a""#;
    let (result, said, log) = run(Method::Annotate, |call| match call.patched() {
        None => call.is_list().then(|| old(&keys(0, 500), "t1", 9_500)),
        Some(_) => Some(status(403, "Forbidden", "x", NO_RIGHTS)),
    })
    .await;
    assert_eq!(result, RunResult::Stopped);
    assert!(log.of("/secrets/").len() < 200, "{}", log.of("/secrets/").len());
    let Some(Event::Finished { reason: Some(reason), .. }) = said.events().pop() else { panic!("no last word") };
    assert_eq!(
        reason,
        format!("stopped early: 50 Secrets in a row were refused for a reason that is not theirs: {NO_RIGHTS}")
    );
}

/// A run with a binding of its own, of which one Secret gets this answer: its result, the deletions that were asked for, and its last
/// words.
async fn with_a_binding(answer: fn(&Call) -> Option<Reply>, stopped: bool) -> (RunResult, Vec<String>, Said) {
    let (client, server) = fixture::pair();
    let log = server.serve(move |call| match call.is_list() {
        true => Some(page("100", &[("a/0", "7")], "", 0)),
        false => answer(call),
    });
    let said = Said::default();
    let spec = RunSpec { cluster_role_binding: Some("eks-encrypt-r1".into()), ..spec(Method::Annotate, 1) };
    let stop = async move {
        match stopped {
            true => "SIGTERM".to_owned(),
            false => std::future::pending().await,
        }
    };
    let result = rewrite(&client, &spec, said.sink(), stop).await;
    let line = |(line, _): (String, Value)| line.split('?').next().unwrap_or_default().to_owned();
    (result, log.of("DELETE ").into_iter().map(line).collect(), said)
}

/// A run with `--detach` left its right to every Secret for ever.
#[tokio::test(start_paused = true)]
async fn the_last_act_of_a_run_is_to_delete_its_own_binding() {
    let deleted = |call: &Call| match call.line.starts_with("DELETE ") {
        true => Some(Reply::Json(200, json!({"kind": "Status", "status": "Success"}))),
        false => write_all(call),
    };
    let binding = "DELETE /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-r1";
    let (result, deletions, said) = with_a_binding(deleted, false).await;
    assert_eq!((result, deletions), (RunResult::Complete, vec![binding.to_owned()]));
    assert!(matches!(said.events().last(), Some(Event::Finished { .. })));

    let refused = |call: &Call| call.patched().map(|key| status(403, "Forbidden", &key, "a policy says no"));
    assert_eq!(with_a_binding(refused, false).await.1.len(), 1, "no other Pod follows a run that is incomplete");
    let (result, deletions, _) = with_a_binding(write_all, true).await;
    assert_eq!((result, deletions.len()), (RunResult::Stopped, 0), "its successor needs them");
}

#[tokio::test(start_paused = true)]
async fn a_binding_that_remains_is_reported_and_changes_no_result() {
    let kept = |call: &Call| match call.line.starts_with("DELETE ") {
        true => Some(status(403, "Forbidden", "eks-encrypt-r1", "you may not")),
        false => write_all(call),
    };
    let (result, _, said) = with_a_binding(kept, false).await;
    assert_eq!(result, RunResult::Complete);
    let note = said.notes().pop().unwrap();
    assert!(note.starts_with("can't delete ClusterRoleBinding eks-encrypt-r1, so its rights remain: "), "{note}");
}
