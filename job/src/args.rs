//! The flags of the in-cluster binary. Each has an environment variable, because that is what manifests/job.yaml sets.
//! Output: the loop's [`Spec`].

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Parser};
use jiff::Timestamp;

use crate::contract::{ENV_CONCURRENCY, ENV_JOB_UID, ENV_KEY_ARN, ENV_METHOD, ENV_PROVE, ENV_RUN, NAMESPACE};
use crate::event::Method;
use crate::limit::Limit;
use crate::spec::Spec;

/// Writes every Secret of this cluster once, so that the API server stores it under its current key. Runs as a Kubernetes
/// Job; `kubectl eks-encrypt` starts it, follows its log and removes it.
///
/// Says what it does as JSON, one object a line, on stdout. Exit codes: 0 every Secret is accounted for; 1 stopped early,
/// run it again; 2 usage; 3 another run is at work; 6 some Secrets could not be written, or did not stay under the key.
#[derive(Clone, Debug, Parser)]
#[command(name = "eks-encrypt-job", version)]
pub struct Args {
    /// The run's id: what the log's lines and the run record carry.
    #[arg(long, env = ENV_RUN, value_name = "ID")]
    pub run: String,

    /// The UID of this Pod's Job. A Pod goes on where another one of the same Job stopped: Secrets written since are not
    /// written again. Without a Job, it does so only where the run record names the same run and the same --key-arn.
    #[arg(long, env = ENV_JOB_UID, value_name = "UID", default_value = "", hide_default_value = true)]
    pub job_uid: String,

    /// The name of this Pod, for the log and the lease.
    #[arg(long, env = "POD_NAME", default_value = "", hide_default_value = true)]
    pub pod: String,

    /// The namespace that holds the run record and the lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = NAMESPACE)]
    pub namespace: String,

    /// How Secrets are rewritten.
    #[arg(long, env = ENV_METHOD, value_enum, default_value_t)]
    pub method: Method,

    /// How many patches may be with the API server at once.
    #[arg(long, env = ENV_CONCURRENCY, value_name = "N", default_value = "8")]
    pub concurrency: NonZeroUsize,

    /// Whether every Secret is touched at the end, to prove that none is left behind.
    #[arg(long, env = ENV_PROVE, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub prove: bool,

    /// The ARN of the cluster's KMS key. For the run record: the Job never talks to AWS.
    #[arg(long, env = ENV_KEY_ARN, value_name = "ARN", default_value = "", hide_default_value = true)]
    pub key_arn: String,

    /// The file for the last line, if the kubelet made it.
    #[arg(long, value_name = "FILE", default_value = "/dev/termination-log", hide = true)]
    pub termination_log: PathBuf,
}

impl Args {
    /// What the loop is to do. Its time is now: each Pod of a run has its own.
    #[must_use]
    pub fn spec(&self) -> Spec {
        Spec {
            run: self.run.clone(),
            job_uid: self.job_uid.clone(),
            holder: format!("{}/{}", self.run, self.pod),
            namespace: self.namespace.clone(),
            method: self.method,
            prove: self.prove,
            key_arn: self.key_arn.clone(),
            time: Timestamp::now(),
            limit: Limit::fixed(self.concurrency),
        }
    }
}

#[cfg(test)]
mod tests {
    //! What a manifest may say.
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn flags_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_run_without_an_id_or_with_no_patch_in_flight_is_a_usage_error() {
        assert!(Args::try_parse_from(["job", "--run", "r", "--concurrency", "0"]).is_err());
        let args = Args::try_parse_from(["job", "--run", "r", "--method", "touch"]).unwrap();
        assert_eq!(args.method, Method::Touch);
        assert_eq!(args.spec().run, "r");
    }
}
