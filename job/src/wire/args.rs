//! The flags of the in-cluster binary. Each has an environment variable, because that is what manifests/job.yaml sets.
//! Output: the loop's [`RunSpec`].

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Parser};
use jiff::Timestamp;

use crate::api::client::InCluster;
use crate::engine::spec::RunSpec;
use crate::limiter::limit::Limit;
use crate::wire::event::{Method, WIRE_VERSION};
use crate::wire::names::{
    ENV_BINDING, ENV_CONCURRENCY, ENV_JOB_UID, ENV_KEY_ARN, ENV_MAX_QPS, ENV_METHOD, ENV_PROVE, ENV_RUN,
    ENV_WIRE_VERSION, NAMESPACE,
};

/// Writes every Secret of this cluster once, so that the API server stores it under its current key. Runs as a Kubernetes
/// Job; `kubectl eks-encrypt` starts it and follows its log, and its `cleanup` removes it.
///
/// Says what it does as JSON, one object a line, on stdout. Exit codes: 0 every Secret is accounted for; 1 stopped early,
/// run it again; 2 usage; 3 another run is at work, or its reader is of another version; 6 some Secrets could not be
/// written, or did not stay under the key.
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

    /// How many patches are with the API server at once. Without it, as many as the API server can work on: found by its
    /// latency, and found again as its load changes. With either, fewer for a while when it has too much to do.
    #[arg(long, env = ENV_CONCURRENCY, value_name = "N", default_value = "", hide_default_value = true)]
    pub concurrency: Setting<NonZeroUsize>,

    /// How many patches a second are sent at most.
    #[arg(long, env = ENV_MAX_QPS, value_name = "N", default_value = "", hide_default_value = true)]
    pub max_qps: Setting<NonZeroU32>,

    /// Whether every Secret is touched at the end, to prove that none is left behind.
    #[arg(long, env = ENV_PROVE, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub prove: bool,

    /// The version of the wire format that whoever follows this Job reads. If this program speaks another one, it writes
    /// nothing: nobody could tell how the run ended.
    #[arg(long, env = ENV_WIRE_VERSION, value_name = "N", default_value = "", hide_default_value = true)]
    pub wire_version: Setting<u32>,

    /// The ARN of the cluster's KMS key. The API servers have to write under it before the first Secret is written; the Job
    /// never talks to AWS.
    #[arg(long, env = ENV_KEY_ARN, value_name = "ARN", default_value = "", hide_default_value = true)]
    pub key_arn: String,

    /// The ClusterRoleBinding of this run, which gives it the right to every Secret: deleted when the work is over and no other Pod
    /// of the Job follows.
    #[arg(long, env = ENV_BINDING, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub cluster_role_binding: String,

    /// The file for the last line, if the kubelet made it.
    #[arg(long, value_name = "FILE", default_value = "/dev/termination-log", hide = true)]
    pub termination_log: PathBuf,
}

/// A setting that may be left open. A manifest does so by an empty value, which clap would not take for an absent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<T>(pub Option<T>);

impl<T: FromStr> FromStr for Setting<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(|value| Self(Some(value))) }
    }
}

impl Args {
    /// Why nothing may be written, if whoever follows this Job can't read what it says.
    #[must_use]
    pub fn unreadable(&self) -> Option<String> {
        let read = self.wire_version.0.filter(|read| *read != WIRE_VERSION)?;
        Some(format!(
            "this image (eks-encrypt-job {}) speaks version {WIRE_VERSION} of the wire format, and whoever made this Job reads \
             version {read}: no Secret was written; use an image of the version of the plugin or manifests that made the Job",
            env!("CARGO_PKG_VERSION")
        ))
    }

    /// What the loop is to do. Its time is now: each Pod of a run has its own.
    #[must_use]
    pub fn spec(&self) -> RunSpec {
        RunSpec {
            run: self.run.clone(),
            job_uid: self.job_uid.clone(),
            holder: format!("{}/{}", self.run, self.pod),
            namespace: self.namespace.clone(),
            method: self.method,
            prove: self.prove,
            key_arn: self.key_arn.clone(),
            time: Timestamp::now(),
            limit: Limit::from_options(self.concurrency.0, self.max_qps.0),
            api_servers: Some(Box::new(InCluster)),
            cluster_role_binding: Some(self.cluster_role_binding.clone()).filter(|name| !name.is_empty()),
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
    fn an_empty_setting_is_left_open_and_a_wrong_one_is_a_usage_error() {
        let parse = |arguments: &[&str]| Args::try_parse_from([&["job", "--run", "r"], arguments].concat());
        let open = parse(&["--concurrency", "", "--max-qps", ""]).unwrap();
        assert_eq!((open.concurrency, open.max_qps), (Setting(None), Setting(None)));
        let set = parse(&["--concurrency", "64", "--max-qps", "100"]).unwrap();
        assert_eq!((set.concurrency, set.max_qps), (Setting(NonZeroUsize::new(64)), Setting(NonZeroU32::new(100))));
        for wrong in ["0", "-1", "many", "1.5"] {
            assert!(parse(&["--concurrency", wrong]).is_err(), "{wrong}");
            assert!(parse(&["--max-qps", wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_reader_of_another_wire_version_is_told_and_nothing_is_written() {
        let told = |value: &str| {
            Args::try_parse_from(["job", "--run", "r", "--wire-version", value]).map(|args| args.unreadable()).unwrap()
        };
        assert_eq!((told(""), told("1")), (None, None));
        let version = env!("CARGO_PKG_VERSION");
        insta::assert_snapshot!(told("2").unwrap().replace(version, "VERSION"), @"this image (eks-encrypt-job VERSION) speaks version 1 of the wire format, and whoever made this Job reads version 2: no Secret was written; use an image of the version of the plugin or manifests that made the Job");
        assert!(Args::try_parse_from(["job", "--run", "r", "--wire-version", "new"]).is_err());
    }

    #[test]
    fn a_run_without_an_id_or_with_no_patch_in_flight_is_a_usage_error() {
        assert!(Args::try_parse_from(["job", "--run", "r", "--concurrency", "0"]).is_err());
        let args = Args::try_parse_from(["job", "--run", "r", "--method", "touch"]).unwrap();
        assert_eq!(args.method, Method::Touch);
        assert_eq!(args.spec().run, "r");
    }
}
