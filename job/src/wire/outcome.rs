//! What became of each Secret, and the counts of it. Filled by the engine, carried by the wire format, drawn by the
//! plugin; the rule that nothing is lost (listed = the sum of the outcomes) is checked here and nowhere else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was written under the current key by us.
    Rewritten,
    /// It had been written under the current key already.
    Current,
    /// It was deleted after it was listed.
    Gone,
    /// It could not be written: a [`Failure`] says why.
    Failed,
}

/// One Secret that could not be written. Names no data: a Secret's name is metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub name: String,
    /// The API server's own words, the denying webhook's or policy's name among them.
    pub reason: String,
}

/// How many Secrets had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Secrets that lists have shown to this run, each counted once.
    pub listed: u64,
    /// Written under the current key by us.
    pub rewritten: u64,
    /// Under the current key already.
    pub current: u64,
    /// Deleted after they were listed.
    pub gone: u64,
    /// Could not be written.
    pub failed: u64,
}

impl Tally {
    /// Counts one outcome.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Rewritten => self.rewritten += 1,
            Outcome::Current => self.current += 1,
            Outcome::Gone => self.gone += 1,
            Outcome::Failed => self.failed += 1,
        }
    }

    /// Secrets whose outcome is known. A tally that came in a log may hold any number.
    #[must_use]
    pub fn accounted(&self) -> u64 {
        [self.current, self.gone, self.failed].into_iter().fold(self.rewritten, u64::saturating_add)
    }

    /// Listed Secrets whose outcome is not known. At the end of a run, anything but 0 is a bug of ours, and makes
    /// the run incomplete rather than being explained away.
    #[must_use]
    pub fn unaccounted(&self) -> u64 {
        self.listed.saturating_sub(self.accounted())
    }

    /// Whether every listed Secret is under the current key or gone.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.failed == 0 && self.listed == self.accounted()
    }
}

#[cfg(test)]
mod tests {
    //! The arithmetic of outcomes.
    use super::*;

    #[test]
    fn a_lost_secret_makes_the_run_incomplete() {
        let mut tally = Tally { listed: 2, ..Tally::default() };
        tally.count(Outcome::Rewritten);
        assert_eq!(tally.unaccounted(), 1);
        assert!(!tally.complete());
        tally.count(Outcome::Gone);
        assert!(tally.complete());
    }

    #[test]
    fn a_failed_secret_is_accounted_for_but_not_complete() {
        let mut tally = Tally { listed: 1, ..Tally::default() };
        tally.count(Outcome::Failed);
        assert_eq!(tally.unaccounted(), 0);
        assert!(!tally.complete());
    }

    #[test]
    fn more_outcomes_than_secrets_is_not_complete_either() {
        let tally = Tally { listed: 1, rewritten: 2, ..Tally::default() };
        assert!(!tally.complete());
    }
}
