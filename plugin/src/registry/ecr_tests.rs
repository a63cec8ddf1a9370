//! ECR's addresses, and what it answers; its server is a script.
use super::*;
use crate::model::reference::parse_destination;
use crate::testing::{Answer, aws as scripted, error_text};
use aws_smithy_http_client::test_util::StaticReplayClient;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;

const HOST: &str = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";

fn client(answers: &[Answer]) -> (Ecr, Client, StaticReplayClient) {
    let (aws, http) = scripted(answers);
    (from_registry(HOST).unwrap(), Client::new(&aws.sdk), http)
}

#[test]
fn addresses_of_every_partition_are_known_and_no_others() {
    for (host, region) in [
        (HOST, "eu-central-1"),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("111122223333.dkr-ecr.us-west-2.on.aws", "us-west-2"),
        ("111122223333.dkr-ecr-fips.us-east-1.on.aws", "us-east-1"),
        ("111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1"),
        ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
    ] {
        assert_eq!(from_registry(host), Some(Ecr { account: "111122223333".into(), region: region.into() }), "{host}");
    }
    for host in [
        "public.ecr.aws",
        "registry.example",
        "111122223333.dkr.ecr.us-west-2.amazonaws.com.evil.example",
        "111122223333.dkr.ecr.us-west-2.evil.example",
        "11112222333.dkr.ecr.us-west-2.amazonaws.com",
        "111122223333.dkr.ecr.us-west-2.amazonaws.com:443",
        "x.dkr.ecr.us-west-2.amazonaws.com",
    ] {
        assert_eq!(from_registry(host), None, "{host}");
    }
}

#[tokio::test]
async fn the_token_is_a_name_and_a_password() {
    let body = format!(r#"{{"authorizationData":[{{"authorizationToken":"{}"}}]}}"#, STANDARD.encode("AWS:pass:word"));
    let (ecr, client, http) = client(&[(200, "", Box::leak(body.into_boxed_str()))]);
    let found = ecr.credentials(&client, HOST).await.unwrap();
    assert_eq!((found.username.as_str(), found.password.as_str()), ("AWS", "pass:word"));
    let request = http.actual_requests().next().unwrap();
    let target = request.headers().get("x-amz-target").unwrap();
    assert!(target.ends_with(".GetAuthorizationToken"), "{target}");
}

#[tokio::test]
async fn who_gets_no_token_is_told_the_right_that_is_missing() {
    let denied = r#"{"__type":"AccessDeniedException","message":"User alice is not authorized"}"#;
    let (ecr, client, _) = client(&[(400, "AccessDeniedException", denied), (200, "", r#"{"authorizationData":[]}"#)]);
    let mut all = vec![error_text(ecr.credentials(&client, HOST).await.unwrap_err())];
    all.push(error_text(ecr.credentials(&client, HOST).await.unwrap_err()));
    assert_snapshot!(all.join("\n"), @r"
    exit 3
    error: ECR gives no password for 111122223333.dkr.ecr.eu-central-1.amazonaws.com (needs ecr:GetAuthorizationToken): AccessDeniedException: User alice is not authorized
    exit 3
    error: ECR gives no password for 111122223333.dkr.ecr.eu-central-1.amazonaws.com (needs ecr:GetAuthorizationToken): its answer can't be read
    ");
}

#[tokio::test]
async fn a_repository_is_made_with_immutable_tags_and_scan_on_push() {
    let to = parse_destination(&format!("{HOST}/team/job")).unwrap();
    let there = r#"{"__type":"RepositoryAlreadyExistsException","message":"it exists"}"#;
    let denied = r#"{"__type":"AccessDeniedException","message":"User alice is not authorized"}"#;
    let (ecr, client, http) = client(&[
        (200, "", r#"{"repository":{}}"#),
        (400, "RepositoryAlreadyExistsException", there),
        (400, "AccessDeniedException", denied),
    ]);
    assert!(ecr.create_repository(&client, &to).await.unwrap());
    let request = http.actual_requests().next().unwrap();
    let asked: serde_json::Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
    let expected = serde_json::json!({"registryId": "111122223333", "repositoryName": "team/job",
        "imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": {"scanOnPush": true}});
    assert_eq!(asked, expected);
    assert!(!ecr.create_repository(&client, &to).await.unwrap(), "somebody else was faster");
    assert_snapshot!(error_text(ecr.create_repository(&client, &to).await.unwrap_err()), @r"
    exit 3
    error: ECR did not create repository 111122223333.dkr.ecr.eu-central-1.amazonaws.com/team/job (needs ecr:CreateRepository): AccessDeniedException: User alice is not authorized
    ");
    assert_snapshot!(ecr.create_command("team/job", Some("ops")), @"aws ecr create-repository --registry-id 111122223333 --repository-name team/job --image-tag-mutability IMMUTABLE --image-scanning-configuration scanOnPush=true --region eu-central-1 --profile ops");
}
