//! Why a run is no longer followed, what it leaves, and what helps. Raised by `follow`, judged by `drive` and `attach`.

use eks_encrypt_job::exit::ExitCode;

use crate::cause::Cause;
use crate::stop::Coded;

/// What a run leaves that nobody follows to its end.
const KEEPS: &str = ", and keeps its right to list and patch every Secret; run the same command again: it follows the Job, or \
     sees how it ended, and takes the right away";

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
    Gone { job: String, namespace: String },
    /// The API server does not let us look.
    #[error(
        "can't see how Job {job} in namespace {namespace} goes on; it goes on without us{KEEPS}\n  \
         to take the right away before (the Job then stops): {without_rights}\n  why"
    )]
    Lost {
        job: String,
        namespace: String,
        without_rights: String,
        #[source]
        source: Cause,
    },
    /// Time is up.
    #[error(
        "time is up after {waited}: Job {job} in namespace {namespace} goes on in the cluster without us{KEEPS}\n  \
         to take the right away before (the Job then stops): {without_rights}"
    )]
    TimeUp { job: String, namespace: String, without_rights: String, waited: String },
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::NotStarted { .. } | Self::Gone { .. } => ExitCode::Incomplete,
            Self::Lost { .. } => ExitCode::Error,
            Self::TimeUp { .. } => ExitCode::StillRunning,
        }
    }
}
