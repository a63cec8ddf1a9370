//! Before the first list: the lease, the question whether we are the successor of a Pod that ended, and which API server
//! we speak to. Input: the lease and the run record. Output: the state's watermark, when there is one to take over.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;

use crate::api::request::{ApiError, ask};
use crate::api::retry::{LastError, PATIENCE, retry};
use crate::engine::error::RunError;
use crate::engine::lease::{Acquired, LeaseAcquirer};
use crate::engine::maintenance::Maintenance;
use crate::engine::record;
use crate::engine::state::State;

/// The version is for people to read: not worth waiting for.
const VERSION_PATIENCE: Duration = Duration::from_secs(5);

/// How often somebody else's lease is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks at what is there. Fails when it is told to stop, or when another run is at work.
pub(crate) async fn begin<'a>(
    client: &'a Client,
    state: &mut State<'a>,
    maintenance: &mut Maintenance<'a>,
) -> Result<(), RunError> {
    let (spec, last_error) = (state.spec, state.last_error);
    state.server = match maintenance.during(state, server_version(client, last_error)).await? {
        Ok(version) => version,
        Err(api_error) => {
            state.note(unreached(&api_error, !spec.job_uid.is_empty()));
            "unknown".into()
        }
    };
    lease(client, state, maintenance).await?;
    // After the lease: a predecessor that is still ending writes its record before it gives the lease back.
    match maintenance.during(state, record::read_with_notes(client, &spec.namespace, PATIENCE, last_error)).await? {
        Ok(Some(record)) if spec.can_resume(&record) => {
            state.note(Some(format!(
                "going on with run {}: Secrets written since resourceVersion {} are done",
                spec.run,
                record.watermark.as_str()
            )));
            state.watermark = Some(record.watermark);
        }
        Ok(_) => {}
        // All that is lost is the knowledge of what a predecessor did: those Secrets are written once more.
        Err(error) => state.note(Some(format!("{:#}; beginning anew", anyhow::Error::new(error)))),
    }
    Ok(())
}

/// Takes the lease.
async fn lease<'a>(
    client: &'a Client,
    state: &mut State<'a>,
    maintenance: &mut Maintenance<'a>,
) -> Result<(), RunError> {
    let mut candidate = LeaseAcquirer::new(client, state.spec);
    loop {
        match maintenance.during(state, candidate.try_acquire(state.last_error)).await? {
            Acquired::Ours(held) => {
                maintenance.keep(held);
                return Ok(());
            }
            Acquired::HeldBy(holder) => {
                return Err(RunError::LeaseHeld(format!("another run is at work: {holder} has the lease")));
            }
            Acquired::Unavailable(api_error) => {
                state.note(Some(format!("can't take the lease: {api_error}; going on without it")));
                return Ok(());
            }
            Acquired::Retry(note) => state.note(note),
        }
        state.wait_for("the lease".into());
        maintenance.during(state, tokio::time::sleep(LOOK_EVERY)).await?;
    }
}

/// The API server's version in its own words.
async fn server_version(client: &Client, last_error: &LastError) -> Result<String, ApiError> {
    let get = || {
        let request = http::Request::get("/version").body(Vec::new());
        ask::<Info>(client, request.map_err(kube::core::request::Error::BuildRequest))
    };
    retry(VERSION_PATIENCE, last_error, ApiError::is_retryable, get).await.map(|info| info.git_version)
}

/// What a person should know when the first thing that was asked has no answer at all: where a cluster's Pods may talk to nobody
/// unless a NetworkPolicy allows it, this is how it shows, and nothing else will tell.
fn unreached(api_error: &ApiError, in_pod: bool) -> Option<String> {
    let silent = matches!(api_error, ApiError::Connection(_) | ApiError::Timeout(_));
    (silent && in_pod).then(|| {
        format!(
            "{api_error}; asking again. If that stays so, a NetworkPolicy may keep this Pod from the API server's TCP port 443: \
             manifests/network-policy has one that lets it through"
        )
    })
}
