//! What the AWS endpoint does on request that a healthy EKS does not. Set by tests and by `sandbox scenario`, read by
//! the EKS calls.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the AWS endpoint misbehaves. The default is to behave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Scenario {
    /// An association takes this long before the API server is restarted. Real ones take minutes, up to 45.
    pub update_seconds: u64,
    /// The next association ends as Failed with this error, and changes nothing.
    pub update_fails: Option<UpdateFailure>,
    /// So many EKS calls from now on are answered with 429 ThrottlingException.
    pub throttle: u32,
    /// What DescribeCluster says instead of the true status, such as `FAILED` or `UPDATING`.
    pub cluster_status: Option<String>,
    /// The caller lacks kms:CreateGrant.
    pub deny_create_grant: bool,
    /// The next association is called Successful at once, and comes into force so many seconds later, or `"never"`.
    pub in_force_after: Option<Delay>,
    /// After the next association is called Successful, one API server goes on writing under the key of before for so many
    /// seconds, or for ever: `"never"` is when it changes.
    pub one_server_old: Option<Delay>,
}

/// A number of seconds, or `"never"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Delay {
    /// So many.
    Seconds(u64),
    /// It does not come.
    Never(Never),
}

/// The word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Never {
    /// It does not come.
    Never,
}

impl Delay {
    /// It does not come.
    pub const NEVER: Self = Self::Never(Never::Never);

    /// Waits for it.
    pub(crate) async fn passed(self) {
        match self {
            Self::Seconds(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            Self::Never(_) => std::future::pending().await,
        }
    }
}

/// An error of an update, as DescribeUpdate shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateFailure {
    /// Such as `AccessDenied` or `OperationNotPermitted` (EKS API Reference, "ErrorDetail").
    pub error_code: String,
    /// For people.
    pub error_message: String,
}
