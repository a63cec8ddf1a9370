//! The command line. Doc comments here are the help texts: write them for a tired person at 3 a.m.
//! Input: the arguments. Output: what `main` dispatches on.

pub(crate) mod man;

#[macro_use]
mod options;

mod flags;
mod followup;
mod image;
mod values;

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::model::VERSION;
use crate::ui::terminal::Output;
pub(crate) use flags::{AwsFlags, ClusterFlag, EngineFlags, JobFlags, KubeFlags, PaceFlags, WaitFlags};
pub(crate) use image::{Image, ImagePush, ImageSave, PushFlags};
pub(crate) use values::parse_key_arn;

/// The file that kubectl looks for: dashes of the plugin's name are underscores in it.
const BINARY: &str = "kubectl-eks_encrypt";

/// The executable by which kubectl finds what completes our commands: the same file that an archive holds.
const COMPLETES: &str = include_str!("../../krew/kubectl_complete-eks_encrypt");

/// Puts every Secret of an EKS cluster under your own KMS key.
///
/// EKS can encrypt a cluster's Secrets under a KMS key of yours. Associating the key changes nothing that is stored
/// already: each Secret moves to the key when it is next written. This plugin associates the key, writes every Secret
/// once from a Job inside the cluster, and proves that none was left behind. The Job asks for the Secrets' metadata alone,
/// never for their data. (Copies of data that `kubectl apply` left in annotations are metadata and reach the Job, which
/// skips them unread.)
///
/// Flags come after the command's name: `kubectl eks-encrypt status --context prod`.
#[derive(Debug, Parser)]
#[command(
    name = BINARY,
    bin_name = "kubectl eks-encrypt",
    display_name = "kubectl eks-encrypt",
    version,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Associate a KMS key with a cluster and re-encrypt every Secret under it
    ///
    /// First everything is checked and nothing is changed. Then you confirm. Then the key is associated (usually
    /// minutes, up to 45), a Job in the cluster writes every Secret once, and you see it happen. It begins when
    /// every API server writes under the key. At the end this command checks every Secret and every API server: that is
    /// the proof.
    ///
    /// ASSOCIATING A KEY CAN'T BE UNDONE, and the key can't be exchanged for another later. If the key is disabled or
    /// deleted, the cluster stops working; if it is deleted, the Secrets are lost.
    ///
    /// It is safe to run the same command again at any time: it goes on where things stand. Closing the terminal stops
    /// nothing that has begun in AWS or in the cluster; `kubectl eks-encrypt attach` shows the Job again.
    ///
    /// Exit codes: 0 done, and proven; 1 error; 2 wrong usage; 3 a check refused: nothing changed; or another run is at
    /// work: the key may be associated, run it again later; 4 the cluster has another key; 5 EKS ended the association
    /// as failed; 6 not every Secret is known to be under the key; 7 time is up but the work goes on, or the API servers do not
    /// write under the key yet (run it again); 130
    /// Ctrl-C.
    Enable(Box<Enable>),
    /// Create a cluster with your KMS key from birth
    ///
    /// From an eksctl ClusterConfig file: VPC, roles, the cluster with its key, and managed node groups, as one
    /// CloudFormation stack (eks-encrypt-NAME). At the end EKS is asked whether the cluster has the key, and the kubeconfig gets
    /// its entry. A field that this command does not support is an error; none is ignored.
    ///
    /// It asks no question: `--dry-run` shows what would be created, and what of it costs money. CloudFormation works
    /// by itself: after Ctrl-C or a lost connection, run the same command again to go on. If something fails, it
    /// removes all that it has made.
    ///
    /// Exit codes: 0 created, and EKS says that it has the key; 1 error, or the kubeconfig could not be written; 2 wrong usage,
    /// or a file that can't be used; 3 a check refused: nothing was created; 4 the cluster has another key; 5 the stack failed;
    /// 7 time is up but CloudFormation goes on (run it again); 130 Ctrl-C.
    Create(Create),
    /// Re-encrypt every Secret of a cluster that has its key
    ///
    /// The second half of `enable` alone: for a cluster whose key was associated elsewhere (eksctl, Terraform, the
    /// console), or to do it again. A Secret can be written any number of times.
    ///
    /// Exit codes as for `enable`.
    Reencrypt(Box<Reencrypt>),
    /// Follow the Job that is there, from any machine
    ///
    /// Shows the Job's progress from now on, judges how it ended, and takes the run's rights to Secrets away. Asks
    /// nothing of AWS. Exit codes as for `enable`; 1 if there is no Job (`--local` makes none).
    Attach(Attach),
    /// Prove that every Secret is under the key, now, with your own rights
    ///
    /// Asks every API server for the key that it writes under, checks every Secret, and asks the API servers again. A
    /// Secret that is stored under another key is written under the key by a no-op patch. This command changes no field of
    /// it; admission webhooks may.
    ///
    /// Needs the rights to list and patch Secrets, to list Leases in kube-system, and to get /metrics; in AWS, without
    /// --key-arn, eks:DescribeCluster, eks:ListUpdates, eks:DescribeUpdate and kms:DescribeKey. The result is recorded next
    /// to the run record, for `status`.
    ///
    /// Exit codes: 0 proven; 1 error; 2 wrong usage; 3 nothing to verify: no key is associated, or EKS is replacing API
    /// servers; 6 not proven.
    Verify(Verify),
    /// Show the association, the key, the last run, and how many Secrets are not under the key yet
    ///
    /// Changes nothing. Secrets are counted by their metadata: those that were not written since the last run began are
    /// behind.
    Status(Status),
    /// Delete everything that runs have made in the cluster
    ///
    /// It lists Jobs with their logs, rights, run records, leases, and namespaces that a run made, asks once, deletes them, and
    /// waits until the namespaces are deleted. A namespace stays if other people have objects in it, custom resources
    /// included. So does an object that carries the label of runs and a name that no run gives. The key stays associated,
    /// and the Secrets stay as they are. Keep what your auditors want first: `status -o json`, and `kubectl logs`.
    Cleanup(Cleanup),
    /// Print what would be applied, as YAML, for review or GitOps
    ///
    /// Namespace, rights and Job, as `enable` and `reencrypt` apply them where there is no such namespace yet. Asks
    /// nothing of anybody. Apply it only after the key is associated: `kubectl eks-encrypt manifests ... | kubectl
    /// apply -f -`, then `attach`. In a namespace of somebody else's, leave the Namespace out: it has Pod Security
    /// labels (restricted) that `enable` would not set there.
    Manifests(Manifests),
    /// Push, save or name the Job's image, which comes with this plugin
    #[command(subcommand)]
    Image(Image),
    /// Print the JSON Schema of a file that this plugin reads, for editors
    ///
    /// For example: kubectl eks-encrypt schema cluster-config > cluster-config.json, and in the file's first line:
    /// # yaml-language-server: $schema=cluster-config.json
    Schema {
        /// The file
        #[arg(value_enum, value_name = "FILE")]
        of: SchemaOf,
    },
    /// Print a completion script, for kubectl or for a shell
    ///
    /// kubectl (1.26 or later) completes `kubectl eks-encrypt` in every shell in which it completes its own commands, if
    /// it finds an executable of this name on PATH, for example beside the plugins of krew:
    ///
    /// kubectl eks-encrypt completion kubectl > ~/.krew/bin/kubectl_complete-eks_encrypt
    ///
    /// chmod +x ~/.krew/bin/kubectl_complete-eks_encrypt
    ///
    /// The scripts for shells complete the file's own name, kubectl-eks_encrypt. For example in ~/.bashrc:
    /// source <(kubectl eks-encrypt completion bash)
    Completion {
        /// For whom
        #[arg(value_enum, value_name = "FOR")]
        of: CompletionOf,
    },
    /// Write the manual pages into a folder, for packages
    #[command(hide = true)]
    Man {
        /// The folder
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Print this plugin's version
    ///
    /// With -o also the platform, the commit that a release was built from, the version of the wire format, which the
    /// Job's image has to share, and the digest of the image that came with it.
    Version {
        /// All of it as data, for scripts
        #[arg(long, short = 'o', value_name = "FORMAT")]
        output: Option<Output>,
    },
    /// Print a cluster's token, as the missing command of a kubeconfig would; the plugin runs it itself
    #[command(hide = true)]
    Token(Token),
}

/// The flags of `enable`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Enable {
    /// An eksctl ClusterConfig file that names cluster, region and key; `-` reads stdin
    ///
    /// metadata.name, metadata.region and secretsEncryption.keyARN are read, the rest is eksctl's business.
    #[arg(long, short = 'f', value_name = "FILE", conflicts_with_all = ["cluster", "key_arn", "region"])]
    pub(crate) file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) eks: ClusterFlag,

    /// The KMS key: a key ARN, alias ARN, key id or alias name (alias/...)
    ///
    /// Symmetric, enabled, customer managed, in the cluster's region. It may be another account's.
    #[arg(long, value_name = "ARN", required_unless_present = "file")]
    pub(crate) key_arn: Option<String>,

    #[command(flatten)]
    pub(crate) aws: AwsFlags,

    #[command(flatten)]
    pub(crate) kube: KubeFlags,

    /// Whether existing Secrets are re-encrypted; `false` stops after the association
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1,
          require_equals = true, action = ArgAction::Set)]
    pub(crate) encrypt_existing_secrets: bool,

    /// Whether to wait; `false` begins what comes next (the association, or the Job) and ends. A --local run is waited
    /// for all the same
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1,
          require_equals = true, action = ArgAction::Set)]
    pub(crate) wait: bool,

    /// Write every Secret, also where the last verification found all of them under the key
    ///
    /// Without it, such a cluster is verified again. If that holds, no run starts.
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) go: WaitFlags,

    #[command(flatten)]
    pub(crate) engine: EngineFlags,

    #[command(flatten)]
    pub(crate) job: JobFlags,

    #[command(flatten)]
    pub(crate) push: PushFlags,
}

/// The flags of `create`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Create {
    /// The ClusterConfig file; `-` reads stdin
    #[arg(long, short = 'f', value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The AWS profile to use [default: the AWS environment's]
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,

    /// The kubeconfig file that gets the cluster's entry [default: as $KUBECONFIG says, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// How long to wait here in all, such as 40m or 1h; CloudFormation goes on without us
    #[arg(long, value_name = "DURATION", default_value = flags::CREATE_TIMEOUT, value_parser = values::parse_duration)]
    pub(crate) timeout: std::time::Duration,

    /// Make every check, print the CloudFormation template on stdout and the plan on stderr; create nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Files whose schema can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The file of `create`.
    ClusterConfig,
}

/// The flags of `reencrypt`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reencrypt {
    #[command(flatten)]
    pub(crate) eks: ClusterFlag,

    #[command(flatten)]
    pub(crate) aws: AwsFlags,

    /// Ask nothing of AWS: you vouch that the key is associated, and that the kubeconfig means the right cluster
    ///
    /// For machines that reach the cluster but not AWS. Without --key-arn, the same command again does not follow the
    /// Job that it made, for that names no key; `attach` does.
    #[arg(long, conflicts_with_all = ["cluster", "region", "profile"])]
    pub(crate) without_aws: bool,

    /// With --without-aws: the ARN of the key that the cluster has; without it, nothing can be proven
    #[arg(long, value_name = "ARN", requires = "without_aws", value_parser = values::parse_key_arn)]
    pub(crate) key_arn: Option<String>,

    #[command(flatten)]
    pub(crate) kube: KubeFlags,

    /// Make the Job and end; `attach` shows it
    #[arg(long, conflicts_with = "local")]
    pub(crate) detach: bool,

    #[command(flatten)]
    pub(crate) go: WaitFlags,

    #[command(flatten)]
    pub(crate) engine: EngineFlags,

    #[command(flatten)]
    pub(crate) job: JobFlags,

    #[command(flatten)]
    pub(crate) push: PushFlags,
}

/// The flags of `attach`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Attach {
    #[command(flatten)]
    pub(crate) kube: KubeFlags,

    /// The namespace of the run [default: those that runs have created, and eks-encrypt]
    #[arg(long, short = 'n', value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,

    /// How long to wait here, such as 80m or 1h30m; the Job goes on without us
    #[arg(long, value_name = "DURATION", default_value = flags::TIMEOUT, value_parser = values::parse_duration)]
    pub(crate) timeout: std::time::Duration,

    /// The final report on stdout, when the run has ended
    #[arg(long, short = 'o', value_name = "FORMAT")]
    pub(crate) output: Option<Output>,
}

/// The flags of `verify`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) eks: ClusterFlag,

    #[command(flatten)]
    pub(crate) aws: AwsFlags,

    #[command(flatten)]
    pub(crate) kube: KubeFlags,

    /// The ARN of the key; then AWS is not asked [default: the key that EKS names]
    #[arg(long, value_name = "ARN", value_parser = values::parse_key_arn, conflicts_with_all = ["cluster", "region", "profile"])]
    pub(crate) key_arn: Option<String>,

    /// The namespace of the run [default: those that runs have created, and eks-encrypt]
    #[arg(long, short = 'n', value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,

    #[command(flatten)]
    pub(crate) pace: PaceFlags,

    /// How long it may take, such as 10m or 1h30m
    #[arg(long, value_name = "DURATION", default_value = flags::VERIFY_TIMEOUT, value_parser = values::parse_duration)]
    pub(crate) timeout: std::time::Duration,

    /// The result as data, for scripts and auditors
    #[arg(long, short = 'o', value_name = "FORMAT")]
    pub(crate) output: Option<Output>,
}

/// The flags of `status`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) eks: ClusterFlag,

    #[command(flatten)]
    pub(crate) aws: AwsFlags,

    #[command(flatten)]
    pub(crate) kube: KubeFlags,

    /// The namespace of the run [default: those that runs have created, and eks-encrypt]
    #[arg(long, short = 'n', value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,

    /// How long it may take, such as 10m; the status then names what it could not see
    #[arg(long, value_name = "DURATION", default_value = flags::STATUS_TIMEOUT, value_parser = values::parse_duration)]
    pub(crate) timeout: std::time::Duration,

    /// The status as data, for scripts
    #[arg(long, short = 'o', value_name = "FORMAT")]
    pub(crate) output: Option<Output>,
}

/// The flags of `cleanup`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Cleanup {
    #[command(flatten)]
    pub(crate) kube: KubeFlags,

    /// Skip the question; for scripts
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,

    /// List what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Also while a run is running: its Job stops, and the Secrets that it has not reached stay as they are
    #[arg(long)]
    pub(crate) force: bool,
}

/// The flags of `manifests`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Manifests {
    /// The ARN of the cluster's key, for the run record and for whoever finds the Job later
    #[arg(long, value_name = "ARN", default_value = "", hide_default_value = true)]
    pub(crate) key_arn: String,

    #[command(flatten)]
    pub(crate) engine: EngineFlags,

    #[command(flatten)]
    pub(crate) job: JobFlags,
}

/// The flags of `token`: those of `aws eks get-token`, and of `aws-iam-authenticator token` what goes beyond.
#[derive(Clone, Debug, Args)]
pub(crate) struct Token {
    /// The EKS cluster's name; or a local cluster's id
    #[arg(long = "cluster-name", alias = "cluster-id", value_name = "NAME", required_unless_present = "file")]
    pub(crate) cluster: Option<String>,

    /// The region of the STS that is signed for
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// The AWS profile
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,

    /// A role to assume first
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<String>,

    /// What the role's trust policy may want to hear
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,

    /// The session's name
    #[arg(long, value_name = "NAME")]
    pub(crate) session_name: Option<String>,

    /// A file that holds the token
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    pub(crate) file: Option<PathBuf>,
}

/// What completion scripts are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionOf {
    Kubectl,
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// The completion script: for a shell, that of the name by which kubectl finds us.
pub(crate) fn completion(of: CompletionOf) -> String {
    let shell = match of {
        CompletionOf::Kubectl => return COMPLETES.to_owned(),
        CompletionOf::Bash => Shell::Bash,
        CompletionOf::Elvish => Shell::Elvish,
        CompletionOf::Fish => Shell::Fish,
        CompletionOf::Powershell => Shell::PowerShell,
        CompletionOf::Zsh => Shell::Zsh,
    };
    // The scripts would offer hidden commands too.
    let all = Cli::command();
    let visible = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let mut command = clap::Command::new(BINARY).version(VERSION).subcommands(visible);
    // For bash, a name with a dash is not written the same way everywhere (clap_complete 4.6, `aot/shells/bash.rs`), and
    // after the command's name nothing more would be completed. So it is made for a name without, which is put right.
    let name = if shell == Shell::Bash { BINARY.replace('-', "_") } else { BINARY.to_owned() };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    String::from_utf8_lossy(&script).replace(&format!("-o default {name}"), &format!("-o default {BINARY}"))
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
