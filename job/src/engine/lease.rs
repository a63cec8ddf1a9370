//! One run at a time: a Lease in the run's namespace. Input: who we are. Output: a lease that is ours, which `maintenance` renews
//! and gives back; or the name of the run that is at work.
//!
//! Two runs at once would harm no Secret, but they would load the API server twice and write over each other's record.
//! Where the lease can't be had for a reason of its own (no right to it), the run goes on without one and says so.
//!
//! Clocks differ between machines, so times in the lease are for people to read. A lease is alive if it was seen to change,
//! and has expired if it did not change for as long as it lives, by our own clock.

mod watch;

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{GetParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::request::{ApiError, ask};
use crate::api::retry::{LastError, PATIENCE, retry};
use crate::engine::spec::RunSpec;
use crate::wire::names::{APP, APP_LABEL, FIELD_MANAGER, LEASE, RUN_LABEL};

pub use watch::at_work;

/// How long a lease lives without being renewed: how long, at most, the successor of a Pod that was killed waits.
const LEASE_DURATION: Duration = Duration::from_secs(20);

/// The longest life that is believed, whatever the lease says.
const MAX_LEASE_DURATION: Duration = Duration::from_secs(60);

/// How often it is renewed: three times in its life may fail.
pub const RENEW_INTERVAL: Duration = Duration::from_secs(5);

/// One who would like to have the lease.
#[derive(Clone)]
pub(crate) struct LeaseAcquirer<'a> {
    client: &'a Client,
    spec: &'a RunSpec,
    /// Somebody else's lease that was seen.
    watched: Option<ObservedLease>,
    /// Since when the API server has not taken ours.
    refused: Option<Instant>,
}

/// Somebody else's lease.
#[derive(Clone)]
struct ObservedLease {
    version: String,
    /// When it was last looked at.
    at: Instant,
    /// How long it has not changed though it could have been renewed.
    idle: Duration,
}

impl ObservedLease {
    fn new(version: String) -> Self {
        Self { version, at: Instant::now(), idle: Duration::ZERO }
    }

    /// It was seen again, unchanged. While the API server was away, its holder could not renew it either, and is about to:
    /// such a time counts as one missed renewal and no more.
    fn again(&mut self) {
        self.idle += self.at.elapsed().min(RENEW_INTERVAL);
        self.at = Instant::now();
    }
}

/// What one look led to.
pub(crate) enum Acquired<'a> {
    /// It is ours.
    Ours(LeaseGuard<'a>),
    /// This holder, of another run or of the same one elsewhere, is at work.
    HeldBy(String),
    /// It can't be had.
    Unavailable(ApiError),
    /// Look again in a second; what there is to say, once.
    Retry(Option<String>),
}

impl<'a> LeaseAcquirer<'a> {
    /// Nothing has been looked at.
    pub(crate) fn new(client: &'a Client, spec: &'a RunSpec) -> Self {
        Self { client, spec, watched: None, refused: None }
    }

    /// Takes the lease, if nobody has it. That of a Pod of our own run is waited for: it is about to end, or was killed.
    pub(crate) async fn try_acquire(&mut self, last_error: &LastError) -> Acquired<'a> {
        let there = match retry(PATIENCE, last_error, ApiError::is_retryable, || get(self.client, &self.spec.namespace))
            .await
        {
            Ok(there) => there,
            Err(api_error) => return Acquired::Unavailable(api_error),
        };
        let version = there.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        let held = there.as_ref().and_then(|lease| held_by(lease, &self.spec.holder));
        let (Some((holder, lives)), Some(now)) = (held, &version) else { return self.write(version, last_error).await };
        let Some(watched) = &mut self.watched else {
            self.watched = Some(ObservedLease::new(now.clone()));
            let seconds = lives.as_secs();
            return Acquired::Retry(Some(format!(
                "{holder} has the lease; watching for up to {seconds} s whether it is at work"
            )));
        };
        // Without a Job there are no Pods that follow one another: who goes by our run's name is another process that goes on
        // with it, on another laptop perhaps, and is as much at work as any run.
        let predecessor = !self.spec.job_uid.is_empty() && holder.split('/').next() == Some(&self.spec.run);
        match (watched.version == *now, predecessor) {
            (true, _) => {
                watched.again();
                if watched.idle >= lives { self.write(version, last_error).await } else { Acquired::Retry(None) }
            }
            (false, false) => Acquired::HeldBy(holder),
            (false, true) => {
                *watched = ObservedLease::new(now.clone());
                Acquired::Retry(None)
            }
        }
    }

    /// Makes the lease ours, on condition that it is still as it was seen.
    async fn write(&mut self, version: Option<String>, last_error: &LastError) -> Acquired<'a> {
        match put(self.client, self.spec, version.as_deref()).await {
            Ok(version) => Acquired::Ours(LeaseGuard::new(self.client, self.spec, version)),
            // Somebody was faster: the next look tells.
            Err(api_error) if api_error.conflict() => Acquired::Retry(None),
            // An answer of ours may have got lost, and then the next look tells. But no run waits for ever for a lease that
            // a webhook refuses.
            Err(api_error)
                if api_error.is_retryable() && self.refused.get_or_insert_with(Instant::now).elapsed() < PATIENCE =>
            {
                last_error.note(api_error.to_string());
                Acquired::Retry(None)
            }
            Err(api_error) => Acquired::Unavailable(api_error),
        }
    }
}

/// Who else has the lease, and how long it lives.
fn held_by(lease: &Lease, us: &str) -> Option<(String, Duration)> {
    let spec = lease.spec.as_ref()?;
    let holder = spec.holder_identity.clone().filter(|holder| !holder.is_empty() && holder != us)?;
    let lives = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    Some((holder, lives.unwrap_or(LEASE_DURATION).min(MAX_LEASE_DURATION)))
}

/// A lease that is ours.
pub(crate) struct LeaseGuard<'a> {
    client: &'a Client,
    spec: &'a RunSpec,
    version: String,
    due: Instant,
    renewing: Option<BoxFuture<'a, Renewal>>,
}

/// What came of renewing it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// It is still ours, at this version.
    Kept(String),
    /// Not known; the next try will tell.
    Unsure(String),
    /// Somebody else has it.
    Lost(String),
}

impl<'a> LeaseGuard<'a> {
    fn new(client: &'a Client, spec: &'a RunSpec, version: String) -> Self {
        Self { client, spec, version, due: Instant::now() + RENEW_INTERVAL, renewing: None }
    }

    /// Begins to renew it, if it is time.
    pub(crate) fn begin_if_due(&mut self) {
        if self.renewing.is_none() && Instant::now() >= self.due {
            self.due = Instant::now() + RENEW_INTERVAL;
            let (client, spec, version) = (self.client, self.spec, self.version.clone());
            self.renewing = Some(async move { renew(client, spec, version).await }.boxed());
        }
    }

    /// Waits for the renewal that was begun, for ever if none was. May be dropped and called again.
    pub(crate) async fn renewed(&mut self) -> Renewal {
        let Some(renewing) = &mut self.renewing else { return std::future::pending().await };
        let renewal = renewing.await;
        self.renewing = None;
        if let Renewal::Kept(version) = &renewal {
            self.version.clone_from(version);
        }
        renewal
    }

    /// Gives it back, so that the next run need not wait until it has expired. A note where the right to do so is missing: it
    /// would be missing the next time, too. Anything else passes as the lease does.
    pub(crate) async fn release(mut self) -> Option<String> {
        if self.renewing.is_some() {
            self.renewed().await;
        }
        let free = json!({ "metadata": { "resourceVersion": self.version }, "spec": { "holderIdentity": null } });
        let api_error = patch(self.client, &self.spec.namespace, &free).await.err().filter(ApiError::is_permission)?;
        let seconds = LEASE_DURATION.as_secs();
        Some(format!(
            "can't give the lease back: {api_error}; the next run watches it for {seconds} s before it begins"
        ))
    }
}

async fn renew(client: &Client, spec: &RunSpec, version: String) -> Renewal {
    // With the holder: whoever had taken it over while we could not renew it, and is done, has left it to nobody.
    let alive = json!({ "holderIdentity": spec.holder, "renewTime": now() });
    let alive = json!({ "metadata": { "resourceVersion": version }, "spec": alive });
    let mut renewed = patch(client, &spec.namespace, &alive).await;
    if renewed.as_ref().is_err_and(|api_error| api_error.missing("leases", LEASE)) {
        // Deleted by somebody. Left like that, the next run would begin beside us, and push us aside.
        renewed = put(client, spec, None).await;
    }
    let api_error = match renewed {
        Ok(version) => return Renewal::Kept(version),
        Err(api_error) => api_error,
    };
    // Somebody else's write, or one of ours whose answer got lost.
    let there = match api_error.code() {
        Some(409) => get(client, &spec.namespace).await.unwrap_or_default(),
        _ => None,
    };
    match there.as_ref().map(|lease| (held_by(lease, &spec.holder), lease.metadata.resource_version.clone())) {
        Some((Some((holder, _)), _)) => Renewal::Lost(holder),
        Some((None, Some(version))) => Renewal::Kept(version),
        _ => Renewal::Unsure(format!("the lease: {api_error}")),
    }
}

fn url(namespace: &str) -> String {
    Lease::url_path(&(), Some(namespace))
}

async fn get(client: &Client, namespace: &str) -> Result<Option<Lease>, ApiError> {
    match ask(client, kube::core::Request::new(url(namespace)).get(LEASE, &GetParams::default())).await {
        Ok(lease) => Ok(Some(lease)),
        Err(api_error) if api_error.missing("leases", LEASE) => Ok(None),
        Err(api_error) => Err(api_error),
    }
}

/// Writes the whole lease, made if there is no version to be changed.
async fn put(client: &Client, spec: &RunSpec, version: Option<&str>) -> Result<String, ApiError> {
    let mut lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "labels": { APP_LABEL: APP, RUN_LABEL: spec.run } },
        "spec": { "holderIdentity": spec.holder, "leaseDurationSeconds": LEASE_DURATION.as_secs(), "acquireTime": now(), "renewTime": now() },
    });
    if let Some(version) = version {
        lease["metadata"]["resourceVersion"] = version.into();
        return patch(client, &spec.namespace, &lease).await;
    }
    lease["metadata"]["name"] = LEASE.into();
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let create = kube::core::Request::new(url(&spec.namespace)).create(&params, lease.to_string().into_bytes());
    ask::<Lease>(client, create).await.map(version_of)
}

async fn patch(client: &Client, namespace: &str, change: &Value) -> Result<String, ApiError> {
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let patch = kube::core::Request::new(url(namespace)).patch(LEASE, &params, &Patch::Merge(change));
    ask::<Lease>(client, patch).await.map(version_of)
}

fn version_of(lease: Lease) -> String {
    lease.metadata.resource_version.unwrap_or_default()
}

/// With the six decimals that the type asks for.
fn now() -> String {
    format!("{:.6}", Timestamp::now())
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
