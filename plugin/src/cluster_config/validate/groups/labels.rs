//! Labels of nodes. A label that the kubelet refuses keeps the node from ever joining, which shows half an hour later as a
//! stack that failed. Input: `labels`. Output: the same.

use std::collections::BTreeMap;

use super::{ValueError, under};

/// Longer ones EKS does not take ("CreateNodegroup", labels).
const MAX_NAME_CHARS: usize = 63;

/// What the kubelet takes of Kubernetes' own names ("kubelet", --node-labels).
const ALLOWED: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

pub(super) fn check(path: &str, labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ValueError> {
    match labels.iter().find_map(|(key, value)| Some((key, invalid_reason(key, value)?))) {
        None => Ok(labels),
        Some((key, why)) => Err(ValueError::new(&under(path, key), why)),
    }
}

fn invalid_reason(key: &str, value: &str) -> Option<String> {
    if let Some(why) = invalid_key_reason(key) {
        return Some(why);
    }
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    let of = |domain: &str| prefix == domain || prefix.ends_with(&format!(".{domain}"));
    if of("eks.amazonaws.com") {
        return Some("is a label that EKS keeps for itself".to_owned());
    }
    let allowed = ALLOWED.iter().any(|domain| of(domain));
    if (of("kubernetes.io") || of("k8s.io")) && !allowed {
        return Some(format!(
            "is a label of Kubernetes' own, with which the kubelet refuses to start: take another prefix, or none ({} are \
             allowed)",
            ALLOWED.join(" and ")
        ));
    }
    if value.is_empty() {
        return Some("has an empty value, which EKS does not take for a label; write \"true\", say".to_owned());
    }
    invalid_value_reason(value)
}

/// Kubernetes' rule for the name of a label or a taint ("Labels and Selectors").
pub(super) fn invalid_key_reason(key: &str) -> Option<String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let domain = |text: &str| {
        text.split('.').all(|part| is_word(part) && part.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')))
    };
    if key.chars().count() > MAX_NAME_CHARS {
        return Some(format!("has a name longer than {MAX_NAME_CHARS} characters, the most that EKS takes"));
    }
    let good = is_word(name) && prefix.is_none_or(domain);
    (!good).then(|| format!("is named `{key}`; Kubernetes takes NAME or PREFIX/NAME, such as team or example.com/team"))
}

/// Kubernetes' rule for the value.
pub(super) fn invalid_value_reason(value: &str) -> Option<String> {
    if value.chars().count() > MAX_NAME_CHARS {
        return Some(format!("has a value longer than {MAX_NAME_CHARS} characters, the most that Kubernetes takes"));
    }
    let good = value.is_empty() || is_word(value);
    (!good).then(|| {
        format!("has value `{value}`; Kubernetes takes letters, digits, `-`, `_` and `.`, the latter three inside")
    })
}

fn is_word(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(letter)
        && text.ends_with(letter)
        && text.chars().all(|c| letter(c) || matches!(c, '-' | '_' | '.'))
}
