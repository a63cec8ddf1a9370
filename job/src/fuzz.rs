//! Input for the parsers of foreign bytes: a corpus, mutated by a seeded generator. Tests of this crate and of the plugin use it.
//!
//! `FUZZ_SECONDS=600` looks for longer than 2 s, and `FUZZ_SEED=n` elsewhere.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Longest input: as long as what a bound elsewhere lets through, or nearly.
const LONGEST: usize = 256 << 10;

/// How long one input may take, on a busy machine and unoptimised.
const HANGS_AFTER: Duration = Duration::from_secs(10);

/// Pieces on which parsers stumble.
const PIECES: [&str; 32] = [
    "\u{202e}",
    "\u{feff}",
    "\0",
    "\u{1b}[2J",
    "\r\n",
    "\n",
    "\t",
    " ",
    "\"",
    "'",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "{}",
    ":",
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "|2\n",
    "--- ",
    "-1",
    "18446744073709551615",
    "99999999999999999999",
    "1e999",
    "NaN",
    "null",
];

/// Decides what is changed.
struct Chance(StdRng);

impl Chance {
    /// Less than `most`.
    fn below(&mut self, most: usize) -> usize {
        self.0.random_range(0..most)
    }

    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let from = self.below(bytes.len() + 1);
        from..from + self.below(64.min(bytes.len() - from) + 1)
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[&[u8]]) {
        let range = self.range(bytes);
        match self.below(6) {
            0 => drop(bytes.drain(range)),
            1 => bytes.iter_mut().skip(range.start).take(1).for_each(|byte| *byte = self.below(256) as u8),
            2 => drop(bytes.splice(range, PIECES[self.below(PIECES.len())].bytes())),
            3 => {
                let piece = PIECES[self.below(PIECES.len())].repeat(1 << self.below(12));
                drop(bytes.splice(range, piece.bytes()));
            }
            4 => {
                let other = corpus[self.below(corpus.len())];
                let piece = other[self.range(other)].to_vec();
                drop(bytes.splice(range, piece));
            }
            _ => {
                let piece = bytes[range.clone()].repeat(1 << self.below(8));
                drop(bytes.splice(range, piece));
            }
        }
        bytes.truncate(LONGEST);
    }
}

/// Which input it was, if the parser panics.
struct Blame<'a>(u64, u64, &'a [u8]);

impl Drop for Blame<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(seed, number, bytes) = self;
            eprintln!(
                "FUZZ_SEED={seed}, input {number}: {:?}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(512)])
            );
        }
    }
}

/// Has inputs parsed that are like those of the corpus.
pub(crate) fn fuzz(corpus: &[&[u8]], mut parse: impl FnMut(&[u8])) {
    let number_of = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let (seconds, seed) = (number_of("FUZZ_SECONDS").unwrap_or(2), number_of("FUZZ_SEED").unwrap_or(1));
    let (began, mut chance) = (Instant::now(), Chance(StdRng::seed_from_u64(seed)));
    for number in 0.. {
        let mut bytes = corpus[chance.below(corpus.len())].to_vec();
        // The corpus itself comes first.
        match usize::try_from(number).ok().and_then(|number| corpus.get(number)) {
            Some(whole) => bytes = whole.to_vec(),
            None => (0..=chance.below(6)).for_each(|_| chance.change(&mut bytes, corpus)),
        }
        let (blame, since) = (Blame(seed, number, &bytes), Instant::now());
        parse(&bytes);
        assert!(since.elapsed() < HANGS_AFTER, "{:?}", since.elapsed());
        drop(blame);
        if began.elapsed() >= Duration::from_secs(seconds) {
            return;
        }
    }
}
