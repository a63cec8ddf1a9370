//! The causes of our errors, in the words of AWS or of the API server, flattened to one line: both SDKs repeat
//! themselves along their chains (`service error: unhandled error: ...`, `ApiError: X (Status { message: "X" ...`).
//! Input: an SDK's error. Output: the `source` of our errors, and whether asking again makes sense.

use std::error::Error;
use std::fmt;

use aws_sdk_eks::config::http::HttpResponse;
use aws_sdk_eks::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use eks_encrypt_job::ApiError;
use eks_encrypt_job::api::bounds::{BoundsError, LONGEST_TEXT, cut};
use kube::client::AuthError;

/// Codes that mean "slow down" or "log in again", of EKS, KMS and STS alike. The second kind counts as passing because
/// a person can log in again in another terminal while we wait.
const RETRYABLE_CODES: [&str; 9] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
];

/// Longest code that is kept.
const MAX_CODE_CHARS: usize = 128;

/// One line of cause.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    text: String,
    /// The service's error code (`AccessDeniedException`) or the API server's reason (`Forbidden`), if it answered.
    pub(crate) code: Option<String>,
    /// Whether the same call may succeed later without anybody changing the request.
    pub(crate) retryable: bool,
}

impl Cause {
    /// Servers choose the words: of an error page of megabytes, the beginning is kept.
    fn new(text: String, code: Option<&str>, retryable: bool) -> Self {
        Self { text: cut(text, LONGEST_TEXT), code: code.map(|code| cut(code.to_owned(), MAX_CODE_CHARS)), retryable }
    }

    /// The cause in an AWS SDK's error.
    pub(crate) fn aws<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let Some(code) = error.code() else {
            let sent = !matches!(error, SdkError::ConstructionFailure(_));
            let passing = sent && error.raw_response().is_none_or(|raw| raw.status().as_u16() >= 500);
            return Self::new(chain(error), None, passing);
        };
        let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
        let text = error.message().map_or_else(|| code.to_owned(), |message| format!("{code}: {message}"));
        Self::new(text, Some(code), status == 429 || status >= 500 || RETRYABLE_CODES.contains(&code))
    }

    /// The cause in a Kubernetes client's error.
    pub(crate) fn kube(error: &kube::Error) -> Self {
        if let Some(text) = exec_failure(error) {
            // Whoever logs in again in another terminal mends it while we wait.
            return Self::new(text, None, matches!(error, kube::Error::Service(_)));
        }
        let kube::Error::Api(status) = error else {
            let passing = match error {
                kube::Error::Service(error) => {
                    !matches!(error.downcast_ref(), Some(BoundsError::TooLong(_) | BoundsError::TooMany))
                }
                error => matches!(error, kube::Error::HyperError(_) | kube::Error::ReadEvents(_)),
            };
            return Self::new(chain(error), None, passing);
        };
        let text = if status.message.is_empty() { &status.reason } else { &status.message };
        Self::new(text.clone(), Some(&status.reason), status.code == 429 || status.code >= 500)
    }

    /// The cause in what the engine was told.
    pub(crate) fn api_error(api_error: &ApiError) -> Self {
        Self::new(chain(api_error), None, api_error.is_retryable())
    }

    /// A cause in words, which asking again does not mend.
    pub(crate) fn message(text: String) -> Self {
        Self::new(text, None, false)
    }

    /// The same cause, followed by what helps.
    pub(crate) fn with_hint(mut self, cure: &str) -> Self {
        self.text.push_str(cure);
        self
    }

    /// The cause in any other error.
    pub(crate) fn from_error(error: &dyn Error) -> Self {
        Self::new(chain(error), None, false)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {}

/// What a kubeconfig's command said when it failed: kube's own words show its whole environment, and the output as bytes.
fn exec_failure(error: &kube::Error) -> Option<String> {
    let error = match error {
        kube::Error::Auth(error) => error,
        kube::Error::Service(error) => error.downcast_ref::<AuthError>()?,
        _ => return None,
    };
    match error {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.trim().trim_start_matches("error: ");
            // Where it may talk to people, it has said it above.
            let said = if said.is_empty() { "see above" } else { said };
            Some(format!("its command failed ({}): {said}", out.status))
        }
        AuthError::AuthExecStart(error) => Some(format!("its command can't be started: {error}")),
        // What it printed may be a secret, and kube would quote it.
        AuthError::AuthExecParse(_) => Some("its command prints something else than an ExecCredential".to_owned()),
        _ => None,
    }
}

/// What the SDK says around a cause that tells more.
const WRAPPER_MESSAGES: [&str; 6] = [
    "an error occurred while loading credentials",
    "an error occurred while loading an access token",
    "the credential provider was not enabled",
    "the credentials provider was not properly configured",
    "service error",
    "unhandled error",
];

/// The messages along a chain of sources, without those that the one before has quoted already, and without empty talk.
fn chain(error: &dyn Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let (mut message, mut next) = (simplify(error.to_string()), error.source());
    loop {
        let hollow = next.is_some() && WRAPPER_MESSAGES.iter().any(|talk| message.starts_with(talk));
        if !hollow && !parts.iter().any(|part| part.contains(&message)) {
            parts.push(message);
        }
        let Some(source) = next else { return parts.join(": ") };
        (message, next) = (own_message(source), source.source());
    }
}

/// One error's own message.
fn own_message(error: &(dyn Error + 'static)) -> String {
    if let Some(answer) = error.downcast_ref::<ErrorMetadata>()
        && let (Some(code), Some(message)) = (answer.code(), answer.message())
    {
        return format!("{code}: {message}");
    }
    simplify(error.to_string())
}

/// The same in plain words, where the SDK's are not.
fn simplify(message: String) -> String {
    if message.contains("no credentials found in chain") {
        return "there are none in the environment, in a profile, or on this machine".to_owned();
    }
    if message.contains("requires following cargo feature") {
        return "this kind of profile is not supported".to_owned();
    }
    message.strip_prefix("ProfileFile provider could not be built: ").map(str::to_owned).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    //! What is printed of an SDK's error.
    use super::*;
    use kube::core::Status;

    #[test]
    fn the_api_servers_words_are_said_once() {
        let error = kube::Error::Api(Status::failure("secrets is forbidden", "Forbidden").with_code(403).boxed());
        let cause = Cause::kube(&error);
        assert_eq!(cause.to_string(), "secrets is forbidden");
        assert!(!cause.retryable);
    }

    #[test]
    fn an_overloaded_api_server_is_passing() {
        let error = kube::Error::Api(Status::failure("busy", "ServiceUnavailable").with_code(503).boxed());
        assert!(Cause::kube(&error).retryable);
    }

    #[test]
    fn an_error_page_of_megabytes_is_cut() {
        let page = "<html>".repeat(1 << 20);
        let error = kube::Error::Api(Status::failure(&page, &page).with_code(500).boxed());
        let cause = Cause::kube(&error);
        assert!(cause.to_string().len() < 3 << 10 && cause.code.unwrap().len() < 256);
        assert!(Cause::message(page.clone()).to_string().ends_with("... (6289408 more bytes)"));
        assert!(Cause::from_error(&std::io::Error::other(page)).to_string().len() < 3 << 10);
    }

    #[test]
    fn a_chain_that_quotes_itself_is_printed_once() {
        let error = kube::Error::ReadEvents(std::io::Error::other("connection reset"));
        assert_eq!(chain(&error), "Error reading events stream: connection reset");
    }
}
