//! A simulated API server for the tests of `adaptive_limit`: some workers, one queue, other people's requests in it, and the law that
//! sends ours. No clock, no network: what happens next is the next event.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use std::time::Duration;

use tokio::time::Instant;

use crate::limiter::adaptive::{AdaptiveLimit, Signal, Ticket};

/// A millisecond, in seconds.
pub(crate) const MILLI: f64 = 0.001;

/// The law's upper bound.
pub(crate) const MAX_LIMIT: usize = 128;

/// A request in the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Client {
    Ours(usize),
    Theirs,
}

/// What happens next, and when (in nanoseconds).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ServerEvent {
    /// Somebody else asks.
    Arrives,
    /// A worker is done.
    Served(Client, u64),
    /// An answer has arrived.
    Answered(usize),
}

/// The server, and the law that it is asked by.
pub(crate) struct Server {
    /// How many requests it works on at once, and how long each takes on average, in seconds.
    workers: usize,
    pub(crate) service: f64,
    /// What passes on the way there and back.
    pub(crate) network: f64,
    /// Other people's requests a second.
    pub(crate) others: f64,
    /// This part of our patches waits a second for a webhook.
    pub(crate) webhook: f64,
    /// More of ours than this at once are refused with a 429.
    pub(crate) seats: usize,
    /// We send no more than this at once, for another reason than the law.
    pub(crate) held_to: usize,
    pub(crate) adaptive_limit: AdaptiveLimit,
    pub(crate) began: Instant,
    now: u64,
    random: u64,
    busy: usize,
    queue: VecDeque<(Client, u64)>,
    events: BinaryHeap<Reverse<(u64, ServerEvent)>>,
    ours: Vec<Option<(Ticket, u64, Signal)>>,
    seen: Seen,
}

/// What was seen since it was last asked for.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) answered: f64,
    pub(crate) refused: f64,
    /// The sums of the times that ours and other people's requests took.
    ours: f64,
    theirs: (f64, f64),
    limit: (f64, f64),
    pub(crate) lowest: usize,
}

impl Seen {
    pub(crate) fn limit(&self) -> f64 {
        self.limit.0 / self.limit.1
    }

    pub(crate) fn latency(&self) -> f64 {
        self.ours / self.answered
    }

    pub(crate) fn their_latency(&self) -> f64 {
        self.theirs.0 / self.theirs.1
    }
}

impl Server {
    pub(crate) fn new(workers: usize, service: f64) -> Self {
        let began = Instant::now();
        let mut server = Self {
            workers,
            service,
            network: 0.0,
            others: 0.0,
            webhook: 0.0,
            seats: usize::MAX,
            held_to: usize::MAX,
            adaptive_limit: AdaptiveLimit::adaptive(MAX_LIMIT, began),
            began,
            now: 0,
            random: 0x9E37_79B9_7F4A_7C15,
            busy: 0,
            queue: VecDeque::new(),
            events: BinaryHeap::new(),
            ours: Vec::new(),
            seen: Seen::default(),
        };
        server.at(0.0, ServerEvent::Arrives);
        server
    }

    /// What it can do in a second.
    pub(crate) fn capacity(&self) -> f64 {
        self.workers as f64 / self.service
    }

    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A time around this mean, as irregular as service times are.
    fn around(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.random()).ln()
    }

    fn at(&mut self, after: f64, what: ServerEvent) {
        self.events.push(Reverse((self.now + (after * 1e9) as u64, what)));
    }

    fn send(&mut self) {
        while self.ours.iter().flatten().count() < self.adaptive_limit.now().min(self.held_to) {
            let ticket = self.adaptive_limit.began();
            let refused = self.ours.iter().flatten().count() >= self.seats;
            let signal = if refused { Signal::TooMany } else { Signal::Answered(Duration::ZERO) };
            let free = self.ours.iter().position(Option::is_none).unwrap_or_else(|| {
                self.ours.push(None);
                self.ours.len() - 1
            });
            self.ours[free] = Some((ticket, self.now, signal));
            if refused {
                self.at(MILLI, ServerEvent::Answered(free));
            } else {
                self.enter(Client::Ours(free));
            }
        }
    }

    fn enter(&mut self, who: Client) {
        self.queue.push_back((who, self.now));
        self.work();
    }

    fn work(&mut self) {
        while self.busy < self.workers
            && let Some((who, since)) = self.queue.pop_front()
        {
            self.busy += 1;
            let takes = self.around(self.service);
            self.at(takes, ServerEvent::Served(who, since));
        }
    }

    /// Lets so many seconds pass, and tells what was seen in them.
    pub(crate) fn pass(&mut self, seconds: f64) -> Seen {
        self.seen = Seen { lowest: MAX_LIMIT, ..Seen::default() };
        let end = self.now + (seconds * 1e9) as u64;
        self.send();
        while let Some(Reverse((at, what))) = self.events.pop_if_before(end) {
            let spent = (at - self.now) as f64 / 1e9;
            self.seen.limit.0 += self.adaptive_limit.limit() as f64 * spent;
            self.seen.limit.1 += spent;
            self.seen.lowest = self.seen.lowest.min(self.adaptive_limit.limit());
            self.now = at;
            self.handle(what);
            self.send();
        }
        self.now = end;
        self.seen.clone()
    }

    fn handle(&mut self, what: ServerEvent) {
        match what {
            ServerEvent::Arrives => {
                if self.others > 0.0 {
                    self.enter(Client::Theirs);
                }
                let after = if self.others > 0.0 { self.around(1.0 / self.others) } else { 0.1 };
                self.at(after, ServerEvent::Arrives);
            }
            ServerEvent::Served(who, since) => {
                self.busy -= 1;
                self.work();
                match who {
                    Client::Theirs => {
                        self.seen.theirs.0 += (self.now - since) as f64 / 1e9;
                        self.seen.theirs.1 += 1.0;
                    }
                    Client::Ours(which) => {
                        let webhook = if self.random() < self.webhook { 1.0 } else { 0.0 };
                        self.at(self.network + webhook, ServerEvent::Answered(which));
                    }
                }
            }
            ServerEvent::Answered(which) => {
                let (ticket, since, signal) = self.ours[which].take().unwrap();
                let took = (self.now - since) as f64 / 1e9;
                let signal = match signal {
                    Signal::Answered(_) => {
                        self.seen.answered += 1.0;
                        self.seen.ours += took;
                        Signal::Answered(Duration::from_secs_f64(took))
                    }
                    other => {
                        self.seen.refused += 1.0;
                        other
                    }
                };
                self.adaptive_limit.ended(ticket, signal, self.began + Duration::from_nanos(self.now));
            }
        }
    }
}

/// The next event, if it happens before the end.
trait PopIfBefore {
    fn pop_if_before(&mut self, end: u64) -> Option<Reverse<(u64, ServerEvent)>>;
}

impl PopIfBefore for BinaryHeap<Reverse<(u64, ServerEvent)>> {
    fn pop_if_before(&mut self, end: u64) -> Option<Reverse<(u64, ServerEvent)>> {
        if self.peek()?.0.0 < end { self.pop() } else { None }
    }
}
