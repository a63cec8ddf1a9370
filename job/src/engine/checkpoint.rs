//! The third step: the counts go into the run record, at most every few seconds, beside the work and never in its way.
//! Input: the loop's state. Output: the ConfigMap, through `record`; and notes about writes that failed.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Client;
use tokio::time::Instant;

use crate::engine::record::{self, Record, RecordError};

/// A write every 5 s is no load even for the smallest control plane, and loses a reader of `status` nothing.
const EVERY: Duration = Duration::from_secs(5);

/// Writes the record.
pub(crate) struct Checkpoint<'a> {
    client: &'a Client,
    namespace: &'a str,
    due: Instant,
    saving: Option<BoxFuture<'a, Result<(), RecordError>>>,
    /// What the last note said: the same trouble is noted once, not every 5 s.
    noted: Option<String>,
}

impl<'a> Checkpoint<'a> {
    /// The first write is due at once: the watermark in it is what a successor needs.
    pub(crate) fn new(client: &'a Client, namespace: &'a str) -> Self {
        Self { client, namespace, due: Instant::now(), saving: None, noted: None }
    }

    /// Whether a new write may begin.
    pub(crate) fn due(&self) -> bool {
        self.saving.is_none() && Instant::now() >= self.due
    }

    /// Begins a write.
    pub(crate) fn begin(&mut self, record: Record) {
        let (client, namespace) = (self.client, self.namespace);
        self.due = Instant::now() + EVERY;
        self.saving = Some(async move { record::write(client, namespace, &record).await }.boxed());
    }

    /// Waits for the write that was begun, for ever if none was. Gives a note if it failed in a new way; the next one is
    /// the retry. May be dropped and called again.
    pub(crate) async fn saved(&mut self) -> Option<String> {
        let Some(saving) = &mut self.saving else { return std::future::pending().await };
        let result = saving.await;
        self.saving = None;
        self.judge(result)
    }

    /// Writes the last record, tried again until it is written or time is `over`. Then there is a note, also where the
    /// same trouble was noted before: now it has a consequence.
    pub(crate) async fn finish(&mut self, record: &Record, over: impl Future<Output = ()>) -> Option<String> {
        let (begun, pause) = (Instant::now(), Duration::from_millis(500));
        let mut failed = None;
        let written = async {
            // First the one in flight: overtaken by it, the last record would be an old one.
            if self.saving.is_some() {
                self.saved().await;
            }
            loop {
                match record::write(self.client, self.namespace, record).await {
                    Ok(()) => break,
                    Err(error) => failed = Some(format!("{:#}", anyhow::Error::new(error))),
                }
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            () = written => return None,
            () = over => {}
        }
        let within = begun.elapsed().as_secs();
        let why = failed.unwrap_or_else(|| format!("the run record was not written within {within} s"));
        Some(format!("{why}; it does not say how the run ended"))
    }

    fn judge(&mut self, result: Result<(), RecordError>) -> Option<String> {
        let words = result.err().map(|error| format!("{:#}; the run goes on", anyhow::Error::new(error)));
        let note = words.clone().filter(|_| words != self.noted);
        self.noted = words;
        note
    }
}
