//! What the loop knows while it runs, and what it says about it. Input: pages and outcomes from `pass`. Output: events
//! for the sink and records for `checkpoint`. No I/O of its own.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::api::list::{Page, Secret};
use crate::api::retry::LastError;
use crate::engine::prove::Trust;
use crate::engine::record::Record;
use crate::engine::spec::RunSpec;
use crate::engine::verify::ServersAgree;
use crate::engine::watermark::Watermark;
use crate::limiter::throughput::ProgressClock;
use crate::wire::event::{Event, Phase, Proof, RunResult};
use crate::wire::outcome::{Failure, Outcome, Tally};

/// So many Secrets that would not stay are named; the rest is counted.
const NAMED: usize = 1_000;

/// The state of one run in one process.
pub(crate) struct State<'a> {
    pub(crate) spec: &'a RunSpec,
    pub(crate) last_error: &'a LastError,
    /// The API server's version.
    pub(crate) server: String,
    /// A predecessor's, or the first list's.
    pub(crate) watermark: Option<Watermark>,
    /// What is waited for before the first list, for the heartbeat.
    pub(crate) waits_for: Arc<Mutex<String>>,
    /// Why it is not known that all API servers write under the key.
    doubt: Option<String>,
    /// Whether Secrets that are newer than the watermark are left alone in the proof.
    covers: bool,
    sink: Box<dyn FnMut(Event) + Send + 'a>,
    started: bool,
    /// Of the rewrite.
    tally: Tally,
    /// Once the proof has begun.
    proof: Option<Proof>,
    /// Secrets that this pass of the proof had to rewrite: the first of them, for their names.
    moved: Vec<Secret>,
    /// The first of those that have failed in it.
    failed: Vec<Failure>,
    pace: ProgressClock,
}

impl<'a> State<'a> {
    /// Nothing is known yet.
    pub(crate) fn new(spec: &'a RunSpec, last_error: &'a LastError, sink: impl FnMut(Event) + Send + 'a) -> Self {
        Self {
            spec,
            last_error,
            server: String::new(),
            watermark: None,
            waits_for: Arc::new(Mutex::new("the API server".into())),
            doubt: None,
            covers: false,
            sink: Box::new(sink),
            started: false,
            tally: Tally::default(),
            proof: None,
            moved: Vec::new(),
            failed: Vec::new(),
            pace: ProgressClock::new(Instant::now()),
        }
    }

    /// Coverage: the proof alone, of what is not newer than a watermark.
    pub(crate) fn covering(
        spec: &'a RunSpec,
        last_error: &'a LastError,
        watermark: Watermark,
        sink: impl FnMut(Event) + Send + 'a,
    ) -> Self {
        Self { watermark: Some(watermark), covers: true, ..Self::new(spec, last_error, sink) }
    }

    /// Whether a list was answered before the first page: coverage starts from one.
    pub(crate) fn has_listed(&self) -> bool {
        self.covers
    }

    /// What coverage has come to.
    pub(crate) fn covered(&self) -> Tally {
        self.proof.map_or(self.tally, |proof| proof.tally)
    }

    /// Whose writes are under the key.
    pub(crate) fn trust(&self) -> Trust {
        if self.spec.api_servers.is_some() { Trust::Everybody } else { Trust::Nobody }
    }

    /// The counts of what is being done.
    fn counts(&mut self) -> &mut Tally {
        self.proof.as_mut().map_or(&mut self.tally, |proof| &mut proof.tally)
    }

    /// Takes a page's Secrets into the counts. The first page starts the run: it carries the watermark, if no predecessor
    /// left one, and says how many Secrets there are.
    pub(crate) fn open(&mut self, page: Page) -> Vec<Secret> {
        let listed = page.secrets.len() as u64;
        self.counts().listed += listed;
        let watermark = self.watermark.get_or_insert_with(|| Watermark::new(page.resource_version)).as_str().into();
        if page.restarted {
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

    /// Whether a Secret has been written under the key already, so that it need not be written. In a run of its own, the
    /// first list holds none: all its Secrets are at or before the watermark, which is the list's own. The proof takes
    /// nobody's word; coverage takes the watermark's.
    pub(crate) fn is_current(&self, secret: &Secret) -> bool {
        let written = self.watermark.as_ref().is_some_and(|watermark| watermark.precedes(&secret.resource_version));
        written && (self.proof.is_none() || self.covers)
    }

    /// Counts one outcome.
    pub(crate) fn account(&mut self, secret: &Secret, outcome: Outcome) {
        self.counts().count(outcome);
        if self.proof.is_some() && outcome == Outcome::Rewritten && self.moved.len() < NAMED {
            self.moved.push(secret.clone());
        }
    }

    /// Counts one that has failed, and says so at once, so that a person can act while the rest goes on. In the proof only if
    /// no other pass comes, which has the last word on it.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.counts().count(Outcome::Failed);
        if self.proof.is_none() {
            self.tell(failure);
        } else if self.failed.len() < NAMED {
            self.failed.push(failure);
        }
    }

    /// No other pass of the proof comes: says which Secrets have failed in this one.
    pub(crate) fn flush_failures(&mut self) {
        for failure in std::mem::take(&mut self.failed) {
            self.tell(failure);
        }
    }

    /// Says why one of those does not stay that are counted already.
    pub(crate) fn tell(&mut self, failure: Failure) {
        (self.sink)(Event::Failure(failure));
    }

    /// Begins a pass of the proof. Before the first, the rewrite's last counts are said: the line before may be a second old.
    pub(crate) fn begin_pass(&mut self) {
        if self.proof.is_none() && !self.covers {
            let progress = self.pace.progress(Instant::now(), Phase::Rewrite, self.tally);
            (self.sink)(progress);
        }
        let passes = self.proof.map_or(0, |proof| proof.passes) + 1;
        self.proof = Some(Proof { passes, tally: Tally::default(), servers: None });
        self.moved.clear();
        self.failed.clear();
        self.pace = ProgressClock::new(Instant::now());
    }

    /// Whether what there is to do is done: then there is something to prove.
    pub(crate) fn complete(&self) -> bool {
        self.tally.complete()
    }

    /// How many Secrets this pass of the proof had to rewrite, and the first of them.
    pub(crate) fn moved(&self) -> (u64, &[Secret]) {
        (self.proof.map_or(0, |proof| proof.tally.rewritten), &self.moved)
    }

    /// Says something that is no Secret's failure.
    pub(crate) fn note(&mut self, message: Option<String>) {
        if let Some(message) = message {
            (self.sink)(Event::Note { message });
        }
    }

    /// Says how far we are, if that is due; when nothing moved, also what is being tried again.
    pub(crate) fn heartbeat(&mut self) {
        let (now, counts, phase) = (Instant::now(), *self.counts(), self.phase());
        if !self.pace.due(now, &counts) {
            return;
        }
        let moved = self.pace.moved(&counts);
        let progress = self.pace.progress(now, phase, counts);
        let last_error = self.last_error.take().filter(|_| !moved).map(|words| format!("trying again: {words}"));
        if self.started {
            self.note(last_error);
            (self.sink)(progress);
        } else {
            let waits_for = self.waits_for.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.note(last_error.or_else(|| Some(format!("waiting for {waits_for}"))));
        }
    }

    fn phase(&self) -> Phase {
        if self.proof.is_some() { Phase::Prove } else { Phase::Rewrite }
    }

    /// What the run record should say now. Nothing before there is a watermark.
    pub(crate) fn record(&self, result: Option<RunResult>) -> Option<Record> {
        Some(Record {
            run: self.spec.run.clone(),
            job_uid: self.spec.job_uid.clone(),
            watermark: self.watermark.clone()?,
            method: self.spec.method,
            key_arn: self.spec.key_arn.clone(),
            phase: self.phase(),
            result,
            tally: self.tally,
            proof: self.proof,
            updated: Timestamp::now(),
        })
    }

    /// How a run ended that went through every Secret: by the counts.
    pub(crate) fn result(&self) -> RunResult {
        let agreed = self.spec.api_servers.is_none() || self.servers().is_some_and(ServersAgree::is_proof);
        let proven = !self.spec.prove || (agreed && self.proof.is_some_and(|proof| proof.holds()));
        if self.tally.complete() && proven { RunResult::Complete } else { RunResult::Incomplete }
    }

    /// What is waited for, for the heartbeat.
    pub(crate) fn wait_for(&self, what: String) {
        *self.waits_for.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    /// The API servers were the same before and after the proof, and agreed.
    pub(crate) fn servers_agreed(&mut self, agreed: ServersAgree) {
        if let Some(proof) = &mut self.proof {
            proof.servers = Some(agreed);
        }
    }

    /// It is not known that they did.
    pub(crate) fn doubt(&mut self, why: String) {
        self.doubt = Some(why);
    }

    fn servers(&self) -> Option<ServersAgree> {
        self.proof.and_then(|proof| proof.servers)
    }

    /// The last line.
    pub(crate) fn finished(&mut self, result: RunResult, reason: Option<String>) {
        let reason = reason.or_else(|| if result == RunResult::Complete { None } else { Some(self.shortfall()) });
        (self.sink)(Event::Finished { result, tally: self.tally, proof: self.proof, reason });
    }

    /// What is missing for a complete run, in words.
    fn shortfall(&self) -> String {
        let counts = self.proof.map_or(self.tally, |proof| proof.tally);
        let secrets = |count: u64| if count == 1 { "1 Secret".to_owned() } else { format!("{count} Secrets") };
        match (counts.unaccounted(), counts.failed, self.proof) {
            (0, 0, Some(proof)) if proof.holds() => self.doubt.clone().unwrap_or_else(|| {
                "all API servers write under one key, and nothing shows that it is yours".to_owned()
            }),
            (0, 0, Some(proof)) => {
                format!("{} did not stay under the current key in {} passes", secrets(counts.rewritten), proof.passes)
            }
            (0, failed, Some(proof)) if counts.rewritten > 0 => format!(
                "{} could not be proven, and {} did not stay under the current key in {} passes",
                secrets(failed),
                secrets(counts.rewritten),
                proof.passes
            ),
            (0, failed, Some(_)) => format!("{} could not be proven", secrets(failed)),
            (0, failed, None) => format!("{} could not be written", secrets(failed)),
            (lost, ..) => format!("{} without an outcome, which is a bug of ours: please report it", secrets(lost)),
        }
    }
}
