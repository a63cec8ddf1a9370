//! Asking again: how long, how often, and what a person hears of it meanwhile.
//!
//! Input: requests that failed in a way that may pass. Output: the first good answer or the last refusal; and, in
//! [`LastError`], the words for a note when nothing moves.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::time::Instant;

use crate::api::request::ApiError;

/// How long one request is tried again. An API server that restarts is away for about 30 s, and EKS replaces its two one
/// after the other; three times that is survived without anybody noticing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// The first pause. Long enough that a hundred waiting requests are no load, short enough that a lost connection costs
/// nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause (plus as much again of jitter): how late, at worst, we see that the API server is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The last refusal that is being tried again. The loop shows it when nothing has moved for a while.
#[derive(Default)]
pub struct LastError(Mutex<Option<String>>);

impl LastError {
    /// Remembers the words of one refusal, in place of those before.
    pub(crate) fn note(&self, words: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }

    /// Hands the words out, once.
    #[must_use]
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Tries until it works, until `again` says that trying is pointless, or until `patience` is used up. Pauses grow and
/// carry jitter; a Retry-After is waited for before them.
pub(crate) async fn retry<T, F: Future<Output = Result<T, ApiError>>>(
    patience: Duration,
    last_error: &LastError,
    again: impl Fn(&ApiError) -> bool,
    attempt: impl FnMut() -> F,
) -> Result<T, ApiError> {
    // Counted from the first refusal: an attempt may have waited long for its turn before it was made.
    let mut refused = None;
    let pauses = ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .with_jitter();
    attempt
        .retry(pauses)
        .sleep(tokio::time::sleep)
        .when(|api_error| again(api_error) && refused.get_or_insert_with(Instant::now).elapsed() < patience)
        // And then the pause with its jitter: a hundred that were told the same second would all come back in it.
        .adjust(|api_error, pause| pause.map(|pause| pause + api_error.retry_after().unwrap_or_default()))
        .notify(|api_error, _| last_error.note(api_error.to_string()))
        .await
}
