//! What a sandbox is asked to be. Comes from the command line or from a test; goes to the janitor and the supervisor as
//! JSON.

use serde::{Deserialize, Serialize};

/// What a sandbox is asked to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Options {
    /// The EKS cluster's name.
    pub cluster: String,
    /// The AWS region that the endpoint plays.
    pub region: String,
    /// Nothing is encrypted until a key is associated, as on EKS up to Kubernetes 1.27. Otherwise everything is
    /// encrypted with a key that AWS owns, as since 1.28.
    pub legacy: bool,
    /// Whether Pods can run.
    pub node: Node,
    /// How many API servers stand behind the cluster's endpoint, 1 to 5. EKS has at least two.
    #[serde(default = "default_api_servers")]
    pub api_servers: u8,
    /// Registries beside the plain one without a password, at most [`MORE_REGISTRIES`]; they need a node.
    #[serde(default)]
    pub registries: Vec<RegistryAccess>,
    /// More flags of each kube-apiserver, as `NAME=VALUE`: to have it behave as another version does.
    #[serde(default)]
    pub api_server: Vec<String>,
    /// Variables of its environment, as `NAME=VALUE`: `GOGC` and the like.
    #[serde(default)]
    pub api_server_env: Vec<String>,
}

/// As on EKS: "at least two API server instances" (EKS User Guide, "Understand resilience in Amazon EKS clusters").
pub const DEFAULT_API_SERVERS: u8 = 2;

fn default_api_servers() -> u8 {
    DEFAULT_API_SERVERS
}

/// How many more registries a sandbox can have: one of each other kind.
pub const MORE_REGISTRIES: usize = 3;

/// How a registry is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryAccess {
    /// By TLS, with a certificate of the sandbox's authority.
    pub tls: bool,
    /// With a name and a password.
    pub password: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cluster: "sandbox".to_owned(),
            region: "us-west-2".to_owned(),
            legacy: false,
            node: Node::WhereRoot,
            api_servers: DEFAULT_API_SERVERS,
            registries: Vec::new(),
            api_server: Vec::new(),
            api_server_env: Vec::new(),
        }
    }
}

/// Whether a sandbox has a node, on which Pods run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// If the user is root; a node needs namespaces and mounts.
    WhereRoot,
    /// The control plane alone.
    None,
}

impl Node {
    /// Whether there will be one.
    #[must_use]
    pub fn wanted(self) -> bool {
        self == Self::WhereRoot && nix::unistd::geteuid().is_root()
    }
}
