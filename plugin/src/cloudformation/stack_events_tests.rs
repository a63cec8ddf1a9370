//! What is told of events, and what is taken for the cause.
use super::*;

fn event(second: i64, resource: &str, kind: &str, status: &str, reason: &str) -> Event {
    Event {
        id: format!("{resource}-{status}-{second}"),
        time: second * 1000,
        resource: resource.into(),
        kind: kind.into(),
        status: status.into(),
        reason: reason.into(),
    }
}

fn vpc(second: i64, status: &str) -> Event {
    event(second, "VPC", "AWS::EC2::VPC", status, "")
}

fn cluster(second: i64, status: &str, reason: &str) -> Event {
    event(second, "ControlPlane", "AWS::EKS::Cluster", status, reason)
}

#[test]
fn newest_first_and_again_and_again_is_told_once_and_in_order() {
    let mut story = StackEvents::default();
    let stack = event(0, "eks-encrypt-shop", "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS", "User Initiated");
    let first = [vpc(2, "CREATE_IN_PROGRESS"), stack.clone()];
    assert_eq!(story.ingest(first.clone()), Vec::<String>::new());
    assert_eq!(story.in_progress(), Some("VPC"));
    let later = [cluster(14, "CREATE_IN_PROGRESS", ""), vpc(13, "CREATE_COMPLETE"), vpc(3, "CREATE_IN_PROGRESS")];
    assert_eq!(story.ingest(later.into_iter().chain(first)), ["VPC (AWS::EC2::VPC) is created, after 11 s"]);
    assert_eq!((story.created(), story.in_progress()), (1, Some("ControlPlane")));
    let last = [cluster(614, "CREATE_COMPLETE", "")];
    assert_eq!(story.ingest(last), ["ControlPlane (AWS::EKS::Cluster) is created, after 10 min 0 s"]);
    assert_eq!((story.created(), story.in_progress()), (2, None));
}

#[test]
fn the_cause_is_what_failed_by_itself() {
    let mut story = StackEvents::default();
    let failed = [
        event(21, "NATGateway", "AWS::EC2::NatGateway", "CREATE_FAILED", "Resource creation cancelled"),
        event(20, "Other", "AWS::IAM::Role", "CREATE_FAILED", "it exists"),
        cluster(20, "CREATE_FAILED", "kms:CreateGrant\nis denied"),
    ];
    insta::assert_snapshot!(story.ingest(failed).join("\n"), @r"
    ControlPlane (AWS::EKS::Cluster) FAILED, after 0 s: kms:CreateGrant\nis denied
    Other (AWS::IAM::Role) FAILED, after 0 s: it exists
    NATGateway (AWS::EC2::NatGateway) FAILED, after 0 s: Resource creation cancelled
    ");
    let causes: Vec<&str> = story.causes().iter().map(|event| event.resource.as_str()).collect();
    assert_eq!(causes, ["ControlPlane", "Other"]);
}

#[test]
fn what_was_given_up_alone_is_still_said() {
    let mut story = StackEvents::default();
    story.ingest([cluster(1, "CREATE_FAILED", "Resource creation cancelled")]);
    assert_eq!(story.causes().len(), 1);
}

#[test]
fn what_is_left() {
    let mut story = StackEvents::default();
    story.ingest([vpc(1, "CREATE_COMPLETE"), cluster(1, "CREATE_COMPLETE", ""), vpc(5, "DELETE_FAILED")]);
    story.ingest([cluster(9, "DELETE_COMPLETE", "")]);
    assert_eq!(story.remaining(), [("VPC", "AWS::EC2::VPC", Some(""))]);
}

#[test]
fn what_begins_and_ends_in_one_moment_has_ended() {
    let mut story = StackEvents::default();
    story.ingest([vpc(2, "DELETE_COMPLETE"), vpc(2, "DELETE_IN_PROGRESS"), vpc(1, "CREATE_COMPLETE")]);
    assert_eq!((story.remaining(), story.in_progress()), (Vec::new(), None));
}
