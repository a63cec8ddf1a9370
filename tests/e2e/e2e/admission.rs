//! A validating webhook that somebody installs while a run is at work, and that denies some writes: real, with TLS and an
//! authority of its own, and asked by the API server. (Policies, which the API server judges itself, are in `concurrent_changes`.)

use std::net::{Ipv4Addr, SocketAddr};

use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eks_encrypt_sandbox::tls_front::TlsFront;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::assertions::{ClusterSnapshot, cleaned_up};
use super::blocking_webhook::{self, POOLFUL};
use super::running::{Running, STARTED};
use super::support::{Fixture, admin, apply, control_plane, enable, plugin, seed_secrets, wait_for};

/// The Secrets that it denies.
const FROZEN: [&str; 2] = ["secret-101", "secret-103"];

/// What it answers.
async fn judge(Json(review): Json<Value>) -> Json<Value> {
    let (uid, name) = (&review["request"]["uid"], review["request"]["name"].as_str().unwrap_or_default());
    let status = json!({ "code": 403, "reason": "Forbidden", "message": format!("{name} is frozen until Monday") });
    let allowed = !FROZEN.contains(&name);
    let response = if allowed {
        json!({ "uid": uid, "allowed": true })
    } else {
        json!({ "uid": uid, "allowed": false, "status": status })
    };
    Json(json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response }))
}

/// Serves it, and says where, and how it is installed for one namespace.
async fn served(sandbox: &Fixture, namespace: &str) -> (TlsFront, Value) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let plain: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(judge))).await });
    let front = TlsFront::open(Ipv4Addr::LOCALHOST.into(), plain, &sandbox.folder().logs().join("webhook")).unwrap();
    let ca = STANDARD.encode(std::fs::read(&front.ca_file).unwrap());
    let installed = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "freeze" },
        "webhooks": [{
            "name": "freeze.example.com", "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": { "url": format!("{}/", front.url), "caBundle": ca },
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["secrets"] }],
        }],
    });
    (front, installed)
}

// The webhook answers while the test waits for processes.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_appears_in_mid_run_and_denies_leaves_names_and_its_words() {
    let sandbox = control_plane();
    // seed-0 holds the run; the last two namespaces come after it.
    seed_secrets(&sandbox, 4 * POOLFUL, 2).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    let (_front, installed) = served(&sandbox, "seed-1").await;
    blocking_webhook::block(&sandbox, "seed-0", "secret-0");
    let command = enable(&sandbox, &["--local"]);
    let mut run = Running::start(&sandbox, "run", &command);
    run.until(STARTED);
    apply(&sandbox, "freeze.json", &installed.to_string());
    wait_for("the webhook to be asked", || {
        (!blocking_webhook::is_writable(&sandbox, "seed-1", FROZEN[0])).then_some(())
    });
    // It is the webhook's word, and not a webhook that can't be reached.
    assert!(blocking_webhook::is_writable(&sandbox, "seed-1", "secret-105"));
    run.assert_running();
    blocking_webhook::unblock(&sandbox);

    let output = run.end();
    assert_eq!(output.code, Some(6), "{}", output.stderr);
    assert!(
        output.stderr.contains("398 rewritten, 0 current already, 0 deleted meanwhile, 2 failed"),
        "{}",
        output.stderr
    );
    for name in FROZEN {
        let line = output.stderr.lines().find(|line| line.starts_with(&format!("  seed-1/{name}: ")));
        let words =
            format!("admission webhook \"freeze.example.com\" denied the request: {name} is frozen until Monday");
        assert!(line.is_some_and(|line| line.contains(&words)), "{}", output.stderr);
    }
    admin(&sandbox, &["delete", "validatingwebhookconfiguration", "freeze"]).ok();
    wait_for("the webhook to be gone", || blocking_webhook::is_writable(&sandbox, "seed-1", FROZEN[0]).then_some(()));
    before.moved_but(&sandbox, &FROZEN.map(|name| ["seed-1/", name].concat()).each_ref().map(String::as_str)).await;

    let output = plugin(&sandbox, &command);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
    cleaned_up(&sandbox).await;
}
