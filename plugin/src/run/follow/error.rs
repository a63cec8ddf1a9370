//! Why a run is no longer followed, what it leaves, and what helps. Raised by `follow`, judged by `run` and `attach`.

use eks_encrypt_job::wire::event::WIRE_VERSION;
use eks_encrypt_job::wire::exit::ExitCode;

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::model::VERSION;
use crate::model::followup::{attach, kubectl};
use crate::model::options::KubeOptions;
use crate::model::run::{JobEnd, Run};
use crate::run::wire_version::OtherWireVersion;

/// What a run leaves that nobody follows to its end, and what helps.
fn detached_hint(run: &Run, flags: &KubeOptions) -> String {
    run.revoke_command(flags).map_or_else(
        || format!("\n  to follow it again, or to see how it ended: {}", attach(flags, Some(&run.namespace))),
        |without_rights| {
            format!(
                ", and keeps its right to list and patch every Secret; run the same command again (after `reencrypt \
                 --without-aws`: `attach`): it follows the Job, or sees how it ended, and takes the right away\n  \
                 to take the right away before (the Job then stops): {without_rights}"
            )
        },
    )
}

/// The same of a run that only another version can follow.
fn other_version_hint(run: &Run, flags: &KubeOptions) -> String {
    const FOLLOW: &str = "follow it with the version of the plugin that made it: `attach`";
    run.revoke_command(flags).map_or_else(
        || format!("; {FOLLOW}"),
        |without_rights| {
            format!(
                ", and keeps its right to list and patch every Secret; {FOLLOW} then takes the right away\n  \
                 to take the right away before (the Job then stops): {without_rights}"
            )
        },
    )
}

/// Why we stopped following.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The Pod does not start.
    #[error(
        "Job {job} in namespace {namespace} does not start: {reason}\n  no Secret has been re-encrypted by this run, and the Job has been taken away again; mend this and run the same command again, or re-encrypt from here without a Pod: --local"
    )]
    NotStarted { job: String, namespace: String, reason: String },
    /// Somebody deleted the Job.
    #[error(
        "Job {job} in namespace {namespace} is gone: somebody deleted it before it had ended; run `enable` or `reencrypt` (again) to begin another"
    )]
    Deleted { job: String, namespace: String },
    /// The API server does not let us look.
    #[error("can't see how Job {job} in namespace {namespace} goes on; it goes on without us{left}\n  why")]
    Unreachable {
        job: String,
        namespace: String,
        left: String,
        #[source]
        source: Cause,
    },
    /// Time is up.
    #[error("time is up after {waited}: Job {job} in namespace {namespace} goes on in the cluster without us{left}")]
    DeadlineExceeded { job: String, namespace: String, left: String, waited: String },
    /// The image that this process has started is of another version.
    #[error(
        "Job {job} in namespace {namespace} can't be followed: its image speaks {theirs}, and this plugin ({VERSION}) reads version {WIRE_VERSION}\n  \
         the Job has been taken away again; what it may have written does no harm; run the same command again with an image of version {VERSION}, this plugin's own (--image), or re-encrypt from here without a Pod: --local"
    )]
    OtherImage { job: String, namespace: String, theirs: OtherWireVersion },
    /// Another process has made the Job, and is of another version.
    #[error(
        "Job {job} in namespace {namespace} can't be followed: it speaks {theirs}, and this plugin ({VERSION}) reads version {WIRE_VERSION}\n  \
         it goes on without us{left}"
    )]
    OtherVersion { job: String, namespace: String, theirs: OtherWireVersion, left: String },
    /// A Job of another version has ended.
    #[error(
        "Job {job} in namespace {namespace} has ended ({how}), but what became of the Secrets can't be read: it speaks {theirs}, and this plugin ({VERSION}) reads version {WIRE_VERSION}\n  \
         read its log: `{logs}`; or run `reencrypt` with an image of version {VERSION}, this plugin's own, which writes every Secret again and says what became of it"
    )]
    UnsupportedVersion { job: String, namespace: String, theirs: OtherWireVersion, how: String, logs: String },
}

impl Error {
    /// The API server does not let us look.
    pub(super) fn unreachable(run: &Run, flags: &KubeOptions, source: Cause) -> Self {
        Self::Unreachable {
            job: run.job.clone(),
            namespace: run.namespace.clone(),
            left: detached_hint(run, flags),
            source,
        }
    }

    /// Time is up, after so long.
    pub(super) fn deadline_exceeded(run: &Run, flags: &KubeOptions, waited: String) -> Self {
        Self::DeadlineExceeded {
            job: run.job.clone(),
            namespace: run.namespace.clone(),
            left: detached_hint(run, flags),
            waited,
        }
    }

    /// Why a Job of another version is not followed. One that this process has made is taken away: nobody else will follow
    /// it, and what it does could not be told. One that another process has made goes on: a plugin of its version may be
    /// following it.
    pub(super) fn unsupported_version(
        run: &Run,
        flags: &KubeOptions,
        made: bool,
        theirs: OtherWireVersion,
        end: Option<JobEnd>,
    ) -> Self {
        let (job, namespace) = (run.job.clone(), run.namespace.clone());
        let how = match end {
            None if made => return Self::OtherImage { job, namespace, theirs },
            None => {
                return Self::OtherVersion { job, namespace, theirs, left: other_version_hint(run, flags) };
            }
            Some(JobEnd::Complete) => "complete".to_owned(),
            Some(JobEnd::Failed(why)) => format!("failed, {why}"),
        };
        let logs = kubectl(flags, &format!("logs -n {namespace} job/{job}"));
        Self::UnsupportedVersion { job, namespace, theirs, how, logs }
    }
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::NotStarted { .. }
            | Self::Deleted { .. }
            | Self::OtherImage { .. }
            | Self::UnsupportedVersion { .. } => ExitCode::Incomplete,
            Self::Unreachable { .. } | Self::OtherVersion { .. } => ExitCode::Error,
            Self::DeadlineExceeded { .. } => ExitCode::StillRunning,
        }
    }
}
