//! What a ClusterConfig for `create` may hold: eksctl's names, in exactly these letters, and nothing else. Filled by serde
//! from the file's tree (`node`); checked by `config`. The JSON Schema is made of these types, so the doc comments here are
//! what an editor shows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

mod group;

pub(super) use group::{AmiFamily, Effect, Group, Taint, UpdateConfig, VolumeType};

use super::tags::MAX_TAGS as MOST_TAGS;

/// How an availability zone is named.
const ZONE: &str = r"^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}[a-z]$";

/// An EKS cluster whose Secrets are under your own KMS key from birth: the part of eksctl's ClusterConfig that `kubectl
/// eks-encrypt create` supports.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterConfig {
    /// Always `eksctl.io/v1alpha5`.
    pub(super) api_version: ApiVersion,
    /// Always `ClusterConfig`.
    pub(super) kind: Kind,
    pub(super) metadata: Metadata,
    /// The availability zones of the cluster's subnets, at least two: `[us-west-2a, us-west-2b]`. Chosen for you where
    /// there are none: the first three that EKS can use.
    #[serde(default)]
    #[schemars(inner(regex(pattern = ZONE)), extend("uniqueItems" = true))]
    pub(super) availability_zones: Vec<String>,
    pub(super) secrets_encryption: SecretsEncryption,
    #[serde(default)]
    pub(super) vpc: Vpc,
    #[serde(default)]
    pub(super) access_config: AccessConfig,
    #[serde(default)]
    pub(super) cloud_watch: CloudWatch,
    /// The managed node groups. A cluster without any has no nodes.
    #[serde(default)]
    pub(super) managed_node_groups: Vec<Group>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum ApiVersion {
    #[serde(rename = "eksctl.io/v1alpha5")]
    V1Alpha5,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum Kind {
    ClusterConfig,
}

/// What the cluster is called, and where it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Metadata {
    /// The EKS cluster's name: letters, digits and dashes. The CloudFormation stack is named `eks-encrypt-NAME`.
    #[schemars(length(max = 100), regex(pattern = r"^[0-9A-Za-z][-0-9A-Za-z]*$"))]
    pub(super) name: String,
    /// The AWS region, such as `us-west-2`. The KMS key must be in it.
    #[schemars(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$"))]
    pub(super) region: String,
    /// The Kubernetes version, in quotes: `"1.34"`. EKS's default where there is none, or `auto`.
    #[schemars(regex(pattern = r"^(auto|1\.[0-9]{2})$"))]
    pub(super) version: Option<String>,
    /// AWS tags of the CloudFormation stack and of all that it makes.
    #[serde(default)]
    #[schemars(extend("maxProperties" = MOST_TAGS))]
    pub(super) tags: BTreeMap<String, String>,
    /// For your own use: nothing is made of them.
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

/// The KMS key that encrypts the cluster's Secrets. It can't be changed or taken away later.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretsEncryption {
    /// The key: its ARN, its key ID, or the ARN or the name of an alias (`alias/shop`). It must be symmetric, enabled, your
    /// own, and in the cluster's region.
    #[serde(rename = "keyARN")]
    #[schemars(
        regex(
            pattern = r"^(arn:aws(-cn|-us-gov)?:kms:[-a-z0-9]+:[0-9]{12}:(key/[-a-z0-9]+|alias/[-/_0-9A-Za-z]+)|alias/[-/_0-9A-Za-z]+|mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
        ),
        extend("examples" = ["arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"])
    )]
    pub(super) key_arn: String,
}

/// The network, which is made for the cluster, and from where the API server can be reached.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Vpc {
    /// The VPC's addresses: a private range from /16 to /24.
    #[schemars(regex(pattern = r"^[0-9.]+/(1[6-9]|2[0-4])$"), extend("default" = "192.168.0.0/16"))]
    pub(super) cidr: Option<String>,
    #[serde(default)]
    pub(super) nat: Nat,
    #[serde(default)]
    pub(super) cluster_endpoints: ClusterEndpoints,
    /// From where the public endpoint can be reached, such as `[203.0.113.7/32]`. From everywhere where there are none.
    #[serde(default, rename = "publicAccessCIDRs")]
    #[schemars(length(max = 40), inner(regex(pattern = r"^[0-9.]+/[0-9]{1,2}$")))]
    pub(super) public_access_cidrs: Vec<String>,
}

/// How private subnets reach the internet.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Nat {
    /// How many NAT gateways there are. Each costs money by the hour.
    #[schemars(extend("default" = "Single"))]
    pub(super) gateway: Option<Gateway>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum Gateway {
    /// None: nodes in private subnets would reach nothing.
    Disable,
    /// One for all zones.
    Single,
    /// One in each zone.
    HighlyAvailable,
}

/// The API server's endpoints.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterEndpoints {
    /// Whether the API server has a public endpoint.
    #[schemars(extend("default" = true))]
    pub(super) public_access: Option<bool>,
    /// Whether it has one inside the VPC.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub(super) private_access: bool,
}

/// Who may do what in the cluster.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccessConfig {
    /// By what EKS knows who may: access entries (API), the ConfigMap `aws-auth`, or both.
    #[schemars(extend("default" = "API_AND_CONFIG_MAP"))]
    pub(super) authentication_mode: Option<AuthenticationMode>,
    /// Whether whoever creates the cluster is its administrator.
    #[schemars(extend("default" = true))]
    pub(super) bootstrap_cluster_creator_admin_permissions: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
pub(super) enum AuthenticationMode {
    Api,
    ApiAndConfigMap,
    ConfigMap,
}

/// What goes to CloudWatch.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CloudWatch {
    #[serde(default)]
    pub(super) cluster_logging: ClusterLogging,
}

/// The control plane's logs. CloudWatch takes money for them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterLogging {
    /// Which of them are kept; `["*"]` and `[all]` mean every one.
    #[serde(default)]
    pub(super) enable_types: Vec<LogType>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum LogType {
    Api,
    Audit,
    Authenticator,
    ControllerManager,
    Scheduler,
    All,
    #[serde(rename = "*")]
    Star,
}
