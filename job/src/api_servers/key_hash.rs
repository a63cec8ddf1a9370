//! The form in which kube-apiserver's metrics name a key and a server: `sha256:` and 64 hexadecimal digits.

use std::fmt;

use sha2::{Digest, Sha256};

/// The hash of a KMS v2 key id, as the label `key_id_hash` carries it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(String);

impl KeyHash {
    /// The hash of a key whose key id is its ARN. aws-encryption-provider uses its `--key` argument as the key id. That EKS
    /// passes the ARN there is inferred.
    #[must_use]
    pub fn of_arn(arn: &str) -> Self {
        Self(sha256(arn))
    }

    /// Reads a label's value, or a hash that was noted before. None if it has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let good = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| Self(text.to_owned()))
    }

    /// `sha256:` and 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What kube-apiserver's metrics show instead of `text` (`k8s.io/apiserver`, `envelope/metrics/metrics.go`, `getHash`).
pub(super) fn sha256(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_of_text_is_sha256_in_lower_case_hex() {
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(KeyHash::of_arn("abc").as_str(), expected);
        assert_eq!(KeyHash::parse(expected), Some(KeyHash::of_arn("abc")));
    }

    #[test]
    fn hash_of_another_form_is_refused() {
        let good = sha256("abc");
        for text in ["", "sha256:", &good[7..], &good[..70], &good.to_uppercase(), &format!("{good}0")] {
            assert_eq!(KeyHash::parse(text), None, "{text}");
        }
    }
}
