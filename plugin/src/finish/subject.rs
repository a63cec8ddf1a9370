//! What a run was about, for the last words and the report. Input: what the command knows of the cluster and its key, which
//! without AWS is little. Output: lines of text and fields.

use serde::Serialize;

use crate::eks::cluster::Cluster;

/// A cluster and its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subject {
    /// The EKS cluster's ARN; empty where AWS was not asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) cluster_arn: String,
    /// The kubeconfig's context.
    pub(crate) context: String,
    /// The ARN of the key that this program has seen at the cluster before the run began; empty where it has not looked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) key_arn: String,
}

impl Subject {
    /// Of a cluster that AWS has told of.
    pub(crate) fn of(cluster: &Cluster, key_arn: &str, context: &str) -> Self {
        Self { cluster_arn: cluster.arn.clone(), context: context.to_owned(), key_arn: key_arn.to_owned() }
    }

    /// What a whole run has put every Secret under, in words: no more than is known.
    pub(crate) fn under(&self) -> &'static str {
        if !self.key_arn.is_empty() {
            return "the key";
        }
        "the API server's current key. Whether that is your key is not known here"
    }

    /// The lines `cluster` and `key` of the last words.
    pub(crate) fn lines(&self) -> String {
        let cluster = match self.cluster_arn.split(':').collect::<Vec<_>>().as_slice() {
            [_, _, _, region, account, resource] => {
                let name = resource.split('/').nth(1).unwrap_or(resource);
                format!("{name} ({region}, account {account})")
            }
            _ => format!("that of kubeconfig context {}", self.context),
        };
        let key = match self.key_arn.as_str() {
            "" => "not known to this run; `kubectl eks-encrypt status` shows which the cluster has",
            arn => arn,
        };
        format!("  cluster   {cluster}\n  key       {key}\n")
    }
}
