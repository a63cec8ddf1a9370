//! The end of a run, as every command that has followed one tells it. Input: how it ended. Output: the last words on the
//! screen, the report on stdout if it was asked for, and the exit code.

use std::time::Duration;

use eks_encrypt_job::event::RunResult;
use eks_encrypt_job::exit::ExitCode;

use crate::cli::Output;
use crate::follow::Ended;
use crate::report::Report;
use crate::run::Run;
use crate::screen::{self, Screen};
use crate::subject::Subject;
use crate::summary;
use crate::table::Check;
use crate::verdict::{Verdict, judge};

/// Judges and tells.
pub(crate) fn finish(
    run: &Run,
    ended: &Ended,
    subject: &Subject,
    checks: &[Check],
    took: Duration,
    output: Option<Output>,
    screen: &Screen,
) -> ExitCode {
    let verdict = judge(&ended.job, ended.last_word.as_ref(), &ended.progress);
    screen.line(&summary::text(&verdict, &ended.progress, subject, run, took));
    let code = match &verdict {
        Verdict::Done { .. } => ExitCode::Done,
        Verdict::Incomplete { .. } => match ended.last_word.as_ref().map(|word| word.result) {
            Some(RunResult::Refused) => ExitCode::Refused,
            _ => ExitCode::Incomplete,
        },
    };
    if let Some(output) = output {
        let report = Report::new(run, &verdict, &ended.progress, subject, checks, took, code);
        screen::data(&report, output, screen);
    }
    code
}

#[cfg(test)]
#[path = "finish_tests.rs"]
mod tests;
