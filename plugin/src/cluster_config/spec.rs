//! What is to be created, with every default filled in: what the file says, and what it leaves to us. Made by `config`;
//! all later steps read it and know nothing of the file.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// A cluster to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    /// The EKS cluster's name; the stack's name is made of it.
    pub(crate) name: String,
    /// Its AWS region.
    pub(crate) region: String,
    /// The Kubernetes version, such as `1.34`; EKS's default where there is none.
    pub(crate) version: Option<String>,
    /// Tags of the stack, which CloudFormation passes on to whatever it makes.
    pub(crate) tags: BTreeMap<String, String>,
    /// The KMS key, by whatever name KMS knows it.
    pub(crate) key: String,
    /// The availability zones' names; chosen by `zones` where there are none.
    pub(crate) zones: Vec<String>,
    pub(crate) network: Network,
    pub(crate) access: Access,
    /// The control plane's logs that go to CloudWatch: `api`, `audit`, ...
    pub(crate) logs: Vec<String>,
    /// The managed node groups, in the file's order.
    pub(crate) groups: Vec<Group>,
}

/// The VPC, and who reaches the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    /// The VPC's addresses.
    pub(crate) cidr: Cidr,
    pub(crate) nat: Nat,
    /// Whether the API server has a public endpoint.
    pub(crate) public: bool,
    /// Whether it has one inside the VPC.
    pub(crate) private: bool,
    /// From where the public endpoint may be reached; from everywhere where there are none.
    pub(crate) public_from: Vec<String>,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    /// The first address.
    pub(crate) first: Ipv4Addr,
    /// How many leading bits are fixed.
    pub(crate) prefix: u8,
}

/// How private subnets reach the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nat {
    /// Not at all.
    Disable,
    /// By one NAT gateway, in the first zone.
    Single,
    /// By one NAT gateway in each zone.
    HighlyAvailable,
}

/// Who may do what in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// EKS's name of the mode: `API`, `API_AND_CONFIG_MAP`, `CONFIG_MAP`.
    pub(crate) mode: String,
    /// Whether the creator is an administrator of the cluster.
    pub(crate) creator_is_admin: bool,
}

/// A managed node group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// One, or several to choose from.
    pub(crate) instance_types: Vec<String>,
    /// EKS's name of the image: `AL2023_x86_64_STANDARD`, `BOTTLEROCKET_ARM_64`, ...
    pub(crate) ami_type: &'static str,
    /// Nodes: at least, at most, and to begin with.
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) desired: u32,
    pub(crate) volume: Volume,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) taints: Vec<Taint>,
    /// Whether nodes are in private subnets.
    pub(crate) private: bool,
    /// Whether they are spot instances.
    pub(crate) spot: bool,
    /// How many nodes may be replaced at once; EKS's default where there is nothing.
    pub(crate) update: Option<Update>,
    /// The zones of its nodes: some of the cluster's; all of them where there are none.
    pub(crate) zones: Vec<String>,
}

/// A node's volume: the root volume, or Bottlerocket's data volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) gib: u32,
    /// EC2's name of its kind: `gp3`, `io2`, ...
    pub(crate) kind: String,
}

/// A taint of a group's nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taint {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
    /// EKS's name of the effect: `NO_SCHEDULE`, `PREFER_NO_SCHEDULE`, `NO_EXECUTE`.
    pub(crate) effect: &'static str,
}

/// How many nodes of a group may be replaced at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// So many.
    Nodes(u32),
    /// So many of a hundred.
    Percent(u32),
}

impl Spec {
    /// The CloudFormation stack's name. Not eksctl's: it finds its clusters by theirs, and would take ours for its own.
    pub(crate) fn stack(&self) -> String {
        format!("eks-encrypt-{}", self.name)
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}
