//! Created, verified, and to be reached: what is there afterwards in AWS and on the laptop.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use eks_encrypt_sandbox::fake_aws::FakeAws;
use eks_encrypt_sandbox::fake_aws::keys::Kind;
use serde_json::{Value, json};

use super::support::{OREGON, STACK, account, aws, command, create, file, key_of, minimal, seen, stacks, template};
use crate::support::{as_plugin, run};

/// A kubeconfig that somebody has and has edited by hand.
const THEIRS: &str = "\
# not to be lost
apiVersion: v1
kind: Config
preferences: {}
current-context: theirs
clusters:
- name: theirs
  cluster: {server: https://theirs.example.com, extensions: [{name: note, extension: {keep: me}}]}
contexts:
- name: theirs
  context: {cluster: theirs, user: theirs, namespace: shop}
users:
- name: theirs
  user: {token: abc}
";

const ARN: &str = "arn:aws:eks:us-west-2:123456789012:cluster/kms-cluster";

/// A kubeconfig as kubectl reads it.
fn kubeconfig(account: &FakeAws, file: &Path) -> Value {
    let mut view = account.command("kubectl").unwrap();
    run(view.args(["config", "view", "--raw", "--output=json", "--kubeconfig"]).arg(file)).json()
}

fn named<'a>(config: &'a Value, list: &str, name: &str) -> &'a Value {
    let all = config[list].as_array().unwrap();
    all.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("no {name} in {list}: {config:#}"))
}

#[test]
fn created_verified_and_merged_into_a_kubeconfig_of_others() {
    let (account, key) = account();
    std::fs::write(account.kubeconfig(), THEIRS).unwrap();
    // There is a token in it.
    std::fs::set_permissions(account.kubeconfig(), PermissionsExt::from_mode(0o600)).unwrap();
    let before = kubeconfig(&account, &account.kubeconfig());
    let text = minimal(OREGON, &key).replace("  region:", "  tags: {team: shop}\n  region:");
    let output = create(&account, &text, &[]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.plain_text().contains("Created and checked"), "{}", output.stderr);
    let delete = format!("aws cloudformation delete-stack --stack-name {STACK} --region us-west-2");
    assert!(output.stderr.contains(&delete), "{}", output.stderr);

    let cluster = account.cluster(OREGON, "kms-cluster").unwrap().unwrap();
    assert_eq!(key_of(&cluster), key);
    let group = ["eks", "describe-nodegroup", "--cluster-name", "kms-cluster", "--nodegroup-name", "ng"];
    let sizes = &aws(&account, OREGON, &group).json()["nodegroup"]["scalingConfig"];
    assert_eq!(sizes, &json!({"minSize": 2, "maxSize": 2, "desiredSize": 2}));
    let tags = stacks(&account, OREGON)[0]["Tags"].clone();
    assert!(tags.as_array().unwrap().contains(&json!({"Key": "team", "Value": "shop"})), "{tags}");

    let after = kubeconfig(&account, &account.kubeconfig());
    for list in ["clusters", "contexts", "users"] {
        assert_eq!(named(&after, list, "theirs"), named(&before, list, "theirs"));
    }
    assert_eq!(after["current-context"], ARN);
    let mode = std::fs::metadata(account.kubeconfig()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_kubeconfig_entry_is_that_of_aws_eks_update_kubeconfig() {
    let (account, key) = account();
    create(&account, &minimal(OREGON, &key), &[]).ok();
    let theirs = account.folder().join("theirs");
    let arguments = ["eks", "update-kubeconfig", "--name", "kms-cluster", "--kubeconfig", theirs.to_str().unwrap()];
    aws(&account, OREGON, &arguments).ok();
    assert_eq!(kubeconfig(&account, &account.kubeconfig()), kubeconfig(&account, &theirs));

    // With a profile, both add it for `aws eks get-token`.
    let profiles = account.folder().join("profiles");
    std::fs::write(&profiles, "[profile ops]\naws_access_key_id = a\naws_secret_access_key = b\n").unwrap();
    let with = |mut command: Command| run(command.env("AWS_CONFIG_FILE", &profiles)).ok();
    with(command(&account, &minimal(OREGON, &key), &["--profile", "ops"]));
    let mut update = account.command("aws").unwrap();
    update.args(["--region", OREGON, "--profile", "ops"]).args(arguments);
    with(update);
    let ours = kubeconfig(&account, &account.kubeconfig());
    assert_eq!(named(&ours, "users", ARN)["user"]["exec"]["env"][0]["value"], "ops");
    assert_eq!(ours, kubeconfig(&account, &theirs));
}

#[test]
fn the_file_may_come_on_stdin() {
    let (account, key) = account();
    let mut piped = as_plugin(account.command("kubectl").unwrap(), &["create", "-f", "-"]);
    piped.stdin(std::fs::File::open(file(&account, &minimal(OREGON, &key))).unwrap());
    run(&mut piped).ok();
    assert_eq!(key_of(&account.cluster(OREGON, "kms-cluster").unwrap().unwrap()), key);
}

#[test]
fn another_kubeconfig_may_be_named_and_one_that_can_not_be_written_is_told_to_scripts() {
    let (account, key) = account();
    let text = minimal(OREGON, &key);
    let nowhere = account.folder().join("kms-cluster.yaml/config");
    let output = create(&account, &text, &["--kubeconfig", nowhere.to_str().unwrap()]);
    // A script that goes on with kubectl must not go on.
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    let seen = seen(&account, &key, &output);
    insta::assert_snapshot!(seen[seen.find("To look at it").unwrap()..], @r"
    To look at it:

      aws eks update-kubeconfig --name kms-cluster --region us-west-2
      kubectl get nodes
      kubectl eks-encrypt status --cluster kms-cluster --region us-west-2
    ");
    let warning = seen.lines().find(|line| line.starts_with("warning")).unwrap();
    insta::assert_snapshot!(warning, @"warning: kubeconfig FOLDER/kms-cluster.yaml/config can't be written, and is as it was: File exists (os error 17)");
    assert!(!account.kubeconfig().exists());

    // Again, with one that can: the stack is there and is looked at.
    let other = account.folder().join("other");
    let output = create(&account, &text, &["--kubeconfig", other.to_str().unwrap()]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!account.calls().iter().any(|call| call.contains("CreateStack")));
    assert_eq!(kubeconfig(&account, &other)["current-context"], ARN);
    assert!(!account.kubeconfig().exists());
}

#[test]
fn an_alias_is_resolved_before_the_cluster_is_bound_to_what_it_means_today() {
    let (account, key) = account();
    let alias = account.alias(OREGON, "alias/customer", &key).unwrap();
    create(&account, &minimal(OREGON, &alias), &[]).ok();
    assert_eq!(key_of(&account.cluster(OREGON, "kms-cluster").unwrap().unwrap()), key);
}

#[test]
fn northern_virginias_zone_without_control_planes_is_avoided() {
    let (account, _) = account();
    let region = "us-east-1";
    let key = account.key(region, Kind::Good).unwrap();
    let zones = aws(&account, region, &["ec2", "describe-availability-zones"]).json();
    let shunned = zones["AvailabilityZones"].as_array().unwrap().iter().find(|zone| zone["ZoneId"] == "use1-az3");
    let shunned = shunned.unwrap()["ZoneName"].clone();
    assert_eq!(shunned, "us-east-1a", "one that would be chosen by its name");
    create(&account, &minimal(region, &key), &[]).ok();
    let resources = template(&account, region)["Resources"].clone();
    let used: Vec<&Value> = resources
        .as_object()
        .unwrap()
        .values()
        .filter(|resource| resource["Type"] == "AWS::EC2::Subnet")
        .map(|subnet| &subnet["Properties"]["AvailabilityZone"])
        .collect();
    assert!(!used.is_empty() && !used.contains(&&shunned), "{shunned}: {used:?}");
    assert_eq!(key_of(&account.cluster(region, "kms-cluster").unwrap().unwrap()), key);
}

#[test]
fn govcloud_has_names_of_its_own() {
    let (account, _) = account();
    let region = "us-gov-west-1";
    let key = account.key(region, Kind::Good).unwrap();
    create(&account, &minimal(region, &key), &[]).ok();
    let cluster = account.cluster(region, "kms-cluster").unwrap().unwrap();
    assert_eq!(key_of(&cluster), key);
    let arn = "arn:aws-us-gov:eks:us-gov-west-1:123456789012:cluster/kms-cluster";
    assert_eq!(kubeconfig(&account, &account.kubeconfig())["current-context"], arn);
    assert!(cluster["roleArn"].as_str().unwrap().starts_with("arn:aws-us-gov:iam::"), "{cluster}");
}
