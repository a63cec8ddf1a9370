//! EKS's updates of a cluster, read as plain values. Input: ListUpdates and DescribeUpdate. Output: which update is in
//! progress, and how one ended, for `preflight` and `association`.

use aws_sdk_eks::types::{ErrorDetail, Update as Described, UpdateStatus, UpdateType};

use crate::aws::client::AwsContext;
use crate::cause::Cause;

/// One update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    /// EKS's id of it.
    pub(crate) id: String,
    /// EKS's name for what is updated (`AssociateEncryptionConfig`, `VersionUpdate`, ...).
    pub(crate) kind: String,
    /// Where it stands.
    pub(crate) state: State,
    /// The key that it associates, if it does that and says so.
    pub(crate) key: Option<String>,
}

/// Where an update stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// EKS works on it.
    InProgress,
    /// Done.
    Successful,
    /// Failed or Cancelled (EKS's word), with the errors that EKS gives.
    Ended { word: String, errors: Vec<UpdateError> },
}

/// One of the errors of an update, in EKS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpdateError {
    /// `errorCode`.
    pub(crate) code: String,
    /// `errorMessage`.
    pub(crate) message: String,
    /// `resourceIds`.
    pub(crate) resources: Vec<String>,
}

impl Update {
    /// Whether it associates a key.
    pub(crate) fn associates(&self) -> bool {
        self.kind == UpdateType::AssociateEncryptionConfig.as_str()
    }
}

/// Asks EKS for one update.
pub(crate) async fn describe(aws: &AwsContext, cluster: &str, id: &str) -> Result<Update, Cause> {
    let answer =
        aws.eks.describe_update().name(cluster).update_id(id).send().await.map_err(|error| Cause::aws(&error))?;
    Ok(from_sdk(id, answer.update.unwrap_or_else(|| Described::builder().build())))
}

/// The update on which EKS works now. EKS works on one at a time, lists all there have ever been, and promises no order.
pub(crate) async fn in_progress(aws: &AwsContext, cluster: &str) -> Result<Option<Update>, Cause> {
    let mut ids = aws.eks.list_updates().name(cluster).into_paginator().items().send();
    while let Some(id) = ids.next().await {
        let update = describe(aws, cluster, &id.map_err(|error| Cause::aws(&error))?).await?;
        if update.state == State::InProgress {
            return Ok(Some(update));
        }
    }
    Ok(None)
}

/// EKS's type as ours. A status that we do not know yet is taken for one that goes on: the time-out ends it.
pub(crate) fn from_sdk(id: &str, update: Described) -> Update {
    let state = match &update.status {
        Some(UpdateStatus::Successful) => State::Successful,
        Some(word @ (UpdateStatus::Failed | UpdateStatus::Cancelled)) => {
            State::Ended { word: word.as_str().to_owned(), errors: update.errors().iter().map(update_error).collect() }
        }
        _ => State::InProgress,
    };
    let key = update.params().iter().filter_map(|param| param.value.as_deref()).find_map(key_arn_in);
    let kind = update.r#type.map(|kind| kind.as_str().to_owned()).unwrap_or_default();
    Update { id: update.id.unwrap_or_else(|| id.to_owned()), kind, state, key }
}

fn update_error(error: &ErrorDetail) -> UpdateError {
    UpdateError {
        code: error.error_code.as_ref().map_or("Unknown", |code| code.as_str()).to_owned(),
        message: error.error_message.clone().unwrap_or_default(),
        resources: error.resource_ids().to_vec(),
    }
}

/// The key in the parameter `EncryptionConfig`, which is JSON: `[{"resources":["secrets"],"provider":{"keyArn":"..."}}]`.
fn key_arn_in(value: &str) -> Option<String> {
    let config: serde_json::Value = serde_json::from_str(value).ok()?;
    config.pointer("/0/provider/keyArn")?.as_str().map(str::to_owned)
}
