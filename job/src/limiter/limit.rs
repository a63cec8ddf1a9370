//! How many patches may be with the API server at once, and how many a second. `patch` takes a permit for each attempt and
//! gives it back with how the attempt ended; the loop sizes its pool by [`Limit::pool`].
//!
//! What is right is decided in `adaptive_limit`, which is pure. Here it is kept: permits are handed out in the order in which they
//! were asked for, taken out of use when the limit falls, and paced.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use crate::api::request::ApiError;
use crate::limiter::adaptive::{AdaptiveLimit, Signal, Ticket};

/// Secrets that may wait for their next attempt without keeping others from the API server: with a webhook that times
/// out for one namespace, the rest of the cluster goes on. Bounded, because each costs memory.
const MAX_WAITING: usize = 64;

/// No limit that is found by itself goes beyond: with a webhook that takes a second for every Secret, this is how many a
/// second are written. Each has a connection of its own, and they have to fit into the Job's memory.
const MAX_ADAPTIVE_LIMIT: usize = 128;

/// What of the pace was missed, because the API server was slow or our clock is coarse, is caught up to this extent.
const MAX_BURST: Duration = Duration::from_millis(100);

/// How long a 429 may silence us: the API server says one second, and an odd proxy must not park the run.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The bound on patches in flight, and on patches a second.
pub struct Limit {
    slots: Semaphore,
    /// Whoever waits for the pace, one at a time and in order.
    attempt: Semaphore,
    interval: Duration,
    state: Mutex<State>,
}

struct State {
    adaptive_limit: AdaptiveLimit,
    /// Permits that are out or can be had.
    slots: usize,
    /// When the next patch may be sent.
    next: Instant,
}

/// One patch may be with the API server. Given back by [`Permit::ended`], or when dropped.
pub(crate) struct Permit<'a> {
    limit: &'a Limit,
    slot: Option<SemaphorePermit<'a>>,
    ticket: Ticket,
    sent: Instant,
}

impl Limit {
    /// Always as many, but fewer for a while when the API server has too much to do.
    #[must_use]
    pub fn fixed(most: NonZeroUsize) -> Self {
        Self::with_limit(AdaptiveLimit::fixed(most.get().min(Semaphore::MAX_PERMITS), Instant::now()))
    }

    /// As many as the API server works on: found, and found again as that changes.
    #[must_use]
    pub fn adaptive() -> Self {
        Self::with_limit(AdaptiveLimit::adaptive(MAX_ADAPTIVE_LIMIT, Instant::now()))
    }

    /// As people set it: so many in flight, or as many as the API server works on; and so many a second, or no bound.
    #[must_use]
    pub fn from_options(concurrency: Option<NonZeroUsize>, a_second: Option<NonZeroU32>) -> Self {
        concurrency.map_or_else(Self::adaptive, Self::fixed).paced(a_second)
    }

    fn with_limit(adaptive_limit: AdaptiveLimit) -> Self {
        let slots = adaptive_limit.now();
        Self {
            slots: Semaphore::new(slots),
            attempt: Semaphore::new(1),
            interval: Duration::ZERO,
            state: Mutex::new(State { adaptive_limit, slots, next: Instant::now() }),
        }
    }

    /// The same, with no more than so many patches a second, spread evenly.
    #[must_use]
    pub fn paced(mut self, a_second: Option<NonZeroU32>) -> Self {
        self.interval = a_second.map_or(Duration::ZERO, |a_second| Duration::from_secs(1) / a_second.get());
        self
    }

    /// How many Secrets the loop may have begun and not finished: those in flight and those that wait.
    #[must_use]
    pub fn pool(&self) -> usize {
        self.state().adaptive_limit.limit().saturating_add(MAX_WAITING)
    }

    /// Waits until one more patch may be sent. Nothing once the limit is closed.
    pub(crate) async fn permit(&self) -> Option<Permit<'_>> {
        let slot = self.slots.acquire().await.ok()?;
        let attempt = self.attempt.acquire().await.ok()?;
        let (ticket, sent) = loop {
            let next = {
                let mut state = self.state();
                let now = Instant::now();
                if state.next <= now {
                    let behind = now.checked_sub(MAX_BURST).unwrap_or(now);
                    state.next = state.next.max(behind) + self.interval;
                    break (state.adaptive_limit.began(), now);
                }
                state.next
            };
            sleep_until(next).await;
            // Closed meanwhile, or silenced for longer.
            if self.slots.is_closed() {
                return None;
            }
        };
        drop(attempt);
        Some(Permit { limit: self, slot: Some(slot), ticket, sent })
    }

    /// Gives no more permits, not even to those that wait for one: the run has been told to stop. For good: a limit is one
    /// run's.
    pub(crate) fn close(&self) {
        self.slots.close();
        self.attempt.close();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Gives it back, and says how the patch ended.
    pub(crate) fn ended<T>(mut self, answer: &Result<T, ApiError>) {
        let now = Instant::now();
        let signal = match answer {
            Err(api_error) if api_error.too_many() => Signal::TooMany,
            Err(api_error) if api_error.overload() => Signal::LastError,
            _ => Signal::Answered(now - self.sent),
        };
        if signal == Signal::TooMany {
            // It means us, not this one Secret.
            let silence =
                answer.as_ref().err().and_then(ApiError::retry_after).unwrap_or_default().min(MAX_RETRY_AFTER);
            let mut state = self.limit.state();
            state.next = state.next.max(now + silence);
        }
        self.give_back(signal);
    }

    fn give_back(&mut self, signal: Signal) {
        let Some(slot) = self.slot.take() else { return };
        let mut state = self.limit.state();
        state.adaptive_limit.ended(self.ticket, signal, Instant::now());
        let wanted = state.adaptive_limit.now();
        if state.slots > wanted {
            slot.forget();
            state.slots -= 1;
            // Those that nobody has taken.
            state.slots -= self.limit.slots.forget_permits(state.slots.saturating_sub(wanted));
        } else {
            drop(slot);
            self.limit.slots.add_permits(wanted - state.slots);
            state.slots = wanted;
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.give_back(Signal::Unknown);
    }
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
