//! Before the loop: is this a new run or the successor of a Pod that ended, and which API server do we speak to? Input:
//! the run record. Output: the state's watermark, when there is one to take over. Hears a stop and keeps the heartbeat,
//! as the loop does.

use std::pin::{Pin, pin};
use std::time::Duration;

use futures::future::join;
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;
use tokio::time::Interval;

use crate::ask::{Refusal, ask};
use crate::event::Event;
use crate::record;
use crate::retry::{PATIENCE, Trouble, retry};
use crate::state::State;

/// The version is for people to read: not worth waiting for.
const VERSION_PATIENCE: Duration = Duration::from_secs(5);

/// Looks at what is there. Fails only when it is told to stop.
pub(crate) async fn begin<S: FnMut(Event) + Send>(
    client: &Client,
    state: &mut State<'_, S>,
    ticks: &mut Interval,
    mut stop: Pin<&mut (impl Future<Output = String> + Send)>,
) -> Result<(), String> {
    let (spec, trouble) = (state.spec, state.trouble);
    let mut look =
        pin!(join(record::read_noting(client, &spec.namespace, PATIENCE, trouble), server_version(client, trouble)));
    let (record, server) = loop {
        tokio::select! {
            found = &mut look => break found,
            _ = ticks.tick() => state.heartbeat(),
            reason = &mut stop => return Err(reason),
        }
    };
    state.server = server;
    match record {
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

/// The API server's version in its own words.
async fn server_version(client: &Client, trouble: &Trouble) -> String {
    let get = || {
        let request = http::Request::get("/version").body(Vec::new());
        ask::<Info>(client, request.map_err(kube::core::request::Error::BuildRequest))
    };
    retry(VERSION_PATIENCE, trouble, Refusal::passing, get).await.map_or_else(|_| "unknown".into(), |i| i.git_version)
}
