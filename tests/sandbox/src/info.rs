//! What a ready sandbox tells about itself: written by the supervisor, read by tests, `sandbox status` and the file to
//! source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::folder::Folder;
use crate::parts::{Missing, Parts};

/// The AWS account that a sandbox plays: moto gives it to every access key that it did not hand out itself.
pub const ACCOUNT: &str = "123456789012";

/// What a ready sandbox tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// The EKS cluster's name.
    pub cluster: String,
    /// The region.
    pub region: String,
    /// The cluster's ARN.
    pub arn: String,
    /// Kubernetes' version, as the API server says it.
    pub kubernetes: String,
    /// The API server.
    pub endpoint: String,
    /// Every AWS service.
    pub aws_endpoint: String,
    /// etcd's clients' address.
    pub etcd: String,
    /// The keys in KMS.
    pub keys: Keys,
    /// The node, if there is one.
    pub node: Option<NodeInfo>,
}

/// The keys in KMS, by their ARNs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// AWS's own key, in another account: what encrypts before a customer key is associated. None with `--legacy`.
    pub aws_owned: Option<String>,
    /// The customer's key, also `alias/customer`.
    pub customer: String,
    /// Another good key of the customer.
    pub other: String,
    /// A disabled key.
    pub disabled: String,
    /// An RSA key.
    pub asymmetric: String,
    /// A key that is scheduled for deletion.
    pub pending_deletion: String,
}

/// The node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeInfo {
    /// Its name.
    pub name: String,
    /// The image registry, as host:port.
    pub registry: String,
    /// Those that were asked for besides, in the order of [`crate::options::Options::registries`].
    #[serde(default)]
    pub registries: Vec<Registry>,
}

/// A registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registry {
    /// As host:port.
    pub address: String,
    /// The file of the authority of its certificate; none, where it speaks without TLS.
    pub authority: Option<PathBuf>,
    /// The password of [`REGISTRY_USER`], where it wants one.
    pub password: Option<String>,
}

/// The name under which Amazon ECR would have the sandbox's images; certificates of registries with TLS are good for it, too.
pub const ECR: &str = "123456789012.dkr.ecr.us-west-2.amazonaws.com";

/// Who may enter the registries that want a password.
pub const REGISTRY_USER: &str = "sandbox";

/// One access key that the AWS endpoint knows. Fake: nothing but a sandbox accepts it.
#[derive(Clone, Copy, Debug)]
pub struct Credentials {
    /// The access key id.
    pub id: &'static str,
    /// The secret access key.
    pub secret: &'static str,
    /// The session token, of temporary credentials.
    pub token: Option<&'static str>,
    /// The end of the principal's ARN.
    pub principal: &'static str,
}

/// Who created the cluster, and so has every right in it.
pub const CREATOR: Credentials = Credentials {
    id: "AKIASANDBOXCREATOR00",
    secret: "sandbox-secret-of-creator",
    token: None,
    principal: "user/creator",
};

/// Somebody with an assumed role, as most people come to EKS, and with every right in the cluster.
pub const ADMIN_ROLE: Credentials = Credentials {
    id: "ASIASANDBOXADMIN0000",
    secret: "sandbox-secret-of-admin",
    token: Some("sandbox-session-token-of-admin"),
    principal: "assumed-role/admin/session",
};

/// Somebody of the same account whom the cluster does not know.
pub const STRANGER: Credentials = Credentials {
    id: "AKIASANDBOXSTRANGER0",
    secret: "sandbox-secret-of-stranger",
    token: None,
    principal: "user/stranger",
};

impl Credentials {
    /// The principal's ARN: assumed roles are STS's, users IAM's.
    #[must_use]
    pub fn arn(&self) -> String {
        let service = if self.principal.starts_with("assumed-role/") { "sts" } else { "iam" };
        format!("arn:aws:{service}::{ACCOUNT}:{}", self.principal)
    }
}

/// What must not be set beside [`Info::env`]: settings of a real account, and proxies, which would come before it.
pub const UNSET: [&str; 13] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_CA_BUNDLE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

/// The services whose own endpoint variable, if it is set, comes before the common one.
const SERVICES: [&str; 6] = ["EKS", "KMS", "STS", "IAM", "EC2", "CLOUDFORMATION"];

impl Info {
    /// The environment in which `aws`, `kubectl` and the plugin use this sandbox and nothing else.
    ///
    /// # Errors
    /// A program was not built.
    pub fn env(&self, folder: &Folder, parts: &Parts) -> Result<BTreeMap<String, String>, Missing> {
        let mut env = aws_env(&self.aws_endpoint, &self.region, parts)?;
        env.extend([
            ("KUBECONFIG".to_owned(), folder.kubeconfig().display().to_string()),
            ("CLUSTER".to_owned(), self.cluster.clone()),
            ("KEY_ARN".to_owned(), self.keys.customer.clone()),
            ("OTHER_KEY_ARN".to_owned(), self.keys.other.clone()),
            ("DISABLED_KEY_ARN".to_owned(), self.keys.disabled.clone()),
            ("ASYMMETRIC_KEY_ARN".to_owned(), self.keys.asymmetric.clone()),
            ("PENDING_DELETION_KEY_ARN".to_owned(), self.keys.pending_deletion.clone()),
        ]);
        if let Some(node) = &self.node {
            env.insert("REGISTRY".to_owned(), node.registry.clone());
        }
        Ok(env)
    }
}

/// The environment in which `aws`, `kubectl` and the plugin ask an endpoint of ours and no other.
pub(crate) fn aws_env(endpoint: &str, region: &str, parts: &Parts) -> Result<BTreeMap<String, String>, Missing> {
    let path = [parts.aws_bin()?, parts.kubectl_bin()?];
    let path = path.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(":");
    let inherited = std::env::var("PATH").unwrap_or_default();
    let mut env = BTreeMap::from([
        ("PATH".to_owned(), format!("{path}:{inherited}")),
        ("AWS_ENDPOINT_URL".to_owned(), endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID".to_owned(), CREATOR.id.to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), CREATOR.secret.to_owned()),
        ("AWS_REGION".to_owned(), region.to_owned()),
        ("AWS_DEFAULT_REGION".to_owned(), region.to_owned()),
        // No real account's settings may leak in, and no request for credentials may leave the machine.
        ("AWS_CONFIG_FILE".to_owned(), "/dev/null".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), "/dev/null".to_owned()),
        ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
        ("AWS_PAGER".to_owned(), String::new()),
        ("NO_PROXY".to_owned(), "127.0.0.1,198.18.0.0/15".to_owned()),
    ]);
    for service in SERVICES {
        env.insert(format!("AWS_ENDPOINT_URL_{service}"), endpoint.to_owned());
    }
    Ok(env)
}

/// A command in such an environment.
pub(crate) fn command(program: PathBuf, env: BTreeMap<String, String>) -> Command {
    // Found here rather than by spawn, which would look in this process's own PATH.
    let path = env.get("PATH").map(String::as_str).unwrap_or_default();
    let mut places = path.split(':').map(|place| Path::new(place).join(&program));
    let found = places.find(|file| file.is_file()).unwrap_or(program);
    let mut command = Command::new(found);
    command.envs(env);
    for name in UNSET {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The environment as a file for a POSIX shell to source.
#[must_use]
pub fn shell(env: &BTreeMap<String, String>) -> String {
    let line = |(name, value): (&String, &String)| match name.as_str() {
        // Only our folders: the sourcing shell has a PATH of its own.
        "PATH" => {
            let ours = value.split(':').take(2).collect::<Vec<_>>().join(":");
            format!("export PATH='{ours}':\"$PATH\"\n")
        }
        _ => format!("export {name}='{value}'\n"),
    };
    env.iter().map(line).collect::<String>() + &format!("unset {}\n", UNSET.join(" "))
}
