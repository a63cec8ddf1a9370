//! The exit codes, shared by the plugin and the Job. They are part of the interface: scripts branch on them, and the
//! README lists them.

use crate::wire::event::RunResult;

/// Why the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, and every Secret is accounted for.
    Done = 0,
    /// Something went wrong that has no code of its own.
    Error = 1,
    /// The command line does not make sense (clap's own code).
    Usage = 2,
    /// A check failed before anything was changed, or another run is at work. Of the Job: or its reader is of another version.
    Refused = 3,
    /// The cluster has another key already; that can't be changed.
    OtherKey = 4,
    /// AWS has ended what it was asked for as failed: EKS the association, or CloudFormation the stack.
    AwsFailed = 5,
    /// Some Secrets could not be re-encrypted.
    Incomplete = 6,
    /// Time is up here, but the work goes on there: run the same command again to follow it.
    StillRunning = 7,
    /// Ctrl-C (128 + SIGINT, as shells have it).
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

impl From<RunResult> for ExitCode {
    /// A run that stopped early is an error, so that the Job starts another Pod; one that went through every Secret, or that
    /// another run keeps from beginning, is not tried again (see `podFailurePolicy` in manifests/job.yaml).
    fn from(result: RunResult) -> Self {
        match result {
            RunResult::Complete => Self::Done,
            RunResult::Incomplete => Self::Incomplete,
            RunResult::Stopped => Self::Error,
            RunResult::Refused => Self::Refused,
        }
    }
}
