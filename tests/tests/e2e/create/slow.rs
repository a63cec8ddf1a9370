//! A stack that takes its time, as real ones do: progress, trouble on the way, Ctrl-C, time that is up, and coming back.

use eks_encrypt_tests::aws_only::AwsOnly;
use eks_encrypt_tests::aws_only::life::{Life, Refusal, Turn};

use super::support::{OREGON, account, command, create, key_of, minimal};
use crate::running::Running;

const VPC: (&str, &str) = ("VPC", "AWS::EC2::VPC");
const CLUSTER: (&str, &str) = ("ControlPlane", "AWS::EKS::Cluster");

/// The life of a stack that is still in progress for as long as it is let.
fn unending() -> Life {
    Life::of([begun(), Turn::new("CREATE_IN_PROGRESS").made(VPC.0, VPC.1).began(CLUSTER.0, CLUSTER.1)])
}

fn begun() -> Turn {
    Turn::new("CREATE_IN_PROGRESS").because("User Initiated").began(VPC.0, VPC.1)
}

fn done() -> Turn {
    Turn::new("CREATE_COMPLETE").made(CLUSTER.0, CLUSTER.1)
}

/// How often something was asked for.
fn count(calls: &[String], operation: &str) -> usize {
    calls.iter().filter(|call| call.contains(operation)).count()
}

#[test]
fn progress_is_told_resource_by_resource_and_each_event_once() {
    let (account, key) = account();
    account.play(Life::of([
        begun(),
        Turn::new("CREATE_IN_PROGRESS").made(VPC.0, VPC.1).began(CLUSTER.0, CLUSTER.1),
        Turn::new("CREATE_IN_PROGRESS").made(CLUSTER.0, CLUSTER.1).began("NodeGroup0", "AWS::EKS::Nodegroup"),
        Turn::new("CREATE_COMPLETE").made("NodeGroup0", "AWS::EKS::Nodegroup"),
    ]));
    let said = create(&account, &minimal(OREGON, &key), &[]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for resource in ["VPC", "ControlPlane", "NodeGroup0"] {
        let lines =
            said.stderr.lines().filter(|line| line.contains(&format!("{resource} (")) && line.contains("is created"));
        assert_eq!(lines.count(), 1, "{resource}: {}", said.stderr);
    }
    assert_eq!(key_of(&account.cluster(OREGON, "kms-cluster").unwrap().unwrap()), key);
}

#[test]
fn throttling_and_credentials_that_expire_are_waited_out() {
    let (account, key) = account();
    account.play(Life::of([
        begun(),
        Turn::new("CREATE_IN_PROGRESS").refused(&Refusal::throttling(), 4),
        Turn::new("CREATE_IN_PROGRESS").refused(&Refusal::expired_token(), 2),
        done().refused(&Refusal::internal(), 1),
    ]));
    let said = create(&account, &minimal(OREGON, &key), &[]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.words().contains("The security token included in the request is expired"), "{}", said.stderr);
    assert_eq!(count(&account.calls(), "CreateStack"), 1);
}

#[test]
fn ctrl_c_leaves_the_stack_to_cloudformation_and_the_same_command_goes_on() {
    let (account, key) = account();
    let text = minimal(OREGON, &key);
    account.play(Life::of([begun(), begun(), begun(), begun(), begun(), done()]));
    let first = interrupted(&account, &text);
    assert_eq!(first.code, Some(130), "{}", first.stderr);
    let words = first.words();
    assert!(words.contains("goes on") && words.contains("kubectl eks-encrypt create"), "{words}");
    assert_eq!(count(&account.calls(), "CreateStack"), 1);

    let second = create(&account, &text, &[]);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert!(second.words().contains("Created and checked"), "{}", second.stderr);
    assert_eq!(count(&account.calls(), "CreateStack"), 0, "it was there already");
}

/// Runs `create` until it follows the stack, and interrupts it.
fn interrupted(account: &AwsOnly, text: &str) -> crate::support::Said {
    let mut running = Running::of(command(account, text, &[]), account.folder(), "interrupted");
    running.until("VPC");
    running.interrupt();
    running.end()
}

#[test]
fn time_that_is_up_is_no_failure() {
    let (account, key) = account();
    account.play(unending());
    let said = create(&account, &minimal(OREGON, &key), &["--timeout", "3s"]);
    assert_eq!(said.code, Some(7), "{}", said.stderr);
    assert!(said.words().contains("run the same command again"), "{}", said.stderr);
}

#[test]
fn another_file_does_not_attach_to_a_stack_of_this_one() {
    let (account, key) = account();
    account.play(unending());
    create(&account, &minimal(OREGON, &key), &["--timeout", "2s"]);
    let other = minimal(OREGON, &key).replace("name: ng", "name: other");
    let said = create(&account, &other, &[]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    assert!(said.words().contains("another template than the one it was made of"), "{}", said.stderr);
    assert_eq!(count(&account.calls(), "CreateStack"), 0);
}

#[test]
fn somebody_elses_stack_in_progress_is_not_attached_to() {
    let (account, key) = account();
    account.play(unending().existing(super::support::STACK, &[("team", "shop")]));
    let said = create(&account, &minimal(OREGON, &key), &[]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    super::support::only_read(&account);
}
