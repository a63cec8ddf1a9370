//! One Secret is sent one patch, until there is an answer that counts. Input: a Secret and a body from `patch` or `prove`.
//! Output: the Secret's resourceVersion after it, or the last refusal.
//!
//! The answer is asked for as PartialObjectMetadata, without the data; of that, two names and a version are read.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use k8s_openapi::api::core::v1::Secret as SecretKind;
use kube::api::{Patch, PatchParams};
use kube::{Client, Resource};
use serde::Deserialize;
use serde_json::Value;

use crate::api::list::Secret;
use crate::api::request::{ApiError, ask};
use crate::api::retry::{LastError, PATIENCE, retry};
use crate::limiter::limit::Limit;
use crate::wire::names::FIELD_MANAGER;

/// After so many Secrets in a row that waited in vain for an unreachable webhook, the others no longer wait: with all of
/// the pool waiting [`PATIENCE`] each, 10,000 Secrets would take hours to say the same. Enough that it is not one odd
/// Secret's fault.
const MAX_WEBHOOK_FAILURES: usize = 8;

/// Sends patches.
pub(crate) struct Writer<'a> {
    pub(crate) client: &'a Client,
    pub(crate) limit: &'a Limit,
    pub(crate) last_error: &'a LastError,
    /// See [`Writer::was_authorized`].
    allowed: AtomicBool,
    /// Secrets that waited in vain for a webhook since a patch was last let through.
    webhook_failures: AtomicUsize,
}

/// As much of the answer as is read.
#[derive(Deserialize)]
struct Answer {
    metadata: Secret,
}

impl<'a> Writer<'a> {
    /// Nothing has been sent.
    pub(crate) fn new(client: &'a Client, limit: &'a Limit, last_error: &'a LastError) -> Self {
        Self { client, limit, last_error, allowed: AtomicBool::new(false), webhook_failures: AtomicUsize::new(0) }
    }

    /// Whether a patch of this run was ever let through.
    pub(crate) fn was_authorized(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// As many attempts as it takes. `again`: whether a refusal that may pass is worth another one. Nothing if the run was
    /// told to stop before it was sent.
    pub(crate) async fn write(
        &self,
        secret: &Secret,
        body: &Value,
        again: impl Fn(&ApiError) -> bool,
    ) -> Result<Option<String>, ApiError> {
        let worth = |api_error: &ApiError| again(api_error) && self.again(api_error);
        let answer = retry(PATIENCE, self.last_error, worth, || self.attempt(secret, body)).await;
        if answer.as_ref().is_err_and(ApiError::is_webhook_unreachable) {
            self.webhook_failures.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// One attempt, under a permit: while a Secret waits for its next one, others may go. None where there are no more
    /// permits.
    async fn attempt(&self, secret: &Secret, body: &Value) -> Result<Option<String>, ApiError> {
        let Some(permit) = self.limit.permit().await else { return Ok(None) };
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let url = SecretKind::url_path(&(), Some(&secret.namespace));
        let request = kube::core::Request::new(url).patch_metadata(&secret.name, &params, &Patch::Merge(body));
        let answer = ask(self.client, request).await;
        permit.ended(&answer);
        let answer: Answer = answer?;
        self.allowed.store(true, Ordering::Relaxed);
        self.webhook_failures.store(0, Ordering::Relaxed);
        Ok(Some(answer.metadata.resource_version))
    }

    /// Whether a refusal may pass. A webhook that has kept enough Secrets waiting in vain does not come back for the next one
    /// either; each is still tried once, and the first that is let through ends that.
    fn again(&self, api_error: &ApiError) -> bool {
        if api_error.is_webhook_unreachable() && self.webhook_failures.load(Ordering::Relaxed) >= MAX_WEBHOOK_FAILURES {
            return false;
        }
        api_error.is_retryable_given(self.was_authorized())
    }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
