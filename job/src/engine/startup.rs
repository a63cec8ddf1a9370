//! Before the first list: the lease, the question whether we are the successor of a Pod that ended, and which API server
//! we speak to. Input: the lease and the run record. Output: the state's watermark, when there is one to take over.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;

use crate::api::request::{ApiError, ask};
use crate::api::retry::{LastError, PATIENCE, retry};
use crate::engine::error::RunError;
use crate::engine::lease::{Candidate, Look};
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
    let (spec, trouble) = (state.spec, state.trouble);
    state.server = match maintenance.during(state, server_version(client, trouble)).await? {
        Ok(version) => version,
        Err(refusal) => {
            state.note(unreached(&refusal, !spec.job_uid.is_empty()));
            "unknown".into()
        }
    };
    lease(client, state, maintenance).await?;
    // After the lease: a predecessor that is still ending writes its record before it gives the lease back.
    match maintenance.during(state, record::read_noting(client, &spec.namespace, PATIENCE, trouble)).await? {
        Ok(Some(record)) if spec.succeeds(&record) => {
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
    let mut candidate = Candidate::new(client, state.spec);
    loop {
        match maintenance.during(state, candidate.look(state.trouble)).await? {
            Look::Ours(held) => {
                maintenance.keep(held);
                return Ok(());
            }
            Look::AtWork(holder) => {
                return Err(RunError::LeaseHeld(format!("another run is at work: {holder} has the lease")));
            }
            Look::Without(refusal) => {
                state.note(Some(format!("can't take the lease: {refusal}; going on without it")));
                return Ok(());
            }
            Look::Wait(note) => state.note(note),
        }
        state.wait_for("the lease".into());
        maintenance.during(state, tokio::time::sleep(LOOK_EVERY)).await?;
    }
}

/// The API server's version in its own words.
async fn server_version(client: &Client, trouble: &LastError) -> Result<String, ApiError> {
    let get = || {
        let request = http::Request::get("/version").body(Vec::new());
        ask::<Info>(client, request.map_err(kube::core::request::Error::BuildRequest))
    };
    retry(VERSION_PATIENCE, trouble, ApiError::is_retryable, get).await.map(|info| info.git_version)
}

/// What a person should know when the first thing that was asked has no answer at all: where a cluster's Pods may talk to nobody
/// unless a NetworkPolicy allows it, this is how it shows, and nothing else will tell.
fn unreached(refusal: &ApiError, in_pod: bool) -> Option<String> {
    let silent = matches!(refusal, ApiError::Connection(_) | ApiError::Timeout(_));
    (silent && in_pod).then(|| {
        format!(
            "{refusal}; asking again. If that stays so, a NetworkPolicy may keep this Pod from the API server's TCP port 443: \
             manifests/network-policy has one that lets it through"
        )
    })
}
