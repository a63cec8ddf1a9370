//! The second step: one Secret is written once. Input: a listed Secret from `rewrite`. Output: its [`Outcome`], whatever
//! happens: nothing that one Secret does stops the run.
//!
//! The request is a merge patch without a resourceVersion: it carries no stale body and overwrites nobody's change. The
//! answer is asked for as PartialObjectMetadata, without the data; of that, two names and a version are read.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret as SecretKind;
use kube::api::{Patch, PatchParams};
use kube::{Client, Resource};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ask::{Refusal, ask};
use crate::contract::{ANNOTATION, FIELD_MANAGER};
use crate::event::Method;
use crate::limit::Limit;
use crate::list::Secret;
use crate::outcome::{Failure, Outcome};
use crate::retry::{PATIENCE, Trouble, retry};

/// Longest reason that is passed on: some policies' messages are pages, and a log line is cut at 16 KiB.
const LONGEST_REASON: usize = 1024;

/// After so many Secrets in a row that waited in vain for an unreachable webhook, the others no longer wait: with all of
/// the pool waiting [`PATIENCE`] each, 10,000 Secrets would take hours to say the same. Enough that it is not one odd
/// Secret's fault.
const ENOUGH_IN_VAIN: usize = 8;

/// Writes Secrets, all in the same way.
pub(crate) struct Patcher<'a> {
    client: &'a Client,
    limit: &'a Limit,
    trouble: &'a Trouble,
    body: Value,
    /// Whether a patch of this run was ever let through: see [`Patcher::again`].
    allowed: AtomicBool,
    /// Secrets that waited in vain for a webhook since a patch was last let through.
    in_vain: AtomicUsize,
}

/// As much of the answer as is read.
#[derive(Deserialize)]
struct Answer {
    metadata: Secret,
}

impl<'a> Patcher<'a> {
    /// `time` is one for all Secrets that this process writes, so that one look at the annotation tells which Pod of
    /// which run wrote a Secret.
    pub(crate) fn new(
        client: &'a Client,
        limit: &'a Limit,
        trouble: &'a Trouble,
        method: Method,
        time: Timestamp,
    ) -> Self {
        let body = match method {
            // To the second, as eksctl writes it.
            Method::Annotate => {
                json!({ "metadata": { "annotations": { ANNOTATION: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() } } })
            }
            Method::Touch => json!({}),
        };
        Self { client, limit, trouble, body, allowed: AtomicBool::new(false), in_vain: AtomicUsize::new(0) }
    }

    /// Writes one Secret. No outcome if the run was told to stop before it was known: it is left to a successor.
    pub(crate) async fn patch(&self, secret: Secret) -> Option<Outcome> {
        let answer = match self.write(&secret, &self.body).await {
            // No room for the annotation. An empty patch moves the Secret as well, and leaves it as it is.
            Err(refusal) if refusal.annotations_full() => self.write(&secret, &json!({})).await,
            answer => answer,
        };
        Some(match answer {
            // The API server leaves the resourceVersion as it is only when it wrote nothing, because the Secret was
            // stored under the current key and the patch changed nothing.
            Ok(None) => return None,
            Ok(Some(answer)) if answer.metadata.resource_version == secret.resource_version => Outcome::Current,
            Ok(Some(_)) => Outcome::Rewritten,
            Err(refusal)
                if refusal.missing("secrets", &secret.name) || refusal.missing("namespaces", &secret.namespace) =>
            {
                Outcome::Gone
            }
            Err(refusal) => {
                if refusal.webhook_unreachable() {
                    self.in_vain.fetch_add(1, Ordering::Relaxed);
                }
                Outcome::Failed(Failure { namespace: secret.namespace, name: secret.name, reason: reason(&refusal) })
            }
        })
    }

    /// As many attempts as it takes.
    async fn write(&self, secret: &Secret, body: &Value) -> Result<Option<Answer>, Refusal> {
        retry(PATIENCE, self.trouble, |refusal| self.again(refusal), || self.attempt(secret, body)).await
    }

    /// One attempt, under a permit: while a Secret waits for its next one, others may go. None where there are no more
    /// permits.
    async fn attempt(&self, secret: &Secret, body: &Value) -> Result<Option<Answer>, Refusal> {
        let Some(permit) = self.limit.permit().await else { return Ok(None) };
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let url = SecretKind::url_path(&(), Some(&secret.namespace));
        let request = kube::core::Request::new(url).patch_metadata(&secret.name, &params, &Patch::Merge(body));
        let answer = ask(self.client, request).await;
        permit.ended(&answer);
        let answer = answer?;
        self.allowed.store(true, Ordering::Relaxed);
        self.in_vain.store(0, Ordering::Relaxed);
        Ok(Some(answer))
    }

    /// Whether a refusal may pass. Missing rights do not, with one exception: rights that this run has had already. An API
    /// server that has just started answers 401 and 403 until it has read its roles. A webhook that has kept enough
    /// Secrets waiting in vain does not come back for the next one either; each is still tried once, and the first that
    /// is let through ends that.
    fn again(&self, refusal: &Refusal) -> bool {
        if refusal.webhook_unreachable() && self.in_vain.load(Ordering::Relaxed) >= ENOUGH_IN_VAIN {
            return false;
        }
        refusal.passing() || (refusal.about_rights() && self.allowed.load(Ordering::Relaxed))
    }
}

/// The API server's own words, the denying webhook's or policy's name among them.
fn reason(refusal: &Refusal) -> String {
    let words = refusal.to_string();
    match words.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
