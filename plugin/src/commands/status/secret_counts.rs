//! How many Secrets have not been written since the last run began. Input: a watermark, and the engine's own walk of all
//! Secrets: names and versions, page by page. Output: counts.

use std::pin::pin;

use eks_encrypt_job::api::list::pages;
use eks_encrypt_job::engine::watermark::Watermark;
use eks_encrypt_job::{LastError, ListError};
use futures::TryStreamExt as _;
use kube::Client;
use serde::Serialize;

use crate::cause::Cause;
use crate::commands::status::response_deadline::ResponseDeadline;

/// Where the Secrets stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretCounts {
    /// All there are.
    pub(crate) total: u64,
    /// Those that were not written since the watermark: a run would write them.
    pub(crate) behind: u64,
}

/// Counts them, with patience for each page.
pub(crate) async fn count(
    client: &Client,
    watermark: &Watermark,
    response_deadline: &mut ResponseDeadline<'_>,
) -> Result<SecretCounts, Cause> {
    let last_error = LastError::default();
    let (mut standing, mut pages) = (SecretCounts::default(), pin!(pages(client, &last_error, false)));
    loop {
        let page = match response_deadline.within(async { pages.try_next().await.map_err(|error| cause(&error)) }).await
        {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(standing),
            // Given up while it was still being asked again: for this reason.
            Err(cause) => {
                let words = last_error.take().filter(|_| response_deadline.is_over());
                return Err(words.map_or(cause.clone(), |words| cause.with_hint(&format!(": {words}"))));
            }
        };
        standing.total += page.secrets.len() as u64;
        let behind = page.secrets.iter().filter(|secret| !watermark.precedes(&secret.resource_version));
        standing.behind += behind.count() as u64;
    }
}

/// That Secrets were to be listed, the row says already.
fn cause(error: &ListError) -> Cause {
    match error {
        ListError::Refused(api_error) => Cause::api_error(api_error),
        ListError::Stuck(_) | ListError::Unordered => Cause::from_error(error),
    }
}

#[cfg(test)]
#[path = "secret_counts_tests.rs"]
mod tests;
