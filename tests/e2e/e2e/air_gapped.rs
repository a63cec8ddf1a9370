//! Without an internet: everything works from a network that reaches the API server, the registry and the AWS endpoint (as VPC
//! endpoints are: at an address of one's own, with TLS and a private authority), and asks nobody else, no name server and not
//! the machine's metadata. The Job's Pod asks the API server alone.

use std::path::PathBuf;

use eks_encrypt_sandbox::air_gap::{AirGap, Connection, capture_at_node};
use eks_encrypt_sandbox::info::CREATOR;

use super::assertions::{ClusterSnapshot, namespaces, no_rights};
use super::node::image;
use super::support::{CommandOutput, Fixture, as_on_eks, enable, plugin_with_aws, run, seed_secrets};

/// Who asks nobody.
const NOBODY: [String; 0] = [];

/// The Service `kubernetes`, whose address every Pod has in its environment. A packet to it is heard a second time when that
/// address has been replaced by the API server's own.
const SERVICE: &str = "172.20.0.1:443";

/// The Pods' addresses.
const PODS: &str = "198.19.";

/// A command of the sandbox, inside.
fn inside(gap: &AirGap, command: &std::process::Command) -> CommandOutput {
    let mut command = gap.command(command);
    gap.inside(move || run(&mut command)).unwrap()
}

/// The plugin, inside. As elsewhere, the kubeconfig's `aws` makes its tokens: what that asks counts too.
fn plugin(gap: &AirGap, sandbox: &Fixture, arguments: &[&str]) -> CommandOutput {
    inside(gap, &plugin_with_aws(sandbox, arguments))
}

/// A credentials file with the profile `ops`.
fn profile(sandbox: &Fixture) -> PathBuf {
    let file = sandbox.folder().logs().join("credentials");
    let (id, secret) = (CREATOR.id, CREATOR.secret);
    std::fs::write(&file, format!("[ops]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")).unwrap();
    file
}

/// A file of `create`.
fn cluster_config(sandbox: &Fixture) -> String {
    let file = sandbox.folder().path().join("logs/create.yaml");
    let key = &sandbox.info().keys.customer;
    let text = format!(
        "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {{name: new, region: us-west-2}}\n\
         managedNodeGroups: [{{name: ng}}]\nsecretsEncryption: {{keyARN: '{key}'}}\n"
    );
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

#[tokio::test]
async fn nobody_is_asked_but_the_cluster_and_the_aws_endpoint_from_the_plan_to_the_last_trace() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 300, 3).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    let (gap, pods) = (AirGap::around(&sandbox).unwrap(), capture_at_node(&sandbox).unwrap());

    // The main job, with a Pod of the image that was carried over.
    let registry = sandbox.info().node.as_ref().unwrap().registry.clone();
    let (to, archive) = (format!("{registry}/team/job"), format!("--archive={}", image().display()));
    let digest = plugin(&gap, &sandbox, &["image", "digest", &archive]).ok();
    let image = format!("{to}@{}", digest.trim());
    let output = plugin(&gap, &sandbox, &enable(&sandbox, &["--push-image", &to, &archive, "--plain-http"]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let tag = concat!("tag ", env!("CARGO_PKG_VERSION"), ": pushed");
    for word in [tag, "300 listed: 300 rewritten", "Done and proven"] {
        assert!(output.stderr.contains(word), "{word}: {}", output.stderr);
    }
    assert_eq!(gap.outside_connections().unwrap(), NOBODY, "enable");
    before.all_moved(&sandbox).await;

    // How things stand, from data that nobody had to be asked for elsewhere.
    let status = plugin(&gap, &sandbox, &["status", "--output=json"]).json();
    assert_eq!(status["notSeen"], serde_json::json!([]), "{status}");
    assert_eq!(status["cluster"]["keyArn"], sandbox.info().keys.customer, "{status}");
    let output = plugin(&gap, &sandbox, &["attach"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(gap.outside_connections().unwrap(), NOBODY, "status and attach");

    // With a profile, and with the region from the kubeconfig alone: the SDK would ask the machine's metadata for what is missing.
    let mut status = plugin_with_aws(&sandbox, &["status", "--output=json"]);
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        status.env_remove(name);
    }
    let status = inside(&gap, status.env("AWS_PROFILE", "ops").env("AWS_SHARED_CREDENTIALS_FILE", profile(&sandbox)));
    let status = status.json();
    assert_eq!(status["notSeen"], serde_json::json!([]), "{status}");
    assert_eq!(gap.outside_connections().unwrap(), NOBODY, "a profile");

    // Where AWS can't be reached at all.
    let output = plugin(
        &gap,
        &sandbox,
        &["reencrypt", "--without-aws", "--key-arn", &sandbox.info().keys.customer, "--yes", "--image", &image],
    );
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let output = plugin(&gap, &sandbox, &["reencrypt", "--local", "--yes"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(gap.outside_connections().unwrap(), NOBODY, "reencrypt");

    // A new cluster's plan: EC2, KMS, STS, EKS and CloudFormation are asked at their endpoints.
    let output = plugin(&gap, &sandbox, &["create", "--dry-run", "-f", &cluster_config(&sandbox)]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(gap.outside_connections().unwrap(), NOBODY, "create");

    // The Pods of two runs have talked to the API server, and to nobody else: no name is asked for.
    let talked: Vec<_> =
        pods.connections().into_iter().filter(|begun| begun.from.to_string().starts_with(PODS)).collect();
    let servers = sandbox.api_servers().await.unwrap();
    let place = |begun: &Connection| format!("{}:{}", begun.to, begun.port.unwrap_or_default());
    let known: Vec<String> = servers.iter().map(|server| server.address.to_string()).chain([SERVICE.into()]).collect();
    let elsewhere = talked.iter().filter(|begun| !known.contains(&place(begun)));
    assert_eq!(elsewhere.map(ToString::to_string).collect::<Vec<_>>(), NOBODY, "the Pods");
    assert!(talked.iter().any(|begun| place(begun) == SERVICE), "no Pod was heard, so this shows nothing: {talked:?}");

    let output = plugin(&gap, &sandbox, &["cleanup", "--yes"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(namespaces(&sandbox), "");
    no_rights(&sandbox);
    assert_eq!(gap.outside_connections().unwrap(), NOBODY, "cleanup");

    // The gap would have told: a name that is asked for, and the machine's metadata.
    let mut name = std::process::Command::new("getent");
    let output = inside(&gap, name.args(["ahosts", "sts.us-west-2.amazonaws.com"]));
    assert_ne!(output.code, Some(0), "{}", output.stdout);
    let mut nobody = sandbox.command("aws").unwrap();
    let nobody = nobody.args(["sts", "get-caller-identity"]).env_remove("AWS_ACCESS_KEY_ID");
    assert_ne!(inside(&gap, nobody).code, Some(0));
    let elsewhere = gap.outside_connections().unwrap();
    for word in ["DNS query for sts.us-west-2.amazonaws.com", "TCP to 169.254.169.254 port 80"] {
        assert!(elsewhere.iter().any(|line| line.starts_with(word)), "{word}: {elsewhere:?}");
    }
}
