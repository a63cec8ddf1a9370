//! What EKS itself says is wrong with the cluster. Input: DescribeCluster's health. Output: a row of the checks. What
//! concerns the cluster's key is a failure: Secrets can't be written, or soon not even be read.

use crate::aws::cluster::{Cluster, Issue};
use crate::checks::table::Check;
use crate::ui::terminal::one_line;

const NAME: &str = "cluster health";

/// The issues that mean the key, and what helps. (EKS's list of codes: `ClusterIssueCode`.)
const KEY_ISSUES: [(&str, &str); 4] = [
    ("KmsKeyDisabled", "`aws kms enable-key` on the cluster's key, at once: a disabled key takes the cluster down"),
    (
        "KmsKeyMarkedForDeletion",
        "`aws kms cancel-key-deletion` and `aws kms enable-key` on the cluster's key, at once: a deleted key can't be \
         had back, nor can what it encrypted",
    ),
    ("KmsKeyNotFound", "ask AWS Support: the cluster's key is gone, and what it encrypted can't be read without it"),
    (
        "KmsGrantRevoked",
        "ask AWS Support: the grant by which EKS uses the cluster's key was revoked, and only EKS makes it",
    ),
];

/// Judges them all.
pub(crate) fn check(cluster: &Cluster) -> Check {
    if cluster.issues.is_empty() {
        return Check::ok(NAME, "EKS reports no issue");
    }
    let found = cluster.issues.iter().map(describe).collect::<Vec<_>>().join("\n");
    let cures = cluster.issues.iter().filter_map(|issue| KEY_ISSUES.iter().find(|(code, _)| *code == issue.code));
    let cures: Vec<&str> = cures.map(|(_, cure)| *cure).collect();
    // A code that is newer than this program and speaks of KMS is taken for one of the key's.
    if cluster.issues.iter().any(|issue| issue.code.starts_with("Kms")) {
        return Check::failed(NAME, found, Some(cures.join("\n")).filter(|cure| !cure.is_empty()));
    }
    let name = &cluster.name;
    Check::warn(
        NAME,
        found,
        Some(format!(
            "mend it before an update of EKS fails for it: `aws eks describe-cluster --name {name} --query cluster.health`"
        )),
    )
}

/// `KmsKeyDisabled: The key is disabled (arn:...)`.
fn describe(issue: &Issue) -> String {
    let message = if issue.message.is_empty() { String::new() } else { format!(": {}", issue.message) };
    let about = if issue.resources.is_empty() { String::new() } else { format!(" ({})", issue.resources.join(", ")) };
    one_line(&format!("{}{message}{about}", issue.code))
}

#[cfg(test)]
mod tests {
    //! Which issues stop us.
    use super::*;
    use crate::testing::{cluster, row};
    use aws_sdk_eks::types::ClusterIssueCode;
    use insta::assert_snapshot;

    fn with(issues: &[(&str, &str)]) -> Cluster {
        let issue = |(code, message): &(&str, &str)| Issue {
            code: (*code).into(),
            message: (*message).into(),
            resources: vec!["arn:k".into()],
        };
        Cluster { issues: issues.iter().map(issue).collect(), ..cluster(None) }
    }

    #[test]
    fn every_kind() {
        let told = [
            row(check(&cluster(None))),
            row(check(&with(&[("KmsKeyDisabled", "The KMS key is\ndisabled"), ("Other", "")]))),
            row(check(&with(&[("KmsKeyMarkedForDeletion", "")]))),
            row(check(&with(&[("KmsGrantRevoked", ""), ("KmsKeyNotFound", "")]))),
            row(check(&with(&[("KmsNewerThanWe", "")]))),
            row(check(&with(&[("IamRoleNotFound", "The role is gone"), ("Ec2SubnetNotFound", "")]))),
        ];
        assert_snapshot!(told.join("\n"), @r"
        ok    cluster health       EKS reports no issue
        FAIL  cluster health       KmsKeyDisabled: The KMS key is\ndisabled (arn:k)
                                   Other (arn:k)
                                   what helps: `aws kms enable-key` on the cluster's key, at once: a disabled key takes the
                                     cluster down
        FAIL  cluster health       KmsKeyMarkedForDeletion (arn:k)
                                   what helps: `aws kms cancel-key-deletion` and `aws kms enable-key` on the cluster's key, at
                                     once: a deleted key can't be had back, nor can what it encrypted
        FAIL  cluster health       KmsGrantRevoked (arn:k)
                                   KmsKeyNotFound (arn:k)
                                   what helps: ask AWS Support: the grant by which EKS uses the cluster's key was revoked, and
                                     only EKS makes it
                                   ask AWS Support: the cluster's key is gone, and what it encrypted can't be read without it
        FAIL  cluster health       KmsNewerThanWe (arn:k)
        warn  cluster health       IamRoleNotFound: The role is gone (arn:k)
                                   Ec2SubnetNotFound (arn:k)
                                   what helps: mend it before an update of EKS fails for it:
                                     `aws eks describe-cluster --name shop --query cluster.health`
        ");
    }

    #[test]
    fn every_code_of_a_key_that_eks_has_is_known() {
        for code in ClusterIssueCode::values().iter().filter(|code| code.starts_with("Kms")) {
            assert!(KEY_ISSUES.iter().any(|(known, _)| known == code), "{code}");
        }
    }
}
