//! The proof, and each way in which there is none.
use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::testing::{Answer, KEY, UPDATING, WITH, asked, aws, described, error_text, key};

async fn verified(answers: &[Answer]) -> String {
    let (aws, http) = aws(answers);
    let key = key();
    let wanted =
        ExpectedCluster { cluster: "shop", key: &key, stack: "eks-encrypt-shop", delete: "aws delete ...".into() };
    let verified = verify(&aws, &wanted, &Terminal::captured(), Instant::now() + Duration::from_secs(600)).await;
    let asked = asked(&http).len();
    format!(
        "{} (after {asked} questions)",
        verified.map_or_else(error_text, |cluster| format!("verified: {:?}", cluster.key))
    )
}

#[tokio::test(start_paused = true)]
async fn each_end() {
    const ABSENT: Answer = (404, "ResourceNotFoundException", r#"{"message":"No cluster found for name: shop."}"#);
    const DENIED: Answer = (403, "AccessDeniedException", r#"{"message":"not authorized"}"#);
    const THROTTLED: Answer = (429, "ThrottlingException", r#"{"message":"slow down"}"#);
    let other = described(&serde_json::json!({ "encryptionConfig": [{ "resources": ["secrets"],
        "provider": { "keyArn": KEY.replace("1234abcd", "0000dead") } }] }));
    let others_key =
        (200, "", r#"{"KeyMetadata":{"KeyId":"0","Arn":"arn:aws:kms:eu-central-1:111122223333:key/0000dead"}}"#);
    let all = [
        verified(&[WITH]).await,
        verified(&[THROTTLED, UPDATING, WITH]).await,
        verified(&[ABSENT]).await,
        verified(&[described(&serde_json::json!({}))]).await,
        verified(&[other, others_key]).await,
        verified(&[other, DENIED]).await,
        verified(&[other, THROTTLED]).await,
        verified(&[DENIED]).await,
        verified(&[(200, "", r#"{"cluster":{"name":"shop","status":"FAILED"}}"#)]).await,
        verified(&[UPDATING; 100]).await,
    ];
    assert_snapshot!(all.join("\n"), @r#"
    verified: Some("arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab") (after 1 questions)
    verified: Some("arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab") (after 3 questions)
    exit 1
    error: CloudFormation says that stack eks-encrypt-shop is complete, but EKS has no cluster shop: nothing is proven (after 1 questions)
    exit 4
    error: EKS cluster shop exists, but is NOT encrypted with your key
      asked for: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      EKS has:   no key of yours (a key that AWS owns)
      don't put Secrets into it. Delete it: aws delete ... (after 1 questions)
    exit 4
    error: EKS cluster shop exists, but is NOT encrypted with your key
      asked for: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      EKS has:   arn:aws:kms:eu-central-1:111122223333:key/0000dead-12ab-34cd-56ef-1234567890ab
      don't put Secrets into it. Delete it: aws delete ... (after 2 questions)
    exit 4
    error: EKS cluster shop exists, but is NOT encrypted with your key
      asked for: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      EKS has:   arn:aws:kms:eu-central-1:111122223333:key/0000dead-12ab-34cd-56ef-1234567890ab
      don't put Secrets into it. Delete it: aws delete ... (after 2 questions)
    exit 1
    error: EKS does not say which key cluster shop has: nothing is proven. Run the same command again: ThrottlingException: slow down (after 2 questions)
    exit 1
    error: EKS does not say which key cluster shop has: nothing is proven. Run the same command again: AccessDeniedException: not authorized (after 1 questions)
    exit 1
    error: EKS cluster shop is FAILED: nothing is proven. See: aws eks describe-cluster --name shop (after 1 questions)
    exit 7
    error: time is up after 10 min 0 s: waiting until EKS cluster shop is ACTIVE; nothing is lost, run the same command again to go on (after 45 questions)
    "#);
}
