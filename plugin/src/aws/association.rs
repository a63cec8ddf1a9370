//! Associates the key. Input: a checked cluster and key. Output: an update of EKS that `settle` waits for, or the
//! finding that there is nothing to do. Everything here can be begun again: the state is read first, and an answer that
//! got lost is looked up in the cluster.

use aws_sdk_eks::types::{EncryptionConfig, Provider};
use eks_encrypt_job::wire::exit::ExitCode;

use crate::aws::client::AwsContext;
use crate::aws::cluster::{self, Cluster};
use crate::aws::hints;
use crate::aws::key::{self, Key};
use crate::aws::updates::{self, Update};
use crate::aws::waiter::DeadlineExceeded;
use crate::cause::Cause;
use crate::error::HasExitCode;

/// How the association ended, or why it never began.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// EKS does not say which updates there are.
    #[error("can't see the updates of EKS cluster {cluster} (you need eks:ListUpdates and eks:DescribeUpdate)")]
    Updates {
        cluster: String,
        #[source]
        source: Cause,
    },
    /// EKS works on something else.
    #[error(
        "EKS is working on another update of cluster {cluster} ({kind}, id {id}): wait until it is done, then run the same command again"
    )]
    Busy { cluster: String, kind: String, id: String },
    /// The cluster has another key for ever.
    #[error(
        "EKS cluster {cluster} has another key already, and EKS can't change it\n  it has:    {has}\n  you asked: {asked}\n  \
         to use new key material, rotate the key that it has: aws kms enable-key-rotation --key-id {has}"
    )]
    OtherKey { cluster: String, has: String, asked: String },
    /// Whether it is another key can't be seen.
    #[error("can't see whether {has}, which EKS cluster {cluster} has, is the key that you asked for ({asked})")]
    Compare {
        cluster: String,
        has: String,
        asked: String,
        #[source]
        source: Cause,
    },
    /// EKS did not take the request.
    #[error("EKS did not take the association of {key} with cluster {cluster}")]
    NotTaken {
        cluster: String,
        key: String,
        #[source]
        source: Cause,
    },
    /// EKS was asked, and whether it has begun is not known.
    #[error(
        "no answer from EKS: it may have begun to associate {key} with cluster {cluster}, and then it can't be undone; run the same command again to see"
    )]
    NoAnswer {
        cluster: String,
        key: String,
        #[source]
        source: Cause,
    },
    /// EKS ended the update as Failed or Cancelled.
    #[error("EKS ended the association as {word} (update {id} of cluster {cluster}){told}")]
    Ended { cluster: String, id: String, word: String, told: String },
    /// EKS does not say how it goes, and asking again would not help.
    #[error("can't see how the association goes on (update {id} of cluster {cluster}); it goes on in AWS without us")]
    Lost {
        cluster: String,
        id: String,
        #[source]
        source: Cause,
    },
    /// EKS does not say whether the cluster works with its key.
    #[error(
        "can't see whether EKS cluster {cluster} is ACTIVE with its key: no Secret has been re-encrypted by this command, and \
         it can be run again"
    )]
    Unseen {
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
            Self::Updates { .. } | Self::Busy { .. } | Self::NotTaken { .. } => ExitCode::Refused,
            Self::OtherKey { .. } => ExitCode::OtherKey,
            Self::Ended { .. } => ExitCode::AwsFailed,
            // "Refused" promises that nothing was changed: without an answer nobody knows.
            Self::Compare { .. } | Self::NoAnswer { .. } | Self::Lost { .. } | Self::Unseen { .. } => ExitCode::Error,
            Self::DeadlineExceeded(_) => ExitCode::StillRunning,
        }
    }
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AssociationPlan {
    /// Associate the key.
    Associate,
    /// Somebody has begun: follow that update.
    Follow(String),
    /// The cluster has the key.
    Nothing,
}

/// Finds out what there is to do; changes nothing.
pub(crate) async fn plan(aws: &AwsContext, cluster: &Cluster, key: &Key) -> Result<AssociationPlan, Error> {
    ensure_same_key(aws, cluster, key, cluster.key.as_deref()).await?;
    // Also where the cluster is ACTIVE with the key: EKS may say so before every API server writes with it.
    let found = updates::in_progress(aws, &cluster.name).await;
    match found.map_err(|source| Error::Updates { cluster: cluster.name.clone(), source })? {
        Some(update) if update.associates() => {
            ensure_same_key(aws, cluster, key, update.key.as_deref()).await?;
            Ok(AssociationPlan::Follow(update.id))
        }
        Some(Update { kind, id, .. }) => Err(Error::Busy { cluster: cluster.name.clone(), kind, id }),
        None if cluster.key.is_some() => Ok(AssociationPlan::Nothing),
        None => Ok(AssociationPlan::Associate),
    }
}

/// Refuses a cluster that has another key, or is getting one.
pub(crate) async fn ensure_same_key(
    aws: &AwsContext,
    cluster: &Cluster,
    key: &Key,
    has: Option<&str>,
) -> Result<(), Error> {
    let Some(has) = has else { return Ok(()) };
    let same = key::is_same_key(aws, key, has).await;
    let (cluster, has, asked) = (cluster.name.clone(), has.to_owned(), key.arn.clone());
    match same {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::OtherKey { cluster, has, asked }),
        Err(source) => Err(Error::Compare { cluster, has, asked, source }),
    }
}

/// Starts the association. `None`: the cluster turned out to have a key already, which the wait will look at.
pub(crate) async fn start(aws: &AwsContext, cluster: &Cluster, key: &Key) -> Result<Option<String>, Error> {
    let provider = Provider::builder().key_arn(&key.arn).build();
    #[expect(
        deprecated,
        reason = "what EKS encrypts no longer depends on it, but it must still be there, and `secrets`"
    )]
    let config = EncryptionConfig::builder().resources("secrets").provider(provider).build();
    // The SDK's retries repeat the token, so that EKS starts one update however often it is asked.
    let token = hex::encode(rand::random::<[u8; 16]>());
    let call = aws
        .eks
        .associate_encryption_config()
        .cluster_name(&cluster.name)
        .encryption_config(config)
        .client_request_token(token);
    match call.send().await {
        Ok(answer) => Ok(answer.update.and_then(|update| update.id)),
        Err(error) => recover_from_error(aws, cluster, key, Cause::aws(&error)).await,
    }
}

/// Somebody was faster, or an answer got lost: what there is to do now is seen in the cluster itself.
async fn recover_from_error(
    aws: &AwsContext,
    cluster: &Cluster,
    key: &Key,
    source: Cause,
) -> Result<Option<String>, Error> {
    let unsure = source.retryable || source.code.as_deref() == Some("ResourceInUseException");
    if unsure || source.to_string().contains("already enabled") {
        let now = cluster::try_describe(aws, &cluster.name).await.unwrap_or_else(|_| cluster.clone());
        match plan(aws, &now, key).await {
            Ok(AssociationPlan::Follow(id)) => return Ok(Some(id)),
            Ok(AssociationPlan::Nothing) => return Ok(None),
            Err(error @ (Error::OtherKey { .. } | Error::Busy { .. })) => return Err(error),
            Ok(AssociationPlan::Associate) | Err(_) => {}
        }
    }
    let (cluster, key) = (cluster.name.clone(), key.arn.clone());
    if source.retryable {
        return Err(Error::NoAnswer { cluster, key, source });
    }
    let cure = hints::hint_for(&source.to_string());
    Err(Error::NotTaken { cluster, key, source: source.with_hint(&cure) })
}

#[cfg(test)]
#[path = "association_tests.rs"]
mod tests;
