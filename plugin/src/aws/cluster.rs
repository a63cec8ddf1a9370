//! The cluster as EKS describes it, and the check that the kubeconfig means the same one. Input: DescribeCluster. Output:
//! a plain `Cluster` for all later steps; no AWS type goes further.

use aws_sdk_eks::types::ClusterIssue;
use eks_encrypt_job::wire::exit::ExitCode;
use http::Uri;

use crate::aws::client::AwsContext;
use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::k8s::Kubernetes;
use crate::model::pem;

/// What EKS says of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: String,
    /// Its ARN: region and account are read from it.
    pub(crate) arn: String,
    /// The Kubernetes version.
    pub(crate) version: String,
    /// `ACTIVE`, `UPDATING`, ...
    pub(crate) status: String,
    /// The API server's address.
    pub(crate) endpoint: String,
    /// The API server's certificate authority, PEM in base64.
    pub(crate) authority: String,
    /// The key that is associated, as EKS has it.
    pub(crate) key: Option<String>,
    /// The IAM role that EKS takes on to work for the cluster.
    pub(crate) role: String,
    /// What EKS says is wrong with it.
    pub(crate) issues: Vec<Issue>,
}

/// Something that EKS says is wrong with a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Issue {
    /// EKS's word for it: `KmsKeyDisabled`, `IamRoleNotFound`, ...
    pub(crate) code: String,
    /// EKS's sentence.
    pub(crate) message: String,
    /// What it is about.
    pub(crate) resources: Vec<String>,
}

/// Why this is not a cluster to work on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// DescribeCluster failed.
    #[error(
        "can't describe EKS cluster {name} in {region} (`aws eks list-clusters --region {region}` shows what is there)"
    )]
    Describe {
        name: String,
        region: String,
        #[source]
        source: Cause,
    },
    /// The cluster is not ACTIVE.
    #[error("EKS cluster {name} is {status}, not ACTIVE: wait until it is, then run the same command again")]
    NotActive { name: String, status: String },
    /// The kubeconfig is another cluster's.
    #[error(
        "kubeconfig context {context} is not EKS cluster {name}: nothing was touched\n  \
         kubeconfig: {kubeconfig}\n  EKS:        {eks}\n  \
         write the right one: aws eks update-kubeconfig --name {name} --region {region}\n  \
         or name its context: --context NAME"
    )]
    OtherCluster { context: String, name: String, region: String, kubeconfig: String, eks: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// Asks EKS for the cluster.
pub(crate) async fn describe(aws: &AwsContext, name: &str) -> Result<Cluster, Error> {
    try_describe(aws, name).await.map_err(|source| Error::Describe {
        name: name.to_owned(),
        region: aws.region.clone(),
        source,
    })
}

/// The same, for waits that ask again when the cause is passing.
pub(crate) async fn try_describe(aws: &AwsContext, name: &str) -> Result<Cluster, Cause> {
    let answer = aws.eks.describe_cluster().name(name).send().await.map_err(|error| Cause::aws(&error))?;
    let cluster = answer.cluster.unwrap_or_else(|| aws_sdk_eks::types::Cluster::builder().build());
    let encrypted = cluster.encryption_config.unwrap_or_default();
    let key = encrypted.into_iter().find_map(|config| config.provider.and_then(|provider| provider.key_arn));
    Ok(Cluster {
        name: cluster.name.unwrap_or_else(|| name.to_owned()),
        arn: cluster.arn.unwrap_or_default(),
        version: cluster.version.unwrap_or_default(),
        status: cluster.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        endpoint: cluster.endpoint.unwrap_or_default(),
        authority: cluster.certificate_authority.and_then(|ca| ca.data).unwrap_or_default(),
        key: key.filter(|key| !key.is_empty()),
        role: cluster.role_arn.unwrap_or_default(),
        issues: cluster.health.and_then(|health| health.issues).unwrap_or_default().into_iter().map(issue).collect(),
    })
}

fn issue(issue: ClusterIssue) -> Issue {
    Issue {
        code: issue.code.map(|code| code.as_str().to_owned()).unwrap_or_default(),
        message: issue.message.unwrap_or_default(),
        resources: issue.resource_ids.unwrap_or_default(),
    }
}

impl Cluster {
    /// The account that owns the cluster.
    pub(crate) fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    /// The region.
    pub(crate) fn region(&self) -> &str {
        self.arn.split(':').nth(3).unwrap_or_default()
    }

    /// Whether EKS works on nothing else.
    pub(crate) fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// Refuses a cluster on which EKS works, or which is broken.
    pub(crate) fn check_active(&self) -> Result<(), Error> {
        if self.is_active() {
            Ok(())
        } else {
            Err(Error::NotActive { name: self.name.clone(), status: self.status.clone() })
        }
    }

    /// Refuses a kubeconfig of another cluster: it stops the accident of one cluster's key and another's Secrets.
    /// Both must agree: an address alone can be a tunnel to anywhere, and an authority alone says nothing of the address.
    pub(crate) fn check_endpoint_and_ca(&self, kubernetes: &Kubernetes) -> Result<(), Error> {
        let (ours, theirs) = (pem::certificates_in_base64(&self.authority), &kubernetes.authorities);
        let same_server = self.endpoint.parse().is_ok_and(|uri| address(&uri) == address(&kubernetes.server));
        if same_server && kubernetes.verifies && !ours.is_empty() && ours == *theirs {
            return Ok(());
        }
        let sees =
            if kubernetes.verifies { fingerprint(theirs) } else { "not checked (insecure-skip-tls-verify)".to_owned() };
        Err(Error::OtherCluster {
            context: kubernetes.context.clone(),
            name: self.name.clone(),
            region: self.region().to_owned(),
            kubeconfig: format!("{} CA {sees}", kubernetes.server.to_string().trim_end_matches('/')),
            eks: format!("{} CA {}", self.endpoint, fingerprint(&ours)),
        })
    }
}

/// What makes two addresses the same: EKS writes host names in capitals, kubeconfigs may leave the port out.
fn address(uri: &Uri) -> (Option<&str>, String, u16, &str) {
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    (uri.scheme_str(), host, uri.port_u16().unwrap_or(443), uri.path().trim_end_matches('/'))
}

/// Enough of a certificate for two to be told apart by eye.
fn fingerprint(certificates: &[Vec<u8>]) -> String {
    use sha2::Digest as _;
    let one = |der: &Vec<u8>| hex::encode(&sha2::Sha256::digest(der)[..8]);
    if certificates.is_empty() { "none".to_owned() } else { certificates.iter().map(one).collect::<Vec<_>>().join("+") }
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
