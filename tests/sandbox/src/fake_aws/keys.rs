//! KMS keys of every kind that `create` may be given.

use anyhow::Context;
use aws_sdk_kms::Client;
use aws_sdk_kms::types::KeySpec;

use crate::aws::keys::{create, id};

/// A key that passes every look at it, and of which EKS may nevertheless make no grant.
const NO_GRANTS: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"},
    {"Effect":"Deny","Principal":"*","Action":"kms:CreateGrant","Resource":"*"}]}"#;

/// What a key is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As EKS wants it.
    Good,
    /// Disabled.
    Disabled,
    /// Asymmetric.
    Rsa,
    /// To be deleted in some days.
    PendingDeletion,
    /// Good to look at, but its policy denies `kms:CreateGrant` (which our EKS models ask, and moto does not).
    NoGrants,
}

/// Makes a key and answers its ARN.
pub(super) async fn make(kms: &Client, kind: Kind) -> anyhow::Result<String> {
    let spec = (kind == Kind::Rsa).then_some(KeySpec::Rsa2048);
    let key = create(kms, &format!("{kind:?}"), spec).await?;
    match kind {
        Kind::Good | Kind::Rsa => {}
        Kind::Disabled => {
            kms.disable_key().key_id(id(&key)).send().await.context("DisableKey")?;
        }
        Kind::PendingDeletion => {
            kms.schedule_key_deletion().key_id(id(&key)).send().await.context("ScheduleKeyDeletion")?;
        }
        Kind::NoGrants => {
            // "The only valid value is `default`" (KMS API Reference, PutKeyPolicy), and moto has no default for it.
            let put = kms.put_key_policy().key_id(id(&key)).policy_name("default").policy(NO_GRANTS);
            put.send().await.context("PutKeyPolicy")?;
        }
    }
    Ok(key)
}

/// Gives a key an alias.
pub(super) async fn alias(kms: &Client, name: &str, key: &str) -> anyhow::Result<()> {
    kms.create_alias().alias_name(name).target_key_id(id(key)).send().await.context("CreateAlias")?;
    Ok(())
}
