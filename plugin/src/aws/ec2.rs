//! The one call to EC2: which availability zones a region has, with their ids. A zone's name means another place in every
//! account, its id the same in all, and EKS shuns some places (`zones`). Input: the AWS configuration. Output: the zones.
//!
//! Signed here, because aws-sdk-ec2 would add minutes to every build and megabytes to the plugin for this one call; retries,
//! proxy and trust are the SDK's own. The form of question and answer: EC2 API Reference, "DescribeAvailabilityZones".

use std::fmt;
use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_eks::config::http::{HttpRequest, HttpResponse};
use aws_sdk_eks::error::{ErrorMetadata, ProvideErrorMetadata};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;

use crate::aws::ec2_endpoint;
use crate::cause::Cause;

/// An availability zone, of those that are available.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    /// As this account calls it: `us-west-2a`. Another account may mean another place by it.
    pub(crate) name: String,
    /// As AWS calls the place: `usw2-az1`.
    pub(crate) id: String,
}

/// What is asked. Zones of other types (Local Zones, Wavelength Zones) can't hold a control plane's network interfaces.
const QUERY: &str = "Action=DescribeAvailabilityZones&Version=2016-11-15\
    &Filter.1.Name=zone-type&Filter.1.Value.1=availability-zone&Filter.2.Name=state&Filter.2.Value.1=available";

/// Asks for the region's zones.
pub(crate) async fn zones(sdk: &SdkConfig) -> Result<Vec<Zone>, Cause> {
    let failed = |words: &str| Cause::from_error(&std::io::Error::other(words.to_owned()));
    let region = sdk.region().ok_or_else(|| failed("no AWS region"))?.as_ref();
    let provider = sdk.credentials_provider().ok_or_else(|| failed("no AWS credentials"))?;
    let credentials = provider.provide_credentials().await.map_err(|error| Cause::from_error(&error))?;
    let url = ec2_endpoint::ec2_endpoint(sdk, region).await;
    let request = signed_request(&url, region, &credentials).map_err(|error| Cause::from_error(error.as_ref()))?;
    let client = sdk.http_client().ok_or_else(|| failed("no HTTP client"))?;
    let retries = sdk.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let mut operation = Operation::builder()
        .service_name("ec2")
        .operation_name("DescribeAvailabilityZones")
        .http_client(client)
        .endpoint_url(&url)
        .no_auth()
        .standard_retry(&retries)
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<Ec2Error>::new());
    if let Some(sleep) = sdk.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    if let Some(timeouts) = sdk.timeout_config() {
        operation = operation.timeout_config(timeouts.clone());
    }
    let operation = operation
        .serializer(move |()| request.try_clone().ok_or_else(|| "the request can't be repeated".into()))
        .deserializer(parse_response)
        .build();
    operation.invoke(()).await.map_err(|error| Cause::aws(&error))
}

/// The request, signed (AWS Signature Version 4). It stays good for minutes, and is repeated for seconds.
fn signed_request(
    url: &str,
    region: &str,
    credentials: &Credentials,
) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let uri: http::Uri = url.parse()?;
    let host = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let headers = [("host", host), ("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("ec2")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let to_sign = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(QUERY.as_bytes()))?;
    let (instructions, _) = sign(to_sign, &parameters)?.into_parts();
    let mut request = headers
        .into_iter()
        // The client puts the endpoint before it.
        .fold(http::Request::post("/"), |request, (name, value)| request.header(name, value))
        .body(QUERY.into())?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(HttpRequest::try_from(request)?)
}

/// EC2's refusal.
#[derive(Debug)]
struct Ec2Error(ErrorMetadata);

impl fmt::Display for Ec2Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Ec2Error {}

impl ProvideErrorMetadata for Ec2Error {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

fn parse_response(response: &HttpResponse) -> Result<Vec<Zone>, OrchestratorError<Ec2Error>> {
    let text = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
    let document = roxmltree::Document::parse(&text);
    if response.status().is_success() {
        return Ok(parse_zones(&document.map_err(|error| OrchestratorError::response(error.into()))?));
    }
    let word = |name| document.as_ref().ok().and_then(|document| text_of(document.root(), name));
    let metadata = ErrorMetadata::builder()
        .code(word("Code").unwrap_or_else(|| format!("HTTP {}", response.status().as_u16())))
        .message(word("Message").unwrap_or_else(|| "EC2 gives no reason".to_owned()))
        .build();
    Err(OrchestratorError::operation(Ec2Error(metadata)))
}

fn parse_zones(document: &roxmltree::Document<'_>) -> Vec<Zone> {
    let zones = document.descendants().filter(|node| node.has_tag_name("item"));
    let zone = |item| Some(Zone { name: text_of(item, "zoneName")?, id: text_of(item, "zoneId")? });
    zones.filter_map(zone).collect()
}

/// The text of the first element of this name.
fn text_of(node: roxmltree::Node<'_, '_>, name: &str) -> Option<String> {
    node.descendants().find(|node| node.has_tag_name(name))?.text().map(str::to_owned)
}

#[cfg(test)]
#[path = "ec2_tests.rs"]
mod tests;
