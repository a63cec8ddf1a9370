//! Whether the run is done. Input: how the Job ended, its Pod's termination message, and what its log told. Output: a
//! verdict. A false "done" is the worst that this program could say, so everything has to agree: the Job's condition,
//! the Job's last word, and the arithmetic of its tally.

use eks_encrypt_job::engine::verify::Verified;
use eks_encrypt_job::wire::event::{Event, Line, Proof, RunResult, WIRE_VERSION};
use eks_encrypt_job::wire::outcome::{Failure, Tally};
use k8s_openapi::api::core::v1::Pod;

use crate::model::options::Prove;
use crate::model::run::JobEnd;
use crate::run::pod_status::termination_message;
use crate::run::proof::Proven;
use crate::ui::progress::{Finished, Progress, thousands};
use crate::ui::terminal::one_line;

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every Secret is written or gone, and there is as much of a proof as was wanted.
    Done { tally: Tally, evidence: Evidence },
    /// Every Secret is written or gone, but that they are under the key is not proven, though that was wanted, and why.
    /// Failures: Secrets that could not be verified.
    Unproven { tally: Tally, wanted: Prove, why: String, failures: Vec<Failure> },
    /// Not everything is written, and why.
    Incomplete { tally: Tally, why: String },
}

/// Who has seen that every Secret is under the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// This command.
    Command(Verified),
    /// The Job, by its own word.
    Job(Proof),
    /// Nobody: it was not wanted.
    NotWanted,
}

/// What a run says that has gone through every Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) tally: Tally,
    /// The Job's own proof.
    pub(crate) proof: Option<Proof>,
    /// Why that does not hold, if the Job says so. What this command sees itself counts for more.
    pub(crate) doubt: Option<String>,
}

impl Written {
    /// What it is worth, by what this command has seen. `wanted`: how much of a proof is.
    pub(crate) fn verdict(self, proven: Proven, failures: Vec<Failure>, wanted: Prove) -> Verdict {
        let Self { tally, proof, doubt } = self;
        let evidence = match (proven, wanted, proof.filter(|proof| proof.is_of_all_servers())) {
            (Proven::Yes(verified), ..) => Ok(Evidence::Command(verified)),
            (Proven::No(why), ..) => Err(why),
            (Proven::NotWanted, Prove::Job, Some(proof)) => Ok(Evidence::Job(proof)),
            (Proven::NotWanted, Prove::Full | Prove::Job, _) => {
                Err(doubt.unwrap_or_else(|| "the Job does not say so".to_owned()))
            }
            // It has looked, though nobody asked it to.
            (Proven::NotWanted, Prove::None, _) => doubt.map_or(Ok(Evidence::NotWanted), Err),
        };
        match evidence {
            Ok(evidence) => Verdict::Done { tally, evidence },
            Err(why) => Verdict::Unproven { tally, wanted, why: one_line(&why), failures },
        }
    }
}

/// The Job's last word, from the termination message of the Pods of the run; a Pod without one says nothing.
pub(crate) fn final_event(pods: &[Pod], run: &str) -> Option<Finished> {
    let mut words: Vec<Line> =
        pods.iter().filter_map(termination_line).filter(|line| line.run == run && line.wire == WIRE_VERSION).collect();
    words.sort_by_key(|line| line.time);
    match words.pop()?.event {
        Event::Finished { result, tally, proof, reason } => Some(Finished { result, tally, proof, reason }),
        _ => None,
    }
}

fn termination_line(pod: &Pod) -> Option<Line> {
    // With FallbackToLogsOnError the message may be the log's last lines; the last of them is the last word.
    termination_message(pod)?.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}

/// Judges.
///
/// # Errors
/// The verdict [`Verdict::Incomplete`].
pub(crate) fn evaluate(job: &JobEnd, last_word: Option<&Finished>, progress: &Progress) -> Result<Written, Verdict> {
    let Some(word) = last_word.or(progress.finished.as_ref()) else {
        let why = match job {
            JobEnd::Complete => "the Job ended without its final tally (its Pod is gone?)".to_owned(),
            JobEnd::Failed(words) => format!("the Job failed without its final tally: {words}"),
        };
        return Err(Verdict::Incomplete { tally: progress.rewrite_tally(), why });
    };
    let tally = word.tally;
    let of = |number| format!("{} of {} Secrets", thousands(number), thousands(tally.listed));
    let told = one_line(&word.reason.clone().unwrap_or_default());
    let why = match (job, word.result) {
        // First: what has stopped leaves Secrets without an outcome by design, and has listed only some of them.
        (_, RunResult::Stopped) => format!(
            "the run stopped before it had gone through every Secret: {told} (until then {} listed, {} failed, {} not \
             reached; it is not known how many more there are)",
            thousands(tally.listed),
            thousands(tally.failed),
            thousands(tally.unaccounted())
        ),
        // Not that it wrote nothing: an earlier Pod of it may have.
        (_, RunResult::Refused) => format!("this run did not go on: {told}"),
        _ if tally.unaccounted() > 0 => {
            format!("{} unaccounted for (a bug, please report it)", of(tally.unaccounted()))
        }
        _ if tally.failed > 0 => format!("{} could not be re-encrypted", of(tally.failed)),
        (_, RunResult::Incomplete) if word.proof.is_some() && tally.complete() => {
            return Ok(Written { tally, proof: None, doubt: Some(told) });
        }
        (_, RunResult::Incomplete) => format!("the run says that it is incomplete: {told}"),
        (JobEnd::Failed(words), RunResult::Complete) => format!("the Job says complete but has failed: {words}"),
        (JobEnd::Complete, RunResult::Complete) if !tally.complete() => {
            "the Job's tally does not add up: a bug, please report it".to_owned()
        }
        (JobEnd::Complete, RunResult::Complete) if word.proof.is_some_and(|proof| !proof.holds()) => {
            "the Job says complete, but its proof does not hold: a bug, please report it".to_owned()
        }
        (JobEnd::Complete, RunResult::Complete) => {
            return Ok(Written { tally, proof: word.proof, doubt: None });
        }
    };
    Err(Verdict::Incomplete { tally, why })
}

#[cfg(test)]
mod tests {
    //! Everything that must not be taken for done.
    use std::time::Duration;

    use eks_encrypt_job::wire::event::Phase;

    use super::*;
    use crate::testing::line;

    fn finished(result: RunResult, tally: Tally) -> Finished {
        Finished { result, tally, proof: None, reason: Some("the API server says Forbidden".into()) }
    }

    fn why(job: &JobEnd, word: Option<&Finished>) -> String {
        match evaluate(job, word, &Progress::default()) {
            Ok(Written { doubt: None, .. }) => "done".into(),
            Ok(Written { doubt: Some(doubt), .. }) => format!("written, and the Job doubts: {doubt}"),
            Err(Verdict::Incomplete { why, .. }) => why,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn done_needs_everything_to_agree() {
        let whole = Tally { listed: 3, rewritten: 2, gone: 1, ..Tally::default() };
        let lost = Tally { listed: 3, rewritten: 2, ..Tally::default() };
        let more = Tally { listed: 1, rewritten: 2, ..Tally::default() };
        let failed = Tally { listed: 3, rewritten: 2, failed: 1, ..Tally::default() };
        let broken = JobEnd::Failed("BackoffLimitExceeded: 6 Pods".into());
        let told = [
            why(&JobEnd::Complete, Some(&finished(RunResult::Complete, whole))),
            why(&JobEnd::Complete, Some(&finished(RunResult::Complete, lost))),
            why(&JobEnd::Complete, Some(&finished(RunResult::Complete, more))),
            why(&JobEnd::Complete, Some(&finished(RunResult::Complete, failed))),
            why(&JobEnd::Complete, Some(&finished(RunResult::Stopped, whole))),
            why(&broken, Some(&finished(RunResult::Stopped, failed))),
            why(&broken, Some(&finished(RunResult::Stopped, lost))),
            why(&JobEnd::Complete, Some(&finished(RunResult::Incomplete, whole))),
            why(&JobEnd::Complete, None),
            why(&broken, Some(&finished(RunResult::Complete, whole))),
            why(&broken, None),
        ];
        insta::assert_snapshot!(told.join("\n"), @r"
        done
        1 of 3 Secrets unaccounted for (a bug, please report it)
        the Job's tally does not add up: a bug, please report it
        1 of 3 Secrets could not be re-encrypted
        the run stopped before it had gone through every Secret: the API server says Forbidden (until then 3 listed, 0 failed, 0 not reached; it is not known how many more there are)
        the run stopped before it had gone through every Secret: the API server says Forbidden (until then 3 listed, 1 failed, 0 not reached; it is not known how many more there are)
        the run stopped before it had gone through every Secret: the API server says Forbidden (until then 3 listed, 0 failed, 1 not reached; it is not known how many more there are)
        the run says that it is incomplete: the API server says Forbidden
        the Job ended without its final tally (its Pod is gone?)
        the Job says complete but has failed: BackoffLimitExceeded: 6 Pods
        the Job failed without its final tally: BackoffLimitExceeded: 6 Pods
        ");
    }

    #[test]
    fn a_proof_that_does_not_hold_is_not_done_whatever_the_job_says() {
        let whole = Tally { listed: 3, rewritten: 3, ..Tally::default() };
        let stayed = Tally { listed: 3, current: 3, ..Tally::default() };
        let moved = Tally { listed: 3, current: 2, rewritten: 1, ..Tally::default() };
        let with = |result, passes, tally| Finished {
            proof: Some(Proof { passes, tally, servers: None }),
            ..finished(result, whole)
        };
        let told = [
            why(&JobEnd::Complete, Some(&with(RunResult::Complete, 1, stayed))),
            why(&JobEnd::Complete, Some(&with(RunResult::Complete, 1, moved))),
            why(&JobEnd::Complete, Some(&with(RunResult::Complete, 0, Tally::default()))),
            why(&JobEnd::Failed("PodFailurePolicy: 6".into()), Some(&with(RunResult::Incomplete, 5, moved))),
        ];
        insta::assert_snapshot!(told.join("\n"), @r"
        done
        the Job says complete, but its proof does not hold: a bug, please report it
        the Job says complete, but its proof does not hold: a bug, please report it
        written, and the Job doubts: the API server says Forbidden
        ");
    }

    /// A Pod that was killed in its proof, and whose successor never came.
    #[test]
    fn without_a_last_word_the_counts_are_the_rewrites_and_not_the_proofs() {
        let told = |seq, phase, tally| line(seq, Event::Progress { phase, tally, rate_milli: 1_000 });
        let written = Tally { listed: 3, rewritten: 2, failed: 1, ..Tally::default() };
        let touched = Tally { listed: 3, current: 1, ..Tally::default() };
        let all =
            [told(1, Phase::Rewrite, written), told(2, Phase::Prove, Tally::default()), told(3, Phase::Prove, touched)];
        let judged = |lines: &[Line]| {
            let mut progress = Progress::default();
            lines.iter().for_each(|line| _ = progress.fold(line, Duration::ZERO));
            let Err(Verdict::Incomplete { tally, .. }) = evaluate(&JobEnd::Failed("x".into()), None, &progress) else {
                panic!()
            };
            tally
        };
        assert_eq!(judged(&all), written);
        assert_eq!(judged(&all[1..]), Tally::default(), "whoever came late has not seen what was written");
    }

    #[test]
    fn a_run_that_another_one_kept_out_did_not_go_on() {
        let refused = Finished {
            reason: Some("another run is at work: r0/p has the lease".into()),
            ..finished(RunResult::Refused, Tally::default())
        };
        insta::assert_snapshot!(why(&JobEnd::Failed("PodFailurePolicy: 3".into()), Some(&refused)), @"this run did not go on: another run is at work: r0/p has the lease");
    }

    #[test]
    fn the_last_word_is_read_from_the_last_pod_of_this_run() {
        let pod = |run: &str, time: &str, listed: u64| -> Pod {
            let line = format!(
                r#"{{"wire":1,"run":"{run}","pod":"p","seq":9,"time":"{time}","event":"finished","result":"complete","tally":{{"listed":{listed},"rewritten":{listed},"current":0,"gone":0,"failed":0}}}}"#
            );
            serde_json::from_value(
                serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "status": {"containerStatuses": [
                {"name": "job", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                 "state": {"terminated": {"exitCode": 0, "message": format!("noise\n{line}\n")}}}]}}),
            )
            .unwrap()
        };
        let pods = [
            pod("r1", "2026-11-24T07:02:00Z", 2),
            pod("r1", "2026-11-24T07:01:00Z", 1),
            pod("other", "2026-11-24T07:03:00Z", 3),
        ];
        assert_eq!(final_event(&pods, "r1").unwrap().tally.listed, 2);
        assert_eq!(final_event(&[], "r1"), None);
    }
}
