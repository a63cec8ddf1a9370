//! The run record: one ConfigMap ([`RECORD`]) that outlives every Pod. `checkpoint` writes it; `startup` reads it, and
//! whoever wants to know of a run from outside, by [`read`].
//!
//! The resume rule: **a record of our own run, Job, key and method that says neither `complete` nor `incomplete` means
//! that we are a successor** ([`crate::engine::spec::RunSpec::can_resume`]). We take its watermark and list again; what our predecessor
//! wrote is behind the watermark and counts as current. Counts begin at zero, because a predecessor's last ones may be
//! seconds old, and only what is counted whole adds up. The Job's UID is in the rule because a watermark is worth
//! something only after the association: the same Job applied again, once the key is associated, must not take over the
//! watermark of the time before.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{GetParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use crate::api::request::{ApiError, ask};
use crate::api::retry::{LastError, retry};
use crate::engine::watermark::Watermark;
use crate::wire::event::{Method, Phase, Proof, RunResult};
use crate::wire::names::{APP, APP_LABEL, FIELD_MANAGER, RECORD, RUN_LABEL};
use crate::wire::outcome::Tally;

/// What is known of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The run's id.
    pub run: String,
    /// The UID of the Job whose Pod wrote it. Empty where no Job did.
    pub job_uid: String,
    /// The rule's one number.
    pub watermark: Watermark,
    /// How Secrets are rewritten.
    pub method: Method,
    /// The key's ARN, as the plugin gave it.
    pub key_arn: String,
    /// What the run is doing, or did last.
    pub phase: Phase,
    /// How it ended; nothing while a Pod works, and after one that could not say.
    pub result: Option<RunResult>,
    /// The counts of the Pod that wrote last.
    pub tally: Tally,
    /// What the proof has shown, once it has begun.
    pub proof: Option<Proof>,
    /// When it was written.
    pub updated: Timestamp,
}

/// Why the record could not be read or written.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The API server would not give it.
    #[error("can't read the run record ConfigMap {namespace}/{RECORD}")]
    Read {
        /// Where it is.
        namespace: String,
        /// What it said.
        #[source]
        source: ApiError,
    },
    /// The API server would not take it.
    #[error("can't write the run record ConfigMap {namespace}/{RECORD}")]
    Write {
        /// Where it belongs.
        namespace: String,
        /// What it said.
        #[source]
        source: ApiError,
    },
}

impl Record {
    /// The ConfigMap's data: plain strings, to be read with `kubectl get configmap -o yaml`.
    #[must_use]
    pub fn to_data(&self) -> BTreeMap<String, String> {
        let Tally { listed, rewritten, current, gone, failed } = self.tally;
        [
            ("run", self.run.clone()),
            ("jobUid", self.job_uid.clone()),
            ("watermark", self.watermark.as_str().into()),
            ("method", to_str(&self.method)),
            ("keyArn", self.key_arn.clone()),
            ("phase", to_str(&self.phase)),
            ("result", self.result.as_ref().map(to_str).unwrap_or_default()),
            ("listed", listed.to_string()),
            ("rewritten", rewritten.to_string()),
            ("current", current.to_string()),
            ("gone", gone.to_string()),
            ("failed", failed.to_string()),
            ("updated", self.updated.to_string()),
            // Empty where there is none, because a patch leaves what it does not name.
            ("proof", self.proof.and_then(|proof| serde_json::to_string(&proof).ok()).unwrap_or_default()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// Reads the data back. Nothing where it is no run's record: somebody emptied it, or a later version wrote it.
    #[must_use]
    pub fn from_data(data: &BTreeMap<String, String>) -> Option<Self> {
        let text = |key: &str| data.get(key).map(String::as_str).filter(|value| !value.is_empty());
        let count = |key: &str| text(key)?.parse().ok();
        Some(Self {
            run: text("run")?.into(),
            job_uid: text("jobUid").unwrap_or_default().into(),
            watermark: Watermark::new(text("watermark")?),
            method: from_str(text("method")?)?,
            key_arn: text("keyArn").unwrap_or_default().into(),
            phase: from_str(text("phase")?)?,
            result: text("result").and_then(from_str),
            tally: Tally {
                listed: count("listed")?,
                rewritten: count("rewritten")?,
                current: count("current")?,
                gone: count("gone")?,
                failed: count("failed")?,
            },
            proof: text("proof").and_then(|proof| serde_json::from_str(proof).ok()),
            updated: text("updated")?.parse().ok()?,
        })
    }
}

/// An enum's name on the wire.
fn to_str<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}

fn from_str<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(Value::from(word)).ok()
}

/// The record of a namespace, if there is one. `patience` is how long an API server that does not answer well is asked
/// again; zero asks once.
pub async fn read(client: &Client, namespace: &str, patience: Duration) -> Result<Option<Record>, RecordError> {
    read_with_notes(client, namespace, patience, &LastError::default()).await
}

/// The same, for the loop: its heartbeat says what is being tried again.
pub(crate) async fn read_with_notes(
    client: &Client,
    namespace: &str,
    patience: Duration,
    last_error: &LastError,
) -> Result<Option<Record>, RecordError> {
    let url = ConfigMap::url_path(&(), Some(namespace));
    let get = || ask(client, kube::core::Request::new(&url).get(RECORD, &GetParams::default()));
    match retry::<ConfigMap, _>(patience, last_error, ApiError::is_retryable, get).await {
        Ok(map) => Ok(map.data.as_ref().and_then(Record::from_data)),
        Err(api_error) if is_missing(&api_error) => Ok(None),
        Err(source) => Err(RecordError::Read { namespace: namespace.into(), source }),
    }
}

/// Writes the record, made if it is missing. One attempt: `checkpoint` comes again.
pub(crate) async fn write(client: &Client, namespace: &str, record: &Record) -> Result<(), RecordError> {
    let url = ConfigMap::url_path(&(), Some(namespace));
    let labels = json!({ APP_LABEL: APP, RUN_LABEL: record.run });
    let mut map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": labels }, "data": record.to_data(),
    });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let patch = kube::core::Request::new(&url).patch(RECORD, &params, &Patch::Merge(&map));
    let written = match ask::<Value>(client, patch).await {
        Err(api_error) if is_missing(&api_error) => {
            map["metadata"]["name"] = RECORD.into();
            let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
            let create = kube::core::Request::new(&url).create(&params, map.to_string().into_bytes());
            ask::<Value>(client, create).await
        }
        answer => answer,
    };
    written.map(drop).map_err(|source| RecordError::Write { namespace: namespace.into(), source })
}

fn is_missing(api_error: &ApiError) -> bool {
    api_error.missing("configmaps", RECORD)
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
