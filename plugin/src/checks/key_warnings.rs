//! What a person should know of a key that EKS takes, before the cluster depends on it for ever. Input: the key and the
//! cluster. Output: rows of the checks, none of which is a failure.

use crate::aws::client::AwsContext;
use crate::aws::cluster::Cluster;
use crate::aws::key::{Key, Material};
use crate::cause::Cause;
use crate::checks::kms_grants;
use crate::checks::table::Check;
use crate::ui::terminal::one_line;

/// All of them. What does not concern this key is not in the list.
pub(crate) async fn check(aws: &AwsContext, key: &Key, cluster: &Cluster) -> Vec<Check> {
    let mut rows = vec![rotation(aws, key, cluster).await];
    rows.extend(static_warnings(key, cluster));
    rows.push(kms_grants::check(aws, key, cluster).await);
    rows
}

/// Those that need no further right: DescribeKey has said it all. Of the cluster, its account and region are asked.
pub(crate) fn static_warnings(key: &Key, cluster: &Cluster) -> impl Iterator<Item = Check> {
    [expiry(key), account(key, cluster), replicas(key, cluster)].into_iter().flatten()
}

/// Whether KMS makes new key material by itself. EKS can't change a cluster's key: rotation is the only renewal there is.
async fn rotation(aws: &AwsContext, key: &Key, cluster: &Cluster) -> Check {
    const NAME: &str = "key rotation";
    let by_hand = |found: String, cure: &str| Check::warn(NAME, found, Some(cure.to_owned()));
    match &key.material {
        Material::Imported { .. } => {
            return by_hand(
                "KMS can't rotate imported key material by itself".to_owned(),
                "import new material from time to time, then `aws kms rotate-key-on-demand`",
            );
        }
        Material::Store(store) => {
            return by_hand(
                format!("KMS can't rotate a key in its {store} key store"),
                "rotate it in the store, if it can; another key is no way out, because EKS keeps the first",
            );
        }
        Material::Kms => {}
    }
    match aws.kms.get_key_rotation_status().key_id(&key.arn).send().await {
        Ok(status) if status.key_rotation_enabled => {
            let every = status.rotation_period_in_days.map(|days| format!(", every {days} days"));
            Check::ok(NAME, format!("automatic{}", every.unwrap_or_default()))
        }
        Ok(_) => Check::warn(NAME, "automatic rotation is off", Some(enable_rotation_command(key, cluster))),
        Err(error) => {
            let cause = Cause::aws(&error);
            let denied = cause.code.as_deref() == Some("AccessDeniedException");
            Check::warn(
                NAME,
                format!("not known whether it is rotated: {}", one_line(&cause.to_string())),
                denied.then(|| "allow kms:GetKeyRotationStatus on the key to your identity, to see it".to_owned()),
            )
        }
    }
}

/// Only the owner's account may, and only on the primary of several copies.
fn enable_rotation_command(key: &Key, cluster: &Cluster) -> String {
    let arn = key.copies.as_ref().map_or(&key.arn, |copies| &copies.primary);
    let who = if key.account() == cluster.account() { "" } else { ", by an administrator of the key's account" };
    format!(
        "`aws kms enable-key-rotation --key-id {arn}`{who}; its ARN stays the same, and nothing need be encrypted again"
    )
}

/// Imported material that expires makes the key unusable on a day that is known.
fn expiry(key: &Key) -> Option<Check> {
    let Material::Imported { expires: Some(when) } = &key.material else { return None };
    Some(Check::warn(
        "key expiry",
        format!("the imported key material expires at {when}: from then on the cluster can't use the key, and goes down"),
        Some("import the same material again without expiry (`aws kms import-key-material --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE`)".to_owned()),
    ))
}

/// Who else can take the cluster down.
fn account(key: &Key, cluster: &Cluster) -> Option<Check> {
    (key.account() != cluster.account()).then(|| {
        Check::warn(
            "key account",
            format!(
                "the key is account {}'s, the cluster account {}'s: whoever may disable or delete keys there can take this cluster down",
                key.account(),
                cluster.account()
            ),
            Some(format!(
                "agree with the owners that the key stays; the key policy must allow kms:DescribeKey and kms:CreateGrant to account {}",
                cluster.account()
            )),
        )
    })
}

/// What other Regions have to do with it.
fn replicas(key: &Key, cluster: &Cluster) -> Option<Check> {
    let copies = key.copies.as_ref()?;
    let here = cluster.region();
    let others: Vec<&str> = copies.regions.iter().map(String::as_str).filter(|region| *region != here).collect();
    let others = if others.is_empty() { "no other Region yet".to_owned() } else { others.join(", ") };
    Some(Check::warn(
        "key copies",
        format!(
            "a multi-Region key, with copies in: {others}. What it encrypts can be decrypted there too; but the cluster uses the \
             copy in {here} alone, and the others can't stand in for it"
        ),
        None,
    ))
}

#[cfg(test)]
#[path = "key_warnings_tests.rs"]
mod tests;
