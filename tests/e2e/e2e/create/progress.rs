//! A stack that takes its time, as real ones do: progress, trouble on the way, Ctrl-C, time that is up, and coming back.

use eks_encrypt_sandbox::fake_aws::FakeAws;
use eks_encrypt_sandbox::fake_aws::stack_script::{Refusal, StackScript, Step};

use super::support::{OREGON, account, command, create, key_of, minimal, seen};
use crate::running::Running;

const VPC: (&str, &str) = ("VPC", "AWS::EC2::VPC");
const CLUSTER: (&str, &str) = ("ControlPlane", "AWS::EKS::Cluster");

/// The life of a stack that is still in progress for as long as it is let.
fn unending() -> StackScript {
    StackScript::of([begun().made(VPC.0, VPC.1).began(CLUSTER.0, CLUSTER.1)])
}

fn begun() -> Step {
    Step::new("CREATE_IN_PROGRESS").because("User Initiated").began(VPC.0, VPC.1)
}

fn done() -> Step {
    Step::new("CREATE_COMPLETE").made(CLUSTER.0, CLUSTER.1)
}

/// How often something was asked for.
fn count(calls: &[String], operation: &str) -> usize {
    calls.iter().filter(|call| call.contains(operation)).count()
}

#[test]
fn progress_is_told_resource_by_resource_and_each_event_once() {
    let (account, key) = account();
    account.run_script(StackScript::of([
        begun(),
        Step::new("CREATE_IN_PROGRESS").made(VPC.0, VPC.1).began(CLUSTER.0, CLUSTER.1),
        Step::new("CREATE_IN_PROGRESS").made(CLUSTER.0, CLUSTER.1).began("NodeGroup0", "AWS::EKS::Nodegroup"),
        Step::new("CREATE_COMPLETE").made("NodeGroup0", "AWS::EKS::Nodegroup"),
    ]));
    let output = create(&account, &minimal(OREGON, &key), &[]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    insta::assert_snapshot!(seen(&account, &key, &output), @r"
    CloudFormation has begun to create stack eks-encrypt-kms-cluster. It goes on by itself from here.
      VPC (AWS::EC2::VPC) is created, after N s
      ControlPlane (AWS::EKS::Cluster) is created, after N s
      NodeGroup0 (AWS::EKS::Nodegroup) is created, after N s
    FOLDER/kubeconfig has this cluster now, as its current context

    Created and checked: EKS says that the cluster has your key, from its first
    write on.

      cluster     kms-cluster (us-west-2, account 123456789012)
      key         KEY
      Kubernetes  1.34,
                    https://245037FE4D8CCBF3CA92618D1ACFEA12.gr7.us-west-2.eks.amazonaws.com
      node group  ng: 2 nodes of m5.large
      context     arn:aws:eks:us-west-2:123456789012:cluster/kms-cluster
      stack       eks-encrypt-kms-cluster
      took        N s

    This costs money until it is deleted:

      the control plane, by the hour
      node group ng: 2 nodes of m5.large, each with a volume of 80 GiB gp3 and a
        public IPv4 address
      1 NAT gateway, by the hour and by what goes through it; its public IPv4
        address

    This deletes it:

      aws cloudformation delete-stack --stack-name eks-encrypt-kms-cluster --region us-west-2

    but not:

      the KMS key, which was there before
      this cluster's entry in kubeconfigs
      what Kubernetes makes in AWS: load balancers and the volumes of
        PersistentVolumeClaims. Delete their Services, Ingresses and claims first,
        with kubectl: a load balancer also keeps the VPC from being deleted

    To look at it:

      kubectl get nodes --context arn:aws:eks:us-west-2:123456789012:cluster/kms-cluster
      kubectl eks-encrypt status --context arn:aws:eks:us-west-2:123456789012:cluster/kms-cluster
    ");
    assert_eq!(key_of(&account.cluster(OREGON, "kms-cluster").unwrap().unwrap()), key);
}

#[test]
fn throttling_and_credentials_that_expire_are_waited_out() {
    let (account, key) = account();
    account.run_script(StackScript::of([
        begun(),
        Step::new("CREATE_IN_PROGRESS").refused(&Refusal::throttling(), 4),
        Step::new("CREATE_IN_PROGRESS").refused(&Refusal::expired_token(), 2),
        done().refused(&Refusal::internal(), 1),
    ]));
    let output = create(&account, &minimal(OREGON, &key), &[]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let seen = seen(&account, &key, &output);
    insta::assert_snapshot!(seen[..seen.find("FOLDER").unwrap()], @r"
    CloudFormation has begun to create stack eks-encrypt-kms-cluster. It goes on by itself from here.
    note: asking again: ExpiredToken: The security token included in the request is expired
      ControlPlane (AWS::EKS::Cluster) is created, after N s
    ");
    assert_eq!(count(&account.calls(), "CreateStack"), 1);
}

#[test]
fn ctrl_c_leaves_the_stack_to_cloudformation_and_the_same_command_goes_on() {
    let (account, key) = account();
    let text = minimal(OREGON, &key);
    account.run_script(StackScript::of([begun(), begun(), begun(), begun(), begun(), done()]));
    let first = interrupted(&account, &text);
    assert_eq!(first.code, Some(130), "{}", first.stderr);
    insta::assert_snapshot!(seen(&account, &key, &first), @r"
    CloudFormation has begun to create stack eks-encrypt-kms-cluster. It goes on by itself from here.

    interrupted: CloudFormation goes on creating stack eks-encrypt-kms-cluster by itself, and what it makes costs money.
    Go on or look again with:
      kubectl eks-encrypt create -f FOLDER/kms-cluster.yaml
    To have none of it:
      aws cloudformation delete-stack --stack-name eks-encrypt-kms-cluster --region us-west-2
    ");
    assert_eq!(count(&account.calls(), "CreateStack"), 1);

    let second = create(&account, &text, &[]);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    assert!(second.plain_text().contains("Created and checked"), "{}", second.stderr);
    assert_eq!(count(&account.calls(), "CreateStack"), 0, "it was there already");
}

/// Runs `create` until it follows the stack, and interrupts it.
fn interrupted(account: &FakeAws, text: &str) -> crate::support::CommandOutput {
    let mut running = Running::of(command(account, text, &[]), account.folder(), "interrupted");
    running.until("has begun to create stack");
    running.interrupt();
    running.end()
}

#[test]
fn time_that_is_up_is_no_failure() {
    let (account, key) = account();
    account.run_script(unending());
    let output = create(&account, &minimal(OREGON, &key), &["--timeout", "3s"]);
    assert_eq!(output.code, Some(7), "{}", output.stderr);
    insta::assert_snapshot!(seen(&account, &key, &output), @r"
    CloudFormation has begun to create stack eks-encrypt-kms-cluster. It goes on by itself from here.
      VPC (AWS::EC2::VPC) is created, after N s
    error: time is up after N s: 1 of 30 resources created, now ControlPlane; nothing is lost, run the same command again to go on
    ");
}

#[test]
fn another_file_does_not_attach_to_a_stack_of_this_one() {
    let (account, key) = account();
    account.run_script(unending());
    create(&account, &minimal(OREGON, &key), &["--timeout", "2s"]);
    let other = minimal(OREGON, &key).replace("name: ng", "name: other");
    let output = create(&account, &other, &["--timeout", "20s"]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(output.plain_text().contains("another template than the one it was made of"), "{}", output.stderr);
    assert_eq!(count(&account.calls(), "CreateStack"), 0);
}

#[test]
fn somebody_elses_stack_in_progress_is_not_attached_to() {
    let (account, key) = account();
    account.run_script(unending().existing(super::support::STACK, &[("team", "shop")]));
    // Attached, it would wait for ever.
    let output = create(&account, &minimal(OREGON, &key), &["--timeout", "20s"]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    super::support::only_read(&account);
}
