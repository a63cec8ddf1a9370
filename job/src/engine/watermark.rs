//! The one rule of resume, skip and proof: **a Secret whose resourceVersion is greater than the watermark has been
//! written under the key.** Pure; `rewrite` asks it about every listed Secret.

/// The resourceVersion of the first list taken after the association was Successful.
///
/// resourceVersions are compared as integers: on every API server that stores in etcd they are its revisions, and
/// KEP-5504 makes that a promise. Where one does not parse, nothing is concluded from it: the Secret is patched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark(String);

impl Watermark {
    /// A watermark from a list or from a run record.
    #[must_use]
    pub fn new(resource_version: impl Into<String>) -> Self {
        Self(resource_version.into())
    }

    /// Whether a Secret of this resourceVersion has been written since, and so under the key.
    #[must_use]
    pub fn precedes(&self, resource_version: &str) -> bool {
        match (self.0.parse::<u64>(), resource_version.parse::<u64>()) {
            (Ok(watermark), Ok(version)) => version > watermark,
            _ => false,
        }
    }

    /// As the API server wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    //! The rule, and what it must never conclude.
    use super::*;

    #[test]
    fn only_a_greater_version_was_written_under_the_key() {
        let watermark = Watermark::new("100");
        assert!(watermark.precedes("101"));
        assert!(!watermark.precedes("100"));
        assert!(!watermark.precedes("99"), "as text, 99 would be greater than 100");
    }

    #[test]
    fn what_does_not_parse_is_never_skipped() {
        assert!(!Watermark::new("100").precedes("zzz"));
        assert!(!Watermark::new("").precedes("101"));
        assert!(!Watermark::new("100").precedes("-101"));
    }
}
