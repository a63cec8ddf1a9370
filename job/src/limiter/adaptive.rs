//! How many patches the API server should have of ours at once: the control law, alone. Pure but for the clock it is
//! given. Input: how each patch ended and after how long. Output: a number of patches, for `limit` to keep.
//!
//! By Little's law, (patches answered a second) x (the time one takes when nothing queues) is how many the server really
//! works on; what is in flight beyond that waits in its queues, ours and everybody else's. So the law compares how long
//! a patch takes now with how long one takes in a **probe**, in which we hold back for a moment: the *baseline*. It aims at
//! [`TARGET_RATIO`] baselines. A baseline is never the lowest value ever seen: it ages out, because servers slow down and other people
//! come, and a law that believes in an old baseline would starve.

use std::time::Duration;

use tokio::time::Instant;

/// Aim: a patch takes so many baselines. At 1 the server idles between two of ours; each baseline more is time that everybody's
/// requests wait. What it comes to is measured by `make bench` (README.md, "Fast, and kind to others").
const TARGET_RATIO: f64 = 2.3;

/// Where to begin, before anything is known: what two busy cores just about carry.
const START: f64 = 4.0;

/// In a probe, this part of the limit is in flight. At the aim the server works on limit / TARGET_RATIO, so that half of that does
/// not queue; and it is not less, because where patches take a second (a webhook), a probe of one alone would cost seconds.
const PROBE_SHARE: f64 = 0.5 / TARGET_RATIO;

/// Answers whose median makes a baseline. More cost time at a part of the speed; with 20, the baseline was seen to jump by
/// half, and the limit with it.
const PROBE_ANSWERS: usize = 50;

/// A probe takes no longer, once it has [`MIN_ANSWERS`] answers.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a baseline is believed. Other people's work comes and goes in seconds to minutes.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// A probe may cost this part of the time: after a long one, the next comes later.
const MAX_PROBE_SHARE: u32 = 20;

/// The fewest answers that a median says anything of.
const MIN_ANSWERS: usize = 3;

/// Answers a window has at least. At a thousand a second they span one of etcd's commits (every 100 ms) and many a garbage
/// collection: with 16, the limit was seen to follow these up and down between 3 and 7.
const MIN_WINDOW: usize = 64;

/// A window has so many answers for each patch in flight: each connection is used so often in it, and what it cost to
/// open the new ones does not reach the median.
const WINDOW_ROUNDS: f64 = 4.0;

/// A window is over after this time, if each patch in flight was answered once.
const MAX_WINDOW: Duration = Duration::from_secs(1);

/// Growth in one window, once the knee was found: an eighth, as the aim is not to be overshot by much more than noise ...
const GROWTH: f64 = 1.0 / 8.0;

/// ... and at least this much, or a small limit would not get away from where trouble left it.
const MIN_GROWTH: f64 = 0.5;

/// Growth in one window before that: doubling finds any knee in a few windows.
const SLOW_START: f64 = 2.0;

/// A baseline that differs by more is not noise: the server or its other load has changed, and so has the knee.
const CHANGED: f64 = 0.5;

/// Windows in a row that stay above the aim by [`CHANGED`] though the limit was lowered: the baseline is not true any more.
const MAX_INEFFECTIVE_CUTS: u32 = 3;

/// What is left of the limit after a 429, a time-out, a 5xx or a broken connection: half, as TCP does.
const BACK_OFF: f64 = 0.5;

/// After a 429 the limit first comes back to this part of what was too much ...
const CEILING: f64 = 0.75;

/// ... and from there by this part of it a second: the server is not asked again for too much before some 7 s are over.
const CEILING_GROWTH: f64 = 0.05;

/// How a patch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The API server dealt with it, whatever it said, after this time.
    Answered(Duration),
    /// 429: too much for it.
    TooMany,
    /// A time-out, a 5xx, a broken connection: perhaps too much, perhaps something else; not to be made worse.
    LastError,
    /// Not known: it was let go.
    Unknown,
}

/// What a patch has to bring back when it ended: the circumstances under which it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    window: u64,
    cuts: u64,
}

/// The control law's state.
#[derive(Debug)]
pub(crate) struct AdaptiveLimit {
    most: f64,
    /// Whether latency moves the limit; otherwise it is `most`, but for what is cut off in trouble.
    by_latency: bool,
    limit: f64,
    /// Until the knee was found.
    slow_start: bool,
    /// How long a patch takes in a probe, in seconds.
    baseline: Option<f64>,
    probing: bool,
    /// When a probe is due, and when one may be held before that.
    next_probe: Instant,
    earliest_probe: Instant,
    above: u32,
    /// What was too much, and when.
    ceiling: Option<(f64, Instant)>,
    cuts: u64,
    /// The window: its number, its beginning, its answers in seconds, and how many were in flight at most.
    window: u64,
    since: Instant,
    answers: Vec<f64>,
    busiest: usize,
    in_flight: usize,
}

impl AdaptiveLimit {
    /// Finds the limit by itself, up to `most`.
    pub(crate) fn adaptive(most: usize, now: Instant) -> Self {
        Self { by_latency: true, limit: START.min(as_f64(most)), probing: true, ..Self::fixed(most, now) }
    }

    /// Always `most`, but in trouble.
    pub(crate) fn fixed(most: usize, now: Instant) -> Self {
        Self {
            most: as_f64(most),
            by_latency: false,
            limit: as_f64(most),
            slow_start: true,
            baseline: None,
            probing: false,
            next_probe: now,
            earliest_probe: now,
            above: 0,
            ceiling: None,
            cuts: 0,
            window: 0,
            since: now,
            answers: Vec::new(),
            busiest: 0,
            in_flight: 0,
        }
    }

    /// How many patches may be in flight, probes left aside.
    pub(crate) fn limit(&self) -> usize {
        to_permits(self.limit)
    }

    /// How many patches may be in flight now.
    pub(crate) fn now(&self) -> usize {
        if self.probing { to_permits(self.limit * PROBE_SHARE) } else { self.limit() }
    }

    /// A patch is sent.
    pub(crate) fn began(&mut self) -> Ticket {
        self.in_flight += 1;
        self.busiest = self.busiest.max(self.in_flight);
        Ticket { window: self.window, cuts: self.cuts }
    }

    /// A patch has ended.
    pub(crate) fn ended(&mut self, ticket: Ticket, signal: Signal, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match signal {
            Signal::Unknown => {}
            // What was on its way with the one that made us back off says the same again, and not that it was too little.
            Signal::TooMany | Signal::LastError if ticket.cuts != self.cuts => {}
            Signal::TooMany => {
                self.ceiling = Some((self.limit * CEILING, now));
                self.back_off(now);
            }
            Signal::LastError => self.back_off(now),
            Signal::Answered(after) => {
                // From before the limit was what it is now: says nothing about it.
                if ticket.window == self.window {
                    self.answers.push(after.as_secs_f64());
                }
                self.evaluate_window(now);
            }
        }
    }

    fn back_off(&mut self, now: Instant) {
        self.cuts += 1;
        self.slow_start = false;
        self.limit = (self.limit * BACK_OFF).max(1.0);
        self.start_window(now);
    }

    /// A new window: what is in flight was sent under other circumstances.
    fn start_window(&mut self, now: Instant) {
        self.window += 1;
        self.since = now;
        self.answers.clear();
        self.busiest = self.in_flight;
    }

    /// Whether the window is full, and what follows from it.
    fn evaluate_window(&mut self, now: Instant) {
        let (count, spent) = (self.answers.len(), now - self.since);
        if self.probing {
            if count >= PROBE_ANSWERS || (count >= MIN_ANSWERS && spent >= PROBE_TIMEOUT) {
                self.set_baseline(now);
            }
            return;
        }
        let each = to_permits(self.limit).max(MIN_ANSWERS);
        if count < MIN_WINDOW.max(to_permits(self.limit * WINDOW_ROUNDS)) && !(count >= each && spent >= MAX_WINDOW) {
            return;
        }
        // Where something else holds us back (the pace, the list), the answers say nothing about a higher limit.
        let full = self.busiest >= self.limit();
        let took = median(&mut self.answers);
        match self.baseline.filter(|_| self.by_latency) {
            Some(baseline) => self.adjust(took, baseline, full, now),
            None => self.grow(self.most, full, now),
        }
        self.start_window(now);
    }

    /// The probe is over.
    fn set_baseline(&mut self, now: Instant) {
        let found = median(&mut self.answers);
        let old = self.baseline.unwrap_or(found);
        if is_similar(found, old) {
            // The mean of two is less noise than one.
            self.baseline = Some(f64::midpoint(found, old));
        } else {
            // Another server, in a manner of speaking: begin where this baseline was measured.
            self.baseline = Some(found);
            self.limit = (self.limit * PROBE_SHARE).max(1.0);
            self.slow_start = true;
            if found < old && self.now() > 1 {
                // So much faster that even this probe may have queued: hold a deeper one.
                self.start_window(now);
                return;
            }
        }
        self.probing = false;
        self.above = 0;
        self.earliest_probe = now + (now - self.since) * MAX_PROBE_SHARE;
        self.next_probe = self.earliest_probe.max(now + PROBE_INTERVAL);
        self.start_window(now);
    }

    /// One step towards the limit at which a patch takes [`TARGET_RATIO`] baselines.
    fn adjust(&mut self, took: f64, baseline: f64, full: bool, now: Instant) {
        let stretch = took / baseline;
        let aim = self.limit * TARGET_RATIO / stretch;
        if aim > self.limit {
            self.grow(aim, full, now);
        } else {
            self.slow_start = false;
            // Half way: half of the noise.
            self.limit = f64::midpoint(self.limit, aim).max(1.0);
        }
        self.above = if stretch * CHANGED > TARGET_RATIO { self.above + 1 } else { 0 };
        // Faster than in a probe; or slower than all of ours in a row would make it, or slow in spite of what we gave up: the
        // baseline is of another time. The first is dangerous, since there is no queue that we would see, and costs little.
        let faster = stretch < CHANGED;
        let slower = stretch * CHANGED > self.limit.max(TARGET_RATIO) || self.above >= MAX_INEFFECTIVE_CUTS;
        self.probing = faster || (slower && now >= self.earliest_probe) || now >= self.next_probe;
    }

    fn grow(&mut self, aim: f64, full: bool, now: Instant) {
        if !full {
            return;
        }
        let step = if self.slow_start && self.by_latency {
            self.limit * (SLOW_START - 1.0)
        } else {
            (self.limit * GROWTH).max(MIN_GROWTH)
        };
        let ceiling = self.ceiling.map_or(self.most, |(at, since)| {
            let grown = at * (1.0 + CEILING_GROWTH * (now - since).as_secs_f64());
            grown.clamp(1.0, self.most)
        });
        self.limit = aim.min(self.limit + step).min(ceiling.max(self.limit));
    }
}

/// Whether two baselines differ by no more than noise.
fn is_similar(one: f64, other: f64) -> bool {
    one.min(other) >= one.max(other) * CHANGED
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// A number of patches: at least one, or nothing would ever be learned again.
fn to_permits(limit: f64) -> usize {
    (limit.round() as usize).max(1)
}

#[cfg(test)]
#[path = "adaptive_tests.rs"]
mod tests;
