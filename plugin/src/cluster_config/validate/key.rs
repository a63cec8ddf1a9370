//! The key's name, as far as it can be judged without asking KMS. A wrong one would else show minutes later, as a stack
//! that failed. Input: `secretsEncryption.keyARN`. Output: the same. Forms: AWS KMS Developer Guide, "Key identifiers".

use super::cluster::partition;
use super::error::ValueError;

const FORMS: &str =
    "a key's ARN is arn:aws:kms:REGION:ACCOUNT:key/ID; a key ID, alias/NAME or an alias's ARN will do too";

/// Whatever names a key of the region: EKS takes no other ("EncryptionConfig", "Provider").
pub(super) fn check(path: &str, key: String, region: &str) -> Result<String, ValueError> {
    let good = match key.strip_prefix("arn:") {
        Some(rest) => in_arn(&key, rest, region).and_then(|resource| {
            let id = resource.strip_prefix("key/");
            name(&key, resource, id)
        }),
        None => name(&key, &key, Some(&key)),
    };
    good.map_err(|why| ValueError::new(path, why))?;
    Ok(key)
}

/// What an ARN names, if it is one of KMS in the right place.
fn in_arn<'a>(key: &str, rest: &'a str, region: &str) -> Result<&'a str, String> {
    let parts: Vec<_> = rest.splitn(5, ':').collect();
    let [in_partition, service, in_region, account, resource] = parts[..] else {
        return Err(format!("is `{key}`, an ARN cut short; {FORMS}"));
    };
    if service != "kms" {
        return Err(format!("is `{key}`, an ARN of {service}, not of kms; {FORMS}"));
    }
    if in_region != region {
        return Err(format!(
            "is a key of region `{in_region}`, but metadata.region is {region}: EKS takes only a key of the cluster's region"
        ));
    }
    let partition = partition(region);
    if in_partition != partition {
        return Err(format!(
            "is of partition `{in_partition}`, but region {region} is in {partition}: arn:{partition}:kms:..."
        ));
    }
    if account.len() != 12 || !account.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!("is of account `{account}`, but an account's number has 12 digits"));
    }
    Ok(resource)
}

/// An alias, or the ID that is there in its place.
fn name(key: &str, resource: &str, id: Option<&str>) -> Result<(), String> {
    let alias = resource.strip_prefix("alias/");
    if alias.is_some_and(|name| name.starts_with("aws/")) {
        return Err(format!(
            "is `{key}`, a key that AWS manages, which EKS does not take; make one of your own: `aws kms create-key`"
        ));
    }
    match alias.map_or_else(|| id.is_some_and(is_id), is_alias) {
        true => Ok(()),
        false if key.is_empty() => Err(format!("is empty; {FORMS}")),
        false => Err(format!("is `{key}`, which names no KMS key; {FORMS}")),
    }
}

fn is_alias(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-'))
}

/// `1234abcd-12ab-34cd-56ef-1234567890ab`, or `mrk-` and 32 digits for a multi-Region key.
fn is_id(text: &str) -> bool {
    let hex = |part: &str| part.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    match text.strip_prefix("mrk-") {
        Some(digits) => digits.len() == 32 && hex(digits),
        None => text.split('-').all(hex) && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]),
    }
}
