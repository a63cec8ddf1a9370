//! What is said of keys that can be used.
use super::*;
use crate::aws::key::Replicas;
use crate::testing::{KEY, aws, cluster, key, row};
use insta::assert_snapshot;

const ON: (u16, &str, &str) = (200, "", r#"{"KeyRotationEnabled":true,"RotationPeriodInDays":365}"#);
const OFF: (u16, &str, &str) = (200, "", r#"{"KeyRotationEnabled":false}"#);
const NO_GRANTS: (u16, &str, &str) = (200, "", r#"{"Grants":[]}"#);

async fn rows_of(key: &Key, answers: &[(u16, &'static str, &'static str)]) -> String {
    let (aws, _) = aws(answers);
    check(&aws, key, &cluster(None)).await.into_iter().map(row).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_key_without_risks() {
    assert_snapshot!(rows_of(&key(), &[ON, NO_GRANTS]).await, @r"
    ok    key rotation         automatic, every 365 days
    ok    key use              no grant to others (what key policies and IAM allow is not seen here)
    ");
}

#[tokio::test]
async fn rotation() {
    let denied = (400, "AccessDeniedException", r#"{"message":"not authorized to perform: kms:GetKeyRotationStatus"}"#);
    let busy = (400, "KMSInternalException", r#"{"message":"try\nagain"}"#);
    let rotation = async |key: &Key, answer| row(super::rotation(&aws(&[answer]).0, key, &cluster(None)).await);
    let from = |material| Key { material, ..key() };
    let told = [
        rotation(&key(), OFF).await,
        rotation(&key(), denied).await,
        rotation(&key(), busy).await,
        rotation(&from(Material::Imported { expires: None }), OFF).await,
        rotation(&from(Material::Store("AWS CloudHSM")), OFF).await,
    ];
    assert_snapshot!(told.join("\n"), @r"
    warn  key rotation         automatic rotation is off
                               what helps:
                                 `aws kms enable-key-rotation --key-id arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
                                 its ARN stays the same, and nothing need be encrypted again
    warn  key rotation         not known whether it is rotated: AccessDeniedException: not authorized to perform:
                                 kms:GetKeyRotationStatus
                               what helps: allow kms:GetKeyRotationStatus on the key to your identity, to see it
    warn  key rotation         not known whether it is rotated: KMSInternalException: try\nagain
    warn  key rotation         KMS can't rotate imported key material by itself
                               what helps: import new material from time to time, then `aws kms rotate-key-on-demand`
    warn  key rotation         KMS can't rotate a key in its AWS CloudHSM key store
                               what helps: rotate it in the store, if it can; another key is no way out, because EKS keeps
                                 the first
    ");
}

#[tokio::test]
async fn everything_at_once() {
    let key = Key {
        arn: KEY.replace("111122223333", "444455556666"),
        material: Material::Kms,
        copies: Some(Replicas {
            primary: "arn:primary".into(),
            regions: vec!["us-east-1".into(), "eu-central-1".into()],
        }),
    };
    assert_snapshot!(rows_of(&key, &[OFF, NO_GRANTS]).await, @r"
    warn  key rotation         automatic rotation is off
                               what helps: `aws kms enable-key-rotation --key-id arn:primary`, by an administrator of the
                                 key's account; its ARN stays the same, and nothing need be encrypted again
    warn  key account          the key is account 444455556666's, the cluster account 111122223333's: whoever may disable
                                 or delete keys there can take this cluster down
                               what helps: agree with the owners that the key stays; the key policy must allow
                                 kms:DescribeKey and kms:CreateGrant to account 111122223333
    warn  key copies           a multi-Region key, with copies in: us-east-1. What it encrypts can be decrypted there too;
                                 but the cluster uses the copy in eu-central-1 alone, and the others can't stand in for it
    ok    key use              no grant to others (what key policies and IAM allow is not seen here)
    ");
}

#[tokio::test]
async fn material_that_expires() {
    let expires = Some("2027-01-01T00:00:00Z".to_owned());
    let key = Key { material: Material::Imported { expires }, ..key() };
    assert_snapshot!(rows_of(&key, &[NO_GRANTS]).await, @r"
    warn  key rotation         KMS can't rotate imported key material by itself
                               what helps: import new material from time to time, then `aws kms rotate-key-on-demand`
    warn  key expiry           the imported key material expires at 2027-01-01T00:00:00Z: from then on the cluster can't
                                 use the key, and goes down
                               what helps: import the same material again without expiry
                                 (`aws kms import-key-material --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE`)
    ok    key use              no grant to others (what key policies and IAM allow is not seen here)
    ");
}
