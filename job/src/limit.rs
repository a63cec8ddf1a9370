//! How many patches may be with the API server at once. `patch` takes a permit for each attempt and gives it back
//! with the answer; the loop sizes its pool by [`Limit::pool`].
//!
//! Today the bound is fixed. What makes it move with the server's latency belongs here, and nothing else has to change.

use std::num::NonZeroUsize;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Secrets that may wait for their next attempt without keeping others from the API server: with a webhook that times
/// out for one namespace, the rest of the cluster goes on. Bounded, because each costs memory.
const WAITING: usize = 64;

/// The bound on patches in flight.
pub struct Limit {
    permits: Semaphore,
    most: usize,
}

/// One patch may be with the API server; given back when dropped.
pub(crate) struct Permit<'a> {
    _permit: SemaphorePermit<'a>,
}

impl Limit {
    /// Always as many.
    #[must_use]
    pub fn fixed(most: NonZeroUsize) -> Self {
        let most = most.get().min(Semaphore::MAX_PERMITS);
        Self { permits: Semaphore::new(most), most }
    }

    /// How many Secrets the loop may have begun and not finished: those in flight and those that wait.
    #[must_use]
    pub fn pool(&self) -> usize {
        self.most.saturating_add(WAITING)
    }

    /// Waits until one more patch may be sent. Nothing once the limit is closed.
    pub(crate) async fn permit(&self) -> Option<Permit<'_>> {
        self.permits.acquire().await.ok().map(|permit| Permit { _permit: permit })
    }

    /// Gives no more permits, not even to those that wait for one: the run has been told to stop. For good: a limit is one
    /// run's.
    pub(crate) fn close(&self) {
        self.permits.close();
    }
}
