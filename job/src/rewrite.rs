//! The loop. Every Secret takes the same road: `list` -> `patch` -> `checkpoint` -> `emit`.
//!
//! Input: a client, a [`Spec`], and a future that says when to stop. Output: events, the run record, and how it ended.
//! Knows nothing of Pods: the Job runs it through `run`, and the plugin can run it in its own process.
//!
//! There is one pool of patches, and it does not drain between pages: while a page's Secrets are patched the next page is
//! fetched, one ahead and never more, so that memory is bounded whatever the cluster holds.

use std::pin::{Pin, pin};
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use kube::Client;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::begin::begin;
use crate::checkpoint::Checkpoint;
use crate::event::{Event, RunResult};
use crate::list::{ListError, Page, pages};
use crate::outcome::Outcome;
use crate::patch::Patcher;
use crate::retry::Trouble;
use crate::spec::Spec;
use crate::state::State;

/// How often the loop looks at the clock; `pace` and `checkpoint` decide what is due.
const TICK: Duration = Duration::from_millis(250);

/// After a stop: time for answers that are on their way.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// After a stop: time for the last record. With [`LAST_ANSWERS`] it stays under the 5 s that a run promises to end within.
const LAST_RECORD: Duration = Duration::from_secs(2);

/// Time for the last record of a run that came to its end by itself. Under the Pod's grace period, should a stop come now.
const FINAL_RECORD: Duration = Duration::from_secs(10);

/// Rewrites every Secret. Ends when all are accounted for, when the list can't go on, or when `stop` gives a reason.
pub async fn rewrite(
    client: &Client,
    spec: &Spec,
    sink: impl FnMut(Event) + Send,
    stop: impl Future<Output = String> + Send,
) -> RunResult {
    let trouble = Trouble::default();
    let mut state = State::new(spec, &trouble, sink);
    let mut checkpoint = Checkpoint::new(client, &spec.namespace);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = pin!(stop);

    let ended = match begin(client, &mut state, &mut ticks, stop.as_mut()).await {
        Ok(()) => {
            let pages = pin!(pages(client, &trouble));
            work(client, &mut state, &mut checkpoint, &mut ticks, stop.as_mut(), pages).await
        }
        Err(reason) => Err(reason),
    };

    let result = state.result(ended.is_ok());
    if let Some(record) = state.record(Some(result)) {
        let within = if ended.is_ok() { FINAL_RECORD } else { LAST_RECORD };
        let note = checkpoint.finish(&record, within).await;
        state.note(note);
    }
    state.finished(result, ended.err());
    result
}

/// Lists and patches. Ends well when every listed Secret has its outcome; else with the reason.
async fn work<S: FnMut(Event) + Send>(
    client: &Client,
    state: &mut State<'_, S>,
    checkpoint: &mut Checkpoint<'_>,
    ticks: &mut Interval,
    mut stop: Pin<&mut (impl Future<Output = String> + Send)>,
    mut pages: Pin<&mut (impl Stream<Item = Result<Page, ListError>> + Send)>,
) -> Result<(), String> {
    let (spec, trouble) = (state.spec, state.trouble);
    let patcher = Patcher::new(client, &spec.limit, trouble, spec.method, spec.time);
    let mut pool = FuturesUnordered::new();
    let mut queue = Vec::new().into_iter(); // what is left of the page at hand
    let mut ahead = None; // the page after it
    let mut listing = true;
    let mut ended = Ok(());

    loop {
        while pool.len() < spec.limit.pool() {
            match queue.next() {
                Some(secret) if state.is_current(&secret) => state.account(Outcome::Current),
                Some(secret) => pool.push(patcher.patch(secret)),
                None => match ahead.take() {
                    Some(page) => queue = state.open(page).into_iter(),
                    None => break,
                },
            }
        }
        if !listing && ahead.is_none() && queue.len() == 0 && pool.is_empty() {
            return ended;
        }
        tokio::select! {
            Some(answered) = pool.next() => answered.into_iter().for_each(|outcome| state.account(outcome)),
            page = pages.next(), if listing && ahead.is_none() => match page {
                Some(Ok(page)) => ahead = Some(page),
                // What was listed is still gone through: a list that breaks off is no reason to leave it.
                Some(Err(error)) => (listing, ended) = (false, Err(format!("{:#}", anyhow::Error::new(error)))),
                None => listing = false,
            },
            note = checkpoint.saved() => state.note(note),
            _ = ticks.tick() => {
                state.heartbeat();
                if checkpoint.due() && let Some(record) = state.record(None) {
                    checkpoint.begin(record);
                }
            }
            reason = &mut stop => {
                ended = Err(reason);
                break;
            }
        }
    }
    // Nothing more is sent. Those that wait for their turn or for a retry are left out of the counts, and to a successor.
    spec.limit.close();
    let answers = async {
        while let Some(answered) = pool.next().await {
            answered.into_iter().for_each(|outcome| state.account(outcome));
        }
    };
    timeout(LAST_ANSWERS, answers).await.ok();
    ended
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
