//! What fails after CreateStack: never "created", always why, and how to be rid of what is left.

use std::process::Command;

use eks_encrypt_sandbox::fake_aws::keys::Kind;
use eks_encrypt_sandbox::fake_aws::stack_script::{Refusal, StackScript, Step};
use eks_encrypt_sandbox::fake_aws::{EksTypes, FakeAws};

use super::support::{OREGON, account, aws, command, create, minimal, seen, stacks};
use crate::running::Running;
use crate::support::{CommandOutput, run};

/// What a person copies: to the line's end, or to the backtick.
fn delete_command(output: &CommandOutput) -> String {
    let at = output.stderr.find("aws cloudformation delete-stack").unwrap_or_else(|| panic!("{}", output.stderr));
    output.stderr[at..].split(['\n', '`']).next().unwrap().to_owned()
}

#[track_caller]
fn failed(output: &CommandOutput) {
    assert!(!matches!(output.code, Some(0 | 3)), "{:?}: {}", output.code, output.stderr);
    assert!(!output.plain_text().contains("Created and checked"), "{}", output.stderr);
}

#[test]
fn a_key_that_slips_past_the_checks_is_rolled_back_and_the_name_is_free_again_in_one_command() {
    let (account, good) = account();
    let bad = account.key(OREGON, Kind::NoGrants).unwrap();
    let output = create(&account, &minimal(OREGON, &bad), &[]);
    failed(&output);
    let seen = seen(&account, &bad, &output);
    insta::assert_snapshot!(seen[seen.find("error:").unwrap()..], @r#"
    error: stack eks-encrypt-kms-cluster could not be created, and CloudFormation has removed all that it had made; an empty record is left, which costs nothing
      ControlPlane (AWS::EKS::Cluster): Resource handler returned message: "User not authorized to perform kms:CreateGrant operation (Service: Eks, Status Code: 400, Request ID: 00000000-0000-0000-0000-000000000000)" (RequestToken: 00000000-0000-0000-0000-000000000000, HandlerErrorCode: InvalidRequest)
      what helps: allow kms:CreateGrant and kms:DescribeKey on the key to your identity, without a condition on kms:GrantIsForAWSResource: EKS makes its grant with your rights
      then delete the record and run the same command again: aws cloudformation delete-stack --stack-name eks-encrypt-kms-cluster --region us-west-2
    "#);
    assert_eq!(stacks(&account, OREGON)[0]["StackStatus"], "ROLLBACK_COMPLETE");
    assert!(!account.kubeconfig().exists());

    // Nobody has cleaned up: nothing may be done, and the way out is said again.
    let again = create(&account, &minimal(OREGON, &good), &[]);
    assert_eq!(again.code, Some(3), "{}", again.stderr);
    assert!(again.stderr.contains("ROLLBACK_COMPLETE"), "{}", again.stderr);
    assert_eq!(delete_command(&again), delete_command(&output));

    // As a person pastes it.
    let mut shell: Command = account.command("sh").unwrap();
    run(shell.args(["-c", &delete_command(&output)])).ok();
    create(&account, &minimal(OREGON, &good), &[]).ok();
}

#[test]
fn a_stack_that_claims_to_be_complete_without_a_cluster_is_a_failure() {
    // moto as it is knows no AWS::EKS::Cluster and says nothing of it.
    let account = FakeAws::start(EksTypes::Stock).unwrap();
    let key = account.key(OREGON, Kind::Good).unwrap();
    let output = create(&account, &minimal(OREGON, &key), &[]);
    failed(&output);
    assert!(!account.kubeconfig().exists());

    // The same where it is CloudFormation itself that claims it: here there is a stack, and no cluster.
    let (account, key) = self::account();
    let complete = Step::new("CREATE_COMPLETE").event("ControlPlane", "AWS::EKS::Cluster", "CREATE_COMPLETE", None);
    account.run_script(StackScript::of([Step::new("CREATE_IN_PROGRESS"), complete]).create_nothing());
    let output = create(&account, &minimal(OREGON, &key), &[]);
    failed(&output);
    assert!(output.plain_text().contains("kms-cluster"), "{}", output.stderr);
    assert!(!account.kubeconfig().exists());
}

#[test]
fn a_cluster_with_another_key_is_said_to_be_so_with_both_keys_side_by_side() {
    let (account, key) = account();
    let other = account.key(OREGON, Kind::Good).unwrap();
    let complete = Step::new("CREATE_COMPLETE");
    let going = || Step::new("CREATE_IN_PROGRESS");
    account.run_script(
        StackScript::of([going().began("VPC", "AWS::EC2::VPC"), going(), going(), going(), complete]).create_nothing(),
    );
    let mut running = Running::of(command(&account, &minimal(OREGON, &key), &[]), account.folder(), "create");
    running.until("has begun to create stack");
    // Whoever makes it meanwhile: what counts is what EKS says in the end.
    let config = format!(r#"[{{"resources":["secrets"],"provider":{{"keyArn":"{other}"}}}}]"#);
    let role = "arn:aws:iam::123456789012:role/eks";
    let made = ["eks", "create-cluster", "--name", "kms-cluster", "--role-arn", role, "--encryption-config", &config];
    aws(&account, OREGON, &[&made[..], &["--resources-vpc-config", "subnetIds=a,b"]].concat()).ok();
    let output = running.end();
    assert_eq!(output.code, Some(4), "{}", output.stderr);
    let seen = seen(&account, &key, &output).replace(&other, "OTHER");
    insta::assert_snapshot!(seen[seen.find("error:").unwrap()..], @r"
    error: EKS cluster kms-cluster exists, but is NOT encrypted with your key
      asked for: KEY
      EKS has:   OTHER
      don't put Secrets into it. Delete it: aws cloudformation delete-stack --stack-name eks-encrypt-kms-cluster --region us-west-2
    ");
    assert!(!account.kubeconfig().exists());
}

#[test]
fn the_earliest_failure_is_the_reason_and_what_was_cancelled_for_it_is_not() {
    let (account, key) = account();
    let cause = "The maximum number of addresses has been reached. (Service: Ec2, Status Code: 400)";
    let failing = Step::new("CREATE_IN_PROGRESS")
        .failed("NATIP", "AWS::EC2::EIP", cause)
        .failed("ControlPlane", "AWS::EKS::Cluster", "Resource creation cancelled")
        .failed("VPCGatewayAttachment", "AWS::EC2::VPCGatewayAttachment", "Resource creation cancelled");
    account.run_script(StackScript::of([
        Step::new("CREATE_IN_PROGRESS").because("User Initiated").began("NATIP", "AWS::EC2::EIP"),
        failing,
        Step::new("ROLLBACK_IN_PROGRESS").because("The following resource(s) failed to create: [NATIP, ControlPlane]."),
        Step::new("ROLLBACK_COMPLETE").event("NATIP", "AWS::EC2::EIP", "DELETE_COMPLETE", None),
    ]));
    let output = create(&account, &minimal(OREGON, &key), &[]);
    failed(&output);
    insta::assert_snapshot!(seen(&account, &key, &output), @r"
    CloudFormation has begun to create stack eks-encrypt-kms-cluster. It goes on by itself from here.
      NATIP (AWS::EC2::EIP) FAILED, after N s: The maximum number of addresses has been reached. (Service: Ec2, Status Code: 400)
      ControlPlane (AWS::EKS::Cluster) FAILED, after N s: Resource creation cancelled
      VPCGatewayAttachment (AWS::EC2::VPCGatewayAttachment) FAILED, after N s: Resource creation cancelled
      NATIP (AWS::EC2::EIP) is removed
    error: stack eks-encrypt-kms-cluster could not be created, and CloudFormation has removed all that it had made; an empty record is left, which costs nothing
      NATIP (AWS::EC2::EIP): The maximum number of addresses has been reached. (Service: Ec2, Status Code: 400)
      what helps: delete what is not needed any more, or have that quota raised (`aws service-quotas`)
      then delete the record and run the same command again: aws cloudformation delete-stack --stack-name eks-encrypt-kms-cluster --region us-west-2
    ");
}

#[test]
fn what_a_failed_rollback_leaves_is_listed_with_what_it_costs() {
    let (account, key) = account();
    let gateway = "AWS::EC2::NatGateway";
    account.run_script(StackScript::of([
        Step::new("CREATE_IN_PROGRESS").made("NATGateway", gateway).made("VPC", "AWS::EC2::VPC"),
        Step::new("ROLLBACK_IN_PROGRESS").failed("ControlPlane", "AWS::EKS::Cluster", "no grant"),
        Step::new("ROLLBACK_FAILED")
            .because("The following resource(s) failed to delete: [NATGateway].")
            // At the same moment: the order of the answer counts.
            .event("VPC", "AWS::EC2::VPC", "DELETE_IN_PROGRESS", None)
            .event("VPC", "AWS::EC2::VPC", "DELETE_COMPLETE", None)
            .event("NATGateway", gateway, "DELETE_FAILED", Some("it has dependencies")),
    ]));
    let output = create(&account, &minimal(OREGON, &key), &[]);
    failed(&output);
    insta::assert_snapshot!(seen(&account, &key, &output), @r"
    CloudFormation has begun to create stack eks-encrypt-kms-cluster. It goes on by itself from here.
      NATGateway (AWS::EC2::NatGateway) is created, after N s
      VPC (AWS::EC2::VPC) is created, after N s
      ControlPlane (AWS::EKS::Cluster) FAILED, after N s: no grant
      VPC (AWS::EC2::VPC) is removed
      NATGateway (AWS::EC2::NatGateway) could not be removed: it has dependencies
    error: stack eks-encrypt-kms-cluster could not be created, and CloudFormation COULD NOT REMOVE ALL that it had made (ROLLBACK_FAILED)
      ControlPlane (AWS::EKS::Cluster): no grant
      still there:
        NATGateway (AWS::EC2::NatGateway), could not be removed: it has dependencies
      These COST MONEY as long as they are there: NAT gateways.
      remove them: aws cloudformation delete-stack --stack-name eks-encrypt-kms-cluster --region us-west-2
    ");
}

#[test]
fn a_refused_create_stack_leaves_nothing() {
    let (account, key) = account();
    account.run_script(StackScript::of([]).create_refused(Refusal::access_denied("CreateStack")));
    let output = create(&account, &minimal(OREGON, &key), &[]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    let words = output.plain_text();
    assert!(words.contains("nothing was created") && words.contains("cloudformation:CreateStack"), "{words}");
}
