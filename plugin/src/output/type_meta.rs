//! What every document for scripts (`-o json`, `-o yaml`) begins with. Input: its kind. Output: fields to be flattened into it.
//! These are public formats: adding a field is no change of their version.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::VERSION;

/// What readers look at first.
pub(crate) const API_VERSION: &str = "eks-encrypt/v1";

/// The first fields of a document about a moment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TypeMeta {
    api_version: &'static str,
    kind: &'static str,
    /// This plugin's version.
    version: &'static str,
    time: Timestamp,
}

impl TypeMeta {
    /// Of this kind, now.
    pub(crate) fn new(kind: &'static str) -> Self {
        Self { api_version: API_VERSION, kind, version: VERSION, time: Timestamp::now() }
    }
}

/// What changes from day to day, held fast for snapshots.
#[cfg(test)]
impl TypeMeta {
    pub(crate) fn held_fast(self) -> Self {
        let time = "2026-11-24T08:00:00Z".parse().expect("a time");
        Self { version: "0.0.0", time, ..self }
    }
}
