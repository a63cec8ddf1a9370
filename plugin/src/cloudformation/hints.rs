//! What helps, by CloudFormation's, EKS's and IAM's words for what went wrong while a cluster was created. Input: their
//! words. Output: a line that follows them; nothing, where nothing is known.

/// What helps.
pub(crate) fn hint_for(words: &str) -> String {
    let words = words.to_ascii_lowercase();
    let has = |word: &str| words.contains(word);
    let denied = has("not authorized") || has("accessdenied") || has("access denied");
    let cure = if has("creategrant") || (has("kms") && denied) {
        "allow kms:CreateGrant and kms:DescribeKey on the key to your identity, without a condition on \
         kms:GrantIsForAWSResource: EKS makes its grant with your rights"
    } else if denied {
        "allow that action to your identity: CloudFormation does everything with your rights"
    } else if has("limitexceeded") || has("limit exceeded") || has("maximum number of") || has("quota") {
        "delete what is not needed any more, or have that quota raised (`aws service-quotas`)"
    } else if has("unsupportedavailabilityzone") || has("does not currently have sufficient capacity") {
        "name other zones in availabilityZones"
    } else if has("insufficientinstancecapacity") || has("insufficient capacity") {
        "name other instance types, or other zones, for that node group"
    } else if has("not supported in your requested availability zone") {
        "not every zone has every instance type: name others in that node group's instanceTypes or availabilityZones"
    } else if has("already exists") {
        "something else has that name: delete it, or choose another"
    } else {
        return String::new();
    };
    format!("\n  what helps: {cure}")
}
