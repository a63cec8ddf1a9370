//! AssociateEncryptionConfig: what is checked before it begins, and what then happens: the key's provider is put in front,
//! the API servers are restarted one by one, and the update is Successful only when etcd shows that they write with the key.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kms::error::DisplayErrorContext;
use aws_sdk_kms::operation::describe_key::DescribeKeyError;
use aws_sdk_kms::types::{KeySpec, KeyState};
use serde_json::{Value, json};

use super::error::EksError;
use super::scenario::UpdateFailure;
use super::update::Update;
use super::{Cluster, Eks, lock};
use crate::control_plane::Rollout;

/// Checks a request as EKS does, and begins. The sentences that EKS is known to use are its own: "Encryption is already
/// enabled on the cluster" (terraform-provider-aws#19968) and "User not authorized to perform kms:CreateGrant operation"
/// (cluster-api-provider-aws#2432); the others say the same as the API Reference.
pub(crate) async fn start(eks: &Arc<Eks>, name: &str, request: &Value) -> Result<Value, EksError> {
    let wanted = key_of(request)?;
    let config = &request["encryptionConfig"];
    let token = request["clientRequestToken"].as_str().map(str::to_owned);
    let status = eks.status();
    if let Some(same) = same_or_refused(&lock(&eks.cluster), token.as_ref(), config, &status)? {
        return Ok(json!({ "update": same.to_json(name) }));
    }
    let key = usable_key(eks, &wanted).await?;
    if lock(&eks.scenario).deny_create_grant {
        return Err(EksError::invalid_request("User not authorized to perform kms:CreateGrant operation"));
    }
    let update = {
        let mut cluster = lock(&eks.cluster);
        // Asked again: KMS took its time to answer, and another call may have begun meanwhile.
        if let Some(same) = same_or_refused(&cluster, token.as_ref(), config, &status)? {
            return Ok(json!({ "update": same.to_json(name) }));
        }
        let update = Update::new(token, config.clone());
        cluster.updates.push(update.clone());
        update
    };
    let (eks, id, shown) = (Arc::clone(eks), update.id.clone(), update.to_json(name));
    tokio::spawn(async move {
        let result = perform(&eks, &key).await;
        let mut cluster = lock(&eks.cluster);
        if result.is_ok() {
            cluster.key = Some(key);
        }
        if let Some(update) = cluster.update(&id) {
            update.end(result);
        }
    });
    Ok(json!({ "update": shown }))
}

/// The one key that the request names.
fn key_of(request: &Value) -> Result<String, EksError> {
    let Some([config]) = request["encryptionConfig"].as_array().map(Vec::as_slice) else {
        return Err(EksError::invalid_parameter("encryptionConfig must have exactly one element"));
    };
    if config["resources"] != json!(["secrets"]) {
        return Err(EksError::invalid_parameter("The only supported resource for encryption is \"secrets\""));
    }
    match config["provider"]["keyArn"].as_str() {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err(EksError::invalid_parameter("KeyArn is required")),
    }
}

/// The update that the same call began before, if this is a repetition; else whether a new one may begin.
fn same_or_refused(
    cluster: &Cluster,
    token: Option<&String>,
    config: &Value,
    status: &str,
) -> Result<Option<Update>, EksError> {
    if let Some(same) = cluster.updates.iter().find(|update| token.is_some() && update.token.as_ref() == token) {
        let other = "The client request token was used for another request";
        return if same.is_of(config) { Ok(Some(same.clone())) } else { Err(EksError::invalid_parameter(other)) };
    }
    if cluster.key.is_some() {
        return Err(EksError::invalid_parameter("Encryption is already enabled on the cluster"));
    }
    let name = &cluster.name;
    match cluster.in_progress() {
        Some(other) => Err(EksError::in_use(format!("Cluster {name} currently has update {} in progress", other.id))),
        None if status != "ACTIVE" => {
            Err(EksError::invalid_request(format!("Cluster {name} is not in ACTIVE status: {status}")))
        }
        None => Ok(None),
    }
}

/// The ARN of the key that is meant, if EKS can use it ("KMS key must be symmetric, able to encrypt and decrypt data,
/// created in the same AWS Region as the cluster": EKS User Guide, "Encrypt Kubernetes secrets with KMS").
async fn usable_key(eks: &Eks, wanted: &str) -> Result<String, EksError> {
    let invalid = |why: String| EksError::invalid_parameter(format!("The KMS key {wanted} can't be used: {why}"));
    // moto looks at neither region nor service of an ARN.
    let parts: Vec<&str> = wanted.splitn(6, ':').collect();
    if let ["arn", _, service, region, ..] = parts[..] {
        if service != "kms" {
            return Err(invalid("it is not a KMS key".to_owned()));
        }
        if region != eks.region {
            return Err(invalid(format!("it is in {region}, the cluster is in {}", eks.region)));
        }
    }
    let described = eks.kms.describe_key().key_id(wanted).send().await.map_err(|error| {
        let absent = error.as_service_error().is_some_and(DescribeKeyError::is_not_found_exception);
        let output = DisplayErrorContext(&error).to_string();
        if absent { invalid("it does not exist".to_owned()) } else { EksError::server(output) }
    })?;
    let key = described.key_metadata.ok_or_else(|| invalid("it does not exist".to_owned()))?;
    match key.key_state() {
        Some(KeyState::Enabled) | None => {}
        Some(state) => return Err(invalid(format!("its state is {state}"))),
    }
    match key.key_spec() {
        Some(KeySpec::SymmetricDefault) | None => {}
        Some(spec) => return Err(invalid(format!("it is not symmetric ({spec})"))),
    }
    key.arn.ok_or_else(|| invalid("it has no ARN".to_owned()))
}

/// What takes minutes at EKS.
async fn perform(eks: &Eks, key: &str) -> Result<(), UpdateFailure> {
    let (seconds, failure, rollout) = {
        let mut scenario = lock(&eks.scenario);
        let rollout =
            Rollout { in_force_after: scenario.in_force_after.take(), one_server_old: scenario.one_server_old.take() };
        (scenario.update_seconds, scenario.update_fails.take(), rollout)
    };
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    if let Some(failure) = failure {
        return Err(failure);
    }
    eks.control_plane
        .write_with(eks.kms.clone(), key, rollout)
        .await
        .map_err(|error| UpdateFailure { error_code: "Unknown".to_owned(), error_message: format!("{error:#}") })
}

#[cfg(test)]
mod tests {
    //! Which requests are refused before anything is looked up.
    use super::*;

    fn refusal(request: &Value) -> String {
        key_of(request).unwrap_err().output()
    }

    #[test]
    fn a_request_names_one_key_for_secrets() {
        let good = json!({ "encryptionConfig": [{ "resources": ["secrets"], "provider": { "keyArn": "k" } }] });
        assert_eq!(key_of(&good).unwrap(), "k");
        insta::assert_snapshot!(refusal(&json!({})), @"400 InvalidParameterException: encryptionConfig must have exactly one element");
        let all = json!({ "encryptionConfig": [{ "resources": ["*"], "provider": { "keyArn": "k" } }] });
        insta::assert_snapshot!(refusal(&all), @r#"400 InvalidParameterException: The only supported resource for encryption is "secrets""#);
        let none = json!({ "encryptionConfig": [{ "resources": ["secrets"] }] });
        insta::assert_snapshot!(refusal(&none), @"400 InvalidParameterException: KeyArn is required");
    }
    #[test]
    fn a_call_that_comes_twice_is_one_call() {
        let mut cluster = Cluster::new(&crate::options::Options::default(), "https://127.0.0.1", "");
        let (token, config) = ("t".to_owned(), json!([{ "resources": ["secrets"] }]));
        assert!(same_or_refused(&cluster, Some(&token), &config, "ACTIVE").unwrap().is_none());
        let update = Update::new(Some(token.clone()), config.clone());
        cluster.updates.push(update.clone());
        let same = same_or_refused(&cluster, Some(&token), &config, "UPDATING").unwrap().unwrap();
        assert_eq!(same.id, update.id);
        let other = same_or_refused(&cluster, Some(&token), &json!([]), "UPDATING").unwrap_err().output();
        insta::assert_snapshot!(other, @"400 InvalidParameterException: The client request token was used for another request");
        let busy = same_or_refused(&cluster, None, &config, "UPDATING").unwrap_err().output();
        assert!(busy.starts_with("409 ResourceInUseException"), "{busy}");
    }
}
