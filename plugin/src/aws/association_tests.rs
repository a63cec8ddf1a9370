//! What there is to do, and how EKS is asked for it: against a scripted EKS.
use super::*;
use crate::testing::{Answer, IN_PROGRESS, KEY, NO_UPDATES, UPDATING, WITH, asked, aws, cluster, error_text, key};
use insta::assert_snapshot;

const ONE_UPDATE: Answer = (200, "", r#"{"updateIds":["u-1"]}"#);
const UPGRADE: Answer = (200, "", r#"{"update":{"id":"u-1","type":"VersionUpdate","status":"InProgress"}}"#);
const ANOTHER_KEY_IN_PROGRESS: Answer = (
    200,
    "",
    r#"{"update":{"id":"u-1","type":"AssociateEncryptionConfig","status":"InProgress","params":[{"type":"EncryptionConfig",
       "value":"[{\"resources\":[\"secrets\"],\"provider\":{\"keyArn\":\"arn:aws:kms:eu-central-1:111122223333:key/other\"}}]"}]}}"#,
);
const ALREADY: Answer =
    (400, "InvalidParameterException", r#"{"message":"Encryption is already enabled on the cluster"}"#);
const NO_KEY: Answer = (400, "NotFoundException", r#"{"message":"Key does not exist"}"#);
const WITH_OTHER: Answer = (
    200,
    "",
    r#"{"cluster":{"name":"shop","status":"ACTIVE","encryptionConfig":[{"resources":["secrets"],
       "provider":{"keyArn":"arn:aws:kms:eu-central-1:111122223333:key/other"}}]}}"#,
);

#[tokio::test]
async fn a_cluster_without_a_key_needs_an_association() {
    let (aws, _) = aws(&[NO_UPDATES]);
    assert_eq!(plan(&aws, &cluster(None), &key()).await.unwrap(), AssociationPlan::Associate);
}

#[tokio::test]
async fn the_same_key_needs_nothing_if_no_update_is_in_progress() {
    let (aws, http) = aws(&[NO_UPDATES]);
    assert_eq!(plan(&aws, &cluster(Some(KEY)), &key()).await.unwrap(), AssociationPlan::Nothing);
    assert_eq!(asked(&http), ["GET /clusters/shop/updates"]);
}

#[tokio::test]
async fn an_active_cluster_with_the_key_and_an_update_in_progress_is_waited_for() {
    let (associating, _) = aws(&[ONE_UPDATE, IN_PROGRESS]);
    let (upgrading, _) = aws(&[ONE_UPDATE, UPGRADE]);
    assert_eq!(plan(&associating, &cluster(Some(KEY)), &key()).await.unwrap(), AssociationPlan::Follow("u-1".into()));
    assert!(matches!(plan(&upgrading, &cluster(Some(KEY)), &key()).await, Err(Error::Busy { .. })));
}

#[tokio::test]
async fn the_same_key_by_its_alias_is_the_same_key() {
    let described = r#"{"KeyMetadata":{"KeyId":"1234","Arn":"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}}"#;
    let (aws, _) = aws(&[(200, "", described), NO_UPDATES]);
    let cluster = cluster(Some("arn:aws:kms:eu-central-1:111122223333:alias/eks"));
    assert_eq!(plan(&aws, &cluster, &key()).await.unwrap(), AssociationPlan::Nothing);
}

#[tokio::test]
async fn another_key_is_refused_by_name() {
    let (aws, _) = aws(&[NO_KEY]);
    let error =
        plan(&aws, &cluster(Some("arn:aws:kms:eu-central-1:111122223333:key/other")), &key()).await.unwrap_err();
    assert_snapshot!(error_text(error), @r"
    exit 4
    error: EKS cluster shop has another key already, and EKS can't change it
      it has:    arn:aws:kms:eu-central-1:111122223333:key/other
      you asked: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      to use new key material, rotate the key that it has: aws kms enable-key-rotation --key-id arn:aws:kms:eu-central-1:111122223333:key/other
    ");
}

#[tokio::test]
async fn an_association_in_progress_is_followed() {
    let (aws, _) = aws(&[ONE_UPDATE, IN_PROGRESS]);
    assert_eq!(plan(&aws, &cluster(None), &key()).await.unwrap(), AssociationPlan::Follow("u-1".into()));
}

#[tokio::test]
async fn an_association_of_another_key_in_progress_is_refused_before_the_wait() {
    let (aws, _) = aws(&[ONE_UPDATE, ANOTHER_KEY_IN_PROGRESS, NO_KEY]);
    let error = plan(&aws, &cluster(None), &key()).await.unwrap_err();
    assert_eq!(error.code(), ExitCode::OtherKey);
}

#[tokio::test]
async fn another_update_in_progress_is_refused() {
    let (aws, _) = aws(&[ONE_UPDATE, UPGRADE]);
    assert_snapshot!(error_text(plan(&aws, &cluster(None), &key()).await.unwrap_err()), @r"
    exit 3
    error: EKS is working on another update of cluster shop (VersionUpdate, id u-1): wait until it is done, then run the same command again
    ");
}

#[tokio::test]
async fn the_request_names_secrets_the_key_and_a_token() {
    let (aws, http) = aws(&[IN_PROGRESS]);
    assert_eq!(start(&aws, &cluster(None), &key()).await.unwrap().as_deref(), Some("u-1"));
    assert_eq!(asked(&http), ["POST /clusters/shop/encryption-config/associate"]);
    let body = http.actual_requests().next().unwrap().body().bytes().unwrap().to_vec();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["encryptionConfig"], serde_json::json!([{"resources": ["secrets"], "provider": {"keyArn": KEY}}]));
    assert_eq!(body["clientRequestToken"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn already_enabled_is_a_state_to_read_and_not_an_error() {
    let (aws, _) = aws(&[ALREADY, WITH, NO_UPDATES]);
    assert_eq!(start(&aws, &cluster(None), &key()).await.unwrap(), None);
}

#[tokio::test]
async fn already_enabled_with_another_key_is_refused() {
    let (aws, _) = aws(&[ALREADY, WITH_OTHER, NO_KEY]);
    assert_eq!(start(&aws, &cluster(None), &key()).await.unwrap_err().code(), ExitCode::OtherKey);
}

#[tokio::test]
async fn already_enabled_by_an_update_in_progress_is_followed() {
    let (aws, _) = aws(&[ALREADY, UPDATING, ONE_UPDATE, IN_PROGRESS]);
    assert_eq!(start(&aws, &cluster(None), &key()).await.unwrap().as_deref(), Some("u-1"));
}

#[tokio::test]
async fn a_refusal_is_told_in_ekss_words_with_its_cure() {
    let denied = r#"{"message":"User is not authorized to perform: kms:CreateGrant on the key"}"#;
    let (aws, _) = aws(&[(400, "InvalidParameterException", denied)]);
    assert_snapshot!(error_text(start(&aws, &cluster(None), &key()).await.unwrap_err()), @r"
    exit 3
    error: EKS did not take the association of arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab with cluster shop: InvalidParameterException: User is not authorized to perform: kms:CreateGrant on the key
      what helps: allow kms:CreateGrant and kms:DescribeKey on the key to your identity, without a condition on kms:GrantIsForAWSResource; then run the same command again
    ");
}

#[tokio::test]
async fn a_request_without_an_answer_may_have_been_taken() {
    // EKS does not answer, neither the request nor the look at what became of it.
    let (aws, _) = aws(&[(503, "ServiceUnavailableException", r#"{"message":"try again"}"#)]);
    assert_snapshot!(error_text(start(&aws, &cluster(None), &key()).await.unwrap_err()), @r"
    exit 1
    error: no answer from EKS: it may have begun to associate arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab with cluster shop, and then it can't be undone; run the same command again to see: ServiceUnavailableException: try again
    ");
}

/// Who may not describe an alias does not know which key it is.
#[tokio::test]
async fn an_alias_that_can_not_be_looked_up_is_not_another_key() {
    let (aws, _) = aws(&[(400, "AccessDeniedException", r#"{"message":"not authorized"}"#)]);
    let cluster = cluster(Some("arn:aws:kms:eu-central-1:111122223333:alias/eks"));
    let error = plan(&aws, &cluster, &key()).await.unwrap_err();
    assert!(matches!(error, Error::Compare { .. }), "{error}");
}

#[tokio::test]
async fn a_key_that_can_not_be_compared_is_not_another_key() {
    let (aws, _) = aws(&[(400, "ThrottlingException", r#"{"message":"Rate exceeded"}"#)]);
    let cluster = cluster(Some("arn:aws:kms:eu-central-1:111122223333:alias/eks"));
    assert_snapshot!(error_text(plan(&aws, &cluster, &key()).await.unwrap_err()), @r"
    exit 1
    error: can't see whether arn:aws:kms:eu-central-1:111122223333:alias/eks, which EKS cluster shop has, is the key that you asked for (arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab): ThrottlingException: Rate exceeded
    ");
}
