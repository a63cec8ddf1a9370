//! What the loop knows while it runs, and what it says about it. Input: pages and outcomes from `rewrite`. Output: events
//! for the sink and records for `checkpoint`. No I/O of its own.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::event::{Event, Phase, RunResult};
use crate::list::{Page, Secret};
use crate::outcome::{Outcome, Tally};
use crate::pace::Pace;
use crate::record::Record;
use crate::retry::Trouble;
use crate::spec::Spec;
use crate::watermark::Watermark;

/// The state of one run in one process.
pub(crate) struct State<'a, S> {
    pub(crate) spec: &'a Spec,
    pub(crate) trouble: &'a Trouble,
    /// The API server's version.
    pub(crate) server: String,
    /// A predecessor's, or the first list's.
    pub(crate) watermark: Option<Watermark>,
    sink: S,
    started: bool,
    tally: Tally,
    pace: Pace,
}

impl<'a, S: FnMut(Event)> State<'a, S> {
    /// Nothing is known yet.
    pub(crate) fn new(spec: &'a Spec, trouble: &'a Trouble, sink: S) -> Self {
        Self {
            spec,
            trouble,
            server: String::new(),
            watermark: None,
            sink,
            started: false,
            tally: Tally::default(),
            pace: Pace::new(Instant::now()),
        }
    }

    /// Takes a page's Secrets into the counts. The first page starts the run: it carries the watermark, if no predecessor
    /// left one, and says how many Secrets there are.
    pub(crate) fn open(&mut self, page: Page) -> Vec<Secret> {
        let listed = page.secrets.len() as u64;
        self.tally.listed += listed;
        let watermark = self.watermark.get_or_insert_with(|| Watermark::new(page.resource_version)).as_str().into();
        if page.begun_again {
            self.note(Some("the list of Secrets expired and began again; those already listed are left out".into()));
        }
        if !self.started {
            self.started = true;
            (self.sink)(Event::Started {
                version: env!("CARGO_PKG_VERSION").into(),
                server: self.server.clone(),
                method: self.spec.method,
                watermark,
                total: listed + page.remaining,
            });
        }
        page.secrets
    }

    /// Whether a Secret has been written under the key already. In a run of its own, the first list holds none: all its
    /// Secrets are at or before the watermark, which is the list's own.
    pub(crate) fn is_current(&self, secret: &Secret) -> bool {
        self.watermark.as_ref().is_some_and(|watermark| watermark.is_behind(&secret.resource_version))
    }

    /// Counts one outcome. A failure is said at once, so that a person can act while the rest goes on.
    pub(crate) fn account(&mut self, outcome: Outcome) {
        self.tally.count(&outcome);
        if let Outcome::Failed(failure) = outcome {
            (self.sink)(Event::Failure(failure));
        }
    }

    /// Says something that is no Secret's failure.
    pub(crate) fn note(&mut self, message: Option<String>) {
        if let Some(message) = message {
            (self.sink)(Event::Note { message });
        }
    }

    /// Says how far we are, if that is due; when nothing moved, also what is being tried again.
    pub(crate) fn heartbeat(&mut self) {
        let now = Instant::now();
        if !self.pace.due(now, &self.tally) {
            return;
        }
        let moved = self.pace.moved(&self.tally);
        let progress = self.pace.progress(now, Phase::Rewrite, self.tally);
        let trouble = self.trouble.take().filter(|_| !moved).map(|words| format!("trying again: {words}"));
        if self.started {
            self.note(trouble);
            (self.sink)(progress);
        } else {
            self.note(trouble.or_else(|| Some("waiting for the API server".into())));
        }
    }

    /// What the run record should say now. Nothing before there is a watermark.
    pub(crate) fn record(&self, result: Option<RunResult>) -> Option<Record> {
        Some(Record {
            run: self.spec.run.clone(),
            job_uid: self.spec.job_uid.clone(),
            watermark: self.watermark.clone()?,
            method: self.spec.method,
            key_arn: self.spec.key_arn.clone(),
            phase: Phase::Rewrite,
            result,
            tally: self.tally,
            updated: Timestamp::now(),
        })
    }

    /// How it ended, by the counts. `whole`: the list came to its end.
    pub(crate) fn result(&self, whole: bool) -> RunResult {
        match (whole, self.tally.complete()) {
            (false, _) => RunResult::Stopped,
            (true, true) => RunResult::Complete,
            (true, false) => RunResult::Incomplete,
        }
    }

    /// The last line.
    pub(crate) fn finished(&mut self, result: RunResult, reason: Option<String>) {
        let reason = reason.or_else(|| match (result, self.tally.unaccounted(), self.tally.failed) {
            (RunResult::Complete, ..) => None,
            (_, 0, 1) => Some("1 Secret could not be written".into()),
            (_, 0, failed) => Some(format!("{failed} Secrets could not be written")),
            (_, lost, _) => Some(format!("{lost} Secrets have no outcome, which is a bug of ours: please report it")),
        });
        (self.sink)(Event::Finished { result, tally: self.tally, reason });
    }
}
