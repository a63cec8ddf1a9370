//! A schedule: how the client works, and a short list of what happens to it and to the control plane. Made from a seed.

use std::fmt;

use super::random::Random;
use crate::wire::event::Method;

/// A key that API servers write under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Old,
    /// The wanted one.
    New,
}

/// How metrics name the wanted key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyIds {
    Arn,
    Other,
}

/// Who does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The plugin begins and ends the proof, and a Job writes in between.
    Watched,
    /// A Job writes and proves, and no command waits for it.
    Alone,
    /// The plugin proves, and no run has written: `verify`.
    VerifyOnly,
}

/// How the census reaches each server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Addresses,
    Balancer,
}

/// Where the load balancer sends a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Balance {
    Rotate,
    Random,
    /// To this server, while it serves.
    Pinned(usize),
}

/// What an event's time is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The client begins, when the association is said to be Successful.
    Begin,
    /// The client has seen the API servers agree.
    Agreed,
    /// Every Secret was written.
    Written,
}

/// A server as another writer finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Through {
    Server(usize),
    /// Whichever serves.
    Any,
}

/// What another writer does to a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Create,
    Update,
    Delete,
    /// A PUT of what is there, as EKS's migrator does it.
    Put,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooMany,
    Internal,
    Unavailable,
    /// The answer is lost: what was to be written is written.
    LostAnswer,
    /// The same, and a server says 504.
    TimedOut,
    /// The connection breaks before the request is read.
    Broken,
    /// The request arrives late.
    SlowRequest,
    /// The answer arrives late.
    SlowAnswer,
    /// Continue tokens have expired.
    Expired,
}

/// A right that the census does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forbidden {
    Metrics,
    Leases,
    Slices,
}

/// What happens. Times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A server writes under the wanted key from now on, by reading its configuration again.
    Switch {
        server: usize,
    },
    /// A server's process ends, and another one begins on the same host.
    Restart {
        server: usize,
        down: i64,
        key: Key,
        switches_after: Option<i64>,
    },
    /// A server ends for good.
    End {
        server: usize,
    },
    /// A server joins, on a host of its own.
    Join {
        server: usize,
        key: Key,
        switches_after: Option<i64>,
        ends_after: Option<i64>,
    },
    /// A server does nothing at all for a while.
    Freeze {
        server: usize,
        lasts: i64,
    },
    /// Another writer.
    Write {
        through: Through,
        change: Change,
        first: usize,
        secrets: usize,
        times: usize,
        every: i64,
    },
    /// A server has encrypted a Secret, and etcd gets it so much later.
    SlowCommit {
        server: usize,
        secret: usize,
        takes: i64,
    },
    Balance(Balance),
    /// So many of a hundred requests go wrong.
    Fault {
        fault: Fault,
        percent: u64,
        lasts: i64,
    },
}

/// An event and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Timed {
    pub(super) moment: Moment,
    pub(super) after: i64,
    pub(super) event: Event,
}

/// All that one run depends on.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub(super) seed: u64,
    pub(super) way: Way,
    pub(super) method: Method,
    pub(super) concurrency: usize,
    pub(super) secrets: usize,
    /// Secrets of one page of a list.
    pub(super) page: usize,
    /// How much each server's clock is ahead.
    pub(super) servers: Vec<i64>,
    pub(super) reach: Reach,
    pub(super) balance: Balance,
    /// A request and its answer take up to so long each.
    pub(super) latency: i64,
    /// And the answer for the metrics up to so long more.
    pub(super) metrics_take: i64,
    /// A process that begins takes requests up to so long before it renews its Lease.
    pub(super) lease_late: i64,
    /// The API servers' own writes go to an etcd of their own (`--etcd-servers-overrides`).
    pub(super) leases_elsewhere: bool,
    pub(super) key_ids: KeyIds,
    /// Whether it is known what the servers wrote under before the association.
    pub(super) before_known: bool,
    pub(super) forbidden: Vec<Forbidden>,
    /// How long the plugin waits for agreement, and when a Job that no command waits for is stopped.
    pub(super) patience: i64,
    /// Between agreement and the Job's first request.
    pub(super) job_starts_after: i64,
    /// Between the Job's end and the second half of the proof.
    pub(super) pause: i64,
    pub(super) events: Vec<Timed>,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let way = random.weighted(&[(60, Way::Watched), (25, Way::Alone), (15, Way::VerifyOnly)]);
        let servers = random.weighted(&[(15, 1), (50, 2), (25, 3), (10, 4)]);
        let skew = random.weighted(&[(60, 0), (30, 2_000), (10, 25_000)]);
        let mut schedule = Self {
            seed,
            way,
            method: random.pick(&[Method::Annotate, Method::Touch]),
            concurrency: random.pick(&[1, 2, 4, 16]),
            secrets: random.weighted(&[(80, 3), (20, 12)]) + random.below(9),
            page: random.weighted(&[(70, 500), (15, 5), (15, 2)]),
            servers: (0..servers).map(|_| random.between(-skew, skew)).collect(),
            reach: random.pick(&[Reach::Addresses, Reach::Balancer]),
            balance: random.weighted(&[(45, Balance::Rotate), (45, Balance::Random), (10, Balance::Pinned(0))]),
            latency: random.weighted(&[(40, 20), (40, 200), (20, 800)]),
            metrics_take: random.weighted(&[(15, 1_000), (85, 8_000)]),
            lease_late: random.weighted(&[(80, 0), (20, 3_000)]),
            leases_elsewhere: random.percent(20),
            key_ids: random.weighted(&[(80, KeyIds::Arn), (20, KeyIds::Other)]),
            before_known: random.percent(95),
            forbidden: Vec::new(),
            patience: random.between(90, 150) * 1000,
            job_starts_after: random.between(0, 8_000),
            pause: random.weighted(&[(95, 2_000), (2, 60_000), (3, 5_400_000)]),
            events: Vec::new(),
        };
        if way == Way::Alone && random.percent(85) {
            // The Job knows the wanted key by its ARN alone.
            schedule.key_ids = KeyIds::Arn;
        }
        if (schedule.key_ids == KeyIds::Other && !schedule.before_known) || random.percent(1) {
            // Long enough to see that nothing changes any more.
            schedule.patience = 200_000;
        }
        for (chance, right) in [(1, Forbidden::Metrics), (1, Forbidden::Leases), (3, Forbidden::Slices)] {
            if random.percent(chance) {
                schedule.forbidden.push(right);
            }
        }
        schedule.pause = random.between(0, schedule.pause);
        schedule.roll_out(random);
        if matches!(schedule.balance, Balance::Pinned(_)) && random.percent(80) {
            let balance = random.pick(&[Balance::Rotate, Balance::Pinned(1), Balance::Random]);
            let moment = random.pick(&[Moment::Begin, Moment::Agreed, Moment::Written]);
            schedule.add(moment, random.between(0, 10_000), Event::Balance(balance));
        }
        for _ in 0..random.below(6) {
            schedule.disturb(random);
        }
        schedule
    }

    /// Servers with these clocks, the first of which has written under the wanted key for long, and nothing else.
    pub(super) fn quiet(way: Way, servers: &[i64]) -> Self {
        let after = -60_000;
        Self {
            seed: 0,
            way,
            method: Method::Annotate,
            concurrency: 1,
            secrets: 3,
            page: 500,
            servers: servers.to_vec(),
            reach: Reach::Balancer,
            balance: Balance::Rotate,
            latency: 20,
            metrics_take: 20,
            lease_late: 0,
            leases_elsewhere: false,
            key_ids: KeyIds::Arn,
            before_known: true,
            forbidden: Vec::new(),
            patience: 60_000,
            job_starts_after: 0,
            pause: 0,
            events: vec![Timed { moment: Moment::Begin, after, event: Event::Switch { server: 0 } }],
        }
    }

    pub(super) fn add(&mut self, moment: Moment, after: i64, event: Event) {
        self.events.push(Timed { moment, after, event });
    }

    /// How the wanted key gets to the servers.
    fn roll_out(&mut self, random: &mut Random) {
        let (from, to) = random.weighted(&[
            (54, (-60_000, -30_000)),
            (15, (-20_000, 0)),
            (18, (0, 20_000)),
            (9, (0, 50_000)),
            (4, (0, 9_000_000)),
        ]);
        for server in 0..self.servers.len() {
            let at = random.between(from, to);
            let down = random.between(1_000, 20_000);
            match random.weighted(&[(60, 0), (20, 1), (20, 2)]) {
                0 => self.add(Moment::Begin, at, Event::Switch { server }),
                1 => {
                    let event = Event::Restart { server, down, key: Key::New, switches_after: None };
                    self.add(Moment::Begin, at - down, event);
                }
                _ => {
                    let event =
                        Event::Join { server: self.hosts(), key: Key::New, switches_after: None, ends_after: None };
                    self.add(Moment::Begin, at - down, event);
                    self.add(Moment::Begin, at, Event::End { server });
                }
            }
        }
    }

    /// One more thing that happens.
    fn disturb(&mut self, random: &mut Random) {
        let (moment, latest) = random.weighted(&[
            (25, (Moment::Begin, 40_000)),
            (40, (Moment::Agreed, 10_000)),
            (35, (Moment::Written, 3_000)),
        ]);
        let after = random.between(0, latest);
        let server = random.below(self.servers.len());
        let switches_after = if random.percent(70) { Some(random.between(0, 20_000)) } else { None };
        let key = random.pick(&[Key::Old, Key::New]);
        let through = random.pick(&[Through::Any, Through::Server(server)]);
        let event = match random.weighted(&[
            (10, 'r'),
            (7, 'e'),
            (10, 'j'),
            (3, 'f'),
            (30, 'w'),
            (6, 'm'),
            (5, 'h'),
            (4, 's'),
            (5, 'b'),
            (1, 'u'),
            (20, '5'),
        ]) {
            'r' => {
                let down = random.between(1_000, 20_000);
                // Somebody writes through it once it is back.
                if random.percent(60) {
                    self.write(random, moment, after + down + 4_000, Through::Server(server));
                }
                Event::Restart { server, down, key, switches_after }
            }
            'e' => Event::End { server },
            'j' => {
                let ends_after = if random.percent(50) { Some(random.between(4_000, 20_000)) } else { None };
                let joined = self.hosts();
                if random.percent(60) {
                    self.write(random, moment, after + 4_000, Through::Server(joined));
                }
                Event::Join { server: joined, key, switches_after, ends_after }
            }
            'u' => {
                // Over and over.
                for time in 1..12 {
                    let event = Event::Restart { server, down: 1_000, key: Key::New, switches_after: None };
                    self.add(moment, after + time * 6_000, event);
                }
                Event::Restart { server, down: 1_000, key: Key::New, switches_after: None }
            }
            'f' => Event::Freeze { server, lasts: random.between(1_000, 90_000) },
            'w' => return self.write(random, moment, after, through),
            'm' => {
                let (every, times) = (random.between(5, 50), 1);
                Event::Write { through, change: Change::Put, first: 0, secrets: self.secrets, times, every }
            }
            'h' => {
                let (secrets, times) = (random.below(4) + 1, random.below(300) + 10);
                let (first, every) = (random.below(self.secrets), random.between(10, 100));
                Event::Write { through, change: Change::Update, first, secrets, times, every }
            }
            's' => Event::SlowCommit { server, secret: random.below(self.secrets), takes: random.between(100, 14_000) },
            'b' => Event::Balance(random.pick(&[Balance::Rotate, Balance::Random, Balance::Pinned(server)])),
            _ => {
                let fault = random.pick(&[
                    Fault::TooMany,
                    Fault::Internal,
                    Fault::Unavailable,
                    Fault::LostAnswer,
                    Fault::TimedOut,
                    Fault::Broken,
                    Fault::SlowRequest,
                    Fault::SlowAnswer,
                    Fault::Expired,
                ]);
                let percent = random.pick(&[5, 20, 50, 100]);
                Event::Fault { fault, percent, lasts: random.between(200, 15_000) }
            }
        };
        self.add(moment, after, event);
    }

    fn write(&mut self, random: &mut Random, moment: Moment, after: i64, through: Through) {
        let change = random.pick(&[Change::Create, Change::Update, Change::Update, Change::Delete]);
        let (secrets, every) = (random.below(5) + 1, random.between(5, 500));
        let first = random.below(self.secrets);
        self.add(moment, after, Event::Write { through, change, first, secrets, times: 1, every });
    }

    /// How many hosts there are, those included that join.
    pub(super) fn hosts(&self) -> usize {
        let joins = self.events.iter().filter_map(|timed| match timed.event {
            Event::Join { server, .. } => Some(server + 1),
            _ => None,
        });
        joins.max().unwrap_or_default().max(self.servers.len())
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, .. } = self;
        let shown = Self { events: Vec::new(), ..self.clone() };
        writeln!(formatter, "{shown:?}")?;
        for Timed { moment, after, event } in events {
            writeln!(formatter, "  {moment:?} {after:+} ms: {event:?}")?;
        }
        Ok(())
    }
}
