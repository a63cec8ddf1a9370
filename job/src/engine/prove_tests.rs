//! The proof against a scripted API server: what it takes for proven, and what it must not.
use std::collections::HashMap;

use futures::FutureExt;
use serde_json::Value;

use super::*;
use crate::engine::rewrite::rewrite;
use crate::fixture::{self, Call, Log, Reply, Said, not_found, page, patched, status};
use crate::wire::event::Method;
use crate::wire::event::{Event, Phase, Proof, RunResult};
use crate::wire::outcome::Tally;

/// A run with a proof over Secrets a/0 and a/1, which the rewrite leaves at resourceVersion 1000; `touched` answers touches.
async fn run(mut touched: impl FnMut(&str, &Call) -> Option<Reply> + Send + 'static) -> (RunResult, Said, Log) {
    let (client, server) = fixture::pair();
    let mut lists = 0;
    let log = server.serve(move |call| {
        if call.is_list() {
            lists += 1;
            let version = if lists == 1 { "7" } else { "1000" };
            return Some(page("100", &[("a/0", version), ("a/1", version)], "", 0));
        }
        if let Some((_, name)) = call.query.split_once("fieldSelector=metadata.name%3D") {
            return Some(page("300", &[(&format!("a/{name}"), "1000")], "", 0));
        }
        let key = call.patched()?;
        match &call.body["metadata"]["resourceVersion"] {
            Value::Null => Some(patched(&key, "1000")),
            listed => {
                let stays = patched(&key, listed.as_str().unwrap());
                Some(touched(&key, call).unwrap_or(stays))
            }
        }
    });
    let mut spec = fixture::spec(Method::Annotate, 8);
    spec.prove = true;
    let said = Said::default();
    let result = rewrite(&client, &spec, said.sink(), std::future::pending()).boxed().await;
    (result, said, log)
}

fn proof(said: &Said) -> Proof {
    match said.events().pop() {
        Some(Event::Finished { proof: Some(proof), .. }) => proof,
        other => panic!("no proof: {other:?}"),
    }
}

/// The bodies of the touches that were sent.
fn touches(log: &Log) -> Vec<Value> {
    log.of("/secrets/")
        .into_iter()
        .map(|(_, body)| body)
        .filter(|body| body["metadata"]["resourceVersion"].is_string())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_pass_of_touches_that_writes_nothing_is_the_proof() {
    let (result, said, log) = run(|_, _| None).await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(
        proof(&said),
        Proof { passes: 1, tally: Tally { listed: 2, current: 2, ..Tally::default() }, servers: None }
    );
    assert_eq!(touches(&log), vec![json!({ "metadata": { "resourceVersion": "1000" } }); 2]);
    let (_, last) = log.of("PATCH /api/v1/namespaces/eks-encrypt/configmaps/").pop().unwrap();
    assert_eq!(last["data"]["phase"], "prove");
    assert_eq!(
        last["data"]["proof"],
        r#"{"passes":1,"tally":{"listed":2,"rewritten":0,"current":2,"gone":0,"failed":0}}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_left_behind_is_written_and_everything_is_looked_at_anew() {
    let mut first = true;
    let (result, said, log) =
        run(move |key, _| (key == "a/1" && std::mem::take(&mut first)).then(|| patched("a/1", "1001"))).await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(
        proof(&said),
        Proof { passes: 2, tally: Tally { listed: 2, current: 2, ..Tally::default() }, servers: None }
    );
    assert_eq!(touches(&log).len(), 4);
    insta::assert_snapshot!(said.notes().join("\n"), @"the proof had to write Secret a/1 again; it looks at all anew in 10 s");
}

#[tokio::test(start_paused = true)]
async fn secrets_that_do_not_stay_are_named_and_the_run_is_not_complete() {
    let (result, said, log) = run(|key, _| (key == "a/1").then(|| patched("a/1", "2000"))).await;
    assert_eq!(result, RunResult::Incomplete);
    assert_eq!(touches(&log).len(), 2 * PASSES as usize);
    let events = said.events();
    insta::assert_json_snapshot!(events[events.len() - 2..], @r#"
    [
      {
        "event": "failure",
        "namespace": "a",
        "name": "1",
        "reason": "does not stay under the current key: pass 5 of the proof still had to write it. Does a webhook change it each time, or does an API server still write under another key?"
      },
      {
        "event": "finished",
        "result": "incomplete",
        "tally": {
          "listed": 2,
          "rewritten": 2,
          "current": 0,
          "gone": 0,
          "failed": 0
        },
        "proof": {
          "passes": 5,
          "tally": {
            "listed": 2,
            "rewritten": 1,
            "current": 1,
            "gone": 0,
            "failed": 0
          }
        },
        "reason": "1 Secret did not stay under the current key in 5 passes"
      }
    ]
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_wrote_since_the_list_is_looked_at_again_and_is_no_stain() {
    let mut seen = HashMap::new();
    let (client, server) = fixture::pair();
    let log = server.serve(move |call| {
        if call.query.contains("fieldSelector=metadata.name") {
            return Some(page("300", &[("a/0", "1234")], "", 0));
        }
        let key = call.patched()?;
        *seen.entry(key.clone()).or_insert(0) += 1;
        Some(match call.body["metadata"]["resourceVersion"].as_str().unwrap() {
            "1234" => patched(&key, "1234"),
            _ => status(409, "Conflict", "0", "the object has been modified"),
        })
    });
    let (spec, last_error) = (fixture::spec(Method::Annotate, 1), crate::api::retry::LastError::default());
    let writer = Writer::new(&client, &spec.limit, &last_error);
    let attempt =
        touch(&writer, &mut Secret { resource_version: "1000".into(), ..fixture::secret("0") }, Trust::Nobody).await;
    assert_eq!(fixture::came_to(attempt), Ok(Outcome::Current));
    assert_eq!(log.of("PATCH").len(), 2, "a conflict is not tried again as it is");
    assert_eq!(log.of("GET")[0].0, "GET /api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3D0");
}

/// A proxy left it out of every answer, and so each touch seemed to have written nothing.
#[tokio::test(start_paused = true)]
async fn answers_without_a_resource_version_prove_nothing() {
    for version in ["", "5"] {
        let (client, server) = fixture::pair();
        server.serve(move |call| {
            let without = json!({ "metadata": { "namespace": "a", "name": "0" } });
            let list = json!({ "metadata": { "resourceVersion": "9" }, "items": [without] });
            Some(Reply::Json(200, if call.is_list() { list } else { without }))
        });
        let (spec, last_error) = (fixture::spec(Method::Touch, 1), LastError::default());
        let writer = Writer::new(&client, &spec.limit, &last_error);
        let mut secret = Secret { resource_version: version.into(), ..fixture::secret("0") };
        let api_error = fixture::came_to(touch(&writer, &mut secret, Trust::Everybody).await).unwrap_err();
        assert!(api_error.contains("resourceVersion"), "{api_error}");
        let (tally, ended) =
            cover(&client, &spec, &Watermark::new("7"), &last_error, |_| (), std::future::pending().boxed()).await;
        assert!(ended.is_err(), "{tally:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_changes_whenever_it_is_looked_at_is_not_proven() {
    let (result, said, log) =
        run(|key, _| (key == "a/1").then(|| status(409, "Conflict", "1", "the object has been modified"))).await;
    assert_eq!(result, RunResult::Incomplete);
    assert_eq!(log.of("fieldSelector").len(), 2 * MAX_TOUCHES as usize, "looked at as often at its second try");
    assert_eq!((proof(&said).tally.failed, proof(&said).tally.current), (1, 1));
    let Some(Event::Finished { reason: Some(reason), .. }) = said.events().pop() else { panic!() };
    assert_eq!(reason, "1 Secret could not be proven");
}

/// The first touch wrote the Secret, but its answer got lost; the second meets our own write.
#[tokio::test(start_paused = true)]
async fn a_touch_whose_answer_got_lost_proves_nothing() {
    let mut calls = 0;
    let (result, said, _) = run(move |key, _| {
        if key == "a/1" {
            calls += 1;
        }
        match calls {
            1 if key == "a/1" => Some(Reply::Broken),
            2 if key == "a/1" => Some(status(409, "Conflict", "1", "the object has been modified")),
            _ => None,
        }
    })
    .await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(proof(&said).passes, 2, "one pass more shows that it stays");
}

/// The same, when no answer came for so long that the Secret was put off: at its second try it is our own write that is met.
#[tokio::test(start_paused = true)]
async fn a_touch_whose_answer_got_lost_proves_nothing_at_the_second_try_either() {
    let (client, server) = fixture::pair();
    let (mut lists, mut touches) = (0, 0);
    server.serve(move |call| {
        if call.is_list() {
            lists += 1;
            let versions = [["7", "7"], ["1000", "1000"], ["1000", "1001"]];
            let [a, b] = versions[(lists - 1).min(2)];
            return Some(page("100", &[("a/0", a), ("a/1", b)], "", 0));
        }
        if call.query.contains("fieldSelector=metadata.name") {
            return Some(page("300", &[("a/1", "1001")], "", 0));
        }
        let key = call.patched()?;
        let Some(listed) = call.body["metadata"]["resourceVersion"].as_str() else {
            return Some(patched(&key, "1000"));
        };
        if key == "a/0" || listed == "1001" {
            return Some(patched(&key, listed));
        }
        // It was written at once, and the API server went away for longer than one try is patient.
        touches += 1;
        Some(match touches {
            ..5 => Reply::Never,
            _ => status(409, "Conflict", "1", "the object has been modified"),
        })
    });
    let mut spec = fixture::spec(Method::Annotate, 8);
    spec.prove = true;
    let said = Said::default();
    assert_eq!(rewrite(&client, &spec, said.sink(), std::future::pending()).await, RunResult::Complete);
    assert_eq!(proof(&said).passes, 2, "one pass more shows that it stays: {:?}", said.notes());
}

/// It was told of as failed by a run that ended as complete.
#[tokio::test(start_paused = true)]
async fn a_failure_in_a_pass_before_the_last_is_not_told() {
    let (mut left_behind, mut denials) = (true, 0);
    let (result, said, _) = run(move |key, _| match key {
        "a/0" => {
            denials += 1;
            let denied = || status(403, "Forbidden", "0", r#"admission webhook "w" denied the request: not now"#);
            (denials <= 2).then(denied)
        }
        _ => std::mem::take(&mut left_behind).then(|| patched("a/1", "1001")),
    })
    .await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(
        proof(&said),
        Proof { passes: 2, tally: Tally { listed: 2, current: 2, ..Tally::default() }, servers: None }
    );
    assert!(!said.events().iter().any(|event| matches!(event, Event::Failure(_))), "{:?}", said.events());
}

/// The pause before the next pass is as good a moment to stop as any.
#[tokio::test(start_paused = true)]
async fn a_failure_is_told_if_the_run_stops_before_the_next_pass() {
    let (client, server) = fixture::pair();
    server.serve(|call| {
        if call.is_list() {
            return Some(page("100", &[("a/0", "1000"), ("a/1", "1000")], "", 0));
        }
        let key = call.patched()?;
        Some(match (&call.body["metadata"]["resourceVersion"], key.as_str()) {
            (Value::Null, _) => patched(&key, "1000"),
            (_, "a/0") => status(403, "Forbidden", "0", r#"admission webhook "w" denied the request: no"#),
            _ => patched(&key, "1001"),
        })
    });
    let mut spec = fixture::spec(Method::Annotate, 8);
    spec.prove = true;
    let said = Said::default();
    let stop = async {
        tokio::time::sleep(FIRST_PAUSE / 2).await;
        "told to stop".to_owned()
    };
    assert_eq!(rewrite(&client, &spec, said.sink(), stop).await, RunResult::Stopped);
    let failed = said.events().into_iter().filter(|event| matches!(event, Event::Failure(_))).count();
    assert_eq!(failed, 1, "{:?}", said.events());
}

#[tokio::test(start_paused = true)]
async fn what_fails_and_what_does_not_stay_in_the_last_pass_are_both_told() {
    let (result, said, _) = run(|key, _| match key {
        "a/0" => Some(status(403, "Forbidden", "0", r#"admission webhook "w" denied the request: no"#)),
        _ => Some(patched("a/1", "2000")),
    })
    .await;
    assert_eq!(result, RunResult::Incomplete);
    let failed: Vec<String> = said
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Failure(failure) = event { Some(failure.name) } else { None })
        .collect();
    assert_eq!(failed, ["0", "1"]);
    let Some(Event::Finished { reason: Some(reason), .. }) = said.events().pop() else { panic!() };
    assert_eq!(reason, "1 Secret could not be proven, and 1 Secret did not stay under the current key in 5 passes");
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_or_refused_in_the_proof_is_counted_as_such() {
    let (result, said, _) = run(|key, _| match key {
        "a/0" => Some(not_found("secrets", "0")),
        _ => Some(status(403, "Forbidden", "1", r#"admission webhook "w" denied the request: no"#)),
    })
    .await;
    assert_eq!(result, RunResult::Incomplete);
    let tally = Tally { listed: 2, gone: 1, failed: 1, ..Tally::default() };
    assert_eq!(proof(&said), Proof { passes: 1, tally, servers: None });
}

#[tokio::test(start_paused = true)]
async fn where_something_could_not_be_written_there_is_nothing_to_prove() {
    let (client, server) = fixture::pair();
    let log = server.serve(|call| match call.patched() {
        Some(_) => Some(status(403, "Forbidden", "0", r#"admission webhook "w" denied the request: no"#)),
        None => call.is_list().then(|| page("100", &[("a/0", "7")], "", 0)),
    });
    let mut spec = fixture::spec(Method::Annotate, 8);
    spec.prove = true;
    let said = Said::default();
    assert_eq!(rewrite(&client, &spec, said.sink(), std::future::pending()).await, RunResult::Incomplete);
    assert!(matches!(said.events().pop(), Some(Event::Finished { proof: None, .. })));
    assert_eq!(log.of("GET /api/v1/secrets").len(), 1);
}

/// A reader says how much was written when the proof begins; from a line that was a second old it said too little.
#[tokio::test(start_paused = true)]
async fn the_rewrites_last_counts_are_said_before_the_proof() {
    let (_, said, _) = run(|_, _| None).await;
    let whole = Tally { listed: 2, rewritten: 2, ..Tally::default() };
    let told = said.events().into_iter().find_map(|event| match event {
        Event::Progress { phase, tally, .. } => Some((phase, tally)),
        _ => None,
    });
    assert_eq!(told, Some((Phase::Rewrite, whole)));
}

/// An API server that has just started forbids everything until it has read its roles. Coverage met one after the census, and a run
/// that had gone well ended "not proven".
#[tokio::test(start_paused = true)]
async fn coverage_lists_again_where_an_api_server_has_just_started() {
    let (client, server) = fixture::pair();
    let mut lists = 0;
    server.serve(move |call| {
        lists += 1;
        match (call.is_list(), lists) {
            (true, 1) => Some(status(
                403,
                "Forbidden",
                "",
                "secrets is forbidden: User \"alice\" cannot list resource \"secrets\"",
            )),
            (true, _) => Some(page("300", &[("a/0", "200")], "", 0)),
            (false, _) => None,
        }
    });
    let (spec, last_error) = (fixture::spec(Method::Touch, 1), LastError::default());
    let (watermark, stop) = (Watermark::new("100"), std::future::pending().boxed());
    let (tally, ended) = cover(&client, &spec, &watermark, &last_error, |_| (), stop).await;
    assert_eq!((tally.current, ended), (1, Ok(())));
}
