//! The law against a simulated API server: some workers, one queue, other people's requests in it. No clock, no network.
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::*;

const MILLI: f64 = 0.001;
const MOST: usize = 128;

/// A request in the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Ours(usize),
    Theirs,
}

/// What happens next, and when (in nanoseconds).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    /// Somebody else asks.
    Arrives,
    /// A worker is done.
    Served(Who, u64),
    /// An answer has arrived.
    Answered(usize),
}

/// The server, and the law that it is asked by.
struct Server {
    /// How many requests it works on at once, and how long each takes on average, in seconds.
    workers: usize,
    service: f64,
    /// What passes on the way there and back.
    network: f64,
    /// Other people's requests a second.
    others: f64,
    /// This part of our patches waits a second for a webhook.
    webhook: f64,
    /// More of ours than this at once are refused with a 429.
    seats: usize,
    /// We send no more than this at once, for another reason than the law.
    held_to: usize,
    knee: Knee,
    began: Instant,
    now: u64,
    random: u64,
    busy: usize,
    queue: VecDeque<(Who, u64)>,
    events: BinaryHeap<Reverse<(u64, Happens)>>,
    ours: Vec<Option<(Ticket, u64, Signal)>>,
    seen: Seen,
}

/// What was seen since it was last asked for.
#[derive(Clone, Default)]
struct Seen {
    answered: f64,
    refused: f64,
    /// The sums of the times that ours and other people's requests took.
    ours: f64,
    theirs: (f64, f64),
    limit: (f64, f64),
    lowest: usize,
}

impl Seen {
    fn limit(&self) -> f64 {
        self.limit.0 / self.limit.1
    }

    fn latency(&self) -> f64 {
        self.ours / self.answered
    }

    fn their_latency(&self) -> f64 {
        self.theirs.0 / self.theirs.1
    }
}

impl Server {
    fn new(workers: usize, service: f64) -> Self {
        let began = Instant::now();
        let mut server = Self {
            workers,
            service,
            network: 0.0,
            others: 0.0,
            webhook: 0.0,
            seats: usize::MAX,
            held_to: usize::MAX,
            knee: Knee::adaptive(MOST, began),
            began,
            now: 0,
            random: 0x9E37_79B9_7F4A_7C15,
            busy: 0,
            queue: VecDeque::new(),
            events: BinaryHeap::new(),
            ours: Vec::new(),
            seen: Seen::default(),
        };
        server.at(0.0, Happens::Arrives);
        server
    }

    /// What it can do in a second.
    fn capacity(&self) -> f64 {
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

    fn at(&mut self, after: f64, what: Happens) {
        self.events.push(Reverse((self.now + (after * 1e9) as u64, what)));
    }

    fn send(&mut self) {
        while self.ours.iter().flatten().count() < self.knee.now().min(self.held_to) {
            let ticket = self.knee.began();
            let refused = self.ours.iter().flatten().count() >= self.seats;
            let signal = if refused { Signal::TooMany } else { Signal::Answered(Duration::ZERO) };
            let free = self.ours.iter().position(Option::is_none).unwrap_or_else(|| {
                self.ours.push(None);
                self.ours.len() - 1
            });
            self.ours[free] = Some((ticket, self.now, signal));
            if refused {
                self.at(MILLI, Happens::Answered(free));
            } else {
                self.enter(Who::Ours(free));
            }
        }
    }

    fn enter(&mut self, who: Who) {
        self.queue.push_back((who, self.now));
        self.work();
    }

    fn work(&mut self) {
        while self.busy < self.workers
            && let Some((who, since)) = self.queue.pop_front()
        {
            self.busy += 1;
            let takes = self.around(self.service);
            self.at(takes, Happens::Served(who, since));
        }
    }

    /// Lets so many seconds pass, and tells what was seen in them.
    fn pass(&mut self, seconds: f64) -> Seen {
        self.seen = Seen { lowest: MOST, ..Seen::default() };
        let end = self.now + (seconds * 1e9) as u64;
        self.send();
        while let Some(Reverse((at, what))) = self.events.pop_if_before(end) {
            let spent = (at - self.now) as f64 / 1e9;
            self.seen.limit.0 += self.knee.limit() as f64 * spent;
            self.seen.limit.1 += spent;
            self.seen.lowest = self.seen.lowest.min(self.knee.limit());
            self.now = at;
            self.happens(what);
            self.send();
        }
        self.now = end;
        self.seen.clone()
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Happens::Arrives => {
                if self.others > 0.0 {
                    self.enter(Who::Theirs);
                }
                let after = if self.others > 0.0 { self.around(1.0 / self.others) } else { 0.1 };
                self.at(after, Happens::Arrives);
            }
            Happens::Served(who, since) => {
                self.busy -= 1;
                self.work();
                match who {
                    Who::Theirs => {
                        self.seen.theirs.0 += (self.now - since) as f64 / 1e9;
                        self.seen.theirs.1 += 1.0;
                    }
                    Who::Ours(which) => {
                        let webhook = if self.random() < self.webhook { 1.0 } else { 0.0 };
                        self.at(self.network + webhook, Happens::Answered(which));
                    }
                }
            }
            Happens::Answered(which) => {
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
                self.knee.ended(ticket, signal, self.began + Duration::from_nanos(self.now));
            }
        }
    }
}

/// The next event, if it happens before the end.
trait PopIfBefore {
    fn pop_if_before(&mut self, end: u64) -> Option<Reverse<(u64, Happens)>>;
}

impl PopIfBefore for BinaryHeap<Reverse<(u64, Happens)>> {
    fn pop_if_before(&mut self, end: u64) -> Option<Reverse<(u64, Happens)>> {
        if self.peek()?.0.0 < end { self.pop() } else { None }
    }
}

#[test]
fn the_knee_is_found_on_servers_small_and_large_near_and_far() {
    for (workers, service, network) in
        [(1, 2.0, 0.0), (2, 3.0, 0.0), (2, 3.0, 3.0), (4, 50.0, 0.0), (16, 10.0, 5.0), (32, 50.0, 20.0)]
    {
        let mut server = Server::new(workers, service * MILLI);
        server.network = network * MILLI;
        server.pass(20.0);
        let seen = server.pass(40.0);
        let (rate, floor) = (seen.answered / 40.0 / server.capacity(), server.service + server.network);
        let said = format!(
            "{workers} workers, {service} + {network} ms: limit {:.1}, rate {rate:.2}, {:.2} floors",
            seen.limit(),
            seen.latency() / floor
        );
        eprintln!("{said}");
        assert!(rate > 0.8, "{said}");
        assert!(seen.latency() < 2.6 * floor, "{said}");
    }
}

#[test]
fn it_is_found_within_a_few_hundred_answers() {
    let mut server = Server::new(16, 10.0 * MILLI);
    let seen = server.pass(2.0);
    assert!(seen.answered > 0.6 * 2.0 * server.capacity(), "{} answers", seen.answered);
}

#[test]
fn it_follows_a_server_that_gets_slower_and_faster() {
    let mut server = Server::new(4, 3.0 * MILLI);
    server.pass(20.0);
    for service in [12.0, 50.0, 3.0, 1.0] {
        server.service = service * MILLI;
        server.pass(10.0);
        let seen = server.pass(20.0);
        let said = format!("{service} ms: limit {:.1}, {} answered", seen.limit(), seen.answered);
        eprintln!("{said}");
        assert!(seen.answered > 0.8 * 20.0 * server.capacity(), "{said}");
        assert!(seen.latency() < 2.7 * server.service, "{said}, {:.1} ms", seen.latency() / MILLI);
    }
}

#[test]
fn it_makes_room_for_other_people_and_takes_it_back() {
    let mut server = Server::new(4, 5.0 * MILLI);
    let alone = server.pass(30.0);
    server.others = 0.6 * server.capacity();
    server.pass(5.0);
    let busy = server.pass(30.0);
    let room = server.capacity() - server.others;
    eprintln!(
        "{:.1} -> {:.1}, {:.2} of the room, their {:.1} ms",
        alone.limit(),
        busy.limit(),
        busy.answered / 30.0 / room,
        busy.their_latency() / MILLI
    );
    assert!(busy.answered / 30.0 > 0.6 * room && busy.answered / 30.0 < room);
    // Alone, with nothing of ours, theirs would take 5.5 ms.
    assert!(busy.their_latency() < 4.0 * server.service, "{:.1} ms", busy.their_latency() / MILLI);
    server.others = 0.0;
    server.pass(5.0);
    let alone = server.pass(10.0);
    assert!(alone.answered > 0.8 * 10.0 * server.capacity());
}

#[test]
fn a_floor_of_quieter_times_ages_out_and_does_not_starve_us() {
    let mut server = Server::new(2, 3.0 * MILLI);
    server.pass(10.0);
    // From now on it is always as busy as 10 times the floor.
    server.others = 0.9 * server.capacity();
    server.pass(10.0);
    let seen = server.pass(60.0);
    assert!(seen.answered / 60.0 > 0.05 * server.capacity(), "{}", seen.answered);
    assert!(seen.limit() > 1.2, "{:.1}", seen.limit());
}

#[test]
fn our_own_queue_is_never_taken_for_the_floor() {
    let mut server = Server::new(4, 5.0 * MILLI);
    server.pass(600.0);
    let seen = server.pass(60.0);
    assert!(seen.limit() < 14.0, "{:.1}", seen.limit());
}

#[test]
fn a_few_slow_answers_do_not_move_it() {
    let mut server = Server::new(4, 5.0 * MILLI);
    server.pass(20.0);
    let before = server.pass(20.0);
    server.webhook = 0.005;
    let seen = server.pass(20.0);
    eprintln!("{:.1} -> {:.1}, lowest {}", before.limit(), seen.limit(), seen.lowest);
    assert!(seen.lowest >= 4, "{}", seen.lowest);
    assert!(seen.limit() > 0.8 * before.limit());
}

#[test]
fn a_webhook_of_a_second_is_waited_for_by_many_at_once_and_not_after() {
    let mut server = Server::new(4, 5.0 * MILLI);
    server.pass(10.0);
    server.webhook = 1.0;
    server.pass(30.0);
    let slow = server.pass(30.0);
    eprintln!("limit {:.1}, {:.1} a second", slow.limit(), slow.answered / 30.0);
    assert!(slow.answered / 30.0 > 60.0, "{:.1} a second", slow.answered / 30.0);
    server.webhook = 0.0;
    server.pass(3.0);
    let fast = server.pass(10.0);
    eprintln!("limit {:.1}, {:.1} ms", fast.limit(), fast.latency() / MILLI);
    assert!(fast.latency() < 2.7 * server.service, "{:.1} ms", fast.latency() / MILLI);
}

#[test]
fn refusals_are_rare_and_recovered_from() {
    let mut server = Server::new(16, 10.0 * MILLI);
    server.seats = 10;
    server.pass(20.0);
    let seen = server.pass(60.0);
    eprintln!("limit {:.1}, {} refused", seen.limit(), seen.refused);
    assert!(seen.refused < 60.0, "{} refused", seen.refused);
    assert!(seen.answered > 0.6 * 60.0 * 10.0 / server.service, "{} answered", seen.answered);
    server.seats = usize::MAX;
    server.pass(60.0);
    let seen = server.pass(20.0);
    assert!(seen.answered > 0.8 * 20.0 * server.capacity(), "{} answered", seen.answered);
}

#[test]
fn what_something_else_holds_back_is_not_taken_for_room() {
    let mut server = Server::new(16, 10.0 * MILLI);
    server.held_to = 3;
    let seen = server.pass(30.0);
    assert!(seen.limit() < 8.0, "{:.1}", seen.limit());
}

#[test]
fn a_fixed_limit_is_full_whatever_the_latency() {
    let mut server = Server::new(2, 20.0 * MILLI);
    server.knee = Knee::fixed(64, server.began);
    assert_eq!(server.pass(30.0).lowest, 64);
}

#[test]
fn a_fixed_limit_is_halved_once_for_what_was_on_its_way_and_comes_back() {
    for signal in [Signal::TooMany, Signal::Trouble] {
        let now = Instant::now();
        let mut knee = Knee::fixed(64, now);
        let tickets: Vec<_> = (0..64).map(|_| knee.began()).collect();
        tickets.into_iter().for_each(|ticket| knee.ended(ticket, signal, now));
        assert_eq!(knee.now(), 32);
        let ticket = knee.began();
        knee.ended(ticket, signal, now);
        assert_eq!(knee.now(), 16, "it says so again");
        let mut after = 0;
        while knee.now() < 64 {
            let tickets: Vec<_> = (0..knee.now()).map(|_| knee.began()).collect();
            after += 10;
            let now = now + Duration::from_millis(after);
            tickets.into_iter().for_each(|ticket| knee.ended(ticket, Signal::Answered(Duration::from_millis(10)), now));
            assert!(after < 60_000, "still at {}", knee.now());
        }
        let slowly = after > 5_000;
        assert_eq!(slowly, signal == Signal::TooMany, "{signal:?}: back after {after} ms");
    }
}

#[test]
fn it_never_falls_below_one() {
    let now = Instant::now();
    let mut knee = Knee::adaptive(MOST, now);
    for _ in 0..20 {
        let ticket = knee.began();
        knee.ended(ticket, Signal::Trouble, now);
    }
    assert_eq!((knee.now(), knee.limit()), (1, 1));
}
