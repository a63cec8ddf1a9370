//! The ground that `create` is tested on is itself as it should be: what EKS would make is made, what it would refuse is
//! refused and rolled back, and nothing is left running.

use std::process::Command;

use eks_encrypt_sandbox::fake_aws::keys::Kind;
use eks_encrypt_sandbox::fake_aws::stack_script::{StackScript, Step};
use eks_encrypt_sandbox::fake_aws::{EksTypes, FakeAws};
use serde_json::{Value, json};

use super::support::{OREGON, aws};
use crate::support::{CommandOutput, run};

/// The least that EKS makes a cluster of.
fn template(key: &str, zones: [&str; 2]) -> String {
    let subnet = |zone: &str, cidr: &str| {
        json!({"Type": "AWS::EC2::Subnet",
               "Properties": {"VpcId": {"Ref": "VPC"}, "AvailabilityZone": zone, "CidrBlock": cidr}})
    };
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": ["eks.amazonaws.com"]}, "Action": ["sts:AssumeRole"]}]});
    json!({
        "Resources": {
            "VPC": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "192.168.0.0/16"}},
            "One": subnet(zones[0], "192.168.0.0/19"),
            "Two": subnet(zones[1], "192.168.32.0/19"),
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
            "Nodes": {"Type": "AWS::EKS::Nodegroup", "Properties": {
                "ClusterName": {"Ref": "ControlPlane"}, "NodegroupName": "ng", "Subnets": [{"Ref": "One"}],
                "NodeRole": {"Fn::GetAtt": ["Role", "Arn"]}, "Labels": {"Team": "a"},
                "ScalingConfig": {"MinSize": 2, "MaxSize": 2, "DesiredSize": 2}}},
            "ControlPlane": {"Type": "AWS::EKS::Cluster", "Properties": {
                "Name": "kms-cluster",
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "EncryptionConfig": [{"Provider": {"KeyArn": key}, "Resources": ["secrets"]}],
                "ResourcesVpcConfig": {"SubnetIds": [{"Ref": "One"}, {"Ref": "Two"}]}}},
        },
        "Outputs": {"Policy": {"Value": {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/P"}}},
    })
    .to_string()
}

fn create_stack(ground: &FakeAws, region: &str, template: &str) -> CommandOutput {
    let arguments = ["cloudformation", "create-stack", "--stack-name", "s", "--template-body", template];
    aws(ground, region, &arguments)
}

fn stack(ground: &FakeAws, region: &str) -> Value {
    aws(ground, region, &["cloudformation", "describe-stacks", "--stack-name", "s"]).json()["Stacks"][0].clone()
}

/// `RESOURCE STATUS`, oldest first, and all reasons.
fn events(ground: &FakeAws) -> (Vec<String>, String) {
    let all = aws(ground, OREGON, &["cloudformation", "describe-stack-events", "--stack-name", "s"]).json();
    let mut all = all["StackEvents"].as_array().unwrap().clone();
    all.reverse();
    let word = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let lines = all.iter().map(|event| word(event, "LogicalResourceId") + " " + &word(event, "ResourceStatus"));
    (lines.collect(), all.iter().map(|event| word(event, "ResourceStatusReason") + "\n").collect())
}

#[test]
fn a_cluster_is_made_with_its_key_and_told_of_resource_by_resource() {
    let ground = FakeAws::start(EksTypes::Modelled).unwrap();
    let key = ground.key(OREGON, Kind::Good).unwrap();
    create_stack(&ground, OREGON, &template(&key, ["us-west-2a", "us-west-2b"])).ok();
    assert_eq!(stack(&ground, OREGON)["StackStatus"], "CREATE_COMPLETE");
    let (told, _) = events(&ground);
    let place = |line: &str| told.iter().position(|told| told == line).unwrap_or_else(|| panic!("{line}: {told:#?}"));
    assert_eq!(place("s CREATE_IN_PROGRESS"), 0);
    assert!(place("ControlPlane CREATE_COMPLETE") < place("Nodes CREATE_IN_PROGRESS"), "{told:#?}");
    assert_eq!(place("s CREATE_COMPLETE"), told.len() - 1);

    let cluster = ground.cluster(OREGON, "kms-cluster").unwrap().unwrap();
    assert_eq!(cluster["status"], "ACTIVE");
    assert_eq!(cluster["encryptionConfig"], json!([{"resources": ["secrets"], "provider": {"keyArn": key}}]));
    assert!(cluster["endpoint"].as_str().unwrap().ends_with(".gr7.us-west-2.eks.amazonaws.com"), "{cluster}");
    let ca = ground.folder().join("ca");
    std::fs::write(&ca, cluster["certificateAuthority"]["data"].as_str().unwrap()).unwrap();
    let subject = run(Command::new("sh").args(["-c", "base64 -d < $1 | openssl x509 -noout -subject", "sh"]).arg(&ca));
    assert!(subject.ok().contains("kubernetes"));
    let group = ["eks", "describe-nodegroup", "--cluster-name", "kms-cluster", "--nodegroup-name", "ng"];
    assert_eq!(aws(&ground, OREGON, &group).json()["nodegroup"]["labels"], json!({"Team": "a"}));
    assert_eq!(ground.calls().first().map(String::as_str), Some("cloudformation:CreateStack us-west-2"));
}

#[test]
fn other_partitions_have_names_of_their_own() {
    let ground = FakeAws::start(EksTypes::Modelled).unwrap();
    let region = "us-gov-west-1";
    let key = ground.key(region, Kind::Good).unwrap();
    create_stack(&ground, region, &template(&key, ["us-gov-west-1a", "us-gov-west-1b"])).ok();
    assert_eq!(stack(&ground, region)["Outputs"][0]["OutputValue"], "arn:aws-us-gov:iam::aws:policy/P");
    let cluster = ground.cluster(region, "kms-cluster").unwrap().unwrap();
    assert_eq!(cluster["arn"], "arn:aws-us-gov:eks:us-gov-west-1:123456789012:cluster/kms-cluster");
}

#[test]
fn what_eks_would_refuse_is_rolled_back_and_leaves_no_cluster() {
    let ground = FakeAws::start(EksTypes::Modelled).unwrap();
    let of = |kind| ground.key(OREGON, kind).unwrap();
    let (good, zones) = (of(Kind::Good), ["us-west-2a", "us-west-2b"]);
    for (key, zones, why) in [
        (of(Kind::Disabled), zones, "its state is Disabled"),
        (of(Kind::PendingDeletion), zones, "its state is PendingDeletion"),
        (of(Kind::Rsa), zones, "it is not symmetric (RSA_2048)"),
        (of(Kind::NoGrants), zones, "User not authorized to perform kms:CreateGrant operation"),
        (good.clone() + "0", zones, "it does not exist"),
        (ground.key("us-east-1", Kind::Good).unwrap(), zones, "it is in us-east-1, the cluster is in us-west-2"),
        (good.clone(), ["us-west-2a", "us-west-2a"], "at least two different AZs"),
    ] {
        create_stack(&ground, OREGON, &template(&key, zones)).ok();
        assert_eq!(stack(&ground, OREGON)["StackStatus"], "ROLLBACK_COMPLETE", "{why}");
        let (told, reasons) = events(&ground);
        assert!(reasons.contains(why), "{why}: {reasons}");
        assert!(told.contains(&"ControlPlane CREATE_FAILED".to_owned()), "{told:#?}");
        assert!(told.contains(&"VPC DELETE_COMPLETE".to_owned()), "{told:#?}");
        assert_eq!(ground.cluster(OREGON, "kms-cluster").unwrap(), None);
        aws(&ground, OREGON, &["cloudformation", "delete-stack", "--stack-name", "s"]).ok();
    }
    // The name is free again.
    create_stack(&ground, OREGON, &template(&good, zones)).ok();
    assert!(ground.cluster(OREGON, "kms-cluster").unwrap().is_some());
}

#[test]
fn stock_moto_says_complete_and_makes_no_cluster() {
    let ground = FakeAws::start(EksTypes::Stock).unwrap();
    create_stack(&ground, OREGON, &template("arn:aws:kms:us-west-2:123456789012:key/x", ["us-west-2a", "us-west-2b"]))
        .ok();
    assert_eq!(stack(&ground, OREGON)["StackStatus"], "CREATE_COMPLETE");
    assert_eq!(ground.cluster(OREGON, "kms-cluster").unwrap(), None);
}

#[test]
fn a_played_life_speaks_as_cloudformation_does_and_ends_in_a_real_cluster() {
    let ground = FakeAws::start(EksTypes::Modelled).unwrap();
    ground.run_script(StackScript::of([
        Step::new("CREATE_IN_PROGRESS").because("User Initiated").began("VPC", "AWS::EC2::VPC"),
        Step::new("CREATE_IN_PROGRESS").made("VPC", "AWS::EC2::VPC").began("ControlPlane", "AWS::EKS::Cluster"),
        Step::new("CREATE_COMPLETE").made("ControlPlane", "AWS::EKS::Cluster"),
    ]));
    let missing = aws(&ground, OREGON, &["cloudformation", "describe-stacks", "--stack-name", "s"]).error();
    assert!(missing.contains("(ValidationError)") && missing.contains("does not exist"), "{missing}");
    let key = ground.key(OREGON, Kind::Good).unwrap();
    create_stack(&ground, OREGON, &template(&key, ["us-west-2a", "us-west-2b"])).ok();
    assert_eq!(stack(&ground, OREGON)["StackStatus"], "CREATE_IN_PROGRESS");
    assert_eq!(stack(&ground, OREGON)["StackStatus"], "CREATE_IN_PROGRESS");
    assert_eq!(stack(&ground, OREGON)["StackStatus"], "CREATE_COMPLETE");
    // botocore turns all pages.
    let (told, _) = events(&ground);
    assert_eq!(told.len(), 6, "{told:#?}");
    assert!(ground.cluster(OREGON, "kms-cluster").unwrap().is_some());
    let resources = aws(&ground, OREGON, &["cloudformation", "describe-stack-resources", "--stack-name", "s"]).json();
    assert_eq!(resources["StackResources"][0]["LogicalResourceId"], "ControlPlane");
}

#[test]
fn a_test_that_panics_leaves_nothing_running() {
    let mut folder = std::path::PathBuf::new();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let ground = FakeAws::start(EksTypes::Stock).unwrap();
        ground.folder().clone_into(&mut folder);
        assert_eq!(processes_of(&folder), 1);
        panic!("as a failed test does");
    }));
    assert!(panicked.is_err());
    assert_eq!(processes_of(&folder), 0);
    assert!(!folder.exists());
}

/// Every part is started with the name of its folder in its environment.
fn processes_of(folder: &std::path::Path) -> usize {
    let mark = format!("EKS_ENCRYPT_SANDBOX={}\0", folder.display());
    let environments = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("environ"));
    environments
        .filter_map(|file| std::fs::read(file).ok())
        .filter(|env| String::from_utf8_lossy(env).contains(&mark))
        .count()
}
