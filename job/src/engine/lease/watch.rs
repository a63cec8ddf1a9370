//! Whether a run is at work, for somebody who does not want the lease but would clean up. Input: a namespace. Output: its
//! holder, if the lease was seen to change: by the same rule as `lease`, because a run in somebody's process (`--local`) has no
//! Job that could be seen, and clocks differ.

use std::time::Duration;

use kube::Client;
use tokio::time::sleep;

use super::{ObservedLease, get, held_by};
use crate::api::request::ApiError;
use crate::api::retry::{LastError, PATIENCE, retry};

/// How often it is looked at.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// Who holds the lease of this namespace and is at work: nobody, where it is not held, or does not change for as long as it
/// lives. `say` gets a line before a wait.
pub async fn at_work(client: &Client, namespace: &str, say: impl FnOnce(String)) -> Result<Option<String>, ApiError> {
    let last_error = LastError::default();
    let (mut say, mut watched) = (Some(say), None::<ObservedLease>);
    loop {
        let there = retry(PATIENCE, &last_error, ApiError::is_retryable, || get(client, namespace)).await?;
        let version = there.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        let held = there.as_ref().and_then(|lease| held_by(lease, ""));
        let (Some((holder, lives)), Some(version)) = (held, version) else { return Ok(None) };
        match &mut watched {
            Some(watched) if watched.version != version => return Ok(Some(holder)),
            Some(watched) => {
                watched.again();
                if watched.idle >= lives {
                    return Ok(None);
                }
            }
            None => watched = Some(ObservedLease::new(version)),
        }
        if let Some(say) = say.take() {
            let seconds = lives.as_secs();
            say(format!(
                "{holder} has the lease in namespace {namespace}; watching for up to {seconds} s whether it is at work"
            ));
        }
        sleep(LOOKS_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    //! Alive is what changes, by our own clock.
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::fixture::{self, Reply, not_found};
    use crate::wire::names::LEASE;

    /// Who is at work where the lease has this holder, and this version after so many seconds; and how long it took to tell.
    async fn told(holder: &'static str, version: fn(u64) -> u64) -> (Option<String>, Vec<String>, u64) {
        let (client, server) = fixture::pair();
        let began = Instant::now();
        server.serve(move |_| {
            let spec = json!({ "holderIdentity": holder, "leaseDurationSeconds": 20 });
            let version = version(began.elapsed().as_secs()).to_string();
            let metadata = json!({ "name": LEASE, "resourceVersion": version });
            Some(Reply::Json(200, json!({ "metadata": metadata, "spec": spec })))
        });
        let mut said = Vec::new();
        let holder = at_work(&client, "ops", |line| said.push(line)).await.unwrap();
        (holder, said, began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_renewed_is_that_of_a_run_at_work() {
        let (holder, said, took) = told("r1/local-1", |seconds| seconds / 5).await;
        assert_eq!((holder.as_deref(), took), (Some("r1/local-1"), 5));
        let line = "r1/local-1 has the lease in namespace ops; watching for up to 20 s whether it is at work";
        assert_eq!(said, [line]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_nobody_renews_or_holds_is_nobodys() {
        let (holder, _, took) = told("r1/local-1", |_| 7).await;
        assert_eq!((holder, took), (None, 20), "its process was killed");
        assert_eq!(told("", |seconds| seconds).await, (None, vec![], 0), "it was given back");
        let (client, server) = fixture::pair();
        server.serve(|_| Some(not_found("leases", LEASE)));
        assert_eq!(at_work(&client, "ops", |_| ()).await.unwrap(), None);
    }
}
