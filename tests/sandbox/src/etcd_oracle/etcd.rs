//! Reads Secrets as etcd holds them, through etcd's JSON gateway (etcd documentation, "gRPC gateway"). Nothing here asks
//! the API server: etcd is the judge of what it stored.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use thiserror::Error;

use super::storage::Stored;
use crate::loopback;

/// Below this key kube-apiserver keeps Secrets: `/registry/secrets/NAMESPACE/NAME`.
const SECRETS: &str = "/registry/secrets/";

/// How many values one answer may carry; at 1 MiB each that is 100 MiB.
const PAGE: usize = 100;

/// Where the API servers of a cluster agree on what is compacted (`k8s.io/apiserver`, `pkg/storage/etcd3/compact.go`).
const COMPACTED: &str = "compact_rev_key";

/// etcd did not tell.
#[derive(Debug, Error)]
pub enum EtcdError {
    /// It did not answer.
    #[error("etcd did not answer")]
    Request(#[source] reqwest::Error),
    /// It has no such Secret.
    #[error("etcd has no Secret {0}")]
    Absent(String),
    /// Its answer makes no sense.
    #[error("etcd's answer on {0} makes no sense")]
    Answer(String),
}

/// One Secret as etcd holds it.
#[derive(Clone, Debug)]
pub struct StoredSecret {
    /// `NAMESPACE/NAME`.
    pub name: String,
    /// The revision of its last write; the Secret's resourceVersion.
    pub mod_revision: u64,
    /// How its value is stored.
    pub stored: Stored,
}

/// A client of the sandbox's etcd.
#[derive(Clone, Debug)]
pub struct Etcd {
    client: reqwest::Client,
    url: String,
}

impl Etcd {
    /// The etcd at an address.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self { client: loopback::http(), url: url.to_owned() }
    }

    /// Whether it answers.
    pub(crate) async fn answers(&self) -> Result<(), String> {
        self.range(SECRETS, None).await.map(|_| ()).map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    }

    /// One Secret.
    ///
    /// # Errors
    /// It is not there, or etcd does not answer.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<StoredSecret, EtcdError> {
        let key = format!("{SECRETS}{namespace}/{name}");
        let found = self.range(&key, None).await?.kvs.into_iter().next();
        found.ok_or_else(|| EtcdError::Absent(format!("{namespace}/{name}")))?.read()
    }

    /// Every Secret, in the order of their keys.
    ///
    /// # Errors
    /// etcd does not answer.
    pub async fn secrets(&self) -> Result<Vec<StoredSecret>, EtcdError> {
        let end = after(SECRETS);
        let (mut from, mut all) = (SECRETS.to_owned(), Vec::new());
        loop {
            let page = self.range(&from, Some(&end)).await?;
            for value in page.kvs {
                from = format!("{}\0", decode_text(&value.key)?);
                all.push(value.read()?);
            }
            if !page.more {
                return Ok(all);
            }
        }
    }

    /// The revision of every key below a prefix: a write shows in it, whatever it wrote.
    ///
    /// # Errors
    /// etcd does not answer.
    pub async fn revisions(&self, prefix: &str) -> Result<BTreeMap<String, u64>, EtcdError> {
        let end = after(prefix);
        let request = json!({ "key": STANDARD.encode(prefix), "range_end": STANDARD.encode(end), "keys_only": true });
        let read = |value: KeyValue| Ok((decode_text(&value.key)?, value.mod_revision()?));
        self.ask::<Range>("range", &request).await?.kvs.into_iter().map(read).collect()
    }

    /// Forgets all that is past, as kube-apiserver has etcd do every five minutes, and tells the API servers as it does: a
    /// list that was begun before can't go on.
    ///
    /// # Errors
    /// etcd does not answer.
    pub async fn compact(&self) -> Result<(), EtcdError> {
        let now = self.range(SECRETS, None).await?.header.revision;
        let told = json!({ "key": STANDARD.encode(COMPACTED), "value": STANDARD.encode(&now) });
        self.ask::<serde_json::Value>("put", &told).await?;
        self.ask::<serde_json::Value>("compaction", &json!({ "revision": now })).await.map(drop)
    }

    async fn range(&self, key: &str, end: Option<&str>) -> Result<Range, EtcdError> {
        let mut request = json!({ "key": STANDARD.encode(key), "limit": PAGE });
        if let Some(end) = end {
            request["range_end"] = STANDARD.encode(end).into();
        }
        self.ask("range", &request).await
    }

    async fn ask<T: DeserializeOwned>(&self, what: &str, request: &serde_json::Value) -> Result<T, EtcdError> {
        let answer = self.client.post(format!("{}/v3/kv/{what}", self.url)).json(request).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status).map_err(EtcdError::Request)?;
        answer.json().await.map_err(EtcdError::Request)
    }
}

/// The gateway's JSON: bytes are base64, 64-bit numbers are strings, and what is zero is left out.
#[derive(Deserialize)]
struct Range {
    header: Header,
    #[serde(default)]
    kvs: Vec<KeyValue>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Header {
    revision: String,
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    mod_revision: String,
    #[serde(default)]
    value: String,
}

impl KeyValue {
    fn mod_revision(&self) -> Result<u64, EtcdError> {
        self.mod_revision.parse().map_err(|_| EtcdError::Answer(self.key.clone()))
    }

    fn read(self) -> Result<StoredSecret, EtcdError> {
        let key = decode_text(&self.key)?;
        let bad = || EtcdError::Answer(key.clone());
        Ok(StoredSecret {
            name: key.strip_prefix(SECRETS).ok_or_else(bad)?.to_owned(),
            mod_revision: self.mod_revision()?,
            stored: Stored::of(&STANDARD.decode(&self.value).map_err(|_| bad())?),
        })
    }
}

/// The end of a range: the first key that does not begin with the prefix, which ends in a slash.
fn after(prefix: &str) -> String {
    format!("{}0", prefix.trim_end_matches('/'))
}

fn decode_text(encoded: &str) -> Result<String, EtcdError> {
    let bytes = STANDARD.decode(encoded).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| EtcdError::Answer(encoded.to_owned()))
}
