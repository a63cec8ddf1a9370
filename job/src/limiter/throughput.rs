//! When to say how far we are: at most every second, and at least every 15 s even when nothing moves. A log stream that
//! is idle for minutes is cut by load balancers between the person and the kubelet. Pure but for the clock it is given.

use std::time::Duration;

use tokio::time::Instant;

use crate::wire::event::{Event, Phase};
use crate::wire::outcome::Tally;

/// Never more lines than a person can read.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The heartbeat.
const MAX_INTERVAL: Duration = Duration::from_secs(15);

/// What was said last, and when.
pub(crate) struct ProgressClock {
    at: Instant,
    said: Tally,
}

impl ProgressClock {
    /// The clock starts.
    pub(crate) fn new(now: Instant) -> Self {
        Self { at: now, said: Tally::default() }
    }

    /// Whether a progress line is due.
    pub(crate) fn due(&self, now: Instant, tally: &Tally) -> bool {
        let since = now - self.at;
        since >= MAX_INTERVAL || (since >= MIN_INTERVAL && self.moved(tally))
    }

    /// Whether anything moved since the last line.
    pub(crate) fn moved(&self, tally: &Tally) -> bool {
        *tally != self.said
    }

    /// The progress line, with the rate since the one before.
    pub(crate) fn progress(&mut self, now: Instant, phase: Phase, tally: Tally) -> Event {
        let since = (now - self.at).as_millis().max(1);
        let done = u128::from(tally.accounted().saturating_sub(self.said.accounted()));
        let rate_milli = u64::try_from(done * 1_000_000 / since).unwrap_or(u64::MAX);
        *self = Self { at: now, said: tally };
        Event::Progress { phase, tally, rate_milli }
    }
}

#[cfg(test)]
mod tests {
    //! Pacing and rate, on a clock made by hand.
    use super::*;

    #[test]
    fn speaks_every_second_while_things_move_and_every_15_when_not() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let moved = Tally { listed: 5, rewritten: 2, ..Tally::default() };
        let mut pace = ProgressClock::new(start);
        assert!(!pace.due(after(999), &moved));
        assert!(pace.due(after(1_000), &moved));
        assert!(!pace.due(after(14_999), &Tally::default()));
        assert!(pace.due(after(15_000), &Tally::default()));
        assert_eq!(
            pace.progress(after(2_000), Phase::Rewrite, moved),
            Event::Progress { phase: Phase::Rewrite, tally: moved, rate_milli: 1_000 }
        );
        assert!(!pace.due(after(4_000), &moved), "nothing moved since");
    }
}
