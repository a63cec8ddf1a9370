//! The second step: one Secret is written once. Input: a listed Secret from the loop. Output: its [`Attempt`], whatever
//! happens: nothing that one Secret does stops the run.
//!
//! The request is a merge patch without a resourceVersion: it carries no stale body and overwrites nobody's change.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::list::Secret;
use crate::api::write::Writer;
use crate::engine::attempt::Attempt;
use crate::wire::event::Method;
use crate::wire::names::ANNOTATION;

/// Writes Secrets, all in the same way.
pub(crate) struct Patcher<'a> {
    writer: &'a Writer<'a>,
    body: Value,
}

impl<'a> Patcher<'a> {
    /// `time` is one for all Secrets that this process writes, so that one look at the annotation tells which Pod of
    /// which run wrote a Secret.
    pub(crate) fn new(writer: &'a Writer<'a>, method: Method, time: Timestamp) -> Self {
        let body = match method {
            // To the second, as eksctl writes it.
            Method::Annotate => {
                json!({ "metadata": { "annotations": { ANNOTATION: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() } } })
            }
            Method::Touch => json!({}),
        };
        Self { writer, body }
    }

    /// Writes one Secret.
    pub(crate) async fn patch(&self, secret: &Secret) -> Attempt {
        let answer = match self.writer.write(secret, &self.body, |_| true).await {
            // No room for the annotation. An empty patch moves the Secret as well, and leaves it as it is.
            Err(api_error) if api_error.annotations_full() => self.writer.write(secret, &json!({}), |_| true).await,
            answer => answer,
        };
        Attempt::of(self.writer, secret, answer).await
    }
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
