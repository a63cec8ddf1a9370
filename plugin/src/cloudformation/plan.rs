//! What is going to be created, said before it is. Input: what the file asks for, and what the checks have found. Output: text.

use std::collections::BTreeMap;

use crate::cloudformation::plan_text::{billed_parts, list, nat_gateways, nodes, paragraph, pluralize, row, volume};
use crate::cloudformation::subnets::{self, Subnets};
use crate::cloudformation::template::roles::{NODE_POLICIES, SERVICE_POLICIES};
use crate::cluster_config::spec::{Cidr, Group, Nat, Spec, Update};

/// What the checks have found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanInput<'a> {
    /// Whose money it is.
    pub(crate) account: &'a str,
    /// The key's ARN, never an alias.
    pub(crate) key_arn: &'a str,
    /// KMS's word for how the key is: `Enabled`.
    pub(crate) key_state: &'a str,
    /// The zones that were chosen or named.
    pub(crate) zones: &'a [String],
}

/// The whole plan.
pub(crate) fn text(spec: &Spec, found: &PlanInput<'_>) -> Result<String, subnets::Error> {
    let subnets = subnets::divide(spec.network.cidr, found.zones.len())?;
    let head = format!(
        "To be created in {}, account {}, as one CloudFormation stack, {}:",
        spec.region,
        found.account,
        spec.stack()
    );
    let mut text = format!("\n{}\n", paragraph(&head));
    text.push_str(&row("cluster", &spec.name));
    text.push_str(&row("Kubernetes", spec.version.as_deref().unwrap_or("EKS's default version")));
    text.push_str(&row("key", &format!("{}\n{}. {PERMANENT_NOTICE}", found.key_arn, found.key_state)));
    text.push_str(&row("API server", &endpoint_text(spec)));
    text.push_str(&row("access", &access_text(spec)));
    text.push_str(&network_text(spec, found.zones, &subnets));
    text.push_str(&roles_text(spec));
    for group in &spec.groups {
        text.push_str(&row("node group", &group_text(group)));
    }
    if !spec.tags.is_empty() {
        text.push_str(&row("tags", &pairs(&spec.tags)));
    }
    text.push_str("\nThis costs money from its creation until the stack is deleted:\n\n");
    text.push_str(&list(&billed_parts(spec, found.zones.len())));
    for caution in warnings(spec) {
        text.push_str(&format!("\n{}", paragraph(&format!("Be aware: {caution}"))));
    }
    Ok(text)
}

/// The same for `--dry-run`.
pub(crate) fn dry_run(spec: &Spec, found: &PlanInput<'_>) -> Result<String, subnets::Error> {
    Ok(format!("{}\nThis was a dry run: nothing was created.", text(spec, found)?))
}

/// Nobody should find out afterwards.
const PERMANENT_NOTICE: &str = "EKS encrypts Secrets and all other API data with it from the first write on. A cluster can't be taken \
     off its key, and is lost if the key is deleted.";

/// Who reaches the API server.
fn endpoint_text(spec: &Spec) -> String {
    let network = &spec.network;
    let from = if network.public_from.is_empty() { "everywhere".to_owned() } else { network.public_from.join(", ") };
    match (network.public, network.private) {
        (true, false) => format!("public, from {from}"),
        (true, true) => format!("public, from {from}; and private, inside the VPC"),
        (false, true) => "private, inside the VPC alone".to_owned(),
        (false, false) => "not to be reached".to_owned(),
    }
}

fn access_text(spec: &Spec) -> String {
    let admin = match (spec.access.creator_is_admin, spec.access.mode.as_str()) {
        (true, _) => "whoever creates the stack is an administrator of the cluster",
        // Access entries are what the other modes have.
        (false, "CONFIG_MAP") => "whoever creates the stack gets no rights in the cluster",
        (false, _) => {
            "whoever creates the stack gets no rights in the cluster (`aws eks create-access-entry` gives some)"
        }
    };
    format!("{}; {admin}", spec.access.mode)
}

fn network_text(spec: &Spec, zones: &[String], subnets: &Subnets) -> String {
    let ranges = |ranges: &[Cidr]| ranges.iter().map(Cidr::to_string).collect::<Vec<_>>().join(", ");
    let nat = match (spec.network.nat, nat_gateways(spec.network.nat, zones.len())) {
        (Nat::Disable, _) => "none: private subnets have no way to the internet".to_owned(),
        (Nat::Single, _) => format!("1 gateway, in {}", zones.first().map_or("", String::as_str)),
        (Nat::HighlyAvailable, gateways) => format!("{gateways} gateways, one in each zone"),
    };
    [
        row("VPC", &spec.network.cidr.to_string()),
        row("zones", &zones.join(", ")),
        row("subnets", &format!("public: {}\nprivate: {}", ranges(&subnets.public), ranges(&subnets.private))),
        row("NAT", &nat),
    ]
    .concat()
}

fn roles_text(spec: &Spec) -> String {
    let mut roles = format!("for EKS: {}", SERVICE_POLICIES.join(", "));
    if !spec.groups.is_empty() {
        roles.push_str(&format!("\nfor nodes: {}", NODE_POLICIES.join(", ")));
    }
    row("IAM roles", &roles)
}

fn group_text(group: &Group) -> String {
    let place = if group.private { "private" } else { "public" };
    let zones = if group.zones.is_empty() { String::new() } else { format!(" of {}", group.zones.join(", ")) };
    let mut text = format!(
        "{}: {}, in {place} subnets{zones}, {}, {}",
        group.name,
        nodes(group),
        group.ami_type,
        volume(&group.volume)
    );
    if !group.labels.is_empty() {
        text.push_str(&format!("\n  labels: {}", pairs(&group.labels)));
    }
    for taint in &group.taints {
        let value = taint.value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
        text.push_str(&format!("\n  taint: {}{value}:{}", taint.key, taint.effect));
    }
    if !group.tags.is_empty() {
        text.push_str(&format!("\n  tags: {}", pairs(&group.tags)));
    }
    match group.update {
        Some(Update::Nodes(nodes)) => {
            text.push_str(&format!("\n  updates: {} at a time", pluralize(nodes as usize, "node", "nodes")));
        }
        Some(Update::Percent(percent)) => text.push_str(&format!("\n  updates: {percent} % of the nodes at a time")),
        None => {}
    }
    text
}

fn pairs(pairs: &BTreeMap<String, String>) -> String {
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// What is allowed and seldom meant: most of it ends in a stack whose nodes never join.
fn warnings(spec: &Spec) -> Vec<String> {
    let mut cautions = Vec::new();
    let network = &spec.network;
    let somewhere = !network.public_from.is_empty() && !network.public_from.iter().any(|from| from == "0.0.0.0/0");
    if somewhere && !network.private && !spec.groups.is_empty() {
        cautions.push(
            "nodes reach the API server as everybody does, and publicAccessCIDRs must let them in, or they never join and the \
             stack fails. With clusterEndpoints.privateAccess: true they don't need it."
                .to_owned(),
        );
    }
    if !network.public {
        cautions.push(
            "kubectl reaches the cluster from inside its VPC alone, and so does `kubectl eks-encrypt`.".to_owned(),
        );
    }
    if network.nat == Nat::Disable {
        for group in spec.groups.iter().filter(|group| group.private) {
            cautions.push(format!(
                "the nodes of {} have no way to images and to EKS without a NAT gateway: they never join, and the stack fails, \
                 unless vpc.nat.gateway is Single or HighlyAvailable.",
                group.name
            ));
        }
    }
    if spec.groups.is_empty() {
        cautions.push("without node groups, nothing can run in the cluster, CoreDNS included.".to_owned());
    }
    cautions
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
