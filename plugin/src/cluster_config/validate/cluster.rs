//! What the cluster is called, where it is, and which Kubernetes it runs. Input: `metadata`. Output: the same, as EKS and
//! CloudFormation will take it.

use super::error::ValueError;

/// EKS ("CreateCluster", name) takes underscores too; a CloudFormation stack's name ("CreateStack", StackName) does not.
pub(super) fn name(path: &str, name: String) -> Result<String, ValueError> {
    let refused = |why: String| Err(ValueError::new(path, why));
    if name.is_empty() {
        return refused("is empty".to_owned());
    }
    if name.chars().count() > 100 {
        return refused(format!("is {} characters long; EKS takes 100", name.chars().count()));
    }
    let letter = |c: char| c.is_ascii_alphanumeric();
    if name.chars().all(|c| letter(c) || c == '-' || c == '_') && name.starts_with(letter) {
        if name.contains('_') {
            return refused(format!(
                "is `{name}`, with a `_`: EKS would take it, but the CloudFormation stack is named eks-encrypt-{name}, \
                 and a stack's name has letters, digits and dashes alone"
            ));
        }
        return Ok(name);
    }
    refused(format!("is `{name}`; a cluster's name has letters, digits and dashes alone, and begins with no dash"))
}

/// A region of a partition that the template is right for.
pub(super) fn region(path: &str, region: String) -> Result<String, ValueError> {
    let refused = |why: String| Err(ValueError::new(path, why));
    if region.is_empty() {
        return refused("is empty".to_owned());
    }
    if let Some(shorter) = region.strip_suffix(|c: char| c.is_ascii_lowercase())
        && is_region(shorter)
    {
        return refused(format!("is `{region}`, an availability zone: its region is {shorter}"));
    }
    let mut parts = region.split('-');
    let isolated = parts.next() == Some("eusc") || parts.next().is_some_and(|part| part.starts_with("iso"));
    if isolated && region.ends_with(|c: char| c.is_ascii_digit()) {
        return refused(format!(
            "is `{region}`, in a partition of AWS with names of its own for services and roles, for which `create` has no \
             template; it has one for aws, aws-cn and aws-us-gov"
        ));
    }
    if !is_region(&region) {
        return refused(format!("is `{region}`, which no AWS region is named; one is us-west-2"));
    }
    Ok(region)
}

fn is_region(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let [area, middle @ .., number] = &parts[..] else { return false };
    let word = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    area.len() == 2
        && word(area)
        && !middle.is_empty()
        && middle.iter().all(word)
        && matches!(number.len(), 1 | 2)
        && number.chars().all(|c| c.is_ascii_digit())
}

/// The partition of a region's ARNs.
pub(super) fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// Nothing means EKS's default.
pub(super) fn version(path: &str, version: String) -> Result<Option<String>, ValueError> {
    if version == "auto" {
        return Ok(None);
    }
    let refused = |why: String| Err(ValueError::new(path, why));
    if version == "latest" {
        return refused(
            "is `latest`, which is another version tomorrow, so that a dry run and the run after it could differ: name \
             one, such as \"1.34\", or take the line away for EKS's default"
                .to_owned(),
        );
    }
    match version.strip_prefix("1.") {
        Some(minor) if minor.len() == 2 && minor.chars().all(|c| c.is_ascii_digit()) => Ok(Some(version)),
        _ => refused(format!("is `{version}`; EKS's versions look like \"1.34\", in quotes, without a patch number")),
    }
}
