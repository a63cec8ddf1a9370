//! The final report for scripts and auditors: what the last words say, as data. Input: the verdict and what led to it.
//! Output: a value for `-o json` and `-o yaml`. A public format: adding a field is no change of its version.

use std::time::Duration;

use eks_encrypt_job::engine::verify::Verified;
use eks_encrypt_job::wire::event::Proof;
use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::outcome::{Failure, Tally};
use serde::Serialize;

use crate::checks::table::Check;
use crate::model::options::Prove;
use crate::model::run::Run;
use crate::output::cluster_ref::ClusterRef;
use crate::output::type_meta::TypeMeta;
use crate::run::verdict::{Evidence, Verdict};
use crate::ui::progress::Progress;

/// The report of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report<'a> {
    #[serde(flatten)]
    head: TypeMeta,
    #[serde(flatten)]
    cluster_ref: &'a ClusterRef,
    run: &'a str,
    namespace: &'a str,
    /// Whether every Secret is accounted for and none failed to be written.
    done: bool,
    /// How much of a proof was wanted, where there was something to prove.
    #[serde(skip_serializing_if = "Option::is_none")]
    prove: Option<Prove>,
    /// Whether there is that proof.
    proven: bool,
    /// What this command has seen itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Verified>,
    /// Why it is not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    exit_code: u8,
    took_seconds: u64,
    tally: Tally,
    /// What the Job says of its own proof.
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
        cluster_ref: &'a ClusterRef,
        checks: &'a [Check],
        took: Duration,
        code: ExitCode,
    ) -> Self {
        let (tally, reason) = match verdict {
            Verdict::Done { tally, .. } => (*tally, None),
            Verdict::Unproven { tally, why, .. } | Verdict::Incomplete { tally, why } => (*tally, Some(why.as_str())),
        };
        let (prove, verified, unverified) = match verdict {
            Verdict::Done { evidence: Evidence::Command(verified), .. } => {
                (Some(Prove::Full), Some(*verified), &[][..])
            }
            Verdict::Done { evidence: Evidence::Job(_), .. } => (Some(Prove::Job), None, &[][..]),
            Verdict::Done { evidence: Evidence::NotWanted, .. } => (Some(Prove::None), None, &[][..]),
            Verdict::Unproven { wanted, failures, .. } => (Some(*wanted), None, failures.as_slice()),
            Verdict::Incomplete { .. } => (None, None, &[][..]),
        };
        let proof = progress.finished.as_ref().and_then(|word| word.proof);
        Self {
            head: TypeMeta::new("Report"),
            cluster_ref,
            run: &run.id,
            namespace: &run.namespace,
            done: !matches!(verdict, Verdict::Incomplete { .. }),
            prove,
            proven: matches!(verdict, Verdict::Done { evidence: Evidence::Command(_) | Evidence::Job(_), .. }),
            verified,
            reason,
            exit_code: code as u8,
            took_seconds: took.as_secs(),
            tally,
            proof,
            failures: progress.failures().chain(unverified.iter().cloned()).collect(),
            checks,
        }
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
