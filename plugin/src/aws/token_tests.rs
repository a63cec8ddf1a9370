//! That what is signed is what is sent: the signature is computed a second time, by the book, from the URL alone.
use aws_config::Region;
use aws_credential_types::provider::SharedCredentialsProvider;
use insta::assert_snapshot;
use sha2::{Digest as _, Sha256};

use super::*;

const NOW: &str = "2026-11-24T09:08:07Z";

fn sdk(region: &str, session: Option<&str>) -> SdkConfig {
    let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", session.map(str::to_owned), None, "test");
    SdkConfig::builder()
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .build()
}

async fn url(sdk: &SdkConfig, cluster: &str) -> String {
    let (token, _) = create_token(sdk, cluster, NOW.parse().unwrap()).await.unwrap();
    let url = URL_SAFE_NO_PAD.decode(token.strip_prefix("k8s-aws-v1.").unwrap()).unwrap();
    String::from_utf8(url).unwrap()
}

/// HMAC-SHA256 (RFC 2104), for keys that are no longer than a block.
fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let padded = |with: u8| (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

/// The signature of a presigned GET (AWS General Reference, "Create a signed AWS API request").
fn signature(url: &str, region: &str, cluster: &str) -> String {
    let (host, query) = url.strip_prefix("https://").unwrap().split_once("/?").unwrap();
    let mut parameters: Vec<&str> = query.split('&').filter(|one| !one.starts_with("X-Amz-Signature=")).collect();
    parameters.sort_unstable();
    let empty = hex::encode(Sha256::digest(""));
    let canonical =
        format!("GET\n/\n{}\nhost:{host}\nx-k8s-aws-id:{cluster}\n\nhost;x-k8s-aws-id\n{empty}", parameters.join("&"));
    let scope = format!("20261124/{region}/sts/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n20261124T090807Z\n{scope}\n{}", hex::encode(Sha256::digest(&canonical)));
    let steps = ["20261124", region, "sts", "aws4_request"];
    let key = steps.iter().fold(b"AWS4wJalrXUtnFEMI/K7MDENG".to_vec(), |key, step| hmac(&key, step));
    hex::encode(hmac(&key, &to_sign))
}

#[tokio::test]
async fn the_url_is_exactly_what_is_signed() {
    for (region, session) in [("eu-central-1", None), ("us-gov-west-1", Some("a/session+token=="))] {
        let url = url(&sdk(region, session), "shop").await;
        let signed = url.split_once("&X-Amz-Signature=").unwrap().1;
        let signed = signed.split('&').next().unwrap();
        assert_eq!(signed, signature(&url, region, "shop"), "{url}");
        assert_ne!(signed, signature(&url, region, "another"), "the cluster's name must be part of what is signed");
    }
}

#[tokio::test]
async fn the_url_has_the_form_of_aws_eks_get_token() {
    let url = url(&sdk("eu-central-1", Some("a/session+token==")), "shop").await;
    assert_snapshot!(url.replace('&', "\n&"), @r"
    https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity
    &Version=2011-06-15
    &X-Amz-Algorithm=AWS4-HMAC-SHA256
    &X-Amz-Credential=AKIDEXAMPLE%2F20261124%2Feu-central-1%2Fsts%2Faws4_request
    &X-Amz-Date=20261124T090807Z
    &X-Amz-Expires=60
    &X-Amz-SignedHeaders=host%3Bx-k8s-aws-id
    &X-Amz-Signature=56aadde47089011aedde0acb29a069b98a80c45f9b6797a07c6f48b2facc06c0
    &X-Amz-Security-Token=a%2Fsession%2Btoken%3D%3D
    ");
}

#[tokio::test]
async fn a_person_s_way_to_sts_is_not_what_is_signed_for() {
    let keys = SharedCredentialsProvider::new(Credentials::new("AKID", "secret", None, None, "test"));
    let sdk = SdkConfig::builder()
        .region(Region::new("eu-central-1"))
        .endpoint_url("http://127.0.0.1:4566/")
        .credentials_provider(keys)
        .build();
    let url = url(&sdk, "shop").await;
    assert!(url.starts_with("https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity"), "{url}");
}

#[tokio::test]
async fn a_token_is_kept_no_longer_than_the_credentials_that_signed_it_live() {
    let until = async |expiry: Option<&str>| {
        let expiry = expiry.map(|time| SystemTime::from(time.parse::<Timestamp>().unwrap()));
        let keys = SharedCredentialsProvider::new(Credentials::new("AKID", "secret", None, expiry, "test"));
        let sdk = SdkConfig::builder().region(Region::new("eu-central-1")).credentials_provider(keys).build();
        create_token(&sdk, "shop", NOW.parse().unwrap()).await.unwrap().1.to_string()
    };
    assert_eq!(until(None).await, "2026-11-24T09:22:07Z", "a minute before its 15 are over");
    assert_eq!(until(Some("2026-11-24T10:00:00Z")).await, "2026-11-24T09:22:07Z");
    assert_eq!(until(Some("2026-11-24T09:11:00Z")).await, "2026-11-24T09:11:00Z");
}

#[test]
fn a_credential_for_kubernetes_clients() {
    let until = "2026-11-24T09:22:07Z".parse().unwrap();
    let version = Some("client.authentication.k8s.io/v1beta1");
    assert_snapshot!(exec_credential("k8s-aws-v1.x", until, version), @r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{},"status":{"expirationTimestamp":"2026-11-24T09:22:07Z","token":"k8s-aws-v1.x"}}"#);
}
