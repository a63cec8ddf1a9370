//! Which cluster and which key are meant.

/// What is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// The EKS cluster's name.
    pub(crate) cluster: String,
    /// Its region, if anything says it.
    pub(crate) region: Option<String>,
    /// The AWS profile, if anything says it.
    pub(crate) profile: Option<String>,
    /// The key, by whatever name it was given.
    pub(crate) key: Option<String>,
}
