//! Who else uses the key, as far as its grants show: what is shared can be taken away for another's sake. Input:
//! ListGrants. Output: a row of the checks. Uses that a key policy or IAM allows leave no grant and can't be seen.

use aws_sdk_kms::types::GrantListEntry;

use crate::aws::client::AwsContext;
use crate::aws::cluster::Cluster;
use crate::aws::key::Key;
use crate::cause::Cause;
use crate::checks::table::Check;
use crate::ui::progress::thousands;
use crate::ui::terminal::one_line;

const NAME: &str = "key use";

/// How many grants are looked at, by pages of 100 (KMS's most): a key of many EBS volumes has tens of thousands.
const MAX_PAGES: usize = 5;

/// How many of the others are named.
const MAX_NAMED: usize = 3;

/// What helps before the key is associated.
const ADVICE_BEFORE: &str = "a key of the cluster's own: who disables or deletes a shared one takes the cluster down too, and EKS \
    can't change the key later";

/// And afterwards.
const ADVICE_AFTER: &str = "tell its other users that this key must stay: who disables or deletes it takes the cluster down, and \
    EKS can't change the key any more";

/// Looks at the grants.
pub(crate) async fn check(aws: &AwsContext, key: &Key, cluster: &Cluster) -> Check {
    let (grants, more) = match list(aws, key).await {
        Ok(answer) => answer,
        Err(cause) => {
            let denied = cause.code.as_deref() == Some("AccessDeniedException");
            return Check::warn(
                NAME,
                format!("not known who else uses the key: {}", one_line(&cause.to_string())),
                denied.then(|| "allow kms:ListGrants on the key to your identity, to see it".to_owned()),
            );
        }
    };
    let others: Vec<&GrantListEntry> = grants.iter().filter(|grant| !is_for_cluster(grant, key, cluster)).collect();
    if others.is_empty() {
        let among = if more { format!(" among the first {}", grants.len()) } else { String::new() };
        return Check::ok(
            NAME,
            format!("no grant to others{among} (what key policies and IAM allow is not seen here)"),
        );
    }
    let mut named: Vec<String> = Vec::new();
    for user in others.iter().map(|grant| user(grant)) {
        if !named.contains(&user) {
            named.push(user);
        }
    }
    let rest = named.len().saturating_sub(MAX_NAMED);
    named.truncate(MAX_NAMED);
    let and = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    let least = if more { "at least " } else { "" };
    let plural = if others.len() == 1 && !more { "grant lets" } else { "grants let" };
    let count = thousands(others.len() as u64);
    Check::warn(
        NAME,
        format!("shared: {least}{count} {plural} others use the key: {}{and}", named.join(", ")),
        Some(if is_associated(key, cluster) { ADVICE_AFTER } else { ADVICE_BEFORE }.to_owned()),
    )
}

/// The grants, and whether there are more than were looked at.
async fn list(aws: &AwsContext, key: &Key) -> Result<(Vec<GrantListEntry>, bool), Cause> {
    let (mut all, mut marker) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let call = aws.kms.list_grants().key_id(&key.arn).limit(100).set_marker(marker);
        let page = call.send().await.map_err(|error| Cause::aws(&error))?;
        all.extend(page.grants.unwrap_or_default());
        marker = page.next_marker.filter(|_| page.truncated);
        if marker.is_none() {
            return Ok((all, false));
        }
    }
    Ok((all, true))
}

/// Whether a grant is this cluster's. EKS does not document what its grants look like: one that names a cluster is that
/// cluster's; one that names none is taken for ours only where EKS has this key for this cluster already, and the grantee
/// is EKS or the cluster's role.
fn is_for_cluster(grant: &GrantListEntry, key: &Key, cluster: &Cluster) -> bool {
    let named = clusters(grant);
    if !named.is_empty() {
        return named.contains(&cluster.arn.as_str());
    }
    let grantee = grantee(grant);
    let eks = grantee.starts_with("eks.") || grantee == cluster.role;
    eks && is_associated(key, cluster)
}

fn is_associated(key: &Key, cluster: &Cluster) -> bool {
    cluster.key.as_deref() == Some(&key.arn)
}

/// The clusters that its constraints name.
fn clusters(grant: &GrantListEntry) -> Vec<&str> {
    let Some(only) = &grant.constraints else { return Vec::new() };
    let contexts = [&only.encryption_context_subset, &only.encryption_context_equals];
    let values = contexts.into_iter().flatten().flat_map(|context| context.values());
    let all = values.chain(only.source_arn.as_ref()).map(String::as_str);
    all.filter(|value| value.contains(":eks:") && value.contains(":cluster/")).collect()
}

/// By what a person knows the other user.
fn user(grant: &GrantListEntry) -> String {
    let known = clusters(grant).first().copied().unwrap_or_else(|| grantee(grant));
    if known.is_empty() { "somebody whom KMS does not name".to_owned() } else { one_line(known) }
}

fn grantee(grant: &GrantListEntry) -> &str {
    let who = [&grant.grantee_service_principal, &grant.grantee_principal];
    who.into_iter().flatten().next().map(String::as_str).unwrap_or_default()
}

#[cfg(test)]
#[path = "kms_grants_tests.rs"]
mod tests;
