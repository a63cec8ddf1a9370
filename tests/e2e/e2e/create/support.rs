//! What the scenarios of `create` share: an account, the file, the command line, and what there is afterwards.

use std::path::PathBuf;
use std::process::Command;

use eks_encrypt_sandbox::fake_aws::keys::Kind;
use eks_encrypt_sandbox::fake_aws::{EksTypes, FakeAws};
use serde_json::Value;

use crate::support::{CommandOutput, as_plugin, run};

pub(super) const OREGON: &str = "us-west-2";

/// The stack's name, for the cluster of all these files.
pub(super) const STACK: &str = "eks-encrypt-kms-cluster";

/// An account in which clusters can be created, and a good key in it.
pub(super) fn account() -> (FakeAws, String) {
    let account = FakeAws::start(EksTypes::Modelled).unwrap();
    let key = account.key(OREGON, Kind::Good).unwrap();
    (account, key)
}

/// The least that people write.
pub(super) fn minimal(region: &str, key: &str) -> String {
    format!(
        "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata:\n  name: kms-cluster\n  region: {region}\n\
         managedNodeGroups:\n- name: ng\nsecretsEncryption:\n  keyARN: {key}\n"
    )
}

/// The command line for a file with this text.
pub(super) fn command(account: &FakeAws, text: &str, more: &[&str]) -> Command {
    let file = file(account, text);
    let arguments = ["create", "-f", file.to_str().unwrap()];
    as_plugin(account.command("kubectl").unwrap(), &[&arguments[..], more].concat())
}

/// Runs `create` for a file with this text. What has been asked before is not among the account's calls any more.
pub(super) fn create(account: &FakeAws, text: &str, more: &[&str]) -> CommandOutput {
    account.calls();
    run(&mut command(account, text, more))
}

pub(super) fn file(account: &FakeAws, text: &str) -> PathBuf {
    let file = account.folder().join("kms-cluster.yaml");
    std::fs::write(&file, text).unwrap();
    file
}

/// The real `aws` command line.
pub(super) fn aws(account: &FakeAws, region: &str, arguments: &[&str]) -> CommandOutput {
    // Its own retries would hide a throttled call, and a refused one takes long enough.
    run(account.command("aws").unwrap().args(["--region", region]).args(arguments).env("AWS_MAX_ATTEMPTS", "1"))
}

/// The stacks of a region.
pub(super) fn stacks(account: &FakeAws, region: &str) -> Vec<Value> {
    let all = aws(account, region, &["cloudformation", "describe-stacks"]).json();
    all["Stacks"].as_array().unwrap().clone()
}

/// The template of our stack, as CloudFormation holds it.
pub(super) fn template(account: &FakeAws, region: &str) -> Value {
    let held = aws(account, region, &["cloudformation", "get-template", "--stack-name", STACK]).json();
    held["TemplateBody"].clone()
}

/// The key that EKS says a cluster has.
pub(super) fn key_of(cluster: &Value) -> &str {
    cluster["encryptionConfig"][0]["provider"]["keyArn"].as_str().unwrap_or_default()
}

/// What people see once CloudFormation has begun, but for what differs from run to run: names, times, and how often it is
/// said how long it takes.
pub(super) fn seen(account: &FakeAws, key: &str, output: &CommandOutput) -> String {
    let begun = output.stderr.find("CloudFormation has begun").unwrap_or_else(|| panic!("{}", output.stderr));
    let folder = account.folder().display().to_string();
    let text = output.stderr[begun..].replace(key, "KEY").replace(&folder, "FOLDER");
    let lines = text.lines().filter(|line| !line.contains(" so far"));
    lines.map(|line| timeless(line) + "\n").collect()
}

/// Every number of seconds becomes `N`.
fn timeless(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let seconds = |place: usize| words.get(place + 1).is_some_and(|next| next.trim_end_matches([':', ';', '.']) == "s");
    let shown = words.iter().enumerate().map(
        |(place, word)| {
            if word.parse::<u64>().is_ok() && seconds(place) { "N" } else { word }
        },
    );
    shown.collect::<Vec<_>>().join(" ")
}

/// Calls that change nothing: all that may be made before anything is created.
const READING: [&str; 5] = [
    "sts:GetCallerIdentity",
    "kms:DescribeKey",
    "eks:DescribeCluster",
    "cloudformation:DescribeStacks",
    "ec2:DescribeAvailabilityZones",
];

/// Sees that nothing was created, or even asked to be; answers which calls were made, once each.
#[track_caller]
pub(super) fn only_read(account: &FakeAws) -> Vec<String> {
    let mut calls = account.calls();
    calls.sort();
    calls.dedup();
    for call in &calls {
        let name = call.split(' ').next().unwrap();
        assert!(READING.contains(&name), "{call} is no reading call: {calls:#?}");
    }
    calls
}
