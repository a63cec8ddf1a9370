//! How many patches the API server should have of ours at once: the control law, alone. Pure but for the clock it is
//! given. Input: how each patch ended and after how long. Output: a number of patches, for `limit` to keep.
//!
//! By Little's law, (patches answered a second) x (the time one takes when nothing queues) is how many the server really
//! works on; what is in flight beyond that waits in its queues, ours and everybody else's. So the law compares how long
//! a patch takes now with how long one takes in a **lull**, in which we hold back for a moment: the *floor*. It aims at
//! [`TARGET_RATIO`] floors. A floor is never the lowest value ever seen: it ages out, because servers slow down and other people
//! come, and a law that believes in an old floor would starve.

use std::time::Duration;

use tokio::time::Instant;

/// Aim: a patch takes so many floors. At 1 the server idles between two of ours; each floor more is time that everybody's
/// requests wait. What it comes to is measured by `make bench` (README.md, "Fast, and kind to others").
const TARGET_RATIO: f64 = 2.3;

/// Where to begin, before anything is known: what two busy cores just about carry.
const START: f64 = 4.0;

/// In a lull, this part of the limit is in flight. At the aim the server works on limit / TARGET_RATIO, so that half of that does
/// not queue; and it is not less, because where patches take a second (a webhook), a lull of one alone would cost seconds.
const LULL: f64 = 0.5 / TARGET_RATIO;

/// Answers whose median makes a floor. More cost time at a part of the speed; with 20, the floor was seen to jump by
/// half, and the limit with it.
const LULL_ANSWERS: usize = 50;

/// A lull takes no longer, once it has [`FEWEST`] answers.
const LULL_WITHIN: Duration = Duration::from_secs(2);

/// How long a floor is believed. Other people's work comes and goes in seconds to minutes.
const LULL_EVERY: Duration = Duration::from_secs(5);

/// A lull may cost this part of the time: after a long one, the next comes later.
const LULL_SHARE: u32 = 20;

/// The fewest answers that a median says anything of.
const FEWEST: usize = 3;

/// Answers a window has at least. At a thousand a second they span one of etcd's commits (every 100 ms) and many a garbage
/// collection: with 16, the limit was seen to follow these up and down between 3 and 7.
const WINDOW: usize = 64;

/// A window has so many answers for each patch in flight: each connection is used so often in it, and what it cost to
/// open the new ones does not reach the median.
const ROUNDS: f64 = 4.0;

/// A window is over after this time, if each patch in flight was answered once.
const WINDOW_WITHIN: Duration = Duration::from_secs(1);

/// Growth in one window, once the knee was found: an eighth, as the aim is not to be overshot by much more than noise ...
const GROWTH: f64 = 1.0 / 8.0;

/// ... and at least this much, or a small limit would not get away from where trouble left it.
const LEAST_GROWTH: f64 = 0.5;

/// Growth in one window before that: doubling finds any knee in a few windows.
const SLOW_START: f64 = 2.0;

/// A floor that differs by more is not noise: the server or its other load has changed, and so has the knee.
const CHANGED: f64 = 0.5;

/// Windows in a row that stay above the aim by [`CHANGED`] though the limit was lowered: the floor is not true any more.
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
    /// How long a patch takes in a lull, in seconds.
    floor: Option<f64>,
    lull: bool,
    /// When a lull is due, and when one may be held before that.
    next_lull: Instant,
    soonest_lull: Instant,
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
        Self { by_latency: true, limit: START.min(as_f64(most)), lull: true, ..Self::fixed(most, now) }
    }

    /// Always `most`, but in trouble.
    pub(crate) fn fixed(most: usize, now: Instant) -> Self {
        Self {
            most: as_f64(most),
            by_latency: false,
            limit: as_f64(most),
            slow_start: true,
            floor: None,
            lull: false,
            next_lull: now,
            soonest_lull: now,
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

    /// How many patches may be in flight, lulls left aside.
    pub(crate) fn limit(&self) -> usize {
        whole(self.limit)
    }

    /// How many patches may be in flight now.
    pub(crate) fn now(&self) -> usize {
        if self.lull { whole(self.limit * LULL) } else { self.limit() }
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
                self.cut(now);
            }
            Signal::LastError => self.cut(now),
            Signal::Answered(after) => {
                // From before the limit was what it is now: says nothing about it.
                if ticket.window == self.window {
                    self.answers.push(after.as_secs_f64());
                }
                self.look(now);
            }
        }
    }

    fn cut(&mut self, now: Instant) {
        self.cuts += 1;
        self.slow_start = false;
        self.limit = (self.limit * BACK_OFF).max(1.0);
        self.open(now);
    }

    /// A new window: what is in flight was sent under other circumstances.
    fn open(&mut self, now: Instant) {
        self.window += 1;
        self.since = now;
        self.answers.clear();
        self.busiest = self.in_flight;
    }

    /// Whether the window is full, and what follows from it.
    fn look(&mut self, now: Instant) {
        let (count, spent) = (self.answers.len(), now - self.since);
        if self.lull {
            if count >= LULL_ANSWERS || (count >= FEWEST && spent >= LULL_WITHIN) {
                self.found_floor(now);
            }
            return;
        }
        let each = whole(self.limit).max(FEWEST);
        if count < WINDOW.max(whole(self.limit * ROUNDS)) && !(count >= each && spent >= WINDOW_WITHIN) {
            return;
        }
        // Where something else holds us back (the pace, the list), the answers say nothing about a higher limit.
        let full = self.busiest >= self.limit();
        let took = median(&mut self.answers);
        match self.floor.filter(|_| self.by_latency) {
            Some(floor) => self.follow(took, floor, full, now),
            None => self.grow(self.most, full, now),
        }
        self.open(now);
    }

    /// The lull is over.
    fn found_floor(&mut self, now: Instant) {
        let found = median(&mut self.answers);
        let old = self.floor.unwrap_or(found);
        if same(found, old) {
            // The mean of two is less noise than one.
            self.floor = Some(f64::midpoint(found, old));
        } else {
            // Another server, in a manner of speaking: begin where this floor was measured.
            self.floor = Some(found);
            self.limit = (self.limit * LULL).max(1.0);
            self.slow_start = true;
            if found < old && self.now() > 1 {
                // So much faster that even this lull may have queued: hold a deeper one.
                self.open(now);
                return;
            }
        }
        self.lull = false;
        self.above = 0;
        self.soonest_lull = now + (now - self.since) * LULL_SHARE;
        self.next_lull = self.soonest_lull.max(now + LULL_EVERY);
        self.open(now);
    }

    /// One step towards the limit at which a patch takes [`TARGET_RATIO`] floors.
    fn follow(&mut self, took: f64, floor: f64, full: bool, now: Instant) {
        let stretch = took / floor;
        let aim = self.limit * TARGET_RATIO / stretch;
        if aim > self.limit {
            self.grow(aim, full, now);
        } else {
            self.slow_start = false;
            // Half way: half of the noise.
            self.limit = f64::midpoint(self.limit, aim).max(1.0);
        }
        self.above = if stretch * CHANGED > TARGET_RATIO { self.above + 1 } else { 0 };
        // Faster than in a lull; or slower than all of ours in a row would make it, or slow in spite of what we gave up: the
        // floor is of another time. The first is dangerous, since there is no queue that we would see, and costs little.
        let faster = stretch < CHANGED;
        let slower = stretch * CHANGED > self.limit.max(TARGET_RATIO) || self.above >= MAX_INEFFECTIVE_CUTS;
        self.lull = faster || (slower && now >= self.soonest_lull) || now >= self.next_lull;
    }

    fn grow(&mut self, aim: f64, full: bool, now: Instant) {
        if !full {
            return;
        }
        let step = if self.slow_start && self.by_latency {
            self.limit * (SLOW_START - 1.0)
        } else {
            (self.limit * GROWTH).max(LEAST_GROWTH)
        };
        let ceiling = self.ceiling.map_or(self.most, |(at, since)| {
            let grown = at * (1.0 + CEILING_GROWTH * (now - since).as_secs_f64());
            grown.clamp(1.0, self.most)
        });
        self.limit = aim.min(self.limit + step).min(ceiling.max(self.limit));
    }
}

/// Whether two floors differ by no more than noise.
fn same(one: f64, other: f64) -> bool {
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
fn whole(limit: f64) -> usize {
    (limit.round() as usize).max(1)
}

#[cfg(test)]
#[path = "knee_tests.rs"]
mod tests;
