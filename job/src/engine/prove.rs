//! The proof: every Secret is touched, and none may be rewritten. Input: a fresh list for each pass. Output: in the state,
//! the counts of what stayed and what did not, and the names of those that would not stay.
//!
//! A touch is a merge patch that carries nothing but the resourceVersion at which the Secret was listed. The API server
//! does one of three things. Where the Secret is stored under the current key, it writes nothing and answers with the same
//! version: that is the proof of this Secret. Where it is stored otherwise, it writes, and the version grows: the Secret
//! had been left behind. Where somebody has changed it since the list, there is a conflict, and we look again. Without the
//! condition nobody could tell another's write from ours, and no busy cluster could ever be proven.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use kube::Client;
use serde_json::json;

use crate::api::list::{Secret, refetch};
use crate::api::request::ApiError;
use crate::api::retry::LastError;
use crate::api::write::Writer;
use crate::engine::attempt::Attempt;
use crate::engine::maintenance::Maintenance;
use crate::engine::pass::pass;
use crate::engine::spec::RunSpec;
use crate::engine::state::State;
use crate::engine::watermark::Watermark;
use crate::wire::event::Event;
use crate::wire::outcome::{Failure, Outcome, Tally};

/// How many passes there are before Secrets are said not to stay.
const PASSES: u32 = 5;

/// The pause after a pass that had to write something, doubled each time: an API server that still writes under another
/// key is about to be replaced, and EKS takes minutes for that.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// How often one Secret is looked at again because somebody else has just written it. Who writes it ten times in a row
/// within the milliseconds between look and touch is not proven, but told of.
const MAX_TOUCHES: u32 = 10;

/// The proof. What has failed in its last pass is told when no other comes, however it ended; and those that the last of
/// all passes had to rewrite are said not to stay.
pub(crate) async fn prove(
    writer: &Writer<'_>,
    state: &mut State<'_>,
    maintenance: &mut Maintenance<'_>,
) -> Result<(), String> {
    let ended = passes(writer, state, maintenance).await;
    state.flush_failures();
    if ended.is_ok() {
        let failures: Vec<Failure> = state.moved().1.iter().map(unstable_failure).collect();
        failures.into_iter().for_each(|failure| state.tell(failure));
    }
    ended
}

/// Passes until one rewrites nothing, or there were enough.
async fn passes(writer: &Writer<'_>, state: &mut State<'_>, maintenance: &mut Maintenance<'_>) -> Result<(), String> {
    let mut pause = FIRST_PAUSE;
    for number in 1.. {
        state.begin_pass();
        let trust = state.trust();
        pass(writer, state, maintenance, |mut secret| async move {
            let attempt = touch(writer, &mut secret, trust).await;
            (secret, attempt)
        })
        .await?;
        let (count, named) = state.moved();
        if count == 0 || number == PASSES {
            break;
        }
        let (Secret { namespace, name, .. }, seconds) = (&named[0], pause.as_secs());
        let them = if count == 1 {
            format!("Secret {namespace}/{name}")
        } else {
            format!("{count} Secrets ({namespace}/{name} among them)")
        };
        state.note(Some(format!("the proof had to write {them} again; it looks at all anew in {seconds} s")));
        maintenance.during(state, tokio::time::sleep(pause)).await?;
        pause *= 2;
    }
    Ok(())
}

/// Covers every Secret: those that are newer than the watermark are left alone, the others are touched, once. Gives the
/// counts, and why not all were gone through.
pub(crate) async fn cover<'a>(
    client: &'a Client,
    spec: &'a RunSpec,
    watermark: &Watermark,
    last_error: &'a LastError,
    sink: impl FnMut(Event) + Send + 'a,
    stop: BoxFuture<'a, String>,
) -> (Tally, Result<(), String>) {
    let mut state = State::covering(spec, last_error, watermark.clone(), sink);
    let mut maintenance = Maintenance::without_record(stop);
    let writer = Writer::new(client, &spec.limit, last_error);
    state.begin_pass();
    let ended = pass(&writer, &mut state, &mut maintenance, |mut secret| {
        let writer = &writer;
        async move {
            let attempt = touch(writer, &mut secret, Trust::Everybody).await;
            (secret, attempt)
        }
    })
    .await;
    state.flush_failures();
    (state.covered(), ended)
}

/// Whose writes are under the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Everybody's: all API servers write under it, or the whole pass counts for nothing.
    Everybody,
    /// Nobody's.
    Nobody,
}

/// Touches one Secret, and remembers in it if no answer came.
async fn touch(writer: &Writer<'_>, listed: &mut Secret, trust: Trust) -> Attempt {
    let mut secret = listed.clone();
    let mut conflict = None;
    for _ in 0..MAX_TOUCHES {
        let body = json!({ "metadata": { "resourceVersion": secret.resource_version } });
        // A touch whose answer got lost may have written. Then the next one meets a conflict, which is our own; also where
        // that one is its second try.
        let unanswered = AtomicBool::new(secret.unanswered);
        let again = |api_error: &ApiError| {
            unanswered.fetch_or(api_error.unanswered(), Ordering::Relaxed);
            !api_error.conflict()
        };
        let answer = writer.write(&secret, &body, again).await;
        match Attempt::of(writer, &secret, answer).await {
            Attempt::Rejected(api_error) if api_error.conflict() => {
                if unanswered.into_inner() {
                    return Attempt::Done(Outcome::Rewritten);
                }
                conflict = Some(api_error);
            }
            attempt => {
                listed.unanswered |= unanswered.into_inner();
                return attempt;
            }
        }
        match refetch(writer.client, writer.last_error, &secret).await {
            // Somebody has written it since it was listed.
            Ok(Some(now)) if trust == Trust::Everybody && now.is_newer_than(&secret) => {
                return Attempt::Done(Outcome::Current);
            }
            Ok(Some(now)) => secret = now,
            Ok(None) => return Attempt::Done(Outcome::Gone),
            Err(api_error) => return Attempt::Rejected(api_error),
        }
    }
    conflict.map_or(Attempt::Cancelled, Attempt::Rejected)
}

/// Why a Secret fails that was rewritten in the last pass as well.
fn unstable_failure(secret: &Secret) -> Failure {
    let reason = format!(
        "does not stay under the current key: pass {PASSES} of the proof still had to write it. Does a webhook change it \
         each time, or does an API server still write under another key?"
    );
    Failure { namespace: secret.namespace.clone(), name: secret.name.clone(), reason }
}

#[cfg(test)]
#[path = "prove_tests.rs"]
mod tests;
