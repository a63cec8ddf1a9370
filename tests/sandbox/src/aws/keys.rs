//! The KMS keys of a sandbox, made in moto when it starts: AWS's own in another account, and the customer's, good and bad.

use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::error::{DisplayErrorContext, SdkError};
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use thiserror::Error;

use crate::info::{CREATOR, Keys};
use crate::loopback;

/// The account that "AWS owns" keys in. The customer's can't see into it.
const AWS_ACCOUNT: &str = "999999999999";

/// KMS refused something at the start.
#[derive(Debug, Error)]
#[error("KMS refused {action}: {output}")]
pub(crate) struct KeysError {
    action: &'static str,
    output: String,
}

/// A KMS client of the customer's account, straight to moto.
pub(crate) fn client(moto: &str, region: &str) -> Client {
    client_of(moto, region, Credentials::new(CREATOR.id, CREATOR.secret, None, None, "sandbox"))
}

/// A KMS client of the account in which AWS keeps its keys.
async fn aws_client(moto: &str, region: &str) -> Result<Client, KeysError> {
    let failed = |output: String| KeysError { action: "AWS's own account", output };
    // moto knows an account by the temporary credentials of a role in it; the role itself need not exist.
    let role = format!("arn:aws:iam::{AWS_ACCOUNT}:role/eks");
    let url = format!("{moto}/?Action=AssumeRole&Version=2011-06-15&RoleSessionName=eks&RoleArn={role}");
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/{region}/sts/aws4_request, SignedHeaders=host, Signature=0",
        CREATOR.id
    );
    let request = loopback::http().post(url).header("authorization", authorization);
    let answer = request.send().await.and_then(reqwest::Response::error_for_status);
    let body =
        answer.map_err(|error| failed(error.to_string()))?.text().await.map_err(|error| failed(error.to_string()))?;
    let element = |name: &str| {
        let inside = body.split_once(&format!("<{name}>"))?.1;
        Some(inside.split_once('<')?.0.to_owned())
    };
    let (id, secret, token) = (element("AccessKeyId"), element("SecretAccessKey"), element("SessionToken"));
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(client_of(moto, region, Credentials::new(id, secret, token, None, "sandbox"))),
        _ => Err(failed(format!("moto's AssumeRole answered {body}"))),
    }
}

/// Makes AWS's own key and gives a client that may use it.
pub(crate) async fn make_aws_owned(moto: &str, region: &str) -> Result<(Client, String), KeysError> {
    let aws = aws_client(moto, region).await?;
    let key = create(&aws, "Default key that encrypts this cluster's API data", None).await?;
    Ok((aws, key))
}

/// Makes the customer's keys.
pub(crate) async fn make(kms: &Client) -> Result<Keys, KeysError> {
    let customer = create(kms, "the customer's key", None).await?;
    let alias = kms.create_alias().alias_name("alias/customer").target_key_id(&customer).send().await;
    alias.map_err(refused("CreateAlias"))?;
    let other = create(kms, "another key of the customer", None).await?;
    let disabled = create(kms, "disabled", None).await?;
    kms.disable_key().key_id(id(&disabled)).send().await.map_err(refused("DisableKey"))?;
    let asymmetric = create(kms, "asymmetric", Some(KeySpec::Rsa2048)).await?;
    let pending_deletion = create(kms, "pending deletion", None).await?;
    kms.schedule_key_deletion().key_id(id(&pending_deletion)).send().await.map_err(refused("ScheduleKeyDeletion"))?;
    Ok(Keys { aws_owned: None, customer, other, disabled, asymmetric, pending_deletion })
}

/// The id at the end of a key's ARN: moto's DisableKey takes no ARN.
pub(crate) fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Makes a key and gives its ARN.
pub(crate) async fn create(kms: &Client, description: &str, spec: Option<KeySpec>) -> Result<String, KeysError> {
    let usage = spec.as_ref().map(|_| KeyUsageType::EncryptDecrypt);
    let made = kms.create_key().description(description).set_key_spec(spec).set_key_usage(usage).send().await;
    let arn = made.map_err(refused("CreateKey"))?.key_metadata.and_then(|key| key.arn);
    arn.ok_or_else(|| KeysError { action: "CreateKey", output: "the answer has no ARN".to_owned() })
}

fn client_of(moto: &str, region: &str, credentials: Credentials) -> Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(moto)
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .build();
    Client::from_conf(config)
}

fn refused<E: std::error::Error + 'static, R: std::fmt::Debug>(
    action: &'static str,
) -> impl FnOnce(SdkError<E, R>) -> KeysError {
    move |error| KeysError { action, output: DisplayErrorContext(&error).to_string() }
}
