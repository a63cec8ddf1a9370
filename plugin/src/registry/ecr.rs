//! Amazon ECR: a registry whose password is made from AWS credentials, and whose repositories are made before they are
//! pushed to. Input: the registry's address, and the caller's AWS credentials. Output: name and password; a repository.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_sdk_ecr::types::{ImageScanningConfiguration, ImageTagMutability};
use eks_encrypt_job::wire::exit::ExitCode;

use crate::aws::client::{self, AwsContext};
use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::model::followup;
use crate::model::reference::Destination;
use crate::registry::docker::{Credentials, decode_pair};

/// What ECR's addresses end with, by partition (github.com/awslabs/amazon-ecr-credential-helper, `ecr-login/api/client.go`).
/// A list, so that no AWS credentials go to somebody who has made an address that only looks like ECR's.
const ENDINGS: [&str; 9] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "on.aws",
    "on.amazonwebservices.com.cn",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// A private registry of ECR: one for each account and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ecr {
    /// The account.
    pub(crate) account: String,
    /// The region.
    pub(crate) region: String,
}

/// ECR said no.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// AWS can't be asked.
    #[error(transparent)]
    Aws(#[from] client::Error),
    /// It gives no password.
    #[error("ECR gives no password for {registry} (needs ecr:GetAuthorizationToken)")]
    Token {
        registry: String,
        #[source]
        source: Cause,
    },
    /// It can't be made.
    #[error("ECR did not create repository {name} (needs ecr:CreateRepository)")]
    Create {
        name: String,
        #[source]
        source: Cause,
    },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::Aws(error) => error.code(),
            _ => ExitCode::Refused,
        }
    }
}

/// The registry of ECR that an address means: `ACCOUNT.dkr.ecr[-fips].REGION.ENDING`, and with `dkr-ecr` for dual stack
/// (Amazon ECR User Guide, "Getting started with making requests over IPv6").
pub(crate) fn from_registry(registry: &str) -> Option<Ecr> {
    let (account, rest) = registry.split_once('.')?;
    let rest =
        ["dkr.ecr-fips.", "dkr.ecr.", "dkr-ecr-fips.", "dkr-ecr."].iter().find_map(|way| rest.strip_prefix(way))?;
    let (region, ending) = rest.split_once('.')?;
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !region.is_empty() && ENDINGS.contains(&ending))
        .then(|| Ecr { account: account.to_owned(), region: region.to_owned() })
}

impl Ecr {
    /// A client for its region, with the person's credentials, trust and proxies.
    pub(crate) async fn connect(&self, profile: Option<&str>) -> Result<Client, Error> {
        let AwsContext { sdk, .. } = client::connect(profile, Some(&self.region)).await?;
        Ok(Client::new(&sdk))
    }

    /// A name and password, good for 12 hours.
    pub(crate) async fn credentials(&self, client: &Client, registry: &str) -> Result<Credentials, Error> {
        let failed = |source| Error::Token { registry: registry.to_owned(), source };
        let answer = client.get_authorization_token().send().await.map_err(|error| failed(Cause::aws(&error)))?;
        let token = answer.authorization_data().first().and_then(|data| data.authorization_token());
        let (username, password) =
            token.and_then(decode_pair).ok_or_else(|| failed(Cause::message("its answer can't be read".to_owned())))?;
        Ok(Credentials { username, password, from: "AWS".to_owned() })
    }

    /// Makes the repository, if it is not there. Whether it was made.
    pub(crate) async fn create_repository(&self, client: &Client, to: &Destination) -> Result<bool, Error> {
        let scan = ImageScanningConfiguration::builder().scan_on_push(true).build();
        let asked = client
            .create_repository()
            .registry_id(&self.account)
            .repository_name(&to.repository)
            .image_tag_mutability(ImageTagMutability::Immutable)
            .image_scanning_configuration(scan)
            .send();
        match asked.await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("RepositoryAlreadyExistsException") => Ok(false),
            Err(error) => Err(Error::Create { name: to.name(), source: Cause::aws(&error) }),
        }
    }

    /// The command that makes it, for whoever would rather do it by hand.
    pub(crate) fn create_command(&self, repository: &str, profile: Option<&str>) -> String {
        // With the account: whoever pastes it as another's identity is refused, and makes nothing there.
        let command = format!(
            "ecr create-repository --registry-id {} --repository-name {repository} --image-tag-mutability IMMUTABLE \
             --image-scanning-configuration scanOnPush=true",
            self.account
        );
        followup::aws(&command, &self.region, profile)
    }
}

#[cfg(test)]
#[path = "ecr_tests.rs"]
mod tests;
