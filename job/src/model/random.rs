//! Random numbers from a seed (splitmix64), so that one seed gives one schedule and nearly one run: tokio's `select!` and the
//! jitter of retries have generators of their own.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A generator.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One that depends on what happens, and not on what happened before: the `count`th `thing` of a run.
    pub(super) fn of(seed: u64, thing: &str, count: u64) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, thing, count).hash(&mut hasher);
        Self(hasher.finish())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// From 0 to `end`, without it.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// From `first` to `last`, with both.
    pub(super) fn between(&mut self, first: i64, last: i64) -> i64 {
        first + (self.next() % (last - first + 1).max(1).unsigned_abs()).cast_signed()
    }

    /// True so many times of a hundred.
    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.next() % 100 < chance
    }

    /// One of some.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// One of some, each with its weight.
    pub(super) fn weighted<T: Copy>(&mut self, from: &[(u64, T)]) -> T {
        let all: u64 = from.iter().map(|(weight, _)| weight).sum();
        let mut at = self.next() % all.max(1);
        for (weight, one) in from {
            if at < *weight {
                return *one;
            }
            at -= weight;
        }
        from[0].1
    }
}
