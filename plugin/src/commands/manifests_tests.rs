//! What a reader of the printed YAML sees first, and that it is the YAML that is applied.
use super::*;
use crate::cli::{Cli, Command};
use clap::Parser as _;
use insta::assert_snapshot;

fn flags(more: &[&str]) -> Manifests {
    let base = ["kubectl-eks_encrypt", "manifests"];
    let Command::Manifests(flags) = Cli::try_parse_from(base.iter().chain(more)).unwrap().command else { panic!() };
    flags
}

fn run() -> Run {
    Run::from_id("r1", "ops")
}

#[test]
fn the_head_says_when_to_apply_it() {
    let text = render(&flags(&["--image", "registry.example/job:1", "--key-arn", "arn:k"]), &run()).unwrap();
    let head: Vec<_> = text.lines().take(8).collect();
    assert_snapshot!(head.join("\n"), @r"
    # Made by `kubectl eks-encrypt manifests`. Apply it only when the association of the key is Successful: what is written
    # earlier stays under the key of that time. To follow the Job, and to take its rights away at its end:
    #   kubectl eks-encrypt attach --namespace ops
    ---
    apiVersion: v1
    kind: Namespace
    metadata:
      labels:
    ");
    let kinds: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    let all = ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Job"];
    assert_eq!(kinds, all);
    assert_eq!(text.matches("eks-encrypt/run: r1").count(), 8, "every object and the Pod carry the run");
    let env: Vec<_> = text.split("EKS_ENCRYPT_KEY_ARN").nth(1).unwrap().split_whitespace().take(2).collect();
    assert_eq!(env, ["value:", "arn:k"]);
}

#[test]
fn without_an_image_nothing_is_printed() {
    let error = render(&flags(&[]), &run()).unwrap_err();
    assert_snapshot!(crate::testing::error_text(error), @r"
    exit 2
    error: no image for the Job is known: `kubectl eks-encrypt image push REGISTRY/REPO` pushes the one that comes with this plugin, and prints its name for --image
    ");
}
