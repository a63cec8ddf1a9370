//! The checks as one scenario: what is said, and what is asked of whom.
use std::sync::{Arc, Mutex};

use super::*;
use crate::testing::{CA, KEY, api_object, asked, aws, enable, kubeconfig, kubernetes as api_server, not_found, told};
use insta::assert_snapshot;

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/alice</Arn>\
    <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

type Heard = Arc<Mutex<Vec<String>>>;

/// An API server, and what it was asked.
fn heard(answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> (Client, Heard) {
    let all = Heard::default();
    let heard = all.clone();
    let client = api_server(move |method, path| {
        heard.lock().unwrap().push(format!("{method} {path}"));
        answer(method, path)
    });
    (client, all)
}

fn cluster() -> &'static str {
    let body = serde_json::json!({"cluster": {
        "name": "shop", "arn": "arn:aws:eks:eu-central-1:111122223333:cluster/shop", "version": "1.34", "status": "ACTIVE",
        "endpoint": "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "certificateAuthority": {"data": CA}}});
    Box::leak(body.to_string().into_boxed_str())
}

fn key() -> &'static str {
    let body = serde_json::json!({"KeyMetadata": {"KeyId": "1234", "Arn": KEY, "KeyState": "Enabled"}});
    Box::leak(body.to_string().into_boxed_str())
}

#[tokio::test]
async fn every_check_passes() {
    let (aws, http) =
        aws(&[(200, "", IDENTITY), (200, "", cluster()), (200, "", key()), (200, "", r#"{"updateIds":[]}"#)]);
    let (client, heard) = heard(|method, path| match (method, path) {
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews?") => {
            let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview","metadata":{},"status":{"userInfo":{"username":"alice@example"}}}"#;
            (201, review.into())
        }
        ("POST", _) => (201, r#"{"spec":{},"metadata":{},"status":{"allowed":true}}"#.into()),
        ("GET", path) if path.contains("/jobs?") => (200, r#"{"metadata":{},"items":[]}"#.into()),
        ("GET", path) => not_found(path),
        (_, path) => (200, api_object(path)),
    });
    let kubernetes = kubeconfig(client, "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "authority A");
    let screen = Screen::kept();
    let Ok(ground) = check(&enable(&[]), aws, kubernetes, &screen).await else { panic!("{}", screen.text()) };
    assert_eq!(ground.plan, Plan::Associate);
    assert_snapshot!(screen.text(), @r"
    ok  AWS identity         arn:aws:iam::111122223333:user/alice
    ok  cluster              arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    ok  kubeconfig           context prod has this cluster's server and CA
    ok  Kubernetes identity  alice@example
    ok  key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    ok  association          no key is associated yet
    ok  rights               RBAC and a Job may be made in namespace eks-encrypt
    ");
    assert_eq!(asked(&http), ["POST /", "GET /clusters/shop", "POST /", "GET /clusters/shop/updates"]);
    for call in heard.lock().unwrap().iter() {
        assert!(call.contains("reviews?") || call.starts_with("GET ") || call.contains("dryRun=All"), "{call}");
    }
}

#[tokio::test]
async fn a_job_in_the_way_is_refused_before_the_key_is_associated() {
    let (aws, http) =
        aws(&[(200, "", IDENTITY), (200, "", cluster()), (200, "", key()), (200, "", r#"{"updateIds":[]}"#)]);
    let by_hand = r#"{"metadata":{},"items":[{"metadata":{"name":"eks-encrypt","namespace":"eks-encrypt","labels":{"eks-encrypt/run":"by-hand"}}}]}"#;
    let (client, _) = heard(move |method, path| match (method, path) {
        ("POST", _) => (201, r#"{"spec":{},"metadata":{},"status":{"allowed":true}}"#.into()),
        ("GET", path) if path.contains("/jobs?") => (200, by_hand.into()),
        ("GET", path) => not_found(path),
        (_, path) => (200, api_object(path)),
    });
    let kubernetes = kubeconfig(client, "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "authority A");
    let Err(stop) = check(&enable(&[]), aws, kubernetes, &Screen::kept()).await else { panic!("passed") };
    let told = told(stop);
    assert!(told.starts_with("exit 3\nerror: Job eks-encrypt is at work"), "{told}");
    assert!(!asked(&http).iter().any(|call| call.contains("associate")));
}

#[tokio::test]
async fn another_clusters_api_server_is_not_spoken_to() {
    let (aws, http) = aws(&[(200, "", IDENTITY), (200, "", cluster())]);
    let (client, heard) = heard(|_, path| not_found(path));
    let kubernetes = kubeconfig(client, "https://staging.example", "authority A");
    let screen = Screen::kept();
    let Err(stop) = check(&enable(&[]), aws, kubernetes, &screen).await else { panic!("passed") };
    assert_snapshot!(format!("{}\n{}", screen.text(), told(stop)), @r"
      ok  AWS identity         arn:aws:iam::111122223333:user/alice
      ok  cluster              arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    exit 3
    error: kubeconfig context prod is not EKS cluster shop: nothing was touched
      kubeconfig: https://staging.example CA bf9899e0f16bf2d9
      EKS:        https://ABC123.gr7.eu-central-1.eks.amazonaws.com CA bf9899e0f16bf2d9
      write the right one: aws eks update-kubeconfig --name shop --region eu-central-1
      or name its context: --context NAME
    ");
    assert_eq!(*heard.lock().unwrap(), [""; 0]);
    assert_eq!(asked(&http), ["POST /", "GET /clusters/shop"]);
}
