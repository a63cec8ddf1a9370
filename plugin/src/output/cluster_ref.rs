//! What a run was about, for the last words and the report. Input: what the command knows of the cluster and its key, which
//! without AWS is little. Output: lines of text and fields.

use serde::Serialize;

use crate::checks::PreflightReport;
use crate::model::followup::status;
use crate::model::options::KubeOptions;

/// A cluster and its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClusterRef {
    /// The EKS cluster's ARN; empty where AWS was not asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) cluster_arn: String,
    /// The kubeconfig's context.
    pub(crate) context: String,
    /// The ARN of the key that this program has seen at the cluster before the run began; empty where it has not looked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) key_arn: String,
    /// How the person named the cluster: the commands that we print mean the same one.
    #[serde(skip)]
    pub(crate) flags: KubeOptions,
}

impl ClusterRef {
    /// Of what the checks have found.
    pub(crate) fn from_report(ground: &PreflightReport) -> Self {
        let eks = ground.eks.as_ref();
        Self {
            cluster_arn: eks.map(|eks| eks.cluster.arn.clone()).unwrap_or_default(),
            context: ground.kubernetes.context.clone(),
            key_arn: eks.map(|eks| eks.key.arn.clone()).unwrap_or_default(),
            flags: ground.kubernetes.flags.clone(),
        }
    }

    /// What a whole run has put every Secret under, in words: no more than is known.
    pub(crate) fn key_description(&self) -> &'static str {
        if !self.key_arn.is_empty() {
            return "the key";
        }
        "the API server's current key. Whether that is your key is not known here"
    }

    /// The lines `cluster` and `key` of the last words.
    pub(crate) fn summary_rows(&self) -> String {
        let cluster = match self.cluster_arn.split(':').collect::<Vec<_>>().as_slice() {
            [_, _, _, region, account, resource] => {
                let name = resource.split('/').nth(1).unwrap_or(resource);
                format!("{name} ({region}, account {account})")
            }
            _ => format!("that of kubeconfig context {}", self.context),
        };
        let key = match self.key_arn.as_str() {
            "" => format!("not known to this run; `{}` shows which the cluster has", status(&self.flags, None)),
            arn => arn.to_owned(),
        };
        format!("  cluster   {cluster}\n  key       {key}\n")
    }
}
