//! What is refused before anything is created: a file that can't be used, with exit code 2 and without a word to AWS; all else
//! by reading calls alone, with exit code 3.

use eks_encrypt_sandbox::fake_aws::FakeAws;
use eks_encrypt_sandbox::fake_aws::keys::Kind;

use super::support::{OREGON, STACK, account, aws, create, minimal, only_read, stacks};

#[track_caller]
fn refused(account: &FakeAws, text: &str) -> String {
    let output = create(account, text, &[]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert_eq!(output.stdout, "");
    only_read(account);
    output.plain_text()
}

#[test]
fn keys_that_eks_could_not_use() {
    let (account, good) = account();
    let of = |kind| account.key(OREGON, kind).unwrap();
    let absent = good.rsplit_once('/').unwrap().0.to_owned() + "/00000000-0000-0000-0000-000000000000";
    for (key, why) in [
        (of(Kind::Disabled), "Disabled"),
        (of(Kind::Rsa), "RSA_2048"),
        (of(Kind::PendingDeletion), "it is going to be deleted"),
        (absent, "NotFoundException"),
    ] {
        let words = refused(&account, &minimal(OREGON, &key));
        assert!(words.contains(why) && words.contains(&key), "{why}: {words}");
    }
    assert_eq!(stacks(&account, OREGON).len(), 0);
}

#[test]
fn a_file_that_would_lose_the_key_is_not_even_taken_to_aws() {
    let (account, key) = account();
    for (from, to, why) in [
        ("secretsEncryption:", "secretsencryption:", "kms-cluster.yaml:8: "),
        ("keyARN:", "keyArn:", "did you mean `secretsEncryption.keyARN`"),
        ("keyARN: ", "keyARN: # ", "keyARN"),
        ("managedNodeGroups:", "nodeGroups:", "`nodeGroups`"),
        ("region: us-west-2", "region: us-west-2\n  version: 1.34", "1.34"),
        ("region: us-west-2", "region: us-east-1", "is a key of region `us-west-2`, but metadata.region is us-east-1"),
        (":kms:us-west-2:", ":kms:us-east-1:", "is a key of region `us-east-1`, but metadata.region is us-west-2"),
    ] {
        let output = create(&account, &minimal(OREGON, &key).replace(from, to), &[]);
        assert_eq!(output.code, Some(2), "{to}: {}", output.stderr);
        assert!(output.plain_text().contains(why), "{why}: {}", output.stderr);
        assert_eq!(account.calls(), Vec::<String>::new(), "{to}");
    }
}

#[test]
fn a_cluster_of_that_name_is_left_alone() {
    let (account, key) = account();
    let role = "arn:aws:iam::123456789012:role/eks";
    let arguments = ["eks", "create-cluster", "--name", "kms-cluster", "--role-arn", role];
    aws(&account, OREGON, &[&arguments[..], &["--resources-vpc-config", "subnetIds=a,b"]].concat()).ok();
    let words = refused(&account, &minimal(OREGON, &key));
    assert!(words.contains("kms-cluster"), "{words}");
    assert_eq!(stacks(&account, OREGON).len(), 0);
}

#[test]
fn somebody_elses_stack_of_that_name_is_left_alone() {
    let (account, key) = account();
    let bucket = r#"{"Resources":{"Bucket":{"Type":"AWS::S3::Bucket"}}}"#;
    let arguments = ["cloudformation", "create-stack", "--stack-name", STACK, "--template-body", bucket];
    aws(&account, OREGON, &arguments).ok();
    let before = stacks(&account, OREGON);
    let words = refused(&account, &minimal(OREGON, &key));
    assert!(words.contains(STACK), "{words}");
    assert_eq!(stacks(&account, OREGON), before);
}
