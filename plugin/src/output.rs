//! The end of a run, as every command that has followed one tells it. Input: how it ended. Output: the last words on the
//! screen, the report on stdout if it was asked for, and the exit code; and what scripts get where a command ends earlier.

pub(crate) mod document;
pub(crate) mod early;
pub(crate) mod report;
pub(crate) mod subject;
pub(crate) mod summary;

use std::time::Duration;

use eks_encrypt_job::wire::event::RunResult;
use eks_encrypt_job::wire::exit::ExitCode;

use crate::checks::table::Check;
use crate::cli::{KubeFlags, attach};
use crate::model::run::Run;
use crate::output::report::Report;
use crate::output::subject::Subject;
use crate::run::RunOutcome;
use crate::run::follow::Ended;
use crate::run::verdict::Verdict;
use crate::ui::screen::{self, Output, Screen};

/// Tells what came of a run that was begun or found here.
pub(crate) fn tell(
    driven: &RunOutcome,
    kube: &KubeFlags,
    subject: &Subject,
    checks: &[Check],
    took: Duration,
    output: Option<Output>,
    screen: &Screen,
) -> ExitCode {
    match driven {
        RunOutcome::Finished(run, ended, verdict) => finish(run, ended, verdict, subject, checks, took, output, screen),
        RunOutcome::Detached(run) => {
            let attach = attach(kube, Some(&run.namespace));
            let rights = if run.gives_rights { ", and to take its rights away at its end" } else { "" };
            screen.line(&format!("It goes on without us. To watch it{rights}:\n  {attach}"));
            early::goes_on(subject, run, checks, output, screen);
            ExitCode::Done
        }
    }
}

/// Tells.
#[allow(clippy::too_many_arguments, reason = "each is one thing that the last words name")]
pub(crate) fn finish(
    run: &Run,
    ended: &Ended,
    verdict: &Verdict,
    subject: &Subject,
    checks: &[Check],
    took: Duration,
    output: Option<Output>,
    screen: &Screen,
) -> ExitCode {
    screen.line(&summary::text(verdict, &ended.progress, subject, run, took));
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
        let report = Report::new(run, verdict, &ended.progress, subject, checks, took, code);
        screen::data(&report, output, screen);
    }
    code
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
