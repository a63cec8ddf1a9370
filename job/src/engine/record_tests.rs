//! The record as people and successors read it.
use super::*;
use crate::fixture::{self, Reply, not_found};

fn record() -> Record {
    Record {
        run: "r1".into(),
        job_uid: "5f2b8c1e-0000-4000-8000-000000000001".into(),
        watermark: Watermark::new("100"),
        method: Method::Annotate,
        key_arn: "arn:aws:kms:eu-west-1:111122223333:key/k".into(),
        phase: Phase::Rewrite,
        result: Some(RunResult::Incomplete),
        proof: Some(Proof { passes: 2, tally: Tally { listed: 9, current: 9, ..Tally::default() }, servers: None }),
        tally: Tally { listed: 10, rewritten: 5, current: 2, gone: 1, failed: 2 },
        updated: "2026-01-02T03:04:05Z".parse().unwrap(),
    }
}

#[test]
fn is_plain_strings_that_read_back() {
    insta::assert_json_snapshot!(record().to_data(), @r#"
    {
      "current": "2",
      "failed": "2",
      "gone": "1",
      "jobUid": "5f2b8c1e-0000-4000-8000-000000000001",
      "keyArn": "arn:aws:kms:eu-west-1:111122223333:key/k",
      "listed": "10",
      "method": "annotate",
      "phase": "rewrite",
      "proof": "{\"passes\":2,\"tally\":{\"listed\":9,\"rewritten\":0,\"current\":9,\"gone\":0,\"failed\":0}}",
      "result": "incomplete",
      "rewritten": "5",
      "run": "r1",
      "updated": "2026-01-02T03:04:05Z",
      "watermark": "100"
    }
    "#);
    assert_eq!(Record::from_data(&record().to_data()), Some(record()));
    let running = Record { result: None, ..record() };
    assert_eq!(Record::from_data(&running.to_data()), Some(running));
}

#[test]
fn without_a_watermark_it_is_no_record() {
    let mut data = record().to_data();
    data.remove("watermark");
    assert_eq!(Record::from_data(&data), None);
}

#[tokio::test(start_paused = true)]
async fn is_made_where_it_is_missing_and_changed_where_it_is_not() {
    let (client, server) = fixture::pair();
    let mut there = false;
    let log = server.serve(move |call| {
        there |= call.line.starts_with("POST");
        (!there).then(|| not_found("configmaps", RECORD))
    });
    write(&client, "ns", &record()).await.unwrap();
    write(&client, "ns", &record()).await.unwrap();
    let lines: Vec<String> = log.of("").into_iter().map(|(line, _)| line).collect();
    insta::assert_json_snapshot!(lines, @r#"
    [
      "PATCH /api/v1/namespaces/ns/configmaps/eks-encrypt-run?fieldManager=eks-encrypt",
      "POST /api/v1/namespaces/ns/configmaps?fieldManager=eks-encrypt",
      "PATCH /api/v1/namespaces/ns/configmaps/eks-encrypt-run?fieldManager=eks-encrypt"
    ]
    "#);
    let (_, body) = &log.of("POST")[0];
    assert_eq!(body["metadata"]["labels"][RUN_LABEL], "r1");
    assert_eq!(body["metadata"]["name"], RECORD);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_config_map_and_says_why_once() {
    let (client, server) = fixture::pair();
    server.serve(|_| Some(Reply::PlainText(403, "no", None)));
    let error = write(&client, "ns", &record()).await.unwrap_err();
    assert_eq!(
        format!("{:#}", anyhow::Error::new(error)),
        "can't write the run record ConfigMap ns/eks-encrypt-run: no"
    );
}

#[tokio::test(start_paused = true)]
async fn is_read_from_outside_by_one_request_when_there_is_no_patience() {
    let data = record().to_data();
    let mut replies = vec![
        Reply::Json(200, json!({ "metadata": {}, "data": data })),
        Reply::Json(200, json!({ "metadata": {} })),
        not_found("configmaps", RECORD),
        not_found("secrets", RECORD),
        Reply::Broken,
    ]
    .into_iter();
    let (client, server) = fixture::pair();
    let log = server.serve(move |_| replies.next());
    let mut found = Vec::new();
    for _ in 0..5 {
        found.push(
            read(&client, "ns", Duration::ZERO).await.map_err(|error| format!("{:#}", anyhow::Error::new(error))),
        );
    }
    let refused = |why| Err(format!("can't read the run record ConfigMap ns/eks-encrypt-run: {why}"));
    let expected = [
        Ok(Some(record())),
        Ok(None),
        Ok(None),
        refused(r#"secrets "eks-encrypt-run" not found"#),
        refused("no answer from the API server: connection reset by peer"),
    ];
    assert_eq!(found, expected);
    assert_eq!(log.of("GET /api/v1/namespaces/ns/configmaps/eks-encrypt-run").len(), 5);
}

#[test]
fn fuzz_reads_any_record() {
    let data = r#"{"run": "r", "watermark": "9", "method": "annotate", "phase": "rewrite", "result": "complete", "listed": "2",
        "rewritten": "1", "current": "1", "gone": "0", "failed": "0", "updated": "2026-11-24T07:00:00Z",
        "proof": "{\"passes\":1,\"tally\":{\"listed\":1,\"rewritten\":0,\"current\":1,\"gone\":0,\"failed\":0}}"}"#;
    crate::fuzz::fuzz(&[data.as_bytes()], |bytes| {
        let Ok(data) = serde_json::from_slice(bytes) else { return };
        let Some(record) = Record::from_data(&data) else { return };
        let _ = (record.tally.unaccounted(), record.tally.complete(), record.proof.is_some_and(|proof| proof.holds()));
        assert_eq!(Record::from_data(&record.to_data()).map(|again| again.tally), Some(record.tally));
    });
}
