//! Which cluster is meant: by a file, by flags, or by the kubeconfig's context, in this order. Input: the command line, and
//! a kubeconfig where something is missing. Output: names; what was not typed is said, with where it comes from. A wrong guess
//! harms nothing: the kubeconfig's server and CA are compared with the cluster's before anything is changed.

use std::path::Path;

use crate::cli::{ClusterFlag, Enable, Reencrypt, Status, Verify};
use crate::cluster_config::{self, ClusterConfig};
use crate::error::{CliError, run_blocking};
use crate::k8s::{self, context};
use crate::model::options::{AwsOptions, KubeOptions};
use crate::model::target::Target;
use crate::ui::terminal::Terminal;

impl Target {
    /// What `enable` is about.
    pub(crate) async fn of_enable(args: &Enable, terminal: &Terminal) -> Result<Self, CliError> {
        let file = match &args.file {
            Some(path) => {
                let path = path.clone();
                Some(run_blocking(move || cluster_config::read(&path)).await?)
            }
            None => None,
        };
        let named = Self {
            cluster: file
                .as_ref()
                .map(|file| file.name.clone())
                .or_else(|| args.eks.cluster.clone())
                .unwrap_or_default(),
            region: file.as_ref().map(|file| file.region.clone()).or_else(|| args.aws.region.clone()),
            profile: args.aws.profile.clone(),
            key: file.as_ref().map(|file| file.key.clone()).or_else(|| args.key_arn.clone()),
        };
        if let Some(ClusterConfig { name, region, key, file }) = &file {
            terminal.println(&format!("cluster {name}, region {region}, key {key}: from {file}"));
        }
        named.completed(&args.kube, terminal)
    }

    /// What `reencrypt` is about.
    pub(crate) fn of_reencrypt(args: &Reencrypt, terminal: &Terminal) -> Result<Self, CliError> {
        Self::of_flags(&args.eks, &args.aws).completed(&args.kube, terminal)
    }

    /// What `verify` is about.
    pub(crate) fn of_verify(args: &Verify, terminal: &Terminal) -> Result<Self, CliError> {
        Self::of_flags(&args.eks, &args.aws).completed(&args.kube, terminal)
    }

    /// What `status` is about.
    pub(crate) fn of_status(args: &Status, terminal: &Terminal) -> Result<Self, CliError> {
        Self::of_flags(&args.eks, &args.aws).completed(&args.kube, terminal)
    }

    fn of_flags(eks: &ClusterFlag, aws: &AwsOptions) -> Self {
        Self {
            cluster: eks.cluster.clone().unwrap_or_default(),
            region: aws.region.clone(),
            profile: aws.profile.clone(),
            key: None,
        }
    }

    /// Takes from the context what is missing.
    fn completed(mut self, kube: &KubeOptions, terminal: &Terminal) -> Result<Self, CliError> {
        let environment = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        // The shell's profile is the person's word of now, the context's that of the day on which it was written.
        let known = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID"].into_iter().any(environment);
        let wants_profile = self.profile.is_none() && !known;
        if !self.cluster.is_empty() && self.region.is_some() && !wants_profile {
            return Ok(self);
        }
        let named = kube.context.as_deref();
        let guess = match read_context(kube.kubeconfig.as_deref(), named) {
            Ok(guess) => guess,
            // Nothing is missing that must be there: AWS may know region and profile by itself.
            Err(_) if !self.cluster.is_empty() => return Ok(self),
            Err(stop) => return Err(stop),
        };
        if self.cluster.is_empty() {
            let known = guess.name()?;
            terminal.println(&known.told);
            self.cluster = known.value;
        }
        if self.region.is_none()
            && let Some(known) = guess.region()?
        {
            terminal.println(&known.told);
            self.region = Some(known.value);
        }
        if wants_profile && let Some(known) = guess.profile()? {
            terminal.println(&known.told);
            self.profile = Some(known.value);
        }
        Ok(self)
    }
}

fn read_context(file: Option<&Path>, context: Option<&str>) -> Result<context::ContextInfo, CliError> {
    let kubeconfig = k8s::read_kubeconfig(file, context)?;
    Ok(context::inspect_context(&kubeconfig, context)?)
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
