//! The checks as one scenario: what is said, and what is asked of whom.
use super::*;
use crate::testing::{CA, KEY, asked, aws, enable, kubeconfig, kubernetes as api_server, told};
use insta::assert_snapshot;

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/alice</Arn>\
    <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

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
    let client = api_server(|method, path| {
        assert_eq!(format!("{method} {path}"), "POST /apis/authentication.k8s.io/v1/selfsubjectreviews?");
        let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview","metadata":{},"status":{"userInfo":{"username":"alice@example"}}}"#;
        (201, review.into())
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
    ");
    assert_eq!(asked(&http), ["POST /", "GET /clusters/shop", "POST /", "GET /clusters/shop/updates"]);
}

#[tokio::test]
async fn another_clusters_api_server_is_not_spoken_to() {
    let (aws, http) = aws(&[(200, "", IDENTITY), (200, "", cluster())]);
    let client = api_server(|_, path| panic!("asked {path}"));
    let kubernetes = kubeconfig(client, "https://staging.example", "authority A");
    let Err(stop) = check(&enable(&[]), aws, kubernetes, &Screen::kept()).await else { panic!("passed") };
    assert!(told(stop).starts_with("exit 3\n"));
    assert_eq!(asked(&http), ["POST /", "GET /clusters/shop"]);
}
