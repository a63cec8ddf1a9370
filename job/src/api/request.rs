//! One request to the API server and its answer, read with the headers.
//!
//! Input: requests that `list`, `patch` and `record` build. Output: the parsed answer, or an [`ApiError`] that says enough
//! to decide whether to ask again. `kube::Api` would do the same but drops the Retry-After header, which API Priority and
//! Fairness sends with a plain-text 429.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use kube::Client;
use kube::core::Status;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::api::bounds::{BoundsError, LONGEST_REFUSAL, LONGEST_TEXT, Unbounded, beginning, cut, whole};

/// How long one answer may take. The API server gives up on a write after 34 s (webhooks may take 30 of them) and says
/// so; a little more means that the connection is dead.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);

/// Longest answer that is read. Metadata is small, but `kubectl apply` leaves a copy of the Secret in an annotation, and a
/// page of 500 such would be 128 MiB, which the Job's memory limit does not hold.
const LONGEST_ANSWER: usize = 8 << 20;

/// Longest Retry-After that is obeyed: an odd value from a proxy must not park the run.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// Why a request got no good answer.
#[derive(Debug, Error)]
pub enum ApiError {
    /// The API server, or something in front of it, said no.
    #[error("{}", message(.status))]
    Status {
        /// What it said. Where the body was no Status object, its text and the HTTP code.
        status: Box<Status>,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The connection failed before the answer was complete.
    #[error("no answer from the API server: {}", root_cause(.0.as_ref()))]
    Connection(Box<dyn std::error::Error + Send + Sync>),
    /// The answer is longer than we can hold.
    #[error("the API server's answer is longer than {} MiB", LONGEST_ANSWER >> 20)]
    TooLong,
    /// No answer came in time.
    #[error("no answer from the API server within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The answer is not what was asked for: cut off, or not the API server's.
    #[error("the API server's answer can't be read: {0}")]
    Unreadable(serde_json::Error),
    /// The request could not even be built.
    #[error("the request can't be built: {0}")]
    BuildRequest(kube::core::request::Error),
    /// The object is still there, but the namespace of this name, in which it is, does not exist any more.
    #[error(
        "it is left over from namespace {0}, which does not exist any more, so that the API server lets nobody write it: delete \
         it, or create the namespace, and run this again"
    )]
    NamespaceDeleted(String),
}

impl ApiError {
    /// Whether the same request may be answered a moment later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                matches!(status.code, 408 | 409 | 429 | 500..=599) || self.is_anonymous_404() || self.is_starting_up()
            }
            Self::Connection(_) | Self::Timeout(_) | Self::Unreadable(_) => true,
            Self::TooLong | Self::BuildRequest(_) | Self::NamespaceDeleted(_) => false,
        }
    }

    /// Whether the API server could not be reached or had no time, whatever was asked of it. That says nothing of the one
    /// object, however long it lasts.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.overload() && matches!(self.code(), None | Some(429 | 503))
    }

    /// Whether the same request may be answered a moment later, where `was_authorized` says whether what it needs was allowed
    /// before: an API server that has just started answers 401 and 403 until it has read its roles. Rights that were never
    /// there do not come by waiting.
    pub(crate) fn is_retryable_given(&self, was_authorized: bool) -> bool {
        self.is_retryable() || (was_authorized && self.is_permission())
    }

    /// Whether the request may have been done all the same: its answer got lost.
    #[must_use]
    pub fn unanswered(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::Timeout(_) | Self::Unreadable(_))
            || matches!(self, Self::Status { status, .. } if (500..600).contains(&status.code))
    }

    /// Whether it says nothing of the one object that was asked for: missing rights, and trouble that lasted longer than
    /// patience. Whoever asks for the next object will hear the same.
    #[must_use]
    pub fn is_global(&self) -> bool {
        let by_webhook = matches!(self, Self::Status { status, .. } if by_webhook(status));
        self.is_permission()
            || (self.is_retryable() && !by_webhook && !self.is_webhook_unreachable() && !self.conflict())
    }

    /// Whether the object is no longer as the request wants it.
    #[must_use]
    pub fn conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// The HTTP code, where there was an answer.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(status.code),
            _ => None,
        }
    }

    /// Whether the API server says that this object does not exist. `kind` is the resource's plural, as the API server
    /// writes it there: `secrets`.
    #[must_use]
    pub fn missing(&self, kind: &str, name: &str) -> bool {
        matches!(self, Self::Status { status, .. } if status.code == 404 && !by_webhook(status)
            && status.details.as_ref().is_some_and(|details| details.kind == kind && details.name == name))
    }

    /// Whether the caller is unknown or may not do this, in the authorizer's words: a webhook's or a policy's denial is a
    /// 403 too, in words of its own, but about one object.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Status { status, .. } if !by_webhook(status)
            && (status.code == 401 || (status.code == 403 && by_authorizer(&status.message))))
    }

    /// Whether the API server itself is well, but can't reach an admission webhook that must be asked.
    #[must_use]
    pub fn is_webhook_unreachable(&self) -> bool {
        matches!(self, Self::Status { status, .. }
            if status.code == 500 && !by_webhook(status) && status.message.contains("failed calling webhook"))
    }

    /// Whether the API server says that we ask too much of it.
    #[must_use]
    pub fn too_many(&self) -> bool {
        matches!(self, Self::Status { status, .. } if status.code == 429 && !by_webhook(status))
    }

    /// Whether the API server, or what it stands on, may have too much to do. A webhook's trouble is not its own: asking
    /// less helps nobody.
    #[must_use]
    pub fn overload(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                matches!(status.code, 429 | 500..=599) && !by_webhook(status) && !self.is_webhook_unreachable()
            }
            Self::Connection(_) | Self::Timeout(_) => true,
            Self::TooLong | Self::Unreadable(_) | Self::BuildRequest(_) | Self::NamespaceDeleted(_) => false,
        }
    }

    /// Whether the object's annotations, with ours, would exceed what an object may have (256 KiB: `k8s.io/apimachinery`,
    /// `pkg/api/validation/objectmeta.go`).
    #[must_use]
    pub fn annotations_full(&self) -> bool {
        let about = |status: &Status| {
            let causes = status.details.iter().flat_map(|details| &details.causes);
            causes.map(|cause| cause.field.as_str()).any(|field| field == "metadata.annotations")
        };
        matches!(self, Self::Status { status, .. } if status.code == 422 && !by_webhook(status) && about(status))
    }

    /// When the API server wants to be asked again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// A 404 that names no object comes from a proxy, or from an API server that has not finished starting. Taking it
    /// for "deleted" would lose a Secret silently.
    fn is_anonymous_404(&self) -> bool {
        matches!(self, Self::Status { status, .. } if status.code == 404 && !by_webhook(status)
            && status.details.as_ref().is_none_or(|details| details.name.is_empty()))
    }

    /// Whether the admission of an API server that has just started has not yet seen what it decides by (`k8s.io/apiserver`,
    /// `pkg/admission/plugin/namespace/lifecycle/admission.go`). A policy's own text ends otherwise.
    fn is_starting_up(&self) -> bool {
        matches!(self, Self::Status { status, .. } if status.code == 403 && !by_webhook(status)
            && status.message.ends_with(" is forbidden: not yet ready to handle request"))
    }
}

/// Whether this is the authorizer's form of a 403: `secrets "s" is forbidden: User "u" cannot patch resource "secrets"…`.
/// What follows `is forbidden: ` may be a policy's text and say anything, but then another word stands first.
fn by_authorizer(message: &str) -> bool {
    let cause = message.split_once(" is forbidden: ").map_or("", |(_, cause)| cause);
    cause.starts_with("User \"") && cause.contains(" cannot ")
}

/// Whether an admission webhook said it. The API server passes its whole Status on, code and details included, and only
/// puts these words in front of the message: a webhook that looks an object up and does not find it may answer with the
/// 404 that it got itself.
fn by_webhook(status: &Status) -> bool {
    status.message.starts_with("admission webhook \"")
}

/// The API server's own words; a bare code where it had none.
fn message(status: &Status) -> String {
    if status.message.is_empty() { format!("HTTP {}", status.code) } else { status.message.clone() }
}

/// The innermost cause: kube's own messages repeat each layer's.
fn root_cause(mut cause: &(dyn std::error::Error + 'static)) -> String {
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Sends one request and reads its answer.
pub(crate) async fn ask<T: DeserializeOwned>(
    client: &Client,
    request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<T, ApiError> {
    let mut request = request.map_err(ApiError::BuildRequest)?.map(kube::client::Body::from);
    request.extensions_mut().insert(Unbounded);
    let exchange = async {
        let (head, body) = client.send(request).await?.into_parts();
        let body = match head.status.is_success() {
            true => whole(body, LONGEST_ANSWER).await?,
            false => beginning(body, LONGEST_REFUSAL).await?,
        };
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((head.status, head.headers, body))
    };
    let (code, headers, body) = tokio::time::timeout(ANSWER_WITHIN, exchange)
        .await
        .map_err(|_| ApiError::Timeout(ANSWER_WITHIN))?
        .map_err(|error| if error.is::<BoundsError>() { ApiError::TooLong } else { ApiError::Connection(error) })?;
    if code.is_success() {
        return serde_json::from_slice(&body).map_err(ApiError::Unreadable);
    }
    Err(api_error(code.as_u16(), &headers, &body))
}

fn api_error(code: u16, headers: &HeaderMap, body: &[u8]) -> ApiError {
    let mut status = serde_json::from_slice::<Status>(body)
        .unwrap_or_else(|_| Status::failure(String::from_utf8_lossy(body).trim(), ""));
    status.code = code;
    status.message = cut(status.message, LONGEST_TEXT);
    let header = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let detail = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds)).filter(|s| *s > 0);
    let retry_after = header.or(detail).map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
    ApiError::Status { status: status.boxed(), retry_after }
}

#[cfg(test)]
mod tests {
    //! What API servers, webhooks and proxies may say.
    use http::HeaderValue;

    use super::*;

    #[test]
    fn fuzz_reads_any_refusal() {
        let corpus: [&[u8]; 3] = [
            br#"{"kind":"Status","status":"Failure","message":"secrets \"s\" is forbidden: User \"u\" cannot patch","reason":"Forbidden",
                "details":{"name":"s","kind":"secrets","causes":[{"field":"metadata.annotations"}],"retryAfterSeconds":3},"code":403}"#,
            b"admission webhook \"w\" denied the request: failed calling webhook",
            b"404 page not found\n",
        ];
        crate::fuzz::fuzz(&corpus, |bytes| {
            let headers = HeaderValue::from_bytes(&bytes[..bytes.len().min(8)]).map(|value| (RETRY_AFTER, value));
            let headers = headers.into_iter().collect();
            for code in [401, 403, 404, 409, 422, 429, 500, 503] {
                let api_error = api_error(code, &headers, bytes);
                assert!(api_error.to_string().len() < LONGEST_TEXT + 64);
                assert!(api_error.retry_after().is_none_or(|time| time <= LONGEST_RETRY_AFTER));
                _ = (
                    api_error.is_retryable_given(true),
                    api_error.is_global(),
                    api_error.overload(),
                    api_error.annotations_full(),
                );
            }
        });
    }
}
