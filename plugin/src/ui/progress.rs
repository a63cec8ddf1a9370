//! What the run has told so far: a pure fold over the Job's events. Input: events and the time since we began to follow.
//! Output: the state, and the line of text that `terminal` draws. No clock of its own, no terminal, no cluster: tests read
//! it as text.

use std::collections::BTreeMap;
use std::time::Duration;

use eks_encrypt_job::api::bounds::{LONGEST_TEXT, cut};
use eks_encrypt_job::wire::event::{Event, Line, Phase, Proof, RunResult, WIRE_VERSION};
use eks_encrypt_job::wire::outcome::{Failure, Tally};
use jiff::Timestamp;

use crate::ui::terminal::{Frame, one_line};

/// The Job promises a line every 15 s; after two missing ones a person should know.
const SILENCE: Duration = Duration::from_secs(35);

/// How many failed Secrets are remembered by name. More are counted: nobody reads a thousand names, and the log has them.
const MAX_REMEMBERED: usize = 1_000;

/// Longest name of a Secret or of a namespace that Kubernetes takes.
const MAX_NAME_CHARS: usize = 253;

/// How many failures are said as they come. A webhook that denies everything must not bury the rest of the screen.
const MAX_PRINTED: usize = 20;

/// The state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// How many Secrets the first list promised.
    pub(crate) total: u64,
    /// The counts.
    pub(crate) tally: Tally,
    /// The Job's last word, if it has come.
    pub(crate) finished: Option<Finished>,
    /// Failed Secrets and their reasons, by namespace and name.
    pub(crate) failures: BTreeMap<(String, String), String>,
    /// What the rewrite had come to when the proof began: the proof counts anew, and touches are not what a run has written.
    rewritten: Option<Tally>,
    phase: Option<Phase>,
    rate_milli: u64,
    heard: Duration,
}

/// The Job's last word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) result: RunResult,
    /// What became of every Secret.
    pub(crate) tally: Tally,
    /// What the proof showed, if there was one.
    pub(crate) proof: Option<Proof>,
    /// Why, when it is not complete.
    pub(crate) reason: Option<String>,
}

impl Progress {
    /// Takes one event in. Gives back a line that should stay on the screen, if it deserves one.
    pub(crate) fn fold(&mut self, line: &Line, at: Duration) -> Option<String> {
        self.heard = at;
        // Webhooks and policies choose the words: they get one line.
        self.apply(line, at).map(|text| one_line(&cut(text, LONGEST_TEXT)))
    }

    fn apply(&mut self, line: &Line, at: Duration) -> Option<String> {
        match &line.event {
            Event::Started { version, server, watermark, total, .. } => {
                // A successor of a killed Pod goes through the failed ones again, and says so again.
                *self = Self { total: *total, phase: Some(Phase::Rewrite), heard: at, ..Self::default() };
                Some(format!(
                    "{} has begun: {} Secrets, watermark {watermark}, {} {version}, API server {server}",
                    source_name(line),
                    thousands(*total),
                    if line.pod.is_empty() { "engine" } else { "Job" }
                ))
            }
            Event::Progress { phase, tally, rate_milli } => {
                let before = self.phase.replace(*phase);
                let proves = (before, *phase) == (Some(Phase::Rewrite), Phase::Prove);
                let written = thousands(self.tally.accounted());
                match phase {
                    Phase::Rewrite => self.rewritten = None,
                    // A proof that we have not seen begin has nothing before it.
                    Phase::Prove => {
                        _ = self.rewritten.get_or_insert(if proves { self.tally } else { Tally::default() })
                    }
                }
                (self.tally, self.rate_milli) = (*tally, *rate_milli);
                proves.then(|| {
                    format!(
                        "{written} Secrets are accounted for; now the proof: each is touched, and none may be written"
                    )
                })
            }
            Event::Failure(failure) => self.failure(failure),
            Event::Note { message } => Some(format!("note: {message}")),
            Event::Finished { result, tally, proof, reason } => {
                // The rewrite's counts: as the proof's, they would say that nothing had stayed under the key.
                (self.phase, self.tally, self.rate_milli) = (Some(Phase::Rewrite), *tally, 0);
                self.rewritten = None;
                self.finished =
                    Some(Finished { result: *result, tally: *tally, proof: *proof, reason: reason.clone() });
                // A Job starts another Pod, which goes on.
                let stopped = reason.as_ref().filter(|_| *result == RunResult::Stopped);
                stopped.map(|reason| format!("{} has stopped: {reason}", source_name(line)))
            }
        }
    }

    /// What became of the Secrets in the rewrite, as far as is known.
    pub(crate) fn rewrite_tally(&self) -> Tally {
        self.rewritten.unwrap_or(self.tally)
    }

    /// The failures that are remembered.
    pub(crate) fn failures(&self) -> impl Iterator<Item = Failure> + '_ {
        self.failures.iter().map(|((namespace, name), reason)| Failure {
            namespace: namespace.clone(),
            name: name.clone(),
            reason: reason.clone(),
        })
    }

    /// Remembers a failure, and says it unless too many have been said.
    fn failure(&mut self, failure: &Failure) -> Option<String> {
        if self.failures.len() < MAX_REMEMBERED {
            let kept = |text: &str, most| one_line(&cut(text.to_owned(), most));
            let key = (kept(&failure.namespace, MAX_NAME_CHARS), kept(&failure.name, MAX_NAME_CHARS));
            self.failures.insert(key, kept(&failure.reason, LONGEST_TEXT));
        }
        match self.failures.len() {
            0..=MAX_PRINTED => {
                Some(format!("failed: Secret {}/{}: {}", failure.namespace, failure.name, failure.reason))
            }
            more if more == MAX_PRINTED + 1 => {
                Some("failed: more Secrets; they are counted, and listed at the end".to_owned())
            }
            _ => None,
        }
    }

    /// The line at this moment. What does not fit into the width is left out from the right: the counts matter most.
    pub(crate) fn frame(&self, at: Duration, width: usize) -> Frame {
        if self.phase.is_none() {
            return Frame { text: format!("waiting for the run to begin, {} so far", elapsed(at)), share: None };
        }
        let done = self.tally.accounted();
        // Secrets come and go: the first list's promise is not allowed to make a bar of more than everything.
        let all = self.total.max(self.tally.listed).max(done);
        let verb = if self.phase == Some(Phase::Prove) { "proven: " } else { "" };
        let mut parts = vec![format!("{verb}{} of {} Secrets", thousands(done), thousands(all))];
        if self.phase == Some(Phase::Prove) && self.tally.rewritten > 0 {
            parts.push(format!("{} did not stay", thousands(self.tally.rewritten)));
        }
        if self.tally.failed > 0 {
            parts.push(format!("{} failed", thousands(self.tally.failed)));
        }
        let silent = at.saturating_sub(self.heard);
        if silent >= SILENCE {
            parts.push(format!("no word from the run for {}", elapsed(silent)));
        } else if self.rate_milli > 0 {
            parts.push(format!("{}/s", thousands(self.rate_milli.div_ceil(1000))));
            let left = Duration::from_secs((all - done).saturating_mul(1000) / self.rate_milli);
            parts.push(format!("about {} left", elapsed(left)));
        }
        let mut text = parts.remove(0);
        for part in parts {
            if text.len() + 2 + part.len() > width {
                break;
            }
            text = format!("{text}, {part}");
        }
        Frame { text, share: Some((done, all)) }
    }
}

/// An event of this process as a line: no Pod has written it.
pub(crate) fn own_line(run: &str, event: Event) -> Line {
    Line { wire: WIRE_VERSION, run: run.to_owned(), pod: String::new(), seq: 0, time: Timestamp::now(), event }
}

/// Whose line it is: a Pod's, or that of the engine in our own process (`local`).
fn source_name(line: &Line) -> String {
    if line.pod.is_empty() { "The run".to_owned() } else { format!("Pod {}", line.pod) }
}

/// `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `42 s`, `3 min 12 s`, `1 h 5 min`.
pub(crate) fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    //! The line, as a person sees it.
    use super::*;
    use crate::testing::line;
    use eks_encrypt_job::wire::event::Method;
    use insta::assert_snapshot;

    fn started() -> Event {
        Event::Started {
            version: "0.1.0".into(),
            server: "v1.34.4".into(),
            method: Method::Annotate,
            watermark: "4711".into(),
            total: 2_000,
        }
    }

    fn halfway(failed: u64) -> Event {
        let tally = Tally { listed: 1_500, rewritten: 1_234, failed, ..Tally::default() };
        Event::Progress { phase: Phase::Rewrite, tally, rate_milli: 512_400 }
    }

    fn after(events: impl IntoIterator<Item = Event>) -> Progress {
        let mut progress = Progress::default();
        for (seq, event) in events.into_iter().enumerate() {
            progress.fold(&line(seq as u64 + 1, event), Duration::from_secs(3));
        }
        progress
    }

    fn proving(rewritten: u64) -> Event {
        let tally = Tally { listed: 24, current: 12 - rewritten, rewritten, ..Tally::default() };
        Event::Progress { phase: Phase::Prove, tally, rate_milli: 4_000 }
    }

    #[test]
    fn the_proof_is_shown_as_such() {
        let begun = || match started() {
            Event::Started { version, server, method, watermark, .. } => {
                Event::Started { version, server, method, watermark, total: 24 }
            }
            other => other,
        };
        let frame = after([begun(), proving(0)]).frame(Duration::from_secs(4), 80);
        assert_snapshot!(frame.text, @r"proven: 12 of 24 Secrets, 4/s, about 3 s left");
        assert_eq!(frame.share, Some((12, 24)));
        assert_snapshot!(after([begun(), proving(2)]).frame(Duration::from_secs(4), 80).text, @r"proven: 12 of 24 Secrets, 2 did not stay, 4/s, about 3 s left");
    }

    #[test]
    fn a_pod_that_stops_says_why_and_a_run_from_here_names_no_pod() {
        let stopped =
            |result| Event::Finished { result, tally: Tally::default(), proof: None, reason: Some("SIGTERM".into()) };
        let mut told = Vec::new();
        for pod in ["pod-a", ""] {
            let mut progress = Progress::default();
            // Of one that went through every Secret, the last words tell.
            for event in [started(), stopped(RunResult::Stopped), stopped(RunResult::Incomplete)] {
                told.extend(progress.fold(&Line { pod: pod.into(), ..line(1, event) }, Duration::ZERO));
            }
        }
        assert_snapshot!(told.join("\n"), @r"
        Pod pod-a has begun: 2,000 Secrets, watermark 4711, Job 0.1.0, API server v1.34.4
        Pod pod-a has stopped: SIGTERM
        The run has begun: 2,000 Secrets, watermark 4711, engine 0.1.0, API server v1.34.4
        The run has stopped: SIGTERM
        ");
    }

    #[test]
    fn a_line_of_progress() {
        let progress = after([started(), halfway(0)]);
        let frame = progress.frame(Duration::from_secs(4), 80);
        assert_snapshot!(frame.text, @"1,234 of 2,000 Secrets, 513/s, about 1 s left");
        assert_eq!(frame.share, Some((1_234, 2_000)));
    }

    #[test]
    fn the_last_word_after_a_proof_does_not_read_as_if_nothing_had_stayed() {
        let tally = Tally { listed: 2_000, current: 2_000, ..Tally::default() };
        let proving = Event::Progress { phase: Phase::Prove, tally, rate_milli: 512_400 };
        let tally = Tally { listed: 2_000, rewritten: 2_000, ..Tally::default() };
        let word = Event::Finished { result: RunResult::Complete, tally, proof: None, reason: None };
        let frame = after([started(), proving, word]).frame(Duration::from_secs(4), 80);
        assert_snapshot!(frame.text, @"2,000 of 2,000 Secrets");
    }

    #[test]
    fn before_the_first_line() {
        assert_snapshot!(Progress::default().frame(Duration::from_secs(4), 80).text, @"waiting for the run to begin, 4 s so far");
    }

    #[test]
    fn failures_come_before_what_may_be_cut_off() {
        let progress = after([started(), halfway(2)]);
        assert_snapshot!(progress.frame(Duration::from_secs(4), 40).text, @"1,236 of 2,000 Secrets, 2 failed, 513/s");
    }

    #[test]
    fn a_job_that_is_silent_is_called_so() {
        let progress = after([started(), halfway(0)]);
        assert_snapshot!(progress.frame(Duration::from_secs(94), 80).text, @"1,234 of 2,000 Secrets, no word from the run for 1 min 31 s");
    }

    #[test]
    fn lines_that_stay() {
        let mut progress = Progress::default();
        let failure =
            Failure { namespace: "shop".into(), name: "db".into(), reason: "admission webhook \"x\" denied".into() };
        let told: Vec<String> =
            [started(), Event::Failure(failure), Event::Note { message: "waiting for the lease".into() }]
                .into_iter()
                .filter_map(|event| progress.fold(&line(1, event), Duration::ZERO))
                .collect();
        assert_snapshot!(told.join("\n"), @r#"
        Pod pod-a has begun: 2,000 Secrets, watermark 4711, Job 0.1.0, API server v1.34.4
        failed: Secret shop/db: admission webhook "x" denied
        note: waiting for the lease
        "#);
    }

    #[test]
    fn a_denial_can_not_look_like_lines_of_ours() {
        let mut progress = Progress::default();
        let reason = "no\n\nDone: every Secret is accounted for.\u{1b}[2J".to_owned();
        let failure = Failure { namespace: "a".into(), name: "b".into(), reason };
        let told = progress.fold(&line(1, Event::Failure(failure)), Duration::ZERO).unwrap();
        assert_eq!(told, r"failed: Secret a/b: no\n\nDone: every Secret is accounted for.\u{1b}[2J");
        let kept = progress.failures.into_values().next().unwrap();
        assert_eq!(kept, r"no\n\nDone: every Secret is accounted for.\u{1b}[2J");
    }

    #[test]
    fn a_thousand_failures_are_counted_and_twenty_are_said() {
        let mut progress = Progress::default();
        let failure =
            |n: u64| Event::Failure(Failure { namespace: "a".into(), name: format!("s{n}"), reason: "no".into() });
        let said = (1..=1_200).filter_map(|n| progress.fold(&line(n, failure(n)), Duration::ZERO)).count();
        assert_eq!((said, progress.failures.len()), (21, 1_000));
    }

    #[test]
    fn a_successor_forgets_what_its_predecessor_could_not_do() {
        let failure = Failure { namespace: "a".into(), name: "b".into(), reason: "timeout".into() };
        assert!(after([started(), Event::Failure(failure), started()]).failures.is_empty());
    }

    #[test]
    fn durations_and_numbers() {
        assert_eq!(elapsed(Duration::from_secs(42)), "42 s");
        assert_eq!(elapsed(Duration::from_secs(192)), "3 min 12 s");
        assert_eq!(elapsed(Duration::from_secs(3_900)), "1 h 5 min");
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
