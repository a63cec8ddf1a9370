//! What goes wrong with registries, in words. Input: why one request failed. Output: an error for people, and whether asking again may
//! help.

use std::path::PathBuf;
use std::time::Duration;

use eks_encrypt_job::wire::exit::ExitCode;
use serde::Deserialize;

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::model::reference::Destination;
use crate::registry::docker::FoundCredentials;
use crate::ui::terminal::shorten;

/// Why one request failed.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// No answer came.
    NoAnswer(reqwest::Error),
    /// No answer came in time.
    Timeout(Duration),
    /// The status is not a success.
    Status {
        status: u16,
        /// The beginning of the body.
        body: String,
        kind: RequestKind,
    },
    /// The answer breaks the specification; a sentence about the registry.
    Invalid(String),
}

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Token,
    Read,
    Write,
}

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
    /// A password would be readable on the network.
    #[error(
        "registry {registry} requires a login, and a password is sent only over TLS or to this machine: remove --plain-http, and name \
         its certificate authority with --registry-ca"
    )]
    NoTls { registry: String },
    /// A login must not go there.
    #[error("registry {registry} names the token server {realm}, {why}: no request was sent to it")]
    TokenServer { registry: String, realm: String, why: &'static str },
    /// The person confirmed another recipient of the login.
    #[error(
        "registry {registry} changed where it wants the login after you confirmed, from {shown} to {now}: no password was sent"
    )]
    RecipientChanged { registry: String, now: String, shown: String },
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

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::Authority { .. } => ExitCode::Usage,
            _ => ExitCode::Refused,
        }
    }
}

impl Error {
    /// Whether the answer may be another one after a login.
    pub(crate) fn depends_on_login(&self) -> bool {
        matches!(self, Self::Login { .. } | Self::Denied { .. })
    }
}

/// The errors in a registry's answer (distribution-spec, "Error Codes").
#[derive(Default, Deserialize)]
struct Envelope {
    errors: Vec<OneError>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OneError {
    code: String,
    message: String,
}

impl RequestError {
    /// Whether the registry gave this code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.envelope().errors.iter().any(|error| error.code == code)
    }

    /// The status of the answer, if there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the same request may succeed later. What never came to a registry does not: names and ports stay wrong.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::NoAnswer(error) => !error.is_connect() && !error.is_builder() && !error.is_redirect(),
            Self::Timeout(_) => true,
            Self::Invalid(_) => false,
        }
    }

    fn envelope(&self) -> Envelope {
        match self {
            Self::Status { body, .. } => serde_json::from_str(body).unwrap_or_default(),
            _ => Envelope::default(),
        }
    }

    /// The registry's words, without JSON around them.
    fn message(&self) -> Cause {
        let errors = self.envelope().errors;
        let one = |error: &OneError| {
            let parts = [error.code.as_str(), error.message.as_str()].into_iter().filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join(": ")
        };
        Cause::message(shorten(&match self {
            Self::Status { .. } if !errors.is_empty() => errors.iter().map(one).collect::<Vec<_>>().join("; "),
            Self::Status { status, body, .. } => {
                let line = body.lines().next().unwrap_or_default().trim();
                format!("it answers {status} {line}").trim_end().to_owned()
            }
            Self::NoAnswer(error) => {
                let text = Cause::from_error(error).to_string();
                // An upload's address may be signed, and good for whoever reads the log.
                let query = error.url().and_then(|url| url.query()).map(|query| format!("?{query}"));
                query.map_or(text.clone(), |query| text.replace(&query, ""))
            }
            Self::Timeout(limit) => format!("it did not answer within {limit:?}"),
            Self::Invalid(why) => why.clone(),
        }))
    }
}

/// The error for people. `known` is who was logged in.
pub(crate) fn lookup_error(error: &RequestError, to: &Destination, known: &FoundCredentials) -> Error {
    let login = known.credentials.as_ref();
    let Destination { registry, repository, .. } = to.clone();
    let source = error.message();
    match error {
        RequestError::Status { status: 400..=403, kind: RequestKind::Token, .. } => {
            let hint = format!("{}; its token server says: {source}", hint(&registry, known));
            Error::Login { hint, registry, source: None }
        }
        RequestError::Status { status: 401, kind, .. } if login.is_none() || *kind == RequestKind::Read => {
            let source = (*kind == RequestKind::Write).then_some(source);
            Error::Login { hint: hint(&registry, known), registry, source }
        }
        // A registry with a token server says 401, not 403, to a token that is not good for a push.
        RequestError::Status { status: 401 | 403, .. } => {
            let (who, hint) = match login {
                None => ("who is not logged in".to_owned(), ""),
                Some(login) if login.from == "AWS" => {
                    ("the identity of your AWS credentials".to_owned(), OTHER_ACCOUNT)
                }
                Some(login) => (login.username.clone(), ""),
            };
            Error::Denied { who, name: to.name(), hint, source }
        }
        RequestError::Status { status: 404, .. } if error.has_code("NAME_UNKNOWN") => {
            Error::NoRepository { registry, repository, source }
        }
        RequestError::Status { .. } if source.to_string().contains("immutable") => {
            Error::Immutable { registry, repository, source }
        }
        RequestError::NoAnswer(_) => Error::Unreachable { hint: transport_hint(&source.to_string()), registry, source },
        _ => Error::Refused { registry, repository, source },
    }
}

/// What helps against a login that is refused.
fn hint(registry: &str, known: &FoundCredentials) -> String {
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
fn transport_hint(cause: &str) -> &'static str {
    if cause.contains("InvalidContentType") || cause.contains("corrupt message") {
        " by TLS (does it speak plain HTTP? then --plain-http)"
    } else if cause.contains("certificate") {
        " (who has signed its certificate? name that authority's file with --registry-ca)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    //! What asking again may mend, and what is kept to ourselves.
    use super::*;
    use crate::ui::terminal::one_line;

    #[tokio::test]
    async fn an_uploads_signature_is_not_printed() {
        crate::registry::client::install_crypto_provider();
        let asked =
            reqwest::Client::new().put("http://127.0.0.1:1/upload?digest=sha256:1&signature=secret").send().await;
        let told = RequestError::NoAnswer(asked.unwrap_err()).message().to_string();
        assert!(told.contains("http://127.0.0.1:1/upload)") && !told.contains("secret"), "{told}");
    }

    #[test]
    fn fuzz_reads_any_refusal() {
        let to = crate::model::reference::parse_destination("registry.example/team/job").unwrap();
        let corpus: [&[u8]; 2] = [
            br#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository is unknown","detail":{}},{"code":"DENIED"}]}"#,
            b"<html>\r\n<h1>403 Forbidden</h1>\r\n",
        ];
        crate::fuzz_tests::mutate::fuzz(&corpus, |bytes| {
            for (status, kind) in [(401, RequestKind::Token), (403, RequestKind::Write), (404, RequestKind::Read)] {
                let error = RequestError::Status { status, body: String::from_utf8_lossy(bytes).into_owned(), kind };
                let text = format!("{}: {}", lookup_error(&error, &to, &FoundCredentials::default()), error.message());
                assert!(text.len() < 8 << 10 && text == one_line(&text), "{}", text.len());
            }
        });
    }

    #[test]
    fn a_wrong_password_is_not_tried_again_and_a_token_server_that_is_down_is() {
        let again =
            |status| RequestError::Status { status, body: String::new(), kind: RequestKind::Token }.is_retryable();
        assert!(![400, 401, 403, 404].into_iter().any(again));
        assert!([429, 500, 503].into_iter().all(again));
    }
}
