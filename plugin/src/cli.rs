//! The command line. Doc comments here are the help texts: write them for a tired person at 3 a.m.
//! Input: the arguments. Output: what `main` dispatches on.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// What `version` prints.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long we wait: an association takes up to 45 minutes, and the run follows it.
const TIMEOUT: &str = "80m";

/// Puts every Secret of an EKS cluster under your own KMS key.
///
/// EKS can encrypt a cluster's Secrets under a KMS key of yours. Associating the key changes nothing that is stored
/// already: each Secret moves to the key when it is next written. This plugin associates the key and then writes every
/// Secret once, from a Job inside the cluster, which asks for the Secrets' metadata alone, never for their data. (Copies
/// of data that `kubectl apply` left in annotations are metadata and reach the Job, which skips them unread.)
#[derive(Debug, Parser)]
#[command(name = "kubectl-eks_encrypt", bin_name = "kubectl eks-encrypt", version, max_term_width = 100)]
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
    /// minutes, up to 45), a Job in the cluster writes every Secret once, and you see it happen.
    ///
    /// ASSOCIATING A KEY CAN'T BE UNDONE, and the key can't be exchanged for another later. If the key is disabled or
    /// deleted, the cluster stops working; if it is deleted, the Secrets are lost.
    ///
    /// It is safe to run the same command again at any time: it goes on where things stand. Closing the terminal stops
    /// nothing that has begun in AWS or in the cluster.
    ///
    /// Exit codes: 0 every Secret accounted for; 1 error; 2 wrong usage; 3 a check refused, nothing changed; 4 the
    /// cluster has another key; 5 EKS ended the association as failed; 6 some Secrets not re-encrypted; 7 time is up but
    /// the work goes on (run it again); 130 Ctrl-C.
    Enable(Box<Enable>),
    /// Print this plugin's version
    Version,
}

/// The flags of `enable`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Enable {
    /// The EKS cluster's name, as `aws eks list-clusters` shows it (not the kubeconfig's)
    #[arg(long, visible_alias = "cluster-name", value_name = "NAME")]
    pub(crate) cluster: String,

    /// The KMS key: a key ARN, alias ARN, key id or alias name (alias/...)
    ///
    /// Symmetric, enabled, customer managed, in the cluster's region. It may be another account's.
    #[arg(long, value_name = "ARN")]
    pub(crate) key_arn: String,

    /// The cluster's AWS region [default: that of the AWS profile or environment]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// The AWS profile to use [default: the AWS environment's]
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,

    /// The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// The kubeconfig context of this cluster [default: the current one]
    ///
    /// Its server and certificate authority must be those that EKS names for --cluster, or nothing is touched.
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,

    /// The namespace in which the Job runs; made if it does not exist
    #[arg(long, short = 'n', value_name = "NAMESPACE", default_value = eks_encrypt_job::contract::NAMESPACE)]
    pub(crate) namespace: String,

    /// The Job's image, in a registry that the cluster's nodes can pull from
    ///
    /// No image of this project is published yet: build it (README.md says how), push it to a registry of yours,
    /// and name it here. The sandbox and `make demo` pass their own.
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: String,

    /// How long to wait here in all, such as 80m or 1h30m; what has begun goes on without us
    #[arg(long, value_name = "DURATION", default_value = TIMEOUT, value_parser = duration)]
    pub(crate) timeout: Duration,

    /// How many Secrets the Job writes at the same time [default: the Job's own choice]
    ///
    /// More is faster until the API server is busy, and then only slows everybody else down.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: Option<u16>,

    /// Don't ask; for scripts. You still can't undo it
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

impl Enable {
    /// The command that goes on with this one, for people to paste. Flags at their defaults are left out, and `--yes`.
    pub(crate) fn again(&self) -> String {
        let mut words = vec!["kubectl eks-encrypt enable".to_owned()];
        let mut flag = |name: &str, value: &str| words.push(format!("{name} {}", quoted(value)));
        flag("--cluster", &self.cluster);
        flag("--key-arn", &self.key_arn);
        flag("--image", &self.image);
        for (name, value) in [("--region", &self.region), ("--profile", &self.profile), ("--context", &self.context)] {
            if let Some(value) = value {
                flag(name, value);
            }
        }
        if let Some(path) = &self.kubeconfig {
            flag("--kubeconfig", &path.display().to_string());
        }
        if self.namespace != eks_encrypt_job::contract::NAMESPACE {
            flag("--namespace", &self.namespace);
        }
        if duration(TIMEOUT) != Ok(self.timeout) {
            flag("--timeout", &short(self.timeout));
        }
        if let Some(concurrency) = self.concurrency {
            flag("--concurrency", &concurrency.to_string());
        }
        words.join(" ")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// `80m`, `1h30m`, `90s`.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| "not a duration such as 80m or 1h30m".to_owned())?;
    match Duration::try_from(parsed) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("must be longer than nothing".to_owned()),
    }
}

/// The other way round: `1h30m`.
fn short(duration: Duration) -> String {
    let printer = jiff::fmt::friendly::SpanPrinter::new().spacing(jiff::fmt::friendly::Spacing::None);
    printer.unsigned_duration_to_string(&duration)
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
