//! `token`, which people don't see: what a kubeconfig's command does, where that command is missing (`kubernetes/exec.rs` puts this
//! one in its place). Input: what `aws eks get-token` is told, and the AWS environment; or a file. Output: an ExecCredential on
//! stdout, for kube.

use std::path::Path;
use std::time::SystemTime;

use eks_encrypt_job::wire::exit::ExitCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use crate::aws::client::{self, AwsContext};
use crate::aws::token;
use crate::cause::Cause;
use crate::cli::Token;
use crate::error::{CliError, HasExitCode};
use crate::file;
use crate::ui::terminal;

/// What sessions of assumed roles are called in CloudTrail.
const SESSION: &str = "kubectl-eks-encrypt";

/// How long what was read from a file is good: kube reads it again a minute before.
const FILE_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(2);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is nothing to sign with.
    #[error("no AWS credentials to make the cluster's token with ({hint})")]
    Credentials {
        hint: String,
        #[source]
        source: Cause,
    },
    /// STS refuses the role.
    #[error("can't assume role {role} to make the cluster's token ({hint})")]
    Role {
        role: String,
        hint: String,
        #[source]
        source: Cause,
    },
    /// The file can't be read.
    #[error("can't read the token in {file}")]
    File {
        file: String,
        #[source]
        source: Cause,
    },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// Prints a token.
pub(crate) async fn run(args: &Token) -> Result<ExitCode, CliError> {
    let (token, until) = match &args.file {
        Some(file) => (from_file(file)?, Timestamp::now().saturating_add(FILE_TOKEN_LIFETIME).unwrap_or_default()),
        None => from_aws(args).await?,
    };
    let asked = std::env::var("KUBERNETES_EXEC_INFO").ok();
    terminal::stdout(&token::exec_credential(&token, until, version(asked.as_deref()).as_deref()).to_string());
    Ok(ExitCode::Done)
}

fn from_file(path: &Path) -> Result<String, Error> {
    let text = file::read_text(path, file::MAX_SMALL_FILE);
    let text =
        text.map_err(|error| Error::File { file: path.display().to_string(), source: Cause::from_error(&error) })?;
    Ok(text.trim().to_owned())
}

async fn from_aws(args: &Token) -> Result<(String, Timestamp), CliError> {
    let aws = client::connect(args.profile.as_deref(), args.region.as_deref()).await?;
    let sdk = match &args.role_arn {
        Some(role) => {
            let credentials = SharedCredentialsProvider::new(assume_role(&aws, args, role).await?);
            aws.sdk.to_builder().credentials_provider(credentials).build()
        }
        None => aws.sdk.clone(),
    };
    // Before, so that a slow answer of STS or of a login makes no token look younger than it is.
    let now = Timestamp::now();
    let made = token::create_token(&sdk, args.cluster.as_deref().unwrap_or_default(), now).await;
    Ok(made.map_err(|source| Error::Credentials { hint: aws.hint(args.profile.as_deref(), &source), source })?)
}

async fn assume_role(aws: &AwsContext, args: &Token, role: &str) -> Result<Credentials, Error> {
    let call = aws.sts.assume_role().role_arn(role).set_external_id(args.external_id.clone());
    let answer = call.role_session_name(args.session_name.as_deref().unwrap_or(SESSION)).send().await;
    let failed = |source: Cause| {
        let hint = match source.code.as_deref() {
            Some("AccessDenied") => "its trust policy must let you in, see `aws sts get-caller-identity`".to_owned(),
            _ => aws.hint(args.profile.as_deref(), &source),
        };
        Error::Role { role: role.to_owned(), hint, source }
    };
    let keys = answer.map_err(|error| failed(Cause::aws(&error)))?.credentials;
    let keys = keys.ok_or_else(|| failed(Cause::message("STS gives no credentials".to_owned())))?;
    let (session, expiry) = (Some(keys.session_token), SystemTime::try_from(keys.expiration).ok());
    Ok(Credentials::new(keys.access_key_id, keys.secret_access_key, session, expiry, "AssumeRole"))
}

/// The version of ExecCredential that the client asks for.
fn version(asked: Option<&str>) -> Option<String> {
    let asked: Value = serde_json::from_str(asked?).ok()?;
    asked["apiVersion"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    //! What the client asks for.
    use super::*;

    #[test]
    fn the_version_that_the_client_speaks() {
        let asked = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"interactive":false}}"#;
        assert_eq!(version(Some(asked)).as_deref(), Some("client.authentication.k8s.io/v1beta1"));
        assert_eq!(version(Some("{}")), None);
        assert_eq!(version(None), None);
    }
}
