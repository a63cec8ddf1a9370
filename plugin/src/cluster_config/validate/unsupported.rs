//! Fields of eksctl that `create` does not support, so that nobody is told that they don't exist. Kept by hand, from
//! eksctl's "Config file schema" (v1alpha5). Input: a field. Output: what to do instead.

use super::field_path::{any_item, item, under};
use crate::cluster_config::yaml::{Field, Node, Value};

/// What stands under a place, and what to do with it.
struct UnsupportedFields {
    place: &'static str,
    names: &'static [&'static str],
    cure: Option<&'static str>,
}

const fn unsupported(
    place: &'static str,
    names: &'static [&'static str],
    cure: Option<&'static str>,
) -> UnsupportedFields {
    UnsupportedFields { place, names, cure }
}

const EKSCTL: &str = "remove it, or make the cluster with eksctl and then run `kubectl eks-encrypt enable`";
const VPC_REMEDIATION: &str = "remove it, because the cluster gets a VPC of its own; for another VPC, make the cluster with eksctl \
    and then run `kubectl eks-encrypt enable`";
const ADD_LATER: &str = "remove it, and set it up with eksctl or AWS's own tools when the cluster is there";

/// All of them.
const UNSUPPORTED: [UnsupportedFields; 15] = [
    unsupported("", &["nodeGroups"], Some("write `managedNodeGroups` instead")),
    unsupported(
        "",
        &["addons", "addonsConfig"],
        Some("remove it, because EKS brings vpc-cni, kube-proxy and coredns; add others when the cluster is there"),
    ),
    unsupported(
        "",
        &["capabilities", "fargateProfiles", "gitops", "iam", "iamIdentityMappings", "identityProviders", "karpenter"],
        Some(ADD_LATER),
    ),
    unsupported(
        "",
        &[
            "autoModeConfig",
            "controlPlaneScalingConfig",
            "deletionProtection",
            "git",
            "kubeAPIServerConfig",
            "kubeControllerManagerConfig",
            "kubeSchedulerConfig",
            "kubernetesNetworkConfig",
            "localZones",
            "outpost",
            "privateCluster",
            "remoteNetworkConfig",
            "status",
            "upgradePolicy",
            "zonalShiftConfig",
        ],
        None,
    ),
    unsupported("metadata", &["accountID", "forceUpdateVersion", "rollbackConfig"], None),
    unsupported("vpc", &["id", "subnets", "securityGroup", "sharedNodeSecurityGroup"], Some(VPC_REMEDIATION)),
    unsupported("vpc", &["controlPlaneSubnetIDs", "controlPlaneSecurityGroupIDs"], Some(VPC_REMEDIATION)),
    unsupported("vpc", &["autoAllocateIPv6", "extraCIDRs", "extraIPv6CIDRs", "ipv6Cidr", "ipv6Pool"], None),
    unsupported("vpc", &["controlPlaneEgressMode", "controlPlaneOnPrivateSubnets", "hostnameType"], None),
    unsupported("vpc", &["manageSharedNodeSecurityGroupRules"], None),
    unsupported("accessConfig", &["accessEntries"], Some(ADD_LATER)),
    unsupported("cloudWatch.clusterLogging", &["logRetentionInDays"], Some(ADD_LATER)),
    unsupported(
        "managedNodeGroups[]",
        &["subnets", "securityGroups", "localZones"],
        Some("remove it, because the group gets the subnets and the security group that are made for the cluster"),
    ),
    unsupported(
        "managedNodeGroups[]",
        &["iam"],
        Some(
            "remove it, because all groups share one role, made for the cluster; add policies when the cluster is there",
        ),
    ),
    unsupported(
        "managedNodeGroups[]",
        &[
            "additionalEncryptedVolume",
            "additionalVolumes",
            "ami",
            "asgSuspendProcesses",
            "bottlerocket",
            "capacityReservation",
            "disableIMDSv1",
            "disablePodIMDS",
            "ebsOptimized",
            "efaEnabled",
            "enableDetailedMonitoring",
            "instanceMarketOptions",
            "instanceName",
            "instancePrefix",
            "instanceSelector",
            "launchTemplate",
            "maxPodsPerNode",
            "nodeRepairConfig",
            "outpostARN",
            "overrideBootstrapCommand",
            "placement",
            "preBootstrapCommands",
            "propagateASGTags",
            "releaseVersion",
            "ssh",
            "volumeEncrypted",
            "volumeIOPS",
            "volumeKmsKeyID",
            "volumeName",
            "volumeThroughput",
        ],
        None,
    ),
];

/// Those of a place, such as `managedNodeGroups[]`.
pub(super) fn fields_of(place: &str) -> impl Iterator<Item = &'static str> {
    UNSUPPORTED.iter().filter(move |known| known.place == place).flat_map(|known| known.names.iter().copied())
}

/// What to do instead, if this is one of them.
pub(super) fn remediation(place: &str, name: &str) -> Option<&'static str> {
    let known = UNSUPPORTED.iter().find(|known| known.place == place && known.names.contains(&name))?;
    Some(known.cure.unwrap_or(EKSCTL))
}

/// The paths and lines of all of them that a file has.
pub(super) fn all_in(document: &Node) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    collect(document, "", &mut found);
    found
}

fn collect(node: &Node, path: &str, found: &mut Vec<(String, u64)>) {
    for Field { name, line, node } in node.value.fields() {
        let inside = under(path, name);
        match remediation(&any_item(path), name) {
            Some(_) => found.push((inside, *line)),
            None => collect(node, &inside, found),
        }
    }
    if let Value::List(items) = &node.value {
        items.iter().enumerate().for_each(|(index, node)| collect(node, &item(path, index), found));
    }
}
