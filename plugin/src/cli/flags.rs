//! Flags that several commands share, each group with its heading in the help.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use eks_encrypt_job::wire::event::Method;

use super::values;
use crate::model::options::{AwsOptions, EngineOptions, JobOptions, KubeOptions, Pace, Prove, Toleration};
use crate::model::reference;
use crate::ui::terminal::Output;

/// How long we wait: an association takes up to 45 minutes, and the run follows it.
pub(super) const TIMEOUT: &str = "80m";

/// How long `verify` takes at most: a million no-op patches, with API servers that are asked for a while.
pub(super) const VERIFY_TIMEOUT: &str = "30m";

/// How long `status` takes at most: it lists every Secret, which takes a minute for half a million.
pub(super) const STATUS_TIMEOUT: &str = "10m";

/// How long `create` waits: CloudFormation makes the network, the cluster and then its nodes.
pub(super) const CREATE_TIMEOUT: &str = "40m";

/// Which EKS cluster it is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ClusterFlag {
    /// The EKS cluster's name, as `aws eks list-clusters` shows it [default: that of the kubeconfig context]
    #[arg(long, visible_alias = "cluster-name", value_name = "NAME")]
    pub(crate) cluster: Option<String>,
}

/// How AWS is reached.
#[derive(Args)]
struct AwsArgs {
    /// The cluster's AWS region [default: that of the kubeconfig context, the AWS profile or environment]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// The AWS profile to use [default: the AWS environment's, else that of the kubeconfig context]
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

/// How the cluster is reached.
#[derive(Args)]
struct KubeArgs {
    /// The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The kubeconfig context of this cluster [default: the current one]
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
}

/// How a command that changes things goes on.
#[derive(Clone, Debug, Args)]
pub(crate) struct WaitFlags {
    /// How long to wait here in all, such as 80m or 1h30m; what has begun goes on without us, but for --local, which
    /// stops
    #[arg(long, value_name = "DURATION", default_value = TIMEOUT, value_parser = values::parse_duration)]
    pub(crate) timeout: Duration,

    /// Don't ask; for scripts. You still can't undo it
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,

    /// Make every check and say what would be done; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Data for scripts on stdout: the final report; where it ends earlier, the checks or what it has begun
    #[arg(long, short = 'o', value_name = "FORMAT")]
    pub(crate) output: Option<Output>,
}

/// How fast Secrets are written, or looked at by a no-op patch.
#[derive(Clone, Debug, Args)]
pub(crate) struct PaceFlags {
    /// How many patches are sent at the same time [default: as many as the API server takes easily]
    ///
    /// More is faster until the API server is busy, and then only slows everybody else down.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: Option<u16>,

    /// How many patches are sent a second, at most [default: no bound]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_qps: Option<u32>,
}

impl PaceFlags {
    /// How many patches at once, and how many a second, at most.
    pub(crate) fn pace(&self) -> Pace {
        let concurrency = self.concurrency.and_then(|number| NonZeroUsize::new(number.into()));
        (concurrency, self.max_qps.and_then(NonZeroU32::new))
    }
}

/// How Secrets are re-encrypted, wherever that happens.
#[derive(Args)]
#[command(next_help_heading = "How Secrets are re-encrypted")]
struct EngineArgs {
    /// What is written
    ///
    /// annotate: the annotation eksctl.io/kms-encryption-timestamp is set, as eksctl does. touch: an empty patch; the API
    /// server then writes only what is not under its current key, and nothing in the Secret changes.
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    method: Method,

    #[command(flatten)]
    pace: PaceFlags,

    /// Who verifies that every Secret is under the key
    ///
    /// full: this command, with your own rights: it checks every API server before and after, and every Secret. A run that
    /// is not waited for is left to the Job. job: the Job, in the cluster. none: skip verification.
    #[arg(long, value_enum, value_name = "WHO", default_value_t, hide_possible_values = true)]
    prove: Prove,
}

/// Where and as what the Job runs.
#[derive(Args)]
#[command(next_help_heading = "The Job")]
struct JobArgs {
    /// The namespace in which the Job runs; created if it does not exist [default: a new one for each run, eks-encrypt-RUN; for
    /// `manifests`: eks-encrypt]
    ///
    /// While the run lasts, whoever may create Pods, Secrets or ServiceAccount tokens in a namespace that you name can use the Job's
    /// right to read every Secret. Name one that only administrators can use. Fargate profiles and admission policies can match
    /// the default by its prefix, eks-encrypt-.
    #[arg(long, short = 'n', value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// The Job's image, in a registry that the cluster's nodes can pull from
    ///
    /// By tag (REGISTRY/REPO:TAG) or, better, by digest (REGISTRY/REPO@sha256:...). No image of this project is published:
    /// it comes with this plugin, and `kubectl eks-encrypt image push REGISTRY/REPO` puts it into a registry of yours and
    /// prints the name for this flag.
    #[arg(long, value_name = "IMAGE", value_parser = reference::parse_image, conflicts_with = "local")]
    image: Option<String>,

    /// A Secret of the namespace with which the image is pulled; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "local", requires = "namespace")]
    image_pull_secret: Vec<String>,

    /// A label that the Job's node must have; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::parse_pair, conflicts_with = "local")]
    node_selector: Vec<(String, String)>,

    /// A taint of nodes that the Job puts up with: key=value:Effect, key:Effect, key, or * for all; may be repeated
    #[arg(long, value_name = "TAINT", value_parser = values::parse_toleration, conflicts_with = "local")]
    toleration: Vec<Toleration>,

    /// A label of the Job's Pod, for Fargate profiles, quotas and policies; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::parse_pair, conflicts_with = "local")]
    pod_label: Vec<(String, String)>,

    /// An annotation of the Job's Pod; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::parse_pair, conflicts_with = "local")]
    pod_annotation: Vec<(String, String)>,

    /// The Pod's priority class
    #[arg(long, value_name = "NAME", conflicts_with = "local")]
    priority_class: Option<String>,

    /// A ServiceAccount of the namespace that has the rights already; then no rights are made, and none taken away
    #[arg(long, value_name = "NAME", conflicts_with = "local", requires = "namespace")]
    service_account: Option<String>,

    /// Re-encrypt from here, with your own rights and no Pod
    ///
    /// For clusters in which no Pod can run, or no image can be pulled. It ends with this command: don't close the
    /// laptop. It asks for metadata alone, as the Job does.
    #[arg(long)]
    local: bool,
}

impl ValueEnum for Output {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Json, Self::Yaml]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
        }))
    }
}

impl ValueEnum for Prove {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Full, Self::Job, Self::None]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Full => "full",
            Self::Job => "job",
            Self::None => "none",
        }))
    }
}

options!(AwsFlags: AwsArgs => AwsOptions { region, profile });
options!(KubeFlags: KubeArgs => KubeOptions { kubeconfig, context });
options!(EngineFlags: EngineArgs => EngineOptions { method, pace: pace.pace(), prove });
options!(JobFlags: JobArgs => JobOptions {
    namespace, image, image_pull_secret, node_selector, toleration, pod_label, pod_annotation, priority_class, service_account, local,
});
