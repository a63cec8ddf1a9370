//! `verify`: the proof alone, now, with the person's own rights. For auditors, and for "is it still so?".

use std::time::Duration;

use eks_encrypt_job::engine::verify::Verified;
use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::outcome::Failure;
use serde::Serialize;
use tokio::time::Instant;

use crate::aws::client::{self, AwsContext};
use crate::aws::{cluster, key, updates};
use crate::cause::Cause;
use crate::cli::Verify;
use crate::error::{CliError, HasExitCode};
use crate::k8s::{self, Kubernetes};
use crate::model::options::Prove;
use crate::model::target::Target;
use crate::output::cluster_ref::ClusterRef;
use crate::output::summary;
use crate::output::type_meta::TypeMeta;
use crate::run::namespaces::list_namespaces_of_runs;
use crate::run::proof::{CensusBefore, Proven, Prover};
use crate::ui::terminal::{self, Output, Terminal, one_line};

/// Why there is nothing to verify.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The cluster has no key of the customer's.
    #[error("no key is associated with cluster {cluster}: every Secret is under a key that AWS owns, or under none")]
    NoKey { cluster: String },
    /// EKS is replacing API servers.
    #[error(
        "EKS is working on cluster {cluster} (update {update}), which replaces API servers: verify when that has ended"
    )]
    Updating { cluster: String, update: String },
    /// Whether it is, is not known.
    #[error("can't see whether EKS is working on cluster {cluster}")]
    Updates {
        cluster: String,
        #[source]
        source: Cause,
    },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// The result, for scripts and auditors.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(flatten)]
    head: TypeMeta,
    #[serde(flatten)]
    cluster_ref: &'a ClusterRef,
    /// Whether every Secret is under the key.
    proven: bool,
    /// Why that is not proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    exit_code: u8,
    took_seconds: u64,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Verified>,
    /// Secrets that could not be verified.
    failures: &'a [Failure],
}

/// Verifies.
pub(crate) async fn verify(args: &Verify, terminal: &Terminal) -> Result<ExitCode, CliError> {
    let kubernetes = k8s::connect(&args.kube, terminal).await?;
    let (cluster_arn, key_arn) = match &args.key_arn {
        Some(arn) => (String::new(), arn.clone()),
        None => {
            let target = Target::of_verify(args, terminal)?;
            let aws = client::connect(target.profile.as_deref(), target.region.as_deref()).await?;
            cluster_and_key(&aws, &target.cluster, &kubernetes, terminal).await?
        }
    };
    let context = kubernetes.context.clone();
    let cluster_ref = ClusterRef { cluster_arn, context, key_arn, flags: (*args.kube).clone() };
    Ok(verify_key(args, &kubernetes, &cluster_ref, terminal).await)
}

/// The cluster that the kubeconfig means, and its key.
async fn cluster_and_key(
    aws: &AwsContext,
    name: &str,
    kubernetes: &Kubernetes,
    terminal: &Terminal,
) -> Result<(String, String), CliError> {
    let cluster = cluster::describe(aws, name).await?;
    cluster.check_endpoint_and_ca(kubernetes)?;
    let named = cluster.key.as_ref().ok_or_else(|| Error::NoKey { cluster: name.to_owned() })?;
    match updates::in_progress(aws, name).await {
        Ok(None) => {}
        Ok(Some(update)) => return Err(Error::Updating { cluster: name.to_owned(), update: update.id }.into()),
        Err(source) => return Err(Error::Updates { cluster: name.to_owned(), source }.into()),
    }
    // EKS may know it by an alias, and API servers report the hash of its own ARN.
    let arn = match key::check_associated(aws, named).await {
        Ok(key) => key.arn,
        Err(error) if named.contains(":key/") => {
            // That it is disabled, or about to be deleted, changes nothing of what it is to prove, but everything else.
            terminal.println(&format!("warning: {}", one_line(&format!("{:#}", anyhow::Error::new(error)))));
            named.clone()
        }
        Err(error) => return Err(error.into()),
    };
    Ok((cluster.arn, arn))
}

/// The same, where the key is known.
async fn verify_key(args: &Verify, kubernetes: &Kubernetes, cluster_ref: &ClusterRef, terminal: &Terminal) -> ExitCode {
    let began = Instant::now();
    let prover = Prover {
        kubernetes,
        key_arn: &cluster_ref.key_arn,
        before: None,
        wanted: Prove::Full,
        pace: args.pace.pace(),
        deadline: began + args.timeout,
        terminal,
    };
    // Beside the record of the last run. Without a right to list namespaces, or without a run, it is not noted.
    let namespaces = list_namespaces_of_runs(&kubernetes.client, args.namespace.as_deref()).await.unwrap_or_default();
    let (proven, failures) = prover.conclude(CensusBefore::Later, namespaces.last().map(String::as_str)).await;
    let why = match proven {
        Proven::Yes(verified) => {
            report(args.output, cluster_ref, Ok(&verified), &failures, began.elapsed(), terminal);
            return ExitCode::Done;
        }
        Proven::No(why) => one_line(&why),
        Proven::NotWanted => "nothing was verified".to_owned(),
    };
    report(args.output, cluster_ref, Err(&why), &failures, began.elapsed(), terminal);
    ExitCode::Incomplete
}

/// Prints the result: for people, and as data if asked for.
pub(crate) fn report(
    output: Option<Output>,
    cluster_ref: &ClusterRef,
    verified: Result<&Verified, &str>,
    failures: &[Failure],
    took: Duration,
    terminal: &Terminal,
) {
    terminal.println(&summary::verification(cluster_ref, verified, failures, took));
    if let Some(output) = output {
        let code = if verified.is_ok() { ExitCode::Done } else { ExitCode::Incomplete };
        let document = Document {
            head: TypeMeta::new("Verification"),
            cluster_ref,
            proven: verified.is_ok(),
            reason: verified.err(),
            exit_code: code as u8,
            took_seconds: took.as_secs(),
            verified: verified.ok().copied(),
            failures,
        };
        terminal::data(&document, output, terminal);
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
