//! How a value is stored, told from its first bytes: in plain, or under which provider and key. What stands behind the
//! prefix is kube-apiserver's `EncryptedObject` (`k8s.io/apiserver`, `pkg/storage/value/encrypt/envelope/kmsv2/v2/api.proto`).

use std::fmt;

use prost::Message;

/// What kube-apiserver puts before a value that a KMS v2 provider encrypted; the provider's name and a colon follow.
const KMS_V2: &[u8] = b"k8s:enc:kms:v2:";

/// What stands before any encrypted value.
const ENCRYPTED: &[u8] = b"k8s:enc:";

/// How a value is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stored {
    /// Anybody who reads etcd reads it.
    Plain,
    /// Under a key in KMS.
    Kms {
        /// The provider's name, which is part of the prefix.
        provider: String,
        /// The key's ARN.
        key_id: String,
    },
    /// Encrypted in a way that no sandbox is set up for.
    Unknown(String),
}

/// The one field of `EncryptedObject` that matters here.
#[derive(Clone, PartialEq, prost::Message)]
struct EncryptedObject {
    #[prost(string, tag = "2")]
    key_id: String,
}

impl Stored {
    /// Looks at a value as etcd holds it.
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        if !value.starts_with(ENCRYPTED) {
            return Self::Plain;
        }
        let unknown = || Self::Unknown(String::from_utf8_lossy(&value[..value.len().min(40)]).into_owned());
        let Some(rest) = value.strip_prefix(KMS_V2) else { return unknown() };
        let Some(colon) = rest.iter().position(|byte| *byte == b':') else { return unknown() };
        let (provider, object) = (String::from_utf8_lossy(&rest[..colon]).into_owned(), &rest[colon + 1..]);
        match EncryptedObject::decode(object) {
            Ok(object) => Self::Kms { provider, key_id: object.key_id },
            Err(_) => unknown(),
        }
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => write!(f, "plain"),
            Self::Kms { provider, key_id } => write!(f, "k8s:enc:kms:v2:{provider}: {key_id}"),
            Self::Unknown(prefix) => write!(f, "unknown: {prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    //! What the first bytes tell.
    use super::*;

    #[test]
    fn a_value_tells_its_provider_and_key() {
        let mut value = b"k8s:enc:kms:v2:customer:".to_vec();
        value.extend(EncryptedObject { key_id: "arn:aws:kms:us-west-2:1:key/a".to_owned() }.encode_to_vec());
        let stored = Stored::of(&value);
        assert_eq!(stored.to_string(), "k8s:enc:kms:v2:customer: arn:aws:kms:us-west-2:1:key/a");
    }

    #[test]
    fn plain_and_foreign_values_are_not_taken_for_ours() {
        assert_eq!(Stored::of(b"k8s\0\n\x0c\n\x02v1\x12\x06Secret"), Stored::Plain);
        assert!(matches!(Stored::of(b"k8s:enc:aescbc:v1:key1:xx"), Stored::Unknown(_)));
        assert!(matches!(Stored::of(b"k8s:enc:kms:v2:cut"), Stored::Unknown(_)));
    }
}
