//! Each key that EKS would refuse, or that would take the cluster down.
use super::*;
use crate::testing::{KEY, asked, aws, error_text};
use insta::assert_snapshot;

async fn checked(metadata: &str) -> String {
    let body = format!(r#"{{"KeyMetadata":{{"KeyId":"1234","Arn":"{KEY}",{metadata}}}}}"#);
    let (aws, _) = aws(&[(200, "", Box::leak(body.into_boxed_str()))]);
    check(&aws, "alias/shop").await.map_or_else(|error| format!("{error}"), |key| format!("taken: {}", key.arn))
}

#[tokio::test]
async fn every_rule() {
    let told = [
        checked(r#""KeyState":"Enabled","KeySpec":"SYMMETRIC_DEFAULT","KeyUsage":"ENCRYPT_DECRYPT","KeyManager":"CUSTOMER""#).await,
        checked(r#""Enabled":true"#).await,
        checked(r#""KeyState":"Disabled""#).await,
        checked(r#""KeyState":"PendingDeletion""#).await,
        checked(r#""KeyState":"PendingImport""#).await,
        checked(r#""KeyState":"Enabled","KeyManager":"AWS""#).await,
        checked(r#""KeyState":"Enabled","KeySpec":"RSA_2048""#).await,
        checked(r#""KeyState":"Enabled","KeySpec":"SYMMETRIC_DEFAULT","KeyUsage":"GENERATE_VERIFY_MAC""#).await,
        checked(r#""Description":"says nothing of its state""#).await,
    ];
    assert_snapshot!(told.join("\n"), @r"
    taken: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    taken: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    KMS key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab can't encrypt a cluster: it is Disabled; `aws kms enable-key` first
    KMS key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab can't encrypt a cluster: it is going to be deleted; `aws kms cancel-key-deletion` and `aws kms enable-key` first
    KMS key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab can't encrypt a cluster: it is PendingImport, it must be Enabled
    KMS key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab can't encrypt a cluster: AWS manages it (an aws/... alias); make a key of your own: `aws kms create-key`
    KMS key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab can't encrypt a cluster: its spec is RSA_2048, it must be SYMMETRIC_DEFAULT; make another key
    KMS key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab can't encrypt a cluster: its usage is GENERATE_VERIFY_MAC, it must be ENCRYPT_DECRYPT; make another key
    KMS key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab can't encrypt a cluster: it is not enabled, it must be Enabled
    ");
}

#[tokio::test]
async fn a_key_of_another_region_is_refused_without_a_call() {
    let (aws, http) = aws(&[]);
    let error = check(&aws, "arn:aws:kms:us-east-1:111122223333:key/1").await.unwrap_err();
    assert!(asked(&http).is_empty());
    assert_snapshot!(error_text(error), @r"
    exit 3
    error: KMS key arn:aws:kms:us-east-1:111122223333:key/1 is in us-east-1, the cluster in eu-central-1: EKS takes only a key of the cluster's region
    ");
}

#[tokio::test]
async fn a_key_that_may_not_be_described() {
    let (aws, _) =
        aws(&[(400, "AccessDeniedException", r#"{"message":"not authorized to perform: kms:DescribeKey"}"#)]);
    assert_snapshot!(error_text(check(&aws, "alias/shop").await.unwrap_err()), @r"
    exit 3
    error: can't describe KMS key alias/shop (you need kms:DescribeKey and kms:CreateGrant on it; another account's key must allow both in its key policy): AccessDeniedException: not authorized to perform: kms:DescribeKey
    ");
}

#[tokio::test]
async fn what_is_kept_of_a_key() {
    async fn read(metadata: &str) -> Key {
        let body = format!(r#"{{"KeyMetadata":{{"KeyId":"1234","Arn":"{KEY}","KeyState":"Enabled",{metadata}}}}}"#);
        let (aws, _) = aws(&[(200, "", Box::leak(body.into_boxed_str()))]);
        check(&aws, KEY).await.unwrap()
    }
    let plain = read(r#""Origin":"AWS_KMS","MultiRegion":false"#).await;
    assert_eq!(plain, crate::testing::key());
    assert_eq!(plain.account(), "111122223333");
    let imported = r#""Origin":"EXTERNAL","ExpirationModel":"KEY_MATERIAL_EXPIRES","ValidTo":1798761600"#;
    assert_eq!(read(imported).await.material, Material::Imported { expires: Some("2027-01-01T00:00:00Z".into()) });
    let lasting = r#""Origin":"EXTERNAL","ExpirationModel":"KEY_MATERIAL_DOES_NOT_EXPIRE""#;
    assert_eq!(read(lasting).await.material, Material::Imported { expires: None });
    assert_eq!(read(r#""Origin":"EXTERNAL_KEY_STORE""#).await.material, Material::Store("external"));
    assert_eq!(
        read(r#""Origin":"AWS_CLOUDHSM","CustomKeyStoreId":"cks-1""#).await.material,
        Material::Store("AWS CloudHSM")
    );
    let copies = r#""MultiRegion":true,"MultiRegionConfiguration":{"MultiRegionKeyType":"REPLICA",
        "PrimaryKey":{"Arn":"arn:p","Region":"us-east-1"},"ReplicaKeys":[{"Arn":"arn:r","Region":"eu-central-1"}]}"#;
    let regions = vec!["us-east-1".into(), "eu-central-1".into()];
    assert_eq!(read(copies).await.copies, Some(Replicas { primary: "arn:p".into(), regions }));
}
