//! A managed node group, as a ClusterConfig has it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{MOST_TAGS, ZONE};

/// A managed node group: nodes of one kind, of which EKS keeps as many as you say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("not" = { "required": ["instanceType", "instanceTypes"] }))]
pub(in super::super) struct Group {
    /// The group's name: letters, digits, dashes and underscores.
    #[schemars(length(max = 63), regex(pattern = r"^[0-9A-Za-z][-_0-9A-Za-z]*$"))]
    pub(in super::super) name: String,
    /// The EC2 instance type. Graviton types get an image for ARM.
    #[schemars(regex(pattern = r"^[a-z0-9-]+\.[a-z0-9-]+$"), extend("default" = "m5.large"))]
    pub(in super::super) instance_type: Option<String>,
    /// Instead of `instanceType`: several types of one architecture, of which AWS takes what it has. Good for `spot`.
    #[schemars(length(min = 1, max = 20), inner(regex(pattern = r"^[a-z0-9-]+\.[a-z0-9-]+$")))]
    pub(in super::super) instance_types: Option<Vec<String>>,
    /// How many nodes there are to begin with; `minSize` where nothing says it.
    pub(in super::super) desired_capacity: Option<u32>,
    /// How many nodes there are at least; `desiredCapacity`, or 2, where nothing says it.
    pub(in super::super) min_size: Option<u32>,
    /// How many nodes there are at most; `desiredCapacity`, or `minSize`, where nothing says it.
    #[schemars(range(min = 1))]
    pub(in super::super) max_size: Option<u32>,
    /// The size of each node's volume, in GiB.
    #[schemars(range(min = 4, max = 16384), extend("default" = 80))]
    pub(in super::super) volume_size: Option<u32>,
    /// The kind of each node's volume.
    #[schemars(extend("default" = "gp3"))]
    pub(in super::super) volume_type: Option<VolumeType>,
    /// Kubernetes labels of the nodes.
    #[serde(default)]
    pub(in super::super) labels: BTreeMap<String, String>,
    /// AWS tags of the group.
    #[serde(default)]
    #[schemars(extend("maxProperties" = MOST_TAGS))]
    pub(in super::super) tags: BTreeMap<String, String>,
    /// Kubernetes taints of the nodes.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub(in super::super) taints: Vec<Taint>,
    /// Whether the nodes are in private subnets, without public addresses.
    #[serde(default)]
    pub(in super::super) private_networking: bool,
    /// Whether the nodes are spot instances: cheaper, and AWS may take them back at any time.
    #[serde(default)]
    pub(in super::super) spot: bool,
    /// What the nodes run.
    #[schemars(extend("default" = "AmazonLinux2023"))]
    pub(in super::super) ami_family: Option<AmiFamily>,
    pub(in super::super) update_config: Option<UpdateConfig>,
    /// The zones of the nodes, some of the cluster's; all of them where there are none.
    #[serde(default)]
    #[schemars(inner(regex(pattern = ZONE)), extend("uniqueItems" = true))]
    pub(in super::super) availability_zones: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(in super::super) enum VolumeType {
    Gp2,
    Gp3,
    Io1,
    Io2,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[schemars(inline)]
pub(in super::super) enum AmiFamily {
    AmazonLinux2023,
    Bottlerocket,
}

/// A taint: Pods that don't tolerate it go elsewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Taint {
    /// Its name, such as `only` or `example.com/only`.
    #[schemars(length(min = 1, max = 63))]
    pub(in super::super) key: String,
    /// Its value, if it has one.
    #[schemars(length(max = 63))]
    pub(in super::super) value: Option<String>,
    /// What it does to Pods that don't tolerate it.
    pub(in super::super) effect: Effect,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(in super::super) enum Effect {
    /// None is put here.
    NoSchedule,
    /// None is put here as long as there is room elsewhere.
    PreferNoSchedule,
    /// None is put here, and those that are here are evicted.
    NoExecute,
}

/// How many nodes may be replaced at once when the group is updated: one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(in super::super) struct UpdateConfig {
    /// So many nodes.
    #[schemars(range(min = 1, max = 100))]
    pub(in super::super) max_unavailable: Option<u32>,
    /// So many of a hundred.
    #[schemars(range(min = 1, max = 100))]
    pub(in super::super) max_unavailable_percentage: Option<u32>,
}
