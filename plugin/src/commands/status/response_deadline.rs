//! How long `status` waits for an API server: a person wants to know how things stand now. Input: questions. Output: their
//! answers, or why one did not come. What changes things waits longer; here, where one question is not answered, the next is
//! not asked.

use std::time::Duration;

use http::Uri;
use tokio::time::{Instant, timeout_at};

use crate::cause::Cause;

/// How long after its last answer the API server is given up: a few attempts, and one connection that is not made.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);

/// What there is to say of the rest when the deadline has come.
pub(super) const DEADLINE_MESSAGE: &str = "time is up (--timeout)";

/// What is left of it.
pub(crate) struct ResponseDeadline<'a> {
    server: &'a Uri,
    until: Instant,
    /// When all answers together have taken too long: a list may have no end.
    deadline: Instant,
    over: bool,
}

impl<'a> ResponseDeadline<'a> {
    /// All of it.
    pub(crate) fn new(server: &'a Uri, deadline: Instant) -> Self {
        Self { server, until: deadline.min(Instant::now() + RESPONSE_TIMEOUT), deadline, over: false }
    }

    /// Waits for one answer. One in time brings all the patience back, and so does a refusal; what asking again may mend has
    /// been asked again by whoever asks, and ends it.
    pub(crate) async fn within<T>(&mut self, answer: impl Future<Output = Result<T, Cause>>) -> Result<T, Cause> {
        let server = self.server;
        let heard = match timeout_at(self.until, answer).await {
            Ok(Err(cause)) if cause.retryable => Err(Cause::message(format!("the API server {server}: {cause}"))),
            Ok(answer) => {
                self.until = self.deadline.min(Instant::now() + RESPONSE_TIMEOUT);
                return answer;
            }
            Err(_) if Instant::now() >= self.deadline => Err(Cause::message(DEADLINE_MESSAGE.to_owned())),
            Err(_) => Err(Cause::message(format!(
                "the API server {server} has not answered well within {} s",
                RESPONSE_TIMEOUT.as_secs()
            ))),
        };
        self.over = true;
        heard
    }

    /// Whether it has come to an end.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}
