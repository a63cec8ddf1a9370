//! What is asked for, and what is said of each answer.
use std::sync::{Arc, Mutex};

use super::*;
use crate::testing::{forbidden, kubernetes, row};
use insta::assert_snapshot;

async fn row_of(status: u16, body: impl Into<String>) -> String {
    let body = body.into();
    row(check(&kubernetes(move |_, _| (status, body.clone()))).await)
}

fn page(metadata: &str, items: usize) -> String {
    let item = r#"{"kind":"PartialObjectMetadata","metadata":{"name":"db","annotations":{"a":"c2VjcmV0"}}}"#;
    format!(r#"{{"kind":"PartialObjectMetadataList","metadata":{metadata},"items":[{}]}}"#, vec![item; items].join(","))
}

#[tokio::test(start_paused = true)]
async fn every_answer() {
    let told = [
        row_of(200, page(r#"{"continue":"x","remainingItemCount":2012}"#, 1)).await,
        row_of(200, page("{}", 1)).await,
        row_of(200, r#"{"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"9"},"items":null}"#).await,
        row_of(200, page(r#"{"continue":"x"}"#, 1)).await,
        row_of(403, forbidden("list", "secrets")).await,
        row_of(500, r#"{"kind":"Status","metadata":{},"status":"Failure","message":"unable to transform key \"/registry/secrets/shop/db\"\nno","reason":"InternalError","code":500}"#).await,
    ];
    assert_snapshot!(told.join("\n"), @r#"
    ok    Secrets              2,013 Secrets (the metadata of one was asked for, no data)
    ok    Secrets              1 Secret (its metadata was asked for, not its data)
    ok    Secrets              none
    warn  Secrets              not counted: the API server does not say how many there are
    warn  Secrets              not counted: you can't list Secrets yourself; the Job can
    FAIL  Secrets              the API server can't list them: unable to transform key "/registry/secrets/shop/db"\nno
                               what helps: the Job lists every Secret, so this must work first; where the message names a
                                 Secret, the key that it was encrypted with may be gone or disabled
    "#);
}

#[tokio::test]
async fn one_secret_is_asked_for_as_metadata() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let all = heard.clone();
    let (service, mut handle) =
        tower_test::mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>();
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            let accept = request.headers()["accept"].to_str().unwrap().to_owned();
            all.lock().unwrap().push(format!("{} {} {accept}", request.method(), request.uri()));
            send.send_response(http::Response::new(page("{}", 1).into_bytes().into()));
        }
    });
    check(&Client::new(service, "default")).await;
    assert_eq!(
        *heard.lock().unwrap(),
        ["GET /api/v1/secrets?&limit=1 application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"]
    );
}
