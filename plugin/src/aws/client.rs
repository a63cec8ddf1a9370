//! The AWS clients, and who we are to AWS. Input: the command line's profile and region, and AWS's own environment
//! (`AWS_ENDPOINT_URL*`, `AWS_CA_BUNDLE`, SSO, `credential_process`, ...). Output: clients for the steps.

use std::path::PathBuf;
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_eks::config::SharedHttpClient;
use aws_smithy_http_client::{Builder, Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use eks_encrypt_job::api::bounds::whole;
use eks_encrypt_job::wire::exit::ExitCode;

use crate::aws::profiles;
use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::file;
use crate::model::pem;

/// What CloudTrail shows beside the SDK's name.
const APP: &str = "kubectl-eks-encrypt";

/// An answer that takes longer has been lost: after a laptop's sleep, connections look alive that are not.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest answer that is read. A page of CloudFormation's events has some 100 KiB.
const MAX_RESPONSE_BYTES: usize = 8 << 20;

/// Longest `AWS_CA_BUNDLE`. All the authorities that browsers trust have 200 KiB.
const MAX_CA_BUNDLE_BYTES: u64 = 8 << 20;

/// The clients, all of the cluster's region.
#[derive(Clone, Debug)]
pub(crate) struct AwsContext {
    /// Calls EKS.
    pub(crate) eks: aws_sdk_eks::Client,
    /// Calls KMS.
    pub(crate) kms: aws_sdk_kms::Client,
    /// Calls STS.
    pub(crate) sts: aws_sdk_sts::Client,
    /// The region.
    pub(crate) region: String,
    /// What they were made from, for the services that one command alone needs.
    pub(crate) sdk: SdkConfig,
    /// What helps when the credentials are refused, as far as the person's profiles say.
    cure: Option<String>,
}

/// What can go wrong before a service is asked for anything of use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Neither the command line nor the environment names a region.
    #[error("no AWS region: add --region, or set AWS_REGION, or a region in the profile")]
    NoRegion,
    /// `AWS_CA_BUNDLE` names a file that can't be used.
    #[error("AWS_CA_BUNDLE={path}: can't use this file", path = path.display())]
    Bundle {
        path: PathBuf,
        #[source]
        source: Cause,
    },
    /// The profile can't be used.
    #[error(transparent)]
    Profiles(#[from] profiles::Error),
    /// The identity could not be read: usually nobody is logged in.
    #[error("can't ask AWS who you are ({hint})")]
    Identity {
        hint: String,
        #[source]
        source: Cause,
    },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::NoRegion => ExitCode::Usage,
            Self::Profiles(error) => error.code(),
            Self::Bundle { .. } | Self::Identity { .. } => ExitCode::Refused,
        }
    }
}

/// Makes the clients. Calls no service yet.
pub(crate) async fn connect(profile: Option<&str>, region: Option<&str>) -> Result<AwsContext, Error> {
    // `aws` knows this older name of AWS_PROFILE too; the SDK does not.
    let inherited = variable("AWS_DEFAULT_PROFILE").filter(|_| profile.is_none() && variable("AWS_PROFILE").is_none());
    let profiles = profiles::load(profile, inherited.as_deref()).await?;
    let http = http_client(ca_bundle()?);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(5))
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        );
    if let Ok(name) = AppName::new(APP) {
        loader = loader.app_name(name);
    }
    if let Some(profile) = profile.or(inherited.as_deref()) {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let sdk = match profile {
        Some(profile) => {
            let sdk = loader.no_credentials().load().await;
            let credentials = SharedCredentialsProvider::new(profile_provider(profile, &http, &sdk));
            sdk.into_builder().credentials_provider(credentials).build()
        }
        None => loader.load().await,
    };
    let cure = profiles.credential_hint(variable("AWS_ACCESS_KEY_ID").is_some());
    Ok(AwsContext { cure, ..clients(&sdk)? })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A profile's credentials, and where it has none those of the machine. The SDK's own chain would try `AWS_ACCESS_KEY_ID`
/// first, even where a person names a profile: that is another account, in silence. The `aws` command does as we do.
/// Roles are assumed where the person's other calls go: in their region, by FIPS endpoints if those are asked for.
fn profile_provider(profile: &str, http: &SharedHttpClient, sdk: &SdkConfig) -> CredentialsProviderChain {
    let config = ProviderConfig::default()
        .with_http_client(http.clone())
        .with_region(sdk.region().cloned())
        .with_use_fips(sdk.use_fips())
        .with_use_dual_stack(sdk.use_dual_stack());
    CredentialsProviderChain::first_try(
        "Profile",
        ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build(),
    )
    .or_else("Ecs", EcsCredentialsProvider::builder().configure(&config).build())
    .or_else("Imds", ImdsCredentialsProvider::builder().configure(&config).build())
}

/// The clients of one configuration.
pub(crate) fn clients(config: &SdkConfig) -> Result<AwsContext, Error> {
    Ok(AwsContext {
        region: config.region().ok_or(Error::NoRegion)?.to_string(),
        eks: aws_sdk_eks::Client::new(config),
        kms: aws_sdk_kms::Client::new(config),
        sts: aws_sdk_sts::Client::new(config),
        sdk: config.clone(),
        cure: None,
    })
}

impl AwsContext {
    /// Who AWS says we are: the caller's ARN.
    pub(crate) async fn identity(&self, profile: Option<&str>) -> Result<String, Error> {
        match self.sts.get_caller_identity().send().await {
            Ok(answer) => Ok(answer.arn.unwrap_or_default()),
            Err(error) => {
                let source = Cause::aws(&error);
                Err(Error::Identity { hint: self.hint(profile, &source), source })
            }
        }
    }

    /// What helps when AWS does not take our credentials, or there are none.
    pub(crate) fn hint(&self, profile: Option<&str>, cause: &Cause) -> String {
        let said = cause.to_string();
        if said.contains("certificate") {
            return "does a proxy answer for AWS? set AWS_CA_BUNDLE to its certificate authority".to_owned();
        }
        if said.contains("client error (Connect)") {
            return "AWS is not reached from here: is HTTPS_PROXY right, or AWS_ENDPOINT_URL for an endpoint of your own?"
                .to_owned();
        }
        let named = profile.map(|profile| format!(" --profile {profile}")).unwrap_or_default();
        let unknown = || format!("log in: `aws sso login{named}`, or see `aws sts get-caller-identity{named}`");
        self.cure.clone().unwrap_or_else(unknown)
    }
}

/// An HTTP client with ring, the person's trust, and the proxy of the environment: `build_https` would ignore HTTPS_PROXY.
fn http_client(trust: tls::TlsContext) -> SharedHttpClient {
    with_response_limit(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .tls_context(trust.clone())
            .build()
    }))
}

/// The same client, which reads no answer of more than [`MAX_RESPONSE_BYTES`].
pub(crate) fn with_response_limit(http: SharedHttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Bounded(http.http_connector(settings, components)))
    })
}

#[derive(Debug)]
struct Bounded(SharedHttpConnector);

impl HttpConnector for Bounded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = std::mem::replace(answer.body_mut(), Vec::new().into());
            let body = whole(body, MAX_RESPONSE_BYTES).await.map_err(|error| ConnectorError::other(error, None))?;
            *answer.body_mut() = body.into();
            Ok(answer)
        })
    }
}

/// Whom TLS trusts. The Rust SDK does not read `AWS_CA_BUNDLE`, though the `aws` command line and companies' proxies rely on it.
fn ca_bundle() -> Result<tls::TlsContext, Error> {
    let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(tls::TlsContext::default());
    };
    let failed = |source| Error::Bundle { path: path.clone(), source };
    let text = file::read_text(&path, MAX_CA_BUNDLE_BYTES).map_err(|error| failed(Cause::from_error(&error)))?;
    if pem::certificates(&text).is_none() {
        return Err(failed(Cause::from_error(&std::io::Error::other(
            "it holds no certificate in PEM, or one that can't be read",
        ))));
    }
    let store = tls::TrustStore::empty().with_pem_certificate(text);
    tls::TlsContext::builder().with_trust_store(store).build().map_err(|error| failed(Cause::from_error(&error)))
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
