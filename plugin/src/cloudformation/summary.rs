//! The last words after a cluster was created: what is there now, what costs money, how to be rid of it, and what to do next.
//! Input: what was asked for, and what has become of it. Output: text.

use std::time::Duration;

use crate::cloudformation::plan_text::{billed_parts, list, nodes, paragraph, row};
use crate::cluster_config::spec::Spec;
use crate::ui::progress::elapsed;

/// What has become of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Created<'a> {
    /// The account.
    pub(crate) account: &'a str,
    /// The key, as DescribeCluster names it.
    pub(crate) key_arn: &'a str,
    /// The Kubernetes version.
    pub(crate) version: &'a str,
    /// The API server's address.
    pub(crate) endpoint: &'a str,
    /// How many zones it is in.
    pub(crate) zones: usize,
    /// The kubeconfig's context; nothing, where none was written.
    pub(crate) context: Option<&'a str>,
    /// The command that deletes all of it.
    pub(crate) delete: &'a str,
    /// The commands that look at it.
    pub(crate) look: &'a [String],
    /// How long it took.
    pub(crate) took: Duration,
}

/// The whole text.
pub(crate) fn text(spec: &Spec, created: &Created<'_>) -> String {
    let Spec { name, region, .. } = spec;
    let head = "Created and checked: EKS says that the cluster has your key, from its first write on.";
    let mut text = format!("\n{}\n", paragraph(head));
    text.push_str(&row("cluster", &format!("{name} ({region}, account {})", created.account)));
    text.push_str(&row("key", created.key_arn));
    text.push_str(&row("Kubernetes", &format!("{}, {}", created.version, created.endpoint)));
    for group in &spec.groups {
        text.push_str(&row("node group", &format!("{}: {}", group.name, nodes(group))));
    }
    text.push_str(&row("context", created.context.unwrap_or("none was written into a kubeconfig")));
    text.push_str(&row("stack", &spec.stack()));
    text.push_str(&row("took", &elapsed(created.took)));
    text.push_str("\nThis costs money until it is deleted:\n\n");
    text.push_str(&list(&billed_parts(spec, created.zones)));
    text.push_str(&deletion_text(spec, created.delete));
    text.push_str("\nTo look at it:\n\n");
    created.look.iter().for_each(|command| text.push_str(&format!("  {command}\n")));
    text
}

fn deletion_text(spec: &Spec, delete: &str) -> String {
    let mut stays =
        vec!["the KMS key, which was there before".to_owned(), "this cluster's entry in kubeconfigs".to_owned()];
    if !spec.logs.is_empty() {
        stays.push(format!("the log group /aws/eks/{}/cluster in CloudWatch", spec.name));
    }
    let made = "what Kubernetes makes in AWS: load balancers and the volumes of PersistentVolumeClaims. Delete their Services, \
                Ingresses and claims first, with kubectl: a load balancer also keeps the VPC from being deleted";
    stays.push(made.to_owned());
    format!("\nThis deletes it:\n\n  {}\n\nbut not:\n\n{}", delete, list(&stays))
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
