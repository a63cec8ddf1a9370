//! EKS's words for what went wrong, and what helps. Input: an update's errors, or a refusal's message. Output: text that
//! follows the words; nothing, where nothing is known.

use crate::aws::updates::UpdateError;

/// An update's errors, a line each, and what to do about those that are known.
pub(crate) fn describe_errors(errors: &[UpdateError]) -> String {
    if errors.is_empty() {
        return "; EKS gives no reason".to_owned();
    }
    let line = |error: &UpdateError| {
        let about =
            if error.resources.is_empty() { String::new() } else { format!(" ({})", error.resources.join(", ")) };
        format!(
            "\n  {}: {}{about}{}",
            error.code,
            error.message,
            hint_for(&format!("{} {}", error.code, error.message))
        )
    };
    errors.iter().map(line).collect()
}

/// What helps, by the words in EKS's message.
pub(crate) fn hint_for(words: &str) -> String {
    let has = |word: &str| words.to_ascii_lowercase().contains(word);
    let cure = if has("creategrant") || has("kms") && (has("denied") || has("not authorized")) {
        "allow kms:CreateGrant and kms:DescribeKey on the key to your identity, without a condition on \
         kms:GrantIsForAWSResource; then run the same command again"
    } else if has("not authorized") || has("accessdenied") {
        "allow eks:AssociateEncryptionConfig on the cluster to your identity"
    } else if has("does not exist") || has("notfound") {
        "check that the key and the cluster's role still exist; EKS says this also where a key policy denies them"
    } else {
        return String::new();
    };
    format!("\n  what helps: {cure}")
}
