//! Which cluster is meant, and what a person is told of it.
use std::io::Write as _;
use std::path::PathBuf;

use super::*;
use crate::cli::{Cli, Command};
use crate::testing::{KEY, error_text, reencrypt};
use clap::Parser as _;
use insta::assert_snapshot;

/// A file that lives as long as the test.
struct Kept(PathBuf);

impl Kept {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("eks-encrypt-{}-{name}", std::process::id()));
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

const KUBECONFIG: &str = r"
apiVersion: v1
kind: Config
current-context: prod
contexts:
- {name: prod, context: {cluster: prod, user: alice}}
- {name: elsewhere, context: {cluster: local, user: bob}}
clusters:
- {name: prod, cluster: {server: 'https://127.0.0.1:1'}}
- {name: local, cluster: {server: 'https://127.0.0.1:2'}}
users:
- name: alice
  user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws,
    args: [--region, eu-central-1, eks, get-token, --cluster-name, shop, --profile, ops]}}
- {name: bob, user: {token: t}}
";

fn enable(more: &[&str]) -> Enable {
    let base = ["kubectl-eks_encrypt", "enable"];
    let Command::Enable(flags) = Cli::try_parse_from(base.iter().chain(more)).unwrap().command else { panic!() };
    *flags
}

/// What was understood and said. The profile is left out where the shell that runs the tests may name one.
fn printed(target: Result<Target, CliError>, terminal: &Terminal) -> String {
    let target = match target {
        Ok(Target { cluster, region, key, .. }) => format!("{cluster} {region:?} {key:?}"),
        Err(stop) => error_text(stop),
    };
    let said: Vec<_> = terminal.text().lines().filter(|line| !line.starts_with("profile")).map(str::to_owned).collect();
    format!("{}\n-> {target}", said.join("\n"))
}

#[tokio::test]
async fn a_file_names_all_three_and_is_named_itself() {
    let text = format!(
        "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {{name: shop, region: eu-west-1}}\nsecretsEncryption: {{keyARN: {KEY}}}\n"
    );
    let (file, kubeconfig) = (Kept::new("cluster.yaml", &text), Kept::new("of-file", KUBECONFIG));
    let terminal = Terminal::captured();
    let flags = enable(&["-f", file.path(), "--kubeconfig", kubeconfig.path(), "--profile", "mine"]);
    let target = Target::of_enable(&flags, &terminal).await;
    assert_snapshot!(printed(target, &terminal).replace(file.path(), "FILE"), @r#"
    cluster shop, region eu-west-1, key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab: from FILE
    -> shop Some("eu-west-1") Some("arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")
    "#);
}

#[tokio::test]
async fn flags_say_it_all_and_no_kubeconfig_is_read() {
    let flags = enable(&[
        "--cluster",
        "shop",
        "--region",
        "eu-west-1",
        "--profile",
        "mine",
        "--key-arn",
        "alias/eks",
        "--kubeconfig",
        "/nowhere",
    ]);
    let terminal = Terminal::captured();
    let target = Target::of_enable(&flags, &terminal).await.unwrap();
    let (region, profile) = (Some("eu-west-1".to_owned()), Some("mine".to_owned()));
    assert_eq!(target, Target { cluster: "shop".into(), region, profile, key: Some("alias/eks".into()) });
    assert_eq!(terminal.text(), "");
}

#[test]
fn what_was_not_typed_comes_from_the_context_and_is_said() {
    let kubeconfig = Kept::new("of-context", KUBECONFIG);
    let (terminal, mut flags) =
        (Terminal::captured(), reencrypt(&["--kubeconfig", kubeconfig.path(), "--profile", "mine"]));
    flags.eks.cluster = None;
    assert_snapshot!(printed(Target::of_reencrypt(&flags, &terminal), &terminal), @r#"
    cluster shop: from the arguments of `aws eks get-token` in context prod
    region eu-central-1: from the arguments of `aws eks get-token` in context prod
    -> shop Some("eu-central-1") None
    "#);
}

#[test]
fn a_context_that_says_nothing_asks_for_the_flag() {
    let kubeconfig = Kept::new("of-nothing", KUBECONFIG);
    let more = ["--kubeconfig", kubeconfig.path(), "--context", "elsewhere", "--profile", "mine"];
    let (terminal, mut flags) = (Terminal::captured(), reencrypt(&more));
    flags.eks.cluster = None;
    assert_snapshot!(printed(Target::of_reencrypt(&flags, &terminal), &terminal), @r"

    -> exit 2
    error: kubeconfig context elsewhere does not say which EKS cluster it is (its credentials come from a token, its server is 127.0.0.1): add --cluster NAME and --region REGION
    ");
}

#[test]
fn a_named_cluster_needs_no_kubeconfig() {
    let (terminal, flags) = (Terminal::captured(), reencrypt(&["--kubeconfig", "/nowhere"]));
    assert_snapshot!(printed(Target::of_reencrypt(&flags, &terminal), &terminal), @r"

    -> shop None None
    ");
}
