//! What goes wrong with registries, in words. Input: the errors of oci-client, which differ by how far a request came. Output:
//! our own, and whether asking again may help.

use std::path::PathBuf;
use std::time::Duration;

use eks_encrypt_job::exit::ExitCode;
use oci_client::errors::{OciDistributionError, OciEnvelope, OciErrorCode};

use crate::cause::Cause;
use crate::image::docker::Known;
use crate::image::reference::Destination;
use crate::stop::Coded;

/// Why the registry does not have the image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// `--registry-ca` names a file that can't be used.
    #[error("can't use {path} as certificate authority", path = path.display())]
    Authority {
        path: PathBuf,
        #[source]
        source: Cause,
    },
    /// TLS can't be had at all.
    #[error(
        "this system's certificate authorities can't be used: install them (package ca-certificates), or name a file of them with \
         SSL_CERT_FILE"
    )]
    System {
        #[source]
        source: Cause,
    },
    /// It does not answer.
    #[error("registry {registry} can't be reached{hint}")]
    Unreachable {
        registry: String,
        hint: &'static str,
        #[source]
        source: Cause,
    },
    /// It does not know us.
    #[error("registry {registry} refuses the login: {hint}")]
    Login {
        registry: String,
        hint: String,
        /// What it says itself, where it says anything.
        #[source]
        source: Option<Cause>,
    },
    /// It knows us, and says no.
    #[error("{who} may not push to {name}{hint}")]
    Denied {
        who: String,
        name: String,
        hint: &'static str,
        #[source]
        source: Cause,
    },
    /// It has no such repository, and does not make it.
    #[error("registry {registry} has no repository {repository}, and makes none by itself: create it first")]
    NoRepository {
        registry: String,
        repository: String,
        #[source]
        source: Cause,
    },
    /// Tags stay what they are there.
    #[error("registry {registry} does not let a tag of {repository} be given to another image: name another tag")]
    Immutable {
        registry: String,
        repository: String,
        #[source]
        source: Cause,
    },
    /// Anything else.
    #[error("registry {registry} did not take the image for {repository}")]
    Refused {
        registry: String,
        repository: String,
        #[source]
        source: Cause,
    },
}

/// Any identity gets a token, and no token says what for.
const OTHER_ACCOUNT: &str = " (is the registry another account's? then `image push --profile` with a profile of that account, and --image \
    here; or --username AWS --password-stdin, with what `aws ecr get-login-password --profile` prints)";

impl Coded for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::Authority { .. } => ExitCode::Usage,
            _ => ExitCode::Refused,
        }
    }
}

/// The status of the answer, if there was one.
pub(crate) fn status(error: &OciDistributionError) -> Option<u16> {
    match error {
        OciDistributionError::ServerError { code, .. } => Some(*code),
        OciDistributionError::UnauthorizedError { .. } => Some(401),
        OciDistributionError::RequestError(error) => error.status().map(|status| status.as_u16()),
        // The status is lost on the way; the code says the same.
        OciDistributionError::RegistryError { envelope, .. } => envelope.errors.first().map(|error| match error.code {
            OciErrorCode::Unauthorized => 401,
            OciErrorCode::Denied => 403,
            OciErrorCode::NameUnknown
            | OciErrorCode::ManifestUnknown
            | OciErrorCode::BlobUnknown
            | OciErrorCode::NotFound => 404,
            OciErrorCode::Toomanyrequests => 429,
            _ => 400,
        }),
        _ => None,
    }
}

/// The registry's own codes.
pub(crate) fn codes(error: &OciDistributionError) -> Vec<OciErrorCode> {
    envelope(error).map(|envelope| envelope.errors.into_iter().map(|error| error.code).collect()).unwrap_or_default()
}

/// Whether the same request may succeed later. What never came to a registry does not: names and ports stay wrong.
pub(crate) fn passing(error: &OciDistributionError) -> bool {
    match (status(error), error) {
        (Some(status), _) => status == 429 || status >= 500,
        (None, OciDistributionError::RequestError(error)) => !error.is_connect() && !error.is_builder(),
        (None, OciDistributionError::IoError(_)) => true,
        (None, OciDistributionError::AuthenticationFailure(said)) => !no_login(said, &codes(error)),
        _ => false,
    }
}

/// Whether a token server, whose status is lost, refuses the login, and has not just its own trouble: who tries a wrong password
/// time and again is locked out. Refusals are JSON, if not always the registries' own (Docker Hub's has `details`), and what stands
/// before a server that is down has a page or nothing to say.
fn no_login(said: &str, codes: &[OciErrorCode]) -> bool {
    let refused = |code: &OciErrorCode| matches!(code, OciErrorCode::Unauthorized | OciErrorCode::Denied);
    match serde_json::from_str::<serde_json::Value>(said) {
        Ok(_) => codes.is_empty() || codes.iter().any(refused),
        Err(_) => said.contains("401") || said.contains("403"),
    }
}

/// No answer came in time.
pub(crate) fn silence(limit: Duration) -> OciDistributionError {
    let words = format!("it did not answer within {limit:?}");
    OciDistributionError::IoError(std::io::Error::new(std::io::ErrorKind::TimedOut, words))
}

/// The error in our words.
pub(crate) fn of(error: &OciDistributionError, to: &Destination, known: &Known) -> Error {
    let login = known.credentials.as_ref();
    let Destination { registry, repository, .. } = to.clone();
    let source = said(error);
    match status(error) {
        // The token server's answer: its status is lost, so what it says is passed on.
        None if matches!(error, OciDistributionError::AuthenticationFailure(_)) => {
            let hint = format!("{}; its token server says: {source}", hint(&registry, known));
            Error::Login { hint, registry, source: None }
        }
        Some(401) if login.is_none() || !to_write(error) => {
            let source = to_write(error).then_some(source);
            Error::Login { hint: hint(&registry, known), registry, source }
        }
        Some(401 | 403) => {
            let (who, hint) = match login {
                None => ("who is not logged in".to_owned(), ""),
                Some(login) if login.from == "AWS" => {
                    ("the identity of your AWS credentials".to_owned(), OTHER_ACCOUNT)
                }
                Some(login) => (login.username.clone(), ""),
            };
            Error::Denied { who, name: to.name(), hint, source }
        }
        Some(404) if codes(error).contains(&OciErrorCode::NameUnknown) => {
            Error::NoRepository { registry, repository, source }
        }
        Some(_) if source.to_string().contains("immutable") => Error::Immutable { registry, repository, source },
        Some(_) => Error::Refused { registry, repository, source },
        None if matches!(error, OciDistributionError::RequestError(_)) => {
            let hint = way(&source.to_string());
            Error::Unreachable { registry, hint, source }
        }
        None => Error::Refused { registry, repository, source },
    }
}

/// Whether a 401 answers what was to be written, and so a login that was good enough to look: a registry with a token server says
/// 401, not 403, to a token that is not good for a push. The crate gives it this form, with the registry's words, only there.
fn to_write(error: &OciDistributionError) -> bool {
    matches!(error, OciDistributionError::ServerError { .. })
}

/// What helps against a login that is refused.
fn hint(registry: &str, known: &Known) -> String {
    match &known.credentials {
        None if let Some(broken) = &known.broken => format!("nobody is logged in there, because {broken}"),
        None => format!("nobody is logged in there: `docker login {registry}`, or --username NAME --password-stdin"),
        Some(login) if login.from.starts_with("--") => {
            format!("wrong name or password (of {} {})", login.from, login.username)
        }
        Some(login) if login.from == "AWS" => "it does not accept the token that ECR has given".to_owned(),
        Some(login) => format!(
            "it does not accept what {} has for it (name {}): `docker login {registry}` again, or --username NAME --password-stdin",
            login.from, login.username
        ),
    }
}

/// What helps where no answer came.
fn way(cause: &str) -> &'static str {
    if cause.contains("InvalidContentType") || cause.contains("corrupt message") {
        " by TLS (does it speak plain HTTP? then --plain-http)"
    } else if cause.contains("certificate") {
        " (who has signed its certificate? name that authority's file with --registry-ca)"
    } else {
        ""
    }
}

/// What the registry said, without JSON around it.
fn said(error: &OciDistributionError) -> Cause {
    if let Some(envelope) = envelope(error) {
        let one = |error: oci_client::errors::OciError| {
            let code = serde_json::to_value(&error.code).ok().and_then(|code| code.as_str().map(str::to_owned));
            [code.unwrap_or_default(), error.message]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(": ")
        };
        return Cause::said(envelope.errors.into_iter().map(one).collect::<Vec<_>>().join("; "));
    }
    match error {
        OciDistributionError::AuthenticationFailure(message) => {
            Cause::said(message.lines().next().unwrap_or_default().trim().to_owned())
        }
        OciDistributionError::ServerError { code, message, .. } => {
            let line = message.lines().next().unwrap_or_default().trim();
            Cause::said(format!("it answers {code} {line}").trim_end().to_owned())
        }
        OciDistributionError::RequestError(request) => {
            let text = Cause::of(error).to_string();
            // An upload's address may be signed, and good for whoever reads the log.
            let query = request.url().and_then(|url| url.query()).map(|query| format!("?{query}"));
            Cause::said(query.map_or(text.clone(), |query| text.replace(&query, "")))
        }
        error => Cause::of(error),
    }
}

fn envelope(error: &OciDistributionError) -> Option<OciEnvelope> {
    let text = match error {
        OciDistributionError::RegistryError { envelope, .. } => serde_json::to_string(envelope).ok()?,
        OciDistributionError::ServerError { message, .. } | OciDistributionError::AuthenticationFailure(message) => {
            message.clone()
        }
        _ => return None,
    };
    serde_json::from_str::<OciEnvelope>(&text).ok().filter(|envelope| !envelope.errors.is_empty())
}

#[cfg(test)]
mod tests {
    //! What asking again may mend, and what is kept to ourselves.
    use super::*;

    #[tokio::test]
    async fn an_uploads_signature_is_not_printed() {
        crate::image::registry::ring();
        let asked =
            reqwest::Client::new().put("http://127.0.0.1:1/upload?digest=sha256:1&signature=secret").send().await;
        let told = said(&OciDistributionError::RequestError(asked.unwrap_err())).to_string();
        assert!(told.contains("http://127.0.0.1:1/upload)") && !told.contains("secret"), "{told}");
    }

    #[test]
    fn a_wrong_password_is_not_tried_again_and_a_token_server_that_is_down_is() {
        let again = |said: &str| passing(&OciDistributionError::AuthenticationFailure(said.to_owned()));
        for said in [
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
            r#"{"errors":[{"code":"DENIED","message":"denied"}]}"#,
            r#"{"details":"incorrect username or password"}"#,
            "<html><head><title>401 Authorization Required</title></head></html>",
        ] {
            assert!(!again(said), "{said}");
        }
        for said in [
            "",
            "no healthy upstream",
            "<html><head><title>503 Service Temporarily Unavailable</title></head></html>",
            r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#,
            r#"{"errors":[{"code":"UNKNOWN","message":"internal server error"}]}"#,
        ] {
            assert!(again(said), "{said}");
        }
    }
}
