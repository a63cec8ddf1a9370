//! One run, from its first look at the cluster to its last word.
//!
//! Input: a client, a [`Spec`], and a future that says when to stop. Output: events, the run record, and how it ended.
//! Knows nothing of Pods: the Job runs it through `run`, and the plugin can run it in its own process.

use std::time::Duration;

use futures::FutureExt;
use kube::Client;

use crate::begin::begin;
use crate::end::End;
use crate::event::{Event, RunResult};
use crate::pass::pass;
use crate::patch::Patcher;
use crate::prove::prove;
use crate::retry::Trouble;
use crate::spec::Spec;
use crate::state::State;
use crate::upkeep::Upkeep;
use crate::write::Writer;

/// After a stop: time for the last record. With the loop's time for last answers it stays under the 5 s that a run
/// promises to end within.
const LAST_RECORD: Duration = Duration::from_secs(2);

/// Time for the last record of a run that came to its end by itself. A stop that comes now leaves it [`LAST_RECORD`].
const FINAL_RECORD: Duration = Duration::from_secs(10);

/// Rewrites every Secret, and proves it if that is asked for. Ends when all are accounted for, when the list can't go on, or
/// when `stop` gives a reason.
pub async fn rewrite(
    client: &Client,
    spec: &Spec,
    sink: impl FnMut(Event) + Send,
    stop: impl Future<Output = String> + Send,
) -> RunResult {
    let trouble = Trouble::default();
    let mut state = State::new(spec, &trouble, sink);
    let mut upkeep = Upkeep::new(client, &spec.namespace, stop.boxed());

    let ended = run(client, &mut state, &mut upkeep).await;
    let within = if ended.is_ok() { FINAL_RECORD } else { LAST_RECORD };
    let (result, reason) = match ended {
        Ok(()) => (state.result(), None),
        Err(End::Stopped(reason)) => (RunResult::Stopped, Some(reason)),
        Err(End::Refused(reason)) => (RunResult::Refused, Some(reason)),
    };
    for note in upkeep.finish(state.record(Some(result)), within, LAST_RECORD).await {
        state.note(note);
    }
    state.finished(result, reason);
    result
}

/// The road of a run.
async fn run<'a>(client: &'a Client, state: &mut State<'a>, upkeep: &mut Upkeep<'a>) -> Result<(), End> {
    begin(client, state, upkeep).await?;
    let spec = state.spec;
    let writer = Writer::new(client, &spec.limit, state.trouble);
    let patcher = Patcher::new(&writer, spec.method, spec.time);
    pass(&writer, state, upkeep, |secret| async {
        let turn = patcher.patch(&secret).await;
        (secret, turn)
    })
    .await?;
    // Where something could not be written, there is nothing to prove.
    if spec.prove && state.complete() {
        prove(&writer, state, upkeep).await?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
