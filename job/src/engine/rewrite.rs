//! One run, from its first look at the cluster to its last word.
//!
//! Input: a client, a [`RunSpec`], and a future that says when to stop. Output: events, the run record, and how it ended.
//! Knows nothing of Pods: the Job runs it through `run`, and the plugin can run it in its own process.

use std::sync::PoisonError;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::DeleteParams;
use kube::{Client, Resource};
use serde_json::Value;
use tokio::time::Instant;

use crate::api::request::{ApiError, ask};
use crate::api::retry::{LastError, retry};
use crate::api::write::Writer;
use crate::api_servers::Agreement;
use crate::engine::error::RunError;
use crate::engine::maintenance::Maintenance;
use crate::engine::pass::pass;
use crate::engine::patch::Patcher;
use crate::engine::prove::prove;
use crate::engine::spec::RunSpec;
use crate::engine::startup::begin;
use crate::engine::state::State;
use crate::engine::verify::{ROUNDS, Start, Verifier, VerifyError};
use crate::wire::event::{Event, RunResult};

/// After a stop: time for the last record. With the loop's time for last answers it stays under the 5 s that a run
/// promises to end within.
const LAST_RECORD: Duration = Duration::from_secs(2);

/// Time for the last record of a run that came to its end by itself. A stop that comes now leaves it [`LAST_RECORD`].
const FINAL_RECORD: Duration = Duration::from_secs(10);

/// How long the deletion of its rights is tried. With the final record it stays below the Pod's grace period.
const GIVE_UP: Duration = Duration::from_secs(4);

/// How long the API servers may take to agree: longer than any association that was reported (60 minutes).
const AGREEMENT: Duration = Duration::from_secs(2 * 60 * 60);

/// Rewrites every Secret, and proves it if that is asked for. Ends when all are accounted for, when the list can't go on, or
/// when `stop` gives a reason.
pub async fn rewrite(
    client: &Client,
    spec: &RunSpec,
    sink: impl FnMut(Event) + Send,
    stop: impl Future<Output = String> + Send,
) -> RunResult {
    let last_error = LastError::default();
    let mut state = State::new(spec, &last_error, sink);
    let mut maintenance = Maintenance::new(client, &spec.namespace, stop.boxed());

    let ended = run(client, &mut state, &mut maintenance).await;
    let within = if ended.is_ok() { FINAL_RECORD } else { LAST_RECORD };
    let (result, reason) = match ended {
        Ok(()) => (state.result(), None),
        Err(RunError::Stopped(reason)) => (RunResult::Stopped, Some(reason)),
        Err(RunError::LeaseHeld(reason)) => (RunResult::Refused, Some(reason)),
    };
    for note in maintenance.finish(state.record(Some(result)), within, LAST_RECORD).await {
        state.note(note);
    }
    if let Some(name) = spec.cluster_role_binding.as_deref().filter(|_| result != RunResult::Stopped) {
        state.note(give_up_rights(client, name, &last_error).await);
    }
    state.finished(result, reason);
    result
}

/// Deletes the ClusterRoleBinding of the run. A note, where that failed.
async fn give_up_rights(client: &Client, name: &str, last_error: &LastError) -> Option<String> {
    let url = ClusterRoleBinding::url_path(&(), None);
    let delete = || ask::<Value>(client, kube::core::Request::new(&url).delete(name, &DeleteParams::default()));
    let api_error = retry(GIVE_UP, last_error, ApiError::is_retryable, delete).await.err()?;
    let is_gone = api_error.missing("clusterrolebindings", name);
    (!is_gone).then(|| format!("can't delete ClusterRoleBinding {name}, so its rights remain: {api_error}"))
}

/// The road of a run.
async fn run<'a>(client: &'a Client, state: &mut State<'a>, maintenance: &mut Maintenance<'a>) -> Result<(), RunError> {
    begin(client, state, maintenance).await?;
    let (spec, last_error) = (state.spec, state.last_error);
    let key_arn = Some(spec.key_arn.as_str()).filter(|arn| !arn.is_empty());
    let verifier =
        spec.api_servers.as_deref().map(|connector| Verifier { client, connector, key_arn, before: None, last_error });
    if let Some(verifier) = &verifier {
        agree(verifier, state, maintenance).await?;
    }
    let writer = Writer::new(client, &spec.limit, state.last_error);
    let patcher = Patcher::new(&writer, spec.method, spec.time);
    pass(&writer, state, maintenance, |secret| async {
        let attempt = patcher.patch(&secret).await;
        (secret, attempt)
    })
    .await?;
    // Where something could not be written, there is nothing to prove.
    match &verifier {
        _ if !spec.prove || !state.complete() => {}
        None => prove(&writer, state, maintenance).await?,
        Some(verifier) => prove_among(verifier, &writer, state, maintenance).await?,
    }
    Ok(())
}

/// Waits until all API servers write under the key: no Secret is written before. Where they can't all be asked, the run goes
/// on, and is not proven.
async fn agree(
    verifier: &Verifier<'_>,
    state: &mut State<'_>,
    maintenance: &mut Maintenance<'_>,
) -> Result<Option<Start>, RunError> {
    let waits_for = state.waits_for.clone();
    let report = move |agreement: &Agreement| {
        *waits_for.lock().unwrap_or_else(PoisonError::into_inner) = format!("the API servers: {agreement}");
    };
    let start = verifier.start(Instant::now() + AGREEMENT, report);
    match maintenance.during(state, start).await? {
        Ok(start) => {
            state.note(Some(start.agreement.to_string()));
            Ok(Some(start))
        }
        Err(VerifyError::Unknown(agreement)) => {
            state.note(Some(format!("{agreement}; the run goes on, and is not proven")));
            state.doubt(agreement.to_string());
            Ok(None)
        }
        Err(VerifyError::Late(agreement)) => Err(RunError::Stopped(format!("no Secret was written: {agreement}"))),
        Err(error) => Err(RunError::Stopped(format!("{:#}", anyhow::Error::new(error)))),
    }
}

/// The proof between two censuses, until both show the same API servers.
async fn prove_among(
    verifier: &Verifier<'_>,
    writer: &Writer<'_>,
    state: &mut State<'_>,
    maintenance: &mut Maintenance<'_>,
) -> Result<(), RunError> {
    for _ in 0..ROUNDS {
        let start = agree(verifier, state, maintenance).await?;
        prove(writer, state, maintenance).await?;
        let Some(start) = start else { return Ok(()) };
        match maintenance.during(state, verifier.confirm(&start, Instant::now())).await? {
            Ok(agreed) => {
                state.servers_agreed(agreed);
                return Ok(());
            }
            Err(doubt) => {
                state.note(Some(format!("the proof begins again: {doubt}")));
                state.doubt(doubt.to_string());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
