//! Associates the key and waits until the cluster works with it. Input: a checked cluster and key, and a deadline.
//! Output: a cluster that is ACTIVE, has the key and answers; or an error in EKS's words. Everything here can be begun
//! again: what EKS has started goes on without us, and is followed the next time.

use std::time::Duration;

use aws_sdk_eks::types::{EncryptionConfig, Provider};
use eks_encrypt_job::exit::ExitCode;
use kube::Client;
use tokio::time::{Instant, sleep};

use crate::aws::Aws;
use crate::cause::Cause;
use crate::cluster::{self, Cluster};
use crate::key::{self, Key};
use crate::kubernetes;
use crate::progress::elapsed;
use crate::screen::{Frame, Screen};
use crate::stop::Coded;
use crate::updates::{self, State, Trouble, Update};

/// The first wait between two questions. On the sandbox an association takes seconds.
const FIRST: Duration = Duration::from_secs(1);

/// The longest: EKS allows few calls a second to a whole account, and minutes pass anyway.
const LONGEST: Duration = Duration::from_secs(15);

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
    /// EKS did not take the request.
    #[error("EKS did not take the association of {key} with cluster {cluster}")]
    NotTaken {
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
    /// Time is up.
    #[error("time is up after {waited}: {what}; nothing is lost, run the same command again to go on")]
    TimeUp { waited: String, what: String },
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        match self {
            // "Refused" promises that nothing was changed: without an answer nobody knows.
            Self::NotTaken { source, .. } if source.passing => ExitCode::Error,
            Self::Updates { .. } | Self::Busy { .. } | Self::NotTaken { .. } => ExitCode::Refused,
            Self::OtherKey { .. } => ExitCode::OtherKey,
            Self::Ended { .. } => ExitCode::AssociationFailed,
            Self::Lost { .. } => ExitCode::Error,
            Self::TimeUp { .. } => ExitCode::StillRunning,
        }
    }
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Associate the key.
    Associate,
    /// Somebody has begun: follow that update.
    Follow(String),
    /// The cluster has the key.
    Nothing,
}

/// Finds out what there is to do; changes nothing.
pub(crate) async fn plan(aws: &Aws, cluster: &Cluster, key: &Key) -> Result<Plan, Error> {
    refuse_other(aws, cluster, key, cluster.key.as_deref()).await?;
    if cluster.key.is_some() && cluster.active() {
        return Ok(Plan::Nothing);
    }
    let found = updates::in_progress(aws, &cluster.name).await;
    match found.map_err(|source| Error::Updates { cluster: cluster.name.clone(), source })? {
        Some(update) if update.associates() => {
            refuse_other(aws, cluster, key, update.key.as_deref()).await?;
            Ok(Plan::Follow(update.id))
        }
        Some(Update { kind, id, .. }) => Err(Error::Busy { cluster: cluster.name.clone(), kind, id }),
        None if cluster.key.is_some() => Ok(Plan::Nothing),
        None => Ok(Plan::Associate),
    }
}

async fn refuse_other(aws: &Aws, cluster: &Cluster, key: &Key, has: Option<&str>) -> Result<(), Error> {
    match has {
        Some(has) if !key::same(aws, key, has).await => {
            Err(Error::OtherKey { cluster: cluster.name.clone(), has: has.to_owned(), asked: key.arn.clone() })
        }
        _ => Ok(()),
    }
}

/// Starts the association. `None`: the cluster turned out to have a key already, which the wait will look at.
pub(crate) async fn start(aws: &Aws, cluster: &Cluster, key: &Key) -> Result<Option<String>, Error> {
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
        Err(error) => after_refusal(aws, cluster, key, Cause::aws(&error)).await,
    }
}

/// Somebody was faster, or an answer got lost: what there is to do now is seen in the cluster itself.
async fn after_refusal(aws: &Aws, cluster: &Cluster, key: &Key, source: Cause) -> Result<Option<String>, Error> {
    let unsure = source.passing || source.code.as_deref() == Some("ResourceInUseException");
    if unsure || source.to_string().contains("already enabled") {
        let now = cluster::try_describe(aws, &cluster.name).await.unwrap_or_else(|_| cluster.clone());
        match plan(aws, &now, key).await {
            Ok(Plan::Follow(id)) => return Ok(Some(id)),
            Ok(Plan::Nothing) => return Ok(None),
            Err(error @ (Error::OtherKey { .. } | Error::Busy { .. })) => return Err(error),
            Ok(Plan::Associate) | Err(_) => {}
        }
    }
    let cure = cure(&source.to_string());
    Err(Error::NotTaken { cluster: cluster.name.clone(), key: key.arn.clone(), source: source.with(&cure) })
}

/// Follows an update until EKS has ended it.
pub(crate) async fn follow(
    aws: &Aws,
    cluster: &str,
    id: &str,
    screen: &Screen,
    deadline: Instant,
) -> Result<(), Error> {
    let mut poll = Poll::new(
        screen,
        deadline,
        format!("EKS is associating the key (update {id})"),
        " (usually minutes, up to 45)",
    );
    loop {
        match updates::describe(aws, cluster, id).await {
            Ok(Update { state: State::Successful, .. }) => break,
            Ok(Update { state: State::Ended { word, errors }, .. }) => {
                return Err(Error::Ended { cluster: cluster.to_owned(), id: id.to_owned(), word, told: told(&errors) });
            }
            Ok(_) => {}
            Err(cause) if cause.passing => poll.trouble(&cause),
            Err(source) => return Err(Error::Lost { cluster: cluster.to_owned(), id: id.to_owned(), source }),
        }
        poll.pause().await?;
    }
    Ok(())
}

/// Waits until the cluster is ACTIVE with the key and its API server answers: EKS restarts the API servers for it.
pub(crate) async fn settle(
    aws: &Aws,
    kubernetes: &Client,
    cluster: &Cluster,
    key: &Key,
    screen: &Screen,
    deadline: Instant,
) -> Result<(), Error> {
    let mut poll = Poll::new(
        screen,
        deadline,
        "waiting until the cluster is ACTIVE with the key and its API server is ready".into(),
        "",
    );
    loop {
        match cluster::try_describe(aws, &cluster.name).await {
            Ok(now) => {
                refuse_other(aws, cluster, key, now.key.as_deref()).await?;
                if now.active() && now.key.is_some() && kubernetes::ready(kubernetes).await {
                    return Ok(());
                }
            }
            Err(cause) if cause.passing => poll.trouble(&cause),
            Err(source) => return Err(Error::Lost { cluster: cluster.name.clone(), id: "-".into(), source }),
        }
        poll.pause().await?;
    }
}

/// A wait that asks again: at first soon, then seldom, with elapsed time on the screen, until the deadline.
struct Poll<'a> {
    screen: &'a Screen,
    began: Instant,
    deadline: Instant,
    wait: Duration,
    what: String,
    /// What is usual, for a person who wonders.
    usual: &'static str,
    noted: bool,
}

impl<'a> Poll<'a> {
    fn new(screen: &'a Screen, deadline: Instant, what: String, usual: &'static str) -> Self {
        Self { screen, began: Instant::now(), deadline, wait: FIRST, what, usual, noted: false }
    }

    /// Says once that answers are missing: on a laptop that slept this is normal, and silence is not.
    fn trouble(&mut self, cause: &Cause) {
        if !std::mem::replace(&mut self.noted, true) {
            self.screen.line(&format!("note: no answer, asking again: {cause}"));
        }
    }

    async fn pause(&mut self) -> Result<(), Error> {
        let until = Instant::now() + self.wait;
        self.wait = (self.wait * 3 / 2).min(LONGEST);
        while Instant::now() < until {
            if Instant::now() >= self.deadline {
                return Err(Error::TimeUp { waited: elapsed(self.began.elapsed()), what: self.what.clone() });
            }
            self.screen.draw(&Frame {
                text: format!("{}, {} so far{}", self.what, elapsed(self.began.elapsed()), self.usual),
                share: None,
            });
            sleep(Duration::from_secs(1).min(until - Instant::now())).await;
        }
        Ok(())
    }
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        self.screen.clear();
    }
}

/// An update's errors, a line each, and what to do about those that are known.
fn told(errors: &[Trouble]) -> String {
    if errors.is_empty() {
        return "; EKS gives no reason".to_owned();
    }
    let line = |error: &Trouble| {
        let about =
            if error.resources.is_empty() { String::new() } else { format!(" ({})", error.resources.join(", ")) };
        format!("\n  {}: {}{about}{}", error.code, error.message, cure(&format!("{} {}", error.code, error.message)))
    };
    errors.iter().map(line).collect()
}

/// What helps, by the words in EKS's message.
fn cure(words: &str) -> String {
    let has = |word: &str| words.to_ascii_lowercase().contains(word);
    let cure = if has("creategrant") || has("kms") && (has("denied") || has("not authorized")) {
        "allow kms:CreateGrant and kms:DescribeKey on the key to your identity, without a condition on \
         kms:GrantIsForAWSResource; then run the same command again"
    } else if has("not authorized") || has("accessdenied") {
        "allow eks:AssociateEncryptionConfig on the cluster to your identity"
    } else if has("does not exist") || has("notfound") {
        "check that the key and the cluster's role still exist; EKS says this also where a key policy denies them"
    } else {
        return String::new();
    };
    format!("\n  what helps: {cure}")
}

#[cfg(test)]
#[path = "association_tests.rs"]
mod tests;
