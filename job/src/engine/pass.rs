//! The loop. A pass shows every Secret to one step, `patch` or `prove`, and ends when each has its outcome.
//!
//! Input: the pages of `list`, and a step. Output: outcomes, counted and told by the state. There is one pool, and it does
//! not drain between pages: while a page's Secrets are with the API server the next page is fetched, one ahead and never
//! more, so that memory is bounded whatever the cluster holds. Refused Secrets come again when all others are done.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::timeout;

use crate::api::list::{Secret, pages};
use crate::api::write::Writer;
use crate::engine::attempt::Attempt;
use crate::engine::deferred::{Decision, DeferredSecrets};
use crate::engine::maintenance::Maintenance;
use crate::engine::state::State;
use crate::wire::outcome::Outcome;

/// After a stop: time for answers that are on their way.
pub(crate) const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// One pass. Ends well when every listed Secret has its outcome; else with the reason.
pub(crate) async fn pass<F>(
    writer: &Writer<'_>,
    state: &mut State<'_>,
    maintenance: &mut Maintenance<'_>,
    step: impl Fn(Secret) -> F,
) -> Result<(), String>
where
    F: Future<Output = (Secret, Attempt)>,
{
    let was_authorized = writer.was_authorized() || state.has_listed();
    let mut pages = pin!(pages(writer.client, writer.last_error, was_authorized));
    let mut pool = FuturesUnordered::new();
    let mut queue = Vec::new().into_iter(); // what is left of the page at hand
    let mut ahead = None; // the page after it
    let mut listing = true;
    let mut broken = None; // why there are no more pages
    let mut deferred = DeferredSecrets::default();

    let reason = loop {
        while pool.len() < writer.limit.pool() {
            match queue.next() {
                Some(secret) if state.is_current(&secret) => state.account(&secret, Outcome::Current),
                Some(secret) => pool.push(step(secret)),
                None => match ahead.take() {
                    Some(page) => queue = state.open(page).into_iter(),
                    None => break,
                },
            }
        }
        if !listing && ahead.is_none() && queue.len() == 0 && pool.is_empty() {
            queue = deferred.take_deferred().into_iter();
            if queue.len() == 0 {
                return broken.map_or(Ok(()), Err);
            }
            continue;
        }
        tokio::select! {
            Some((secret, attempt)) = pool.next() => match attempt {
                Attempt::Done(outcome) => {
                    deferred.reset_streak();
                    state.account(&secret, outcome);
                }
                Attempt::Rejected(api_error) => match deferred.classify(secret, &api_error) {
                    Decision::Defer(note) => state.note(note),
                    Decision::Fail(failure) => state.fail(failure),
                    Decision::Abort(reason) => break reason,
                },
                Attempt::Cancelled => {}
            },
            page = pages.next(), if listing && ahead.is_none() => match page {
                Some(Ok(page)) => ahead = Some(page),
                // What was listed is still gone through: a list that breaks off is no reason to leave it.
                Some(Err(error)) => (listing, broken) = (false, Some(format!("{:#}", anyhow::Error::new(error)))),
                None => listing = false,
            },
            duty = maintenance.next() => if let Err(reason) = maintenance.attend(state, duty) {
                break reason;
            },
        }
    };
    // Nothing more is sent. Those that wait for their turn or for a retry are left out of the counts, and to a successor.
    writer.limit.close();
    let answers = async {
        while let Some((secret, attempt)) = pool.next().await {
            if let Attempt::Done(outcome) = attempt {
                state.account(&secret, outcome);
            }
        }
    };
    timeout(LAST_ANSWERS, answers).await.ok();
    Err(reason)
}
