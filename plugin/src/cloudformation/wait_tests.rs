//! A stack's life as CloudFormation tells it, with a clock that waits for nobody.
use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::cloudformation::fixture::{ABSENT, ID, cloudformation, error, events, stack};
use crate::testing::{Answer, error_text};

const VPC: &str = "AWS::EC2::VPC";
const CLUSTER: &str = "AWS::EKS::Cluster";

async fn followed(answers: &[Answer]) -> String {
    let (client, _) = cloudformation(answers);
    let terminal = Terminal::captured();
    let delete = "aws cloudformation delete-stack ...";
    let followed = StackWaiter { client: &client, name: "eks-encrypt-shop", id: ID, resources: 2, delete };
    let ended = followed.wait(&terminal, Instant::now() + Duration::from_secs(2400)).await;
    format!("{}\n-> {}", terminal.text(), ended.map_or_else(error_text, |()| "complete".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn to_its_end_on_several_pages_with_troubles() {
    let told = followed(&[
        stack("CREATE_IN_PROGRESS"),
        events(&[(1, "VPC", VPC, "CREATE_IN_PROGRESS", "")], None),
        error(400, "Throttling", "Rate exceeded"),
        error(403, "ExpiredToken", "The security token included in the request is expired"),
        stack("CREATE_COMPLETE"),
        events(&[(700, "ControlPlane", CLUSTER, "CREATE_COMPLETE", "")], Some("more")),
        events(
            &[
                (20, "ControlPlane", CLUSTER, "CREATE_IN_PROGRESS", ""),
                (14, "VPC", VPC, "CREATE_COMPLETE", ""),
                (1, "VPC", VPC, "CREATE_IN_PROGRESS", ""),
            ],
            None,
        ),
    ])
    .await;
    assert_snapshot!(told.trim_matches('\n'), @r"
    note: asking again: Throttling: Rate exceeded
    note: asking again: ExpiredToken: The security token included in the request is expired
      VPC (AWS::EC2::VPC) is created, after 13 s
      ControlPlane (AWS::EKS::Cluster) is created, after 11 min 20 s
    -> complete
    ");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_taken_back() {
    let denied = "User: alice is not authorized to perform: kms:CreateGrant on resource: the key";
    let told = followed(&[
        stack("ROLLBACK_IN_PROGRESS"),
        events(
            &[
                (31, "NATGateway", "AWS::EC2::NatGateway", "CREATE_FAILED", "Resource creation cancelled"),
                (30, "ControlPlane", CLUSTER, "CREATE_FAILED", denied),
            ],
            None,
        ),
        stack("ROLLBACK_COMPLETE"),
        events(&[(60, "VPC", VPC, "DELETE_COMPLETE", "")], None),
    ])
    .await;
    assert_snapshot!(told.trim_matches('\n'), @r"
      ControlPlane (AWS::EKS::Cluster) FAILED, after 0 s: User: alice is not authorized to perform: kms:CreateGrant on resource: the key
      NATGateway (AWS::EC2::NatGateway) FAILED, after 0 s: Resource creation cancelled
      VPC (AWS::EC2::VPC) is removed
    -> exit 5
    error: stack eks-encrypt-shop could not be created, and CloudFormation has removed all that it had made; an empty record is left, which costs nothing
      ControlPlane (AWS::EKS::Cluster): User: alice is not authorized to perform: kms:CreateGrant on resource: the key
      what helps: allow kms:CreateGrant and kms:DescribeKey on the key to your identity, without a condition on kms:GrantIsForAWSResource: EKS makes its grant with your rights
      then delete the record and run the same command again: aws cloudformation delete-stack ...
    ");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_could_not_be_taken_back() {
    let told = followed(&[
        stack("ROLLBACK_FAILED"),
        events(
            &[
                (90, "NATGateway", "AWS::EC2::NatGateway", "DELETE_FAILED", "in use"),
                (
                    80,
                    "NodeGroup0",
                    "AWS::EKS::Nodegroup",
                    "CREATE_FAILED",
                    "Instances failed to join the kubernetes cluster",
                ),
                (50, "NATGateway", "AWS::EC2::NatGateway", "CREATE_COMPLETE", ""),
                (40, "VPC", VPC, "CREATE_COMPLETE", ""),
            ],
            None,
        ),
    ])
    .await;
    assert_snapshot!(told.trim_matches('\n'), @r"
      VPC (AWS::EC2::VPC) is created, after 0 s
      NATGateway (AWS::EC2::NatGateway) is created, after 0 s
      NodeGroup0 (AWS::EKS::Nodegroup) FAILED, after 0 s: Instances failed to join the kubernetes cluster
      NATGateway (AWS::EC2::NatGateway) could not be removed: in use
    -> exit 5
    error: stack eks-encrypt-shop could not be created, and CloudFormation COULD NOT REMOVE ALL that it had made (ROLLBACK_FAILED)
      NodeGroup0 (AWS::EKS::Nodegroup): Instances failed to join the kubernetes cluster
      still there:
        NATGateway (AWS::EC2::NatGateway), could not be removed: in use
        VPC (AWS::EC2::VPC)
      These COST MONEY as long as they are there: NAT gateways.
      remove them: aws cloudformation delete-stack ...
    ");
}

#[tokio::test(start_paused = true)]
async fn no_reason_at_all_and_other_ends() {
    let none = events(&[], None);
    let all = [
        followed(&[stack("ROLLBACK_COMPLETE"), none]).await,
        followed(&[stack("DELETE_IN_PROGRESS"), none]).await,
        followed(&[&[ABSENT; 8][..], &[none]].concat()).await,
        followed(&[error(403, "AccessDenied", "not any more")]).await,
    ];
    assert_snapshot!(all.join("\n").trim_matches('\n'), @r"
    -> exit 5
    error: stack eks-encrypt-shop could not be created, and CloudFormation has removed all that it had made; an empty record is left, which costs nothing
      so it is
      then delete the record and run the same command again: aws cloudformation delete-stack ...

    -> exit 1
    error: stack eks-encrypt-shop is DELETE_IN_PROGRESS: somebody else works on it. Nothing more was done

    -> exit 1
    error: stack eks-encrypt-shop is gone: somebody else works on it. Nothing more was done

    -> exit 1
    error: can't ask for stack eks-encrypt-shop any more; CloudFormation goes on with it. Run the same command again to go on: AccessDenied: not any more
    ");
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_not_seen_yet_and_events_that_may_not_be_read() {
    let denied = error(403, "AccessDenied", "not authorized to perform: cloudformation:DescribeStackEvents");
    let told = followed(&[ABSENT, ABSENT, stack("CREATE_IN_PROGRESS"), denied, stack("CREATE_COMPLETE"), denied]).await;
    assert_snapshot!(told.trim_matches('\n'), @r"
    note: asking again: AccessDenied: not authorized to perform: cloudformation:DescribeStackEvents (cloudformation:DescribeStackEvents)
    -> complete
    ");
}

#[tokio::test(start_paused = true)]
async fn time_is_up_and_it_goes_on() {
    let look = [stack("CREATE_IN_PROGRESS"), events(&[(1, "VPC", VPC, "CREATE_IN_PROGRESS", "")], None)];
    let told = followed(&look.repeat(400)).await;
    assert_snapshot!(told.trim_matches('\n'), @r"
    -> exit 7
    error: time is up after 40 min 0 s: 0 of 2 resources created, now VPC; nothing is lost, run the same command again to go on
    ");
}
