//! The end of a run, as every command that has followed one tells it. Input: how it ended. Output: the last words on the
//! screen, the report on stdout if it was asked for, and the exit code; and what scripts get where a command ends earlier.

pub(crate) mod cluster_ref;
pub(crate) mod documents;
pub(crate) mod report;
pub(crate) mod summary;
pub(crate) mod type_meta;

use std::time::Duration;

use eks_encrypt_job::wire::event::RunResult;
use eks_encrypt_job::wire::exit::ExitCode;

use crate::checks::table::Check;
use crate::model::followup::attach;
use crate::model::options::KubeOptions;
use crate::model::run::Run;
use crate::output::cluster_ref::ClusterRef;
use crate::output::report::Report;
use crate::run::RunOutcome;
use crate::run::follow::Ended;
use crate::run::verdict::Verdict;
use crate::ui::terminal::{self, Output, Terminal};

/// Tells what came of a run that was begun or found here.
pub(crate) fn report_outcome(
    driven: &RunOutcome,
    kube: &KubeOptions,
    cluster_ref: &ClusterRef,
    checks: &[Check],
    took: Duration,
    output: Option<Output>,
    terminal: &Terminal,
) -> ExitCode {
    match driven {
        RunOutcome::Finished(run, ended, verdict) => {
            report_finished(run, ended, verdict, cluster_ref, checks, took, output, terminal)
        }
        RunOutcome::Detached(run) => {
            let attach = attach(kube, Some(&run.namespace));
            let rights = if run.manages_rbac { ", and to take its rights away at its end" } else { "" };
            terminal.println(&format!("It goes on without us. To watch it{rights}:\n  {attach}"));
            documents::detached(cluster_ref, run, checks, output, terminal);
            ExitCode::Done
        }
    }
}

/// Tells.
#[allow(clippy::too_many_arguments, reason = "each is one thing that the last words name")]
pub(crate) fn report_finished(
    run: &Run,
    ended: &Ended,
    verdict: &Verdict,
    cluster_ref: &ClusterRef,
    checks: &[Check],
    took: Duration,
    output: Option<Output>,
    terminal: &Terminal,
) -> ExitCode {
    terminal.println(&summary::text(verdict, &ended.progress, cluster_ref, run, took));
    let code = match verdict {
        Verdict::Done { .. } => ExitCode::Done,
        Verdict::Unproven { .. } => ExitCode::Incomplete,
        Verdict::Incomplete { .. } => match ended.last_word.as_ref().map(|word| word.result) {
            Some(RunResult::Stopped) if ended.interrupted => ExitCode::Interrupted,
            Some(RunResult::Refused) => ExitCode::Refused,
            _ => ExitCode::Incomplete,
        },
    };
    if let Some(output) = output {
        let report = Report::new(run, verdict, &ended.progress, cluster_ref, checks, took, code);
        terminal::data(&report, output, terminal);
    }
    code
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
