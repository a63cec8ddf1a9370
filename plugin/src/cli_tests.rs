//! The help texts, as people read them, and what the command line refuses.
use super::*;
use crate::testing::enable;
use clap::{CommandFactory as _, error::ErrorKind};
use insta::assert_snapshot;

fn help(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let command = path.iter().fold(&mut command, |command, name| command.find_subcommand_mut(name).unwrap());
    // clap ends empty lines with spaces, which editors take away.
    let text = command.render_long_help().to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn top() {
    assert_snapshot!(help(&[]), @r"
    Puts every Secret of an EKS cluster under your own KMS key.

    EKS can encrypt a cluster's Secrets under a KMS key of yours. Associating the key changes nothing
    that is stored already: each Secret moves to the key when it is next written. This plugin associates
    the key and then writes every Secret once, from a Job inside the cluster, which asks for the
    Secrets' metadata alone, never for their data. (Copies of data that `kubectl apply` left in
    annotations are metadata and reach the Job, which skips them unread.)

    Usage: kubectl eks-encrypt <COMMAND>

    Commands:
      enable   Associate a KMS key with a cluster and re-encrypt every Secret under it
      version  Print this plugin's version
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[test]
fn help_of_enable() {
    assert_snapshot!(help(&["enable"]), @r"
    Associate a KMS key with a cluster and re-encrypt every Secret under it

    First everything is checked and nothing is changed. Then you confirm. Then the key is associated
    (usually minutes, up to 45), a Job in the cluster writes every Secret once, and you see it happen.

    ASSOCIATING A KEY CAN'T BE UNDONE, and the key can't be exchanged for another later. If the key is
    disabled or deleted, the cluster stops working; if it is deleted, the Secrets are lost.

    It is safe to run the same command again at any time: it goes on where things stand. Closing the
    terminal stops nothing that has begun in AWS or in the cluster.

    Exit codes: 0 every Secret accounted for; 1 error; 2 wrong usage; 3 a check refused, nothing
    changed; 4 the cluster has another key; 5 EKS ended the association as failed; 6 some Secrets not
    re-encrypted; 7 time is up but the work goes on (run it again); 130 Ctrl-C.

    Usage: kubectl eks-encrypt enable [OPTIONS] --cluster <NAME> --key-arn <ARN> --image <IMAGE>

    Options:
          --cluster <NAME>
              The EKS cluster's name, as `aws eks list-clusters` shows it (not the kubeconfig's)

              [alias: --cluster-name]

          --key-arn <ARN>
              The KMS key: a key ARN, alias ARN, key id or alias name (alias/...)

              Symmetric, enabled, customer managed, in the cluster's region. It may be another
              account's.

          --region <REGION>
              The cluster's AWS region [default: that of the AWS profile or environment]

          --profile <PROFILE>
              The AWS profile to use [default: the AWS environment's]

          --kubeconfig <FILE>
              The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]

          --context <CONTEXT>
              The kubeconfig context of this cluster [default: the current one]

              Its server and certificate authority must be those that EKS names for --cluster, or
              nothing is touched.

      -n, --namespace <NAMESPACE>
              The namespace in which the Job runs; made if it does not exist

              [default: eks-encrypt]

          --image <IMAGE>
              The Job's image, in a registry that the cluster's nodes can pull from

              No image of this project is published yet: build it (README.md says how), push it to a
              registry of yours, and name it here. The sandbox and `make demo` pass their own.

          --timeout <DURATION>
              How long to wait here in all, such as 80m or 1h30m; what has begun goes on without us

              [default: 80m]

          --concurrency <N>
              How many Secrets the Job writes at the same time [default: the Job's own choice]

              More is faster until the API server is busy, and then only slows everybody else down.

      -y, --yes
              Don't ask; for scripts. You still can't undo it

      -h, --help
              Print help (see a summary with '-h')
    ");
}

#[test]
fn eksctls_name_of_the_flag_works_too() {
    let args = ["x", "enable", "--cluster-name", "shop", "--key-arn", "k", "--image", "i"];
    assert!(Cli::try_parse_from(args).is_ok());
}

#[test]
fn nonsense_is_refused() {
    let refused = |more: &[&str]| {
        let base = ["x", "enable", "--cluster", "shop", "--key-arn", "k", "--image", "i"];
        Cli::try_parse_from(base.iter().chain(more)).unwrap_err().kind()
    };
    assert_eq!(refused(&["--timeout", "soon"]), ErrorKind::ValueValidation);
    assert_eq!(refused(&["--timeout", "0s"]), ErrorKind::ValueValidation);
    assert_eq!(refused(&["--concurrency", "0"]), ErrorKind::ValueValidation);
    assert_eq!(
        Cli::try_parse_from(["x", "enable", "--cluster", "shop"]).unwrap_err().kind(),
        ErrorKind::MissingRequiredArgument
    );
}

#[test]
fn flags_at_their_defaults_are_left_out_of_the_command_that_goes_on() {
    let again = enable(&["--timeout", "80m", "-n", "eks-encrypt"]).again();
    assert!(!again.contains("--timeout") && !again.contains("--namespace") && !again.contains("--conc"), "{again}");
}

#[test]
fn durations() {
    assert_eq!(enable(&[]).timeout, Duration::from_secs(80 * 60));
    for text in ["1h30m", "90s", "0.5s", "2h"] {
        assert_eq!(duration(&short(duration(text).unwrap())), duration(text), "{text}");
    }
    assert_eq!(enable(&["--timeout", "1h30m"]).timeout, Duration::from_secs(90 * 60));
}

#[test]
fn the_command_that_goes_on_is_this_one() {
    let args = enable(&["--context", "my prod", "--yes", "-n", "ops", "--timeout", "90m", "--concurrency", "3"]);
    assert_snapshot!(args.again(), @"kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --image registry.example/job:1 --context 'my prod' --namespace ops --timeout 1h30m --concurrency 3");
}

/// The parts of krew's manifest that must fit this binary (krew, `internal/index/validation/validate.go`).
#[test]
fn the_krew_manifest_names_this_plugin() {
    let manifest: serde_json::Value = serde_saphyr::from_str(include_str!("../../krew/eks-encrypt.yaml.in")).unwrap();
    assert_eq!(manifest["metadata"]["name"], "eks-encrypt");
    assert_eq!(manifest["spec"]["version"], "v@VERSION@");
    assert!(manifest["spec"]["shortDescription"].as_str().unwrap().chars().count() <= 50);
    let binary = <Cli as clap::CommandFactory>::command().get_name().to_owned();
    for platform in manifest["spec"]["platforms"].as_array().unwrap() {
        assert_eq!(platform["bin"], binary.as_str());
    }
}
