//! The messages of the KMS v2 gRPC API, with the field numbers of `k8s.io/kms`, file `apis/v2/api.proto` (KEP-3299).
//! What they carry goes between kube-apiserver and [`super::plugin`].

use std::collections::HashMap;

/// Asks whether the plugin is well, and for its current key. kube-apiserver asks about once a minute.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StatusRequest {}

/// The answer to [`StatusRequest`].
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StatusResponse {
    /// The version of this API: `v2`.
    #[prost(string, tag = "1")]
    pub version: String,
    /// `ok`, or what is wrong.
    #[prost(string, tag = "2")]
    pub healthz: String,
    /// The key that writes now. When it changes, everything stored under another one is stale.
    #[prost(string, tag = "3")]
    pub key_id: String,
}

/// Asks to wrap a seed from which kube-apiserver derives its data keys.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EncryptRequest {
    /// The seed.
    #[prost(bytes = "vec", tag = "1")]
    pub plaintext: Vec<u8>,
    /// Identifies the request in logs.
    #[prost(string, tag = "2")]
    pub uid: String,
}

/// The answer to [`EncryptRequest`].
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EncryptResponse {
    /// The wrapped seed, under 1 kB.
    #[prost(bytes = "vec", tag = "1")]
    pub ciphertext: Vec<u8>,
    /// The key that wrapped it.
    #[prost(string, tag = "2")]
    pub key_id: String,
    /// Stored beside the object, in plain.
    #[prost(map = "string, bytes", tag = "3")]
    pub annotations: HashMap<String, Vec<u8>>,
}

/// Asks to unwrap a seed.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DecryptRequest {
    /// The wrapped seed.
    #[prost(bytes = "vec", tag = "1")]
    pub ciphertext: Vec<u8>,
    /// Identifies the request in logs.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// The key that wrapped it.
    #[prost(string, tag = "3")]
    pub key_id: String,
    /// What [`EncryptResponse::annotations`] said.
    #[prost(map = "string, bytes", tag = "4")]
    pub annotations: HashMap<String, Vec<u8>>,
}

/// The answer to [`DecryptRequest`].
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DecryptResponse {
    /// The seed.
    #[prost(bytes = "vec", tag = "1")]
    pub plaintext: Vec<u8>,
}
