//! The token by which an EKS cluster's API server knows us: a presigned GetCallerIdentity of STS that names the cluster in a
//! signed header. Input: the AWS configuration and the cluster's name. Output: the token, as `aws eks get-token` makes it.
//!
//! (Its form: README of kubernetes-sigs/aws-iam-authenticator, "API Authorization from Outside a Cluster". It lives for 15
//! minutes from when it was signed, whatever the URL itself says: AWS CLI Command Reference, "get-token".)

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::aws::endpoint;
use crate::cause::Cause;

/// What tokens begin with.
const PREFIX: &str = "k8s-aws-v1.";

/// The header that binds a token to its cluster.
const CLUSTER_HEADER: &str = "x-k8s-aws-id";

/// What the URL says of its own life; EKS has its own idea.
const URL_LIFETIME: std::time::Duration = std::time::Duration::from_secs(60);

/// When to make another one: a minute before the 15 are over, as `aws` says it.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(14);

/// Makes a token, signed now, and says until when it is worth keeping: EKS has STS look at the signature, which is worth nothing
/// when the credentials have expired.
pub(crate) async fn create_token(sdk: &SdkConfig, cluster: &str, now: Timestamp) -> Result<(String, Timestamp), Cause> {
    let failed = |words: &str| Cause::message(words.to_owned());
    let region = sdk.region().ok_or_else(|| failed("no AWS region"))?.as_ref();
    let provider = sdk.credentials_provider().ok_or_else(|| failed("no AWS credentials"))?;
    let credentials = provider.provide_credentials().await.map_err(|error| Cause::from_error(&error))?;
    // Not where the person reaches STS (a VPC endpoint's name, say): it is EKS that will send the URL there.
    let sts = endpoint::sts_endpoint(sdk, region).await;
    let sts = sts.ok_or_else(|| failed("STS has no endpoint in this region that suits your FIPS setting"))?;
    let url =
        presigned_url(&sts, region, cluster, &credentials, now).map_err(|error| Cause::from_error(error.as_ref()))?;
    let expiry = credentials.expiry().and_then(|time| Timestamp::try_from(time).ok());
    let until = now.saturating_add(TOKEN_LIFETIME).unwrap_or(now).min(expiry.unwrap_or(Timestamp::MAX));
    Ok((format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url)), until))
}

/// The URL (AWS Signature Version 4, in the query).
fn presigned_url(
    sts: &str,
    region: &str,
    cluster: &str,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let url = format!("{sts}/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(URL_LIFETIME);
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(SystemTime::from(now))
        .settings(settings)
        .build()?
        .into();
    let mut request = http::Request::get(&url).body(())?;
    let headers = [(CLUSTER_HEADER, cluster)].into_iter();
    let to_sign = SignableRequest::new("GET", &url, headers, SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign(to_sign, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.uri().to_string())
}

/// A token in the form in which a Kubernetes client takes it from a command (client.authentication.k8s.io, ExecCredential).
/// `version`: the form's version that the client asks for.
pub(crate) fn exec_credential(token: &str, until: Timestamp, version: Option<&str>) -> Value {
    let until = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "kind": "ExecCredential",
        "apiVersion": version.unwrap_or("client.authentication.k8s.io/v1"),
        "spec": {},
        "status": { "expirationTimestamp": until, "token": token },
    })
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
