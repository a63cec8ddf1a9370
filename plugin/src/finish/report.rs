//! The final report for scripts and auditors: what the last words say, as data. Input: the verdict and what led to it.
//! Output: a value for `-o json` and `-o yaml`. A public format: adding a field is no change of its version.

use std::time::Duration;

use eks_encrypt_job::event::Proof;
use eks_encrypt_job::exit::ExitCode;
use eks_encrypt_job::outcome::{Failure, Tally};
use serde::Serialize;

use crate::document::Head;
use crate::drive::run::Run;
use crate::finish::subject::Subject;
use crate::finish::verdict::Verdict;
use crate::preflight::table::Check;
use crate::progress::Progress;

/// The report of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report<'a> {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    subject: &'a Subject,
    run: &'a str,
    namespace: &'a str,
    /// Whether every Secret is accounted for and none failed.
    done: bool,
    /// Whether the proof holds.
    proven: bool,
    /// Why it is not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    exit_code: u8,
    took_seconds: u64,
    tally: Tally,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proof>,
    /// The failed Secrets, as far as they were named.
    failures: Vec<Failure>,
    /// The checks before it, where this command made them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    checks: &'a [Check],
}

impl<'a> Report<'a> {
    /// Of a run that has ended.
    pub(crate) fn new(
        run: &'a Run,
        verdict: &'a Verdict,
        progress: &Progress,
        subject: &'a Subject,
        checks: &'a [Check],
        took: Duration,
        code: ExitCode,
    ) -> Self {
        let (tally, proof, reason) = match verdict {
            Verdict::Done { tally, proof } => (*tally, *proof, None),
            Verdict::Incomplete { tally, why } => {
                (*tally, progress.finished.as_ref().and_then(|word| word.proof), Some(why.as_str()))
            }
        };
        let failure = |((namespace, name), reason): (&(String, String), &String)| Failure {
            namespace: namespace.clone(),
            name: name.clone(),
            reason: reason.clone(),
        };
        Self {
            head: Head::of("Report"),
            subject,
            run: &run.id,
            namespace: &run.namespace,
            done: reason.is_none(),
            proven: reason.is_none() && proof.is_some_and(|proof| proof.holds()),
            reason,
            exit_code: code as u8,
            took_seconds: took.as_secs(),
            tally,
            proof,
            failures: progress.failures.iter().map(failure).collect(),
            checks,
        }
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
