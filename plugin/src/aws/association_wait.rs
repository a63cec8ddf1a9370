//! Waits for the association: until EKS has ended the update, and until the cluster works with the key. Input: an update
//! or a cluster, and a deadline. Output: a cluster that is ACTIVE, has the key and answers; or an error in EKS's words.
//! What EKS has started goes on without us, and is followed the next time.

use kube::Client;
use tokio::time::Instant;

use crate::aws::association::{Error, ensure_same_key};
use crate::aws::client::AwsContext;
use crate::aws::cluster::{self, Cluster};
use crate::aws::hints;
use crate::aws::key::Key;
use crate::aws::updates::{self, State, Update};
use crate::aws::waiter::Waiter;
use crate::k8s;
use crate::ui::terminal::Terminal;

/// Follows an update until EKS has ended it.
async fn follow(
    aws: &AwsContext,
    cluster: &str,
    id: &str,
    terminal: &Terminal,
    deadline: Instant,
) -> Result<(), Error> {
    let mut poll = Waiter::new(
        terminal,
        deadline,
        format!("EKS is associating the key (update {id})"),
        " (usually minutes, up to 45)",
    );
    loop {
        match updates::describe(aws, cluster, id).await {
            Ok(Update { state: State::Successful, .. }) => break,
            Ok(Update { state: State::Ended { word, errors }, .. }) => {
                return Err(Error::Ended {
                    cluster: cluster.to_owned(),
                    id: id.to_owned(),
                    word,
                    told: hints::describe_errors(&errors),
                });
            }
            Ok(_) => {}
            Err(cause) if cause.retryable => poll.note_retry(&cause),
            Err(source) => return Err(Error::Lost { cluster: cluster.to_owned(), id: id.to_owned(), source }),
        }
        poll.pause().await?;
    }
    Ok(())
}

/// Waits until the cluster works with its key: for the update, if EKS works on one, and then for the cluster. Whatever came
/// before, the Job must not list before every API server writes with the key, and EKS may call the cluster ACTIVE with it
/// before it has replaced every API server.
pub(crate) async fn wait(
    (aws, cluster, key): (&AwsContext, &Cluster, &Key),
    update: Option<&str>,
    kubernetes: &Client,
    terminal: &Terminal,
    deadline: Instant,
) -> Result<(), Error> {
    if let Some(id) = update {
        follow(aws, &cluster.name, id, terminal, deadline).await?;
    }
    settle(aws, kubernetes, cluster, key, terminal, deadline).await
}

/// Waits until the cluster is ACTIVE with the key and its API server answers: EKS restarts the API servers for it.
async fn settle(
    aws: &AwsContext,
    kubernetes: &Client,
    cluster: &Cluster,
    key: &Key,
    terminal: &Terminal,
    deadline: Instant,
) -> Result<(), Error> {
    let mut poll = Waiter::new(
        terminal,
        deadline,
        "waiting until the cluster is ACTIVE with the key and its API server is ready".into(),
        "",
    );
    loop {
        match cluster::try_describe(aws, &cluster.name).await {
            Ok(now) => match ensure_same_key(aws, cluster, key, now.key.as_deref()).await {
                Err(Error::Compare { source, .. }) if source.retryable => poll.note_retry(&source),
                Err(error) => return Err(error),
                Ok(()) if now.is_active() && now.key.is_some() => match k8s::check_ready(kubernetes).await {
                    Ok(()) => return Ok(()),
                    Err(cause) => poll.note_retry(&cause),
                },
                Ok(()) => {}
            },
            Err(cause) if cause.retryable => poll.note_retry(&cause),
            Err(source) => return Err(Error::Unseen { cluster: cluster.name.clone(), source }),
        }
        poll.pause().await?;
    }
}

#[cfg(test)]
#[path = "association_wait_tests.rs"]
mod tests;
