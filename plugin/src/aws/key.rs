//! The KMS key: found by whatever name the person gave, and checked as EKS will. Input: DescribeKey. Output: a plain
//! `Key`, whose ARN is what everything else compares.

use aws_sdk_kms::primitives::DateTimeFormat;
use aws_sdk_kms::types::{
    ExpirationModelType, KeyManagerType, KeyMetadata, KeySpec, KeyState, KeyUsageType, MultiRegionKey, OriginType,
};
use eks_encrypt_job::wire::exit::ExitCode;

use crate::aws::client::AwsContext;
use crate::cause::Cause;
use crate::error::HasExitCode;

/// A key that EKS will take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its ARN: never an alias.
    pub(crate) arn: String,
    /// Where its key material comes from.
    pub(crate) material: Material,
    /// Its copies, if it is a multi-Region key.
    pub(crate) copies: Option<Replicas>,
}

/// Where key material comes from: it decides who can rotate it, and who can lose it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Material {
    /// KMS made it.
    #[default]
    Kms,
    /// Imported; until when, if it expires.
    Imported { expires: Option<String> },
    /// It lives in a custom key store: `AWS CloudHSM` or `external`.
    Store(&'static str),
}

/// A multi-Region key's copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replicas {
    /// The primary key's ARN; rotation is its business.
    pub(crate) primary: String,
    /// The regions of all, this one's too.
    pub(crate) regions: Vec<String>,
}

impl Key {
    /// The account that owns the key.
    pub(crate) fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The name is an ARN of another region.
    #[error("KMS key {key} is in {there}, the cluster in {here}: EKS takes only a key of the cluster's region")]
    OtherRegion { key: String, there: String, here: String },
    /// DescribeKey failed.
    #[error(
        "can't describe KMS key {key} (you need kms:DescribeKey and kms:CreateGrant on it; another account's key must allow both in its key policy)"
    )]
    Describe {
        key: String,
        #[source]
        source: Cause,
    },
    /// It is a cluster's key already, and hidden from us.
    #[error("you may not describe KMS key {key} (needs kms:DescribeKey)")]
    Hidden {
        key: String,
        #[source]
        source: Cause,
    },
    /// EKS would not take it, or it would take the cluster down.
    #[error("KMS key {key} can't encrypt a cluster: {why}")]
    Unusable { key: String, why: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// Finds the key and refuses one that EKS would refuse.
pub(crate) async fn check(aws: &AwsContext, named: &str) -> Result<Key, Error> {
    check_region(named, &aws.region)?;
    let described = describe(aws, named).await.map_err(|source| Error::Describe { key: named.to_owned(), source })?;
    let arn = described.arn.clone().unwrap_or_else(|| named.to_owned());
    check_region(&arn, &aws.region)?;
    match ineligible_reason(&described) {
        None => Ok(Key { arn, material: key_material(&described), copies: key_replicas(&described) }),
        Some(why) => Err(Error::Unusable { key: arn, why }),
    }
}

/// The same for the key that a cluster has already. It is often a security account's, and who works with the cluster a stranger
/// there.
pub(crate) async fn check_associated(aws: &AwsContext, arn: &str) -> Result<Key, Error> {
    match check(aws, arn).await {
        Err(Error::Describe { key, source }) if source.code.as_deref() == Some("AccessDeniedException") => {
            Err(Error::Hidden { key, source })
        }
        checked => checked,
    }
}

/// Whether two names mean one key. EKS may know it by an alias; a key that we may not describe, or that is not there any
/// more, is compared by its ARN. Without an answer, or with an alias that can't be looked up, nobody knows.
pub(crate) async fn is_same_key(aws: &AwsContext, key: &Key, other: &str) -> Result<bool, Cause> {
    if key.arn == other {
        return Ok(true);
    }
    match describe(aws, other).await {
        Ok(described) => Ok(described.arn.as_deref() == Some(&key.arn)),
        Err(cause)
            if !other.contains(":alias/")
                && matches!(cause.code.as_deref(), Some("AccessDeniedException" | "NotFoundException")) =>
        {
            Ok(false)
        }
        Err(cause) => Err(cause),
    }
}

async fn describe(aws: &AwsContext, named: &str) -> Result<KeyMetadata, Cause> {
    let answer = aws.kms.describe_key().key_id(named).send().await.map_err(|error| Cause::aws(&error))?;
    answer
        .key_metadata
        .ok_or_else(|| Cause::from_error(&std::io::Error::other("KMS answered without the key's metadata")))
}

/// An ARN says its region: asking the cluster's region for it would only be answered "not found".
fn check_region(key: &str, here: &str) -> Result<(), Error> {
    match key.split(':').nth(3).filter(|_| key.starts_with("arn:")) {
        Some(there) if there != here => {
            Err(Error::OtherRegion { key: key.to_owned(), there: there.to_owned(), here: here.to_owned() })
        }
        _ => Ok(()),
    }
}

/// The rules of EKS, and what to do about each.
fn ineligible_reason(key: &KeyMetadata) -> Option<String> {
    if key.key_manager == Some(KeyManagerType::Aws) {
        return Some("AWS manages it (an aws/... alias); make a key of your own: `aws kms create-key`".into());
    }
    if let Some(spec) = key.key_spec.as_ref().filter(|spec| **spec != KeySpec::SymmetricDefault) {
        return Some(format!("its spec is {}, it must be SYMMETRIC_DEFAULT; make another key", spec.as_str()));
    }
    // Absent means ENCRYPT_DECRYPT: not every KMS endpoint says what is the default.
    if let Some(usage) = key.key_usage.as_ref().filter(|usage| **usage != KeyUsageType::EncryptDecrypt) {
        return Some(format!("its usage is {}, it must be ENCRYPT_DECRYPT; make another key", usage.as_str()));
    }
    match &key.key_state {
        Some(KeyState::Enabled) => None,
        None if key.enabled => None,
        Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
            Some("it is going to be deleted; `aws kms cancel-key-deletion` and `aws kms enable-key` first".into())
        }
        Some(KeyState::Disabled) => Some("it is Disabled; `aws kms enable-key` first".into()),
        state => Some(format!("it is {}, it must be Enabled", state.as_ref().map_or("not enabled", KeyState::as_str))),
    }
}

fn key_material(key: &KeyMetadata) -> Material {
    match &key.origin {
        Some(OriginType::External) => {
            let expires = key.expiration_model == Some(ExpirationModelType::KeyMaterialExpires);
            let time = key.valid_to.as_ref().and_then(|time| time.fmt(DateTimeFormat::DateTime).ok());
            Material::Imported {
                expires: expires.then(|| time.unwrap_or_else(|| "a time that KMS does not give".into())),
            }
        }
        Some(OriginType::ExternalKeyStore) => Material::Store("external"),
        Some(OriginType::AwsCloudhsm) => Material::Store("AWS CloudHSM"),
        _ if key.custom_key_store_id.is_some() => Material::Store("custom"),
        _ => Material::Kms,
    }
}

fn key_replicas(key: &KeyMetadata) -> Option<Replicas> {
    let known = key.multi_region_configuration.as_ref().filter(|_| key.multi_region == Some(true))?;
    let all = known.primary_key.iter().chain(known.replica_keys());
    let region = |key: &MultiRegionKey| key.region.clone();
    Some(Replicas {
        primary: known.primary_key.as_ref().and_then(|key| key.arn.clone()).unwrap_or_default(),
        regions: all.filter_map(region).collect(),
    })
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
