//! AWS tags. Input: `tags` of the cluster or of a group. Output: the same, as every service will take them.

use std::collections::BTreeMap;

use super::error::ValueError;
use super::field_path::under;

/// AWS takes 50 for each resource ("Tagging AWS resources"). The rest is for those that are added on the way: `Name`, the
/// load balancers' mark of subnets, ours of the stack, and those that EKS puts on instances.
pub(super) const MAX_TAGS: usize = 40;

/// `others` come from elsewhere, to the same resources.
pub(super) fn check(
    path: &str,
    tags: BTreeMap<String, String>,
    others: usize,
) -> Result<BTreeMap<String, String>, ValueError> {
    let count = tags.len() + others;
    if count > MAX_TAGS {
        let with = if others > 0 { " with those of metadata.tags" } else { "" };
        return Err(ValueError::new(
            path,
            format!("has {count} tags{with}; {MAX_TAGS} fit beside those that AWS and `create` add"),
        ));
    }
    if tags.contains_key("") {
        return Err(ValueError::new(path, "has a tag without a name"));
    }
    // IAM's roles get the stack's tags, and to IAM `Team` and `team` are one ("Tag", API reference).
    let mut seen = BTreeMap::new();
    for key in tags.keys() {
        if let Some(other) = seen.insert(key.to_lowercase(), key) {
            return Err(ValueError::new(
                &under(path, key),
                format!("differs from {other} in capitals alone, which AWS takes for twice"),
            ));
        }
    }
    match tags.iter().find_map(|(key, value)| Some((key, invalid_reason(key, value)?))) {
        None => Ok(tags),
        Some((key, why)) => Err(ValueError::new(&under(path, key), why)),
    }
}

fn invalid_reason(key: &str, value: &str) -> Option<String> {
    // IAM's rule ("Tag", API reference), which is the narrowest: roles get the stack's tags too.
    let letter = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    let wrong = |text: &str| text.chars().find(|c| !letter(*c));
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Some("begins with aws:, which AWS keeps for itself".to_owned());
    }
    if key.chars().count() > 128 {
        return Some("is longer than 128 characters, the most that a tag's name has".to_owned());
    }
    if value.chars().count() > 256 {
        return Some("has a value longer than 256 characters, the most that a tag's has".to_owned());
    }
    let c = wrong(key).or_else(|| wrong(value))?;
    Some(format!("has `{c}` in it; tags have letters, digits, blanks and _.:/=+-@ alone"))
}
