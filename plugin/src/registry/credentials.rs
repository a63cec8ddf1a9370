//! Who we are to a registry. Input: the command line, docker's configuration, the caller's AWS credentials. Output: name and
//! password, or nothing: some registries ask for none.
//!
//! The order: what is typed; for an ECR address the caller's AWS credentials; what docker or podman know. AWS comes first for ECR,
//! because what `docker login` has kept for it is a token of 12 hours, out of date more often than not, and because `--profile`
//! would else be ignored in silence. Only where AWS gives no token is docker's asked: there somebody has logged in with others'.

use std::path::PathBuf;

use aws_sdk_ecr::Client;

use crate::error::CliError;
use crate::model::reference::Destination;
use crate::registry::docker::{self, Credentials, FoundCredentials};
use crate::registry::ecr::{self, Ecr};

/// Whether AWS may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AwsUse {
    /// With this profile, or with what the environment has.
    As(Option<String>),
    /// No: `--without-aws`.
    Never,
}

/// What there is to log in with.
#[derive(Debug)]
pub(crate) struct Login {
    /// Name and password.
    pub(crate) known: FoundCredentials,
    /// The registry as one of ECR, and who asks it for repositories.
    pub(crate) ecr: Option<(Ecr, Option<Client>)>,
}

/// Finds it.
pub(crate) async fn login(typed: Option<&Credentials>, to: &Destination, aws: &AwsUse) -> Result<Login, CliError> {
    let files =
        docker::config_files(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from));
    let ecr = ecr::from_registry(&to.registry);
    let client = match (&ecr, aws) {
        (Some(ecr), AwsUse::As(profile)) => Some(ecr.connect(profile.as_deref()).await?),
        _ => None,
    };
    let somebody = |credentials| FoundCredentials { credentials: Some(credentials), broken: None };
    let known = match (typed, &ecr, &client) {
        (Some(typed), ..) => somebody(typed.clone()),
        (None, Some(ecr), Some(client)) => somebody(ecr_credentials(ecr, client, to, &files).await?),
        (None, ..) => docker::credentials(&files, to).await?,
    };
    Ok(Login { known, ecr: ecr.map(|ecr| (ecr, client)) })
}

async fn ecr_credentials(
    ecr: &Ecr,
    client: &Client,
    to: &Destination,
    files: &[PathBuf],
) -> Result<Credentials, CliError> {
    let error = match ecr.credentials(client, &to.registry).await {
        Ok(credentials) => return Ok(credentials),
        Err(error) => error,
    };
    match docker::credentials(files, to).await {
        Ok(FoundCredentials { credentials: Some(credentials), .. }) => Ok(credentials),
        _ => Err(error.into()),
    }
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
