//! The table of checks, by what AWS answers.
use insta::assert_snapshot;

use super::*;
use crate::cloudformation::examples;
use crate::cloudformation::fixture::{ABSENT, in_zones, stack, tagged};
use crate::testing::{Answer, aws as scripted, described, described_key, error_text};

const WHO: Answer = (
    200,
    "",
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/alice</Arn>\
     </GetCallerIdentityResult></GetCallerIdentityResponse>",
);
const ZONES: Answer = (
    200,
    "",
    "<DescribeAvailabilityZonesResponse><availabilityZoneInfo>\
     <item><zoneName>eu-central-1b</zoneName><zoneId>euc1-az3</zoneId></item>\
     <item><zoneName>eu-central-1a</zoneName><zoneId>euc1-az2</zoneId></item>\
     </availabilityZoneInfo></DescribeAvailabilityZonesResponse>",
);
const DENIED: Answer = (
    403,
    "",
    "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>",
);
const NO_CLUSTER: Answer =
    (404, "ResourceNotFoundException", r#"{"message":"No cluster found for name: kms-cluster."}"#);

async fn checked(answers: &[Answer]) -> String {
    let (aws, http) = scripted(answers);
    let terminal = Terminal::captured();
    let ground = run_checks(
        &examples::minimal("eu-central-1"),
        Ok(aws),
        (None, "aws cloudformation delete-stack ..."),
        &terminal,
    )
    .await;
    let end = ground.map_or_else(error_text, |ground| format!("{:?}", ground.plan));
    assert_eq!(http.actual_requests().count(), answers.len(), "{}\n{end}", terminal.text());
    format!("{}\n-> {end}\n", terminal.text())
}

#[tokio::test]
async fn all_is_well() {
    assert_snapshot!(checked(&[WHO, described_key("Enabled"), ABSENT, ZONES, NO_CLUSTER]).await, @r"
    Checks (nothing is created):
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      ok    zones                eu-central-1a, eu-central-1b
      ok    stack                eks-encrypt-kms-cluster is free
      ok    cluster              the name kms-cluster is free in eu-central-1
    Every check passed.
    -> Create
    ");
}

#[tokio::test]
async fn nobody_is_logged_in() {
    let expired =
        (403, "", "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>expired</Message></Error></ErrorResponse>");
    assert_snapshot!(checked(&[expired]).await, @r"
    Checks (nothing is created):
      FAIL  AWS identity         can't ask AWS who you are (log in: `aws sso login`, or see `aws sts get-caller-identity`):
                                   ExpiredToken: expired
      -     key                  not checked: AWS does not know us
      -     zones                not checked: AWS does not know us
      -     cluster              not checked: AWS does not know us
      -     stack                not checked: AWS does not know us
    -> exit 3
    error: 1 check failed, 4 not checked; nothing was changed.
    ");
}

#[tokio::test]
async fn a_key_that_is_disabled_and_no_right_to_ask_for_zones() {
    assert_snapshot!(checked(&[WHO, described_key("Disabled"), ABSENT, DENIED, NO_CLUSTER]).await, @r"
    Checks (nothing is created):
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      FAIL  key                  KMS key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
                                   can't encrypt a cluster: it is Disabled; `aws kms enable-key` first
      FAIL  zones                can't ask EC2 for the zones of eu-central-1: UnauthorizedOperation: no
                                 what helps: allow ec2:DescribeAvailabilityZones to your identity, or name two zones in
                                   availabilityZones
      -     stack                not checked: there is no template to compare it with
      ok    cluster              the name kms-cluster is free in eu-central-1
    -> exit 3
    error: 2 checks failed, 1 not checked; nothing was changed.
    ");
}

#[tokio::test]
async fn names_that_are_taken() {
    let begin = [WHO, described_key("Enabled")];
    let there = described(&serde_json::json!({ "name": "kms-cluster" }));
    let all = [
        checked(&[&begin[..], &[ABSENT, ZONES, there]].concat()).await,
        checked(&[&begin[..], &[tagged("CREATE_COMPLETE", None), ZONES]].concat()).await,
        checked(&[&begin[..], &[stack("ROLLBACK_COMPLETE"), ZONES]].concat()).await,
    ];
    assert_snapshot!(all.join("\n"), @r"
    Checks (nothing is created):
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      ok    zones                eu-central-1a, eu-central-1b
      ok    stack                eks-encrypt-kms-cluster is free
      FAIL  cluster              EKS has a cluster kms-cluster in eu-central-1 already (ACTIVE)
                                 what helps: choose another metadata.name; or put that cluster's Secrets under the key:
                                   `kubectl eks-encrypt enable --cluster kms-cluster --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --region eu-central-1`
    -> exit 3
    error: 1 check failed; nothing was changed.

    Checks (nothing is created):
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      ok    zones                eu-central-1a, eu-central-1b
      FAIL  stack                there is a CloudFormation stack eks-encrypt-kms-cluster already, and `create` did not make
                                   it: choose another metadata.name
    -> exit 3
    error: 1 check failed; nothing was changed.

    Checks (nothing is created):
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      ok    zones                eu-central-1a, eu-central-1b
      FAIL  stack                stack eks-encrypt-kms-cluster of an earlier attempt is ROLLBACK_COMPLETE: so it is
                                   delete it, then run the same command again: `aws cloudformation delete-stack ...`
    -> exit 3
    error: 1 check failed; nothing was changed.
    ");
}

#[tokio::test]
async fn the_same_file_again_goes_on() {
    let spec = examples::minimal("eu-central-1");
    let zones = ["eu-central-1a".to_owned(), "eu-central-1b".to_owned()];
    let template = template::render(&spec, &zones, crate::testing::KEY).unwrap().to_string();
    let digest = stack::digest(&template);
    let mut all = Vec::new();
    for status in ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "CREATE_COMPLETE"] {
        let ours = in_zones(status, &digest, "eu-central-1a eu-central-1b");
        // The zones are those of then: EC2 is not asked.
        all.push(checked(&[WHO, described_key("Enabled"), ours]).await);
    }
    assert_snapshot!(all.join("\n"), @r#"
    Checks (nothing is created):
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      ok    stack                eks-encrypt-kms-cluster is being created already, from this file: it is followed
    Every check passed.
    -> Follow("arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1")

    Checks (nothing is created):
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      ok    stack                eks-encrypt-kms-cluster has failed, and CloudFormation removes what it had made: that is
                                   followed
    Every check passed.
    -> WaitForRollback("arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1")

    Checks (nothing is created):
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      ok    stack                eks-encrypt-kms-cluster was created from this file: the cluster's key is looked at
    Every check passed.
    -> Verify("arn:aws:cloudformation:eu-central-1:111122223333:stack/eks-encrypt-shop/1")
    "#);
}
