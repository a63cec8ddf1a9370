//! The exit code of each end of a run.
use eks_encrypt_job::wire::outcome::Tally;

use super::*;
use crate::model::options::Prove;
use crate::model::run::JobEnd;
use crate::run::proof::Proven;
use crate::run::verdict::evaluate;
use crate::ui::progress::{Finished, Progress};

fn run() -> Run {
    Run::from_id("r1", "ops")
}

/// A Job that ended so; `result`: its last word, if there is one.
fn code(job: JobEnd, result: Option<RunResult>, tally: Tally) -> (ExitCode, String) {
    code_of(job, result, tally, false)
}

/// The same; `interrupted`: a run in this process, and Ctrl-C came.
fn code_of(job: JobEnd, result: Option<RunResult>, tally: Tally, interrupted: bool) -> (ExitCode, String) {
    let word = result.map(|result| Finished { result, tally, proof: None, reason: Some("words".into()) });
    let ended = Ended { job, last_word: word, progress: Progress::default(), interrupted };
    let terminal = Terminal::captured();
    let took = Duration::from_secs(9);
    let judged = evaluate(&ended.job, ended.last_word.as_ref(), &ended.progress);
    let verdict = judged.map_or_else(|it| it, |written| written.verdict(Proven::NotWanted, Vec::new(), Prove::None));
    let code = report_finished(&run(), &ended, &verdict, &ClusterRef::default(), &[], took, None, &terminal);
    (code, terminal.text().lines().find(|line| !line.is_empty()).unwrap().to_owned())
}

#[test]
fn every_end_has_its_exit_code() {
    let failed = || JobEnd::Failed("PodFailurePolicy: exit".into());
    let (all, some) =
        (Tally { listed: 2, rewritten: 2, ..Tally::default() }, Tally { listed: 2, rewritten: 1, ..Tally::default() });
    let one_failed = Tally { failed: 1, ..some };
    let ends = [
        code(JobEnd::Complete, Some(RunResult::Complete), all),
        code(failed(), Some(RunResult::Incomplete), one_failed),
        code(failed(), Some(RunResult::Stopped), some),
        code(failed(), Some(RunResult::Refused), Tally::default()),
        code(failed(), None, Tally::default()),
        code(JobEnd::Complete, None, Tally::default()),
        code(JobEnd::Complete, Some(RunResult::Complete), some),
        code_of(failed(), Some(RunResult::Stopped), some, true),
        code_of(JobEnd::Complete, Some(RunResult::Complete), all, true),
    ];
    let told: Vec<_> = ends.iter().map(|(code, head)| format!("{} {head}", *code as u8)).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    0 Done: every Secret is accounted for. NOT PROVEN.
    6 NOT DONE: 1 of 2 Secrets could not be re-encrypted.
    6 NOT DONE: the run stopped before it had gone through every Secret: words (until then 2 listed, 0 failed, 1 not reached; it is not known how many more there are).
    3 NOT DONE: this run did not go on: words.
    6 NOT DONE: the Job failed without its final tally: PodFailurePolicy: exit.
    6 NOT DONE: the Job ended without its final tally (its Pod is gone?).
    6 NOT DONE: 1 of 2 Secrets unaccounted for (a bug, please report it).
    130 NOT DONE: the run stopped before it had gone through every Secret: words (until then 2 listed, 0 failed, 1 not reached; it is not known how many more there are).
    0 Done: every Secret is accounted for. NOT PROVEN.
    ");
}
