//! The proof that the cluster was born with its key: EKS is asked, not CloudFormation. Input: the cluster's name and the key.
//! Output: the cluster as EKS describes it, or both keys side by side.

use eks_encrypt_job::wire::exit::ExitCode;
use tokio::time::Instant;

use crate::aws::client::AwsContext;
use crate::aws::cluster::{self, Cluster};
use crate::aws::key::{self, Key};
use crate::aws::waiter::{DeadlineExceeded, Waiter};
use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::ui::terminal::Terminal;

/// Why it is not proven.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No cluster at all.
    #[error("CloudFormation says that stack {stack} is complete, but EKS has no cluster {cluster}: nothing is proven")]
    NoCluster { cluster: String, stack: String },
    /// Another key, or none.
    #[error(
        "EKS cluster {cluster} exists, but is NOT encrypted with your key\n  asked for: {asked}\n  EKS has:   {has}\n  don't put \
         Secrets into it. Delete it: {delete}"
    )]
    OtherKey { cluster: String, asked: String, has: String, delete: String },
    /// It is there, and is not going to be of use.
    #[error("EKS cluster {cluster} is {status}: nothing is proven. See: aws eks describe-cluster --name {cluster}")]
    Broken { cluster: String, status: String },
    /// EKS does not say.
    #[error("EKS does not say which key cluster {cluster} has: nothing is proven. Run the same command again")]
    Unknown {
        cluster: String,
        #[source]
        source: Cause,
    },
    /// Time is up.
    #[error(transparent)]
    DeadlineExceeded(#[from] DeadlineExceeded),
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::NoCluster { .. } | Self::Broken { .. } | Self::Unknown { .. } => ExitCode::Error,
            Self::OtherKey { .. } => ExitCode::OtherKey,
            Self::DeadlineExceeded(_) => ExitCode::StillRunning,
        }
    }
}

/// What the cluster must be.
pub(crate) struct ExpectedCluster<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) key: &'a Key,
    pub(crate) stack: &'a str,
    /// The command that deletes all of it.
    pub(crate) delete: String,
}

/// Looks at the cluster until it is ACTIVE, and at its key.
pub(crate) async fn verify(
    aws: &AwsContext,
    asked: &ExpectedCluster<'_>,
    terminal: &Terminal,
    deadline: Instant,
) -> Result<Cluster, Error> {
    let name = asked.cluster.to_owned();
    let mut poll = Waiter::new(terminal, deadline, format!("waiting until EKS cluster {name} is ACTIVE"), "");
    let cluster = loop {
        match cluster::try_describe(aws, &name).await {
            Ok(cluster) if cluster.is_active() => break cluster,
            Ok(cluster) if ["FAILED", "DELETING"].contains(&cluster.status.as_str()) => {
                return Err(Error::Broken { cluster: name, status: cluster.status });
            }
            Ok(_) => {}
            Err(cause) if cause.code.as_deref() == Some("ResourceNotFoundException") => {
                return Err(Error::NoCluster { cluster: name, stack: asked.stack.to_owned() });
            }
            Err(cause) if cause.retryable => poll.note_retry(&cause),
            Err(source) => return Err(Error::Unknown { cluster: name, source }),
        }
        poll.pause().await?;
    };
    drop(poll);
    let same = match &cluster.key {
        Some(has) => key::is_same_key(aws, asked.key, has).await,
        None => Ok(false),
    };
    match same {
        Ok(true) => Ok(cluster),
        Ok(false) => Err(Error::OtherKey {
            cluster: name,
            asked: asked.key.arn.clone(),
            has: cluster.key.unwrap_or_else(|| "no key of yours (a key that AWS owns)".to_owned()),
            delete: asked.delete.clone(),
        }),
        Err(source) => Err(Error::Unknown { cluster: name, source }),
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
