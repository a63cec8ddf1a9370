//! What one Secret's turn came to: how the steps (`patch`, `prove`) report to the loop (`pass`), which alone decides what
//! a refusal means for the run.

use crate::api::list::{Secret, refetch};
use crate::api::request::ApiError;
use crate::api::write::Writer;
use crate::wire::outcome::{Failure, Outcome};

/// Longest reason that is passed on: some policies' messages are pages, and a log line is cut at 16 KiB.
const LONGEST_REASON: usize = 1024;

/// What one turn came to.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It is known what became of the Secret.
    Done(Outcome),
    /// The API server refused, as often as we asked.
    Rejected(ApiError),
    /// The run was told to stop before it was known: the Secret is left to a successor.
    Cancelled,
}

impl Attempt {
    /// Of the API server's answer to a write: the Secret's resourceVersion after it, or nothing if it was not sent.
    pub(crate) async fn of(writer: &Writer<'_>, secret: &Secret, answer: Result<Option<String>, ApiError>) -> Self {
        match answer {
            Ok(None) => Self::Cancelled,
            // The API server leaves the resourceVersion as it is only when it wrote nothing, because the Secret was
            // stored under the current key and the patch changed nothing.
            Ok(Some(version)) if version == secret.resource_version => Self::Done(Outcome::Current),
            Ok(Some(_)) => Self::Done(Outcome::Rewritten),
            Err(api_error) if api_error.missing("secrets", &secret.name) => Self::Done(Outcome::Gone),
            // Most have gone with their namespace. But one that was removed by emptying its finalizers leaves its Secrets
            // behind: stored as they were, listed, and back when a namespace of that name is made.
            Err(api_error) if api_error.missing("namespaces", &secret.namespace) => {
                match refetch(writer.client, writer.last_error, secret).await {
                    Ok(None) => Self::Done(Outcome::Gone),
                    Ok(Some(_)) => Self::Rejected(ApiError::NamespaceDeleted(secret.namespace.clone())),
                    Err(api_error) => Self::Rejected(api_error),
                }
            }
            Err(api_error) => Self::Rejected(api_error),
        }
    }
}

/// A Secret that stays refused.
pub(crate) fn failed(secret: Secret, api_error: &ApiError) -> Failure {
    Failure { namespace: secret.namespace, name: secret.name, reason: reason(api_error) }
}

/// The API server's own words, the denying webhook's or policy's name among them.
pub(crate) fn reason(api_error: &ApiError) -> String {
    let words = api_error.to_string();
    match words.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    //! What is passed on of a refusal.
    use super::*;

    #[test]
    fn a_long_reason_is_cut() {
        let status = kube::core::Status::failure(&"é".repeat(5000), "Invalid").boxed();
        let api_error = ApiError::Status { status, retry_after: None };
        assert_eq!(reason(&api_error).chars().count(), LONGEST_REASON + 1);
    }
}
