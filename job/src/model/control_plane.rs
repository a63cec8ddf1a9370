//! The control plane: API servers on one etcd, a load balancer, other writers, and all that happens to them. Time passes
//! when somebody asks: what was due until then is done first, in its order.

use std::collections::{BTreeMap, BTreeSet};

use super::random::Random;
use super::schedule::{Balance, Change, Event, Fault, Key, Moment, Schedule, Through};
use super::server::{Process, Server};
use super::store::{Store, Write};

/// Before model time 0 there is this much history: the servers run, and write under the old key.
pub(super) const HISTORY: i64 = 100_000;

/// A server renews its Lease so often.
const RENEWS: i64 = 10_000;

/// From the start of a process to its first answer.
const STARTS: i64 = 3_500;

/// How long a Lease lasts without a renewal, at least.
const LEASE_LASTS: i64 = 3_600_000;

/// More requests get no answer: the run is endless.
const MOST_REQUESTS: u64 = 200_000;

/// What is done at some time.
#[derive(Clone, Copy)]
enum Step {
    /// An event of the schedule.
    Event(usize),
    /// A process begins.
    Start {
        server: usize,
        key: Key,
        switches_after: Option<i64>,
    },
    /// It takes requests.
    Serve {
        server: usize,
        process: u64,
    },
    Renew {
        server: usize,
        process: u64,
    },
    Switch {
        server: usize,
        process: u64,
    },
    End {
        server: usize,
    },
    CollectLease {
        server: usize,
        renewed: i64,
    },
    /// Another writer's write, the `done`th of event `event`.
    Write {
        event: usize,
        done: usize,
    },
    /// What server and process have encrypted under `key` when the Secret had `version`.
    Commit {
        server: usize,
        process: u64,
        key: Key,
        secret: usize,
        version: Option<u64>,
    },
}

/// What the last census has seen.
#[derive(Default)]
pub(super) struct Looks {
    /// The connection that has listed the Leases.
    lister: usize,
    /// When they were last listed.
    pub(super) listed: Option<i64>,
    /// When each server last answered for its metrics.
    pub(super) metrics: BTreeMap<usize, i64>,
}

/// Something that the census has seen, once its answer arrives.
#[derive(Clone, Copy)]
pub(super) enum Look {
    Leases { connection: usize, at: i64 },
    Metrics { server: usize, at: i64 },
}

/// How a connection finds its server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Each request may go to another server.
    Pool,
    /// The load balancer picks a server, which the connection stays with.
    Balancer,
    /// It goes to this server's address.
    Address(usize),
}

struct Connection {
    route: Route,
    bound: Option<(usize, u64)>,
}

/// All of it.
pub(super) struct ControlPlane {
    pub(super) schedule: Schedule,
    pub(super) now: i64,
    pub(super) store: Store,
    pub(super) servers: Vec<Server>,
    pub(super) looks: Looks,
    /// When each process first renewed its Lease.
    pub(super) first_renewals: BTreeMap<u64, i64>,
    /// What has happened, by name.
    pub(super) seen: BTreeSet<&'static str>,
    /// What the client may never do.
    pub(super) violations: Vec<String>,
    pub(super) requests: u64,
    /// What happened, where somebody wants to read it.
    pub(super) log: Option<Vec<String>>,
    queue: BTreeMap<(i64, u64), Step>,
    steps: u64,
    processes: u64,
    balance: Balance,
    rotation: usize,
    connections: Vec<Connection>,
    /// What goes wrong, how often, and until when.
    faults: Vec<(Fault, u64, i64)>,
    /// How often each request was made, so that each has its own luck.
    counts: BTreeMap<String, u64>,
    reached: BTreeSet<&'static str>,
}

impl ControlPlane {
    pub(super) fn new(schedule: Schedule) -> Self {
        let mut plane = Self {
            now: -HISTORY,
            store: Store::default(),
            servers: Vec::new(),
            looks: Looks::default(),
            first_renewals: BTreeMap::new(),
            seen: BTreeSet::new(),
            violations: Vec::new(),
            requests: 0,
            log: None,
            queue: BTreeMap::new(),
            steps: 0,
            processes: 0,
            balance: schedule.balance,
            rotation: 0,
            connections: Vec::new(),
            faults: Vec::new(),
            counts: BTreeMap::new(),
            reached: BTreeSet::new(),
            schedule,
        };
        for index in 0..plane.schedule.hosts() {
            let skew = plane.schedule.servers.get(index).copied().unwrap_or_default();
            let (ended, listed_from) = (i64::MIN / 2, i64::MAX);
            plane.servers.push(Server { index, skew, process: None, ended, renewed: None, listed_from });
            if index < plane.schedule.servers.len() {
                plane.at(-HISTORY, Step::Start { server: index, key: Key::Old, switches_after: None });
            }
        }
        plane.plan(Moment::Begin, 0);
        plane.advance(-HISTORY + STARTS);
        for secret in 0..plane.schedule.secrets {
            let server = secret % plane.schedule.servers.len();
            plane.write(server, secret, Change::Create, 0);
        }
        plane
    }

    /// The client has come so far.
    pub(super) fn reach(&mut self, moment: Moment, now: i64) {
        let name = match moment {
            Moment::Begin => "begin",
            Moment::Agreed => "agreed",
            Moment::Written => "written",
        };
        if self.reached.insert(name) {
            self.advance(now);
            self.tell(|| format!("-- {name}"));
            self.plan(moment, now);
        }
    }

    fn plan(&mut self, moment: Moment, now: i64) {
        for event in 0..self.schedule.events.len() {
            let timed = &self.schedule.events[event];
            if timed.moment == moment {
                self.at((now + timed.after).max(STARTS + 1_000 - HISTORY), Step::Event(event));
            }
        }
    }

    fn at(&mut self, time: i64, step: Step) {
        self.steps += 1;
        self.queue.insert((time.max(self.now), self.steps), step);
    }

    /// Does what was due until `now`.
    pub(super) fn advance(&mut self, now: i64) {
        while let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= now) {
            let ((time, _), step) = first.remove_entry();
            self.now = self.now.max(time);
            self.step(step);
        }
        self.now = self.now.max(now);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Event(event) => self.event(event),
            Step::Start { server, key, switches_after } => self.start(server, key, switches_after),
            Step::Serve { server, process } => {
                self.tell(|| format!("server {server} serves"));
                let late = match self.now {
                    ..0 => 0,
                    _ => Random::of(self.schedule.seed, "Lease", process).between(0, self.schedule.lease_late),
                };
                match late {
                    0 => self.step(Step::Renew { server, process }),
                    _ => self.at(self.now + late, Step::Renew { server, process }),
                }
            }
            Step::Renew { server, process } => self.renew(server, process),
            Step::Switch { server, process } => {
                if let Some(process) = self.process(server, process) {
                    process.key = Key::New;
                }
            }
            Step::End { server } => self.end(server),
            Step::CollectLease { server, renewed } => {
                if self.servers[server].renewed == Some(renewed) {
                    self.servers[server].renewed = None;
                    self.seen.insert("Lease deleted");
                }
            }
            Step::Write { event, done } => self.write_of(event, done),
            Step::Commit { server, process, key, secret, version } => {
                let name = self.name(secret);
                let unchanged = self.store.secrets.get(&name).map(|secret| secret.version) == version;
                if self.process(server, process).is_some() && unchanged {
                    self.seen.insert("slow commit");
                    let (now, revision) = (self.now, self.store.revision);
                    let data = Some(revision);
                    let write = Write { server, process, key, now, version: None, data, annotation: None };
                    self.tell(|| format!("etcd gets {name} of server {server}, under {key:?}"));
                    match version {
                        Some(_) => {
                            let _ = self.store.update(&name, &write);
                            self.store.expected.insert(name, revision);
                        }
                        None => self.store.create(&name, revision, &write),
                    }
                }
            }
        }
    }

    fn event(&mut self, index: usize) {
        let event = self.schedule.events[index].event.clone();
        self.tell(|| format!("event {event:?}"));
        match event {
            Event::Switch { server } => {
                if let Some(process) = &mut self.servers[server].process {
                    process.key = Key::New;
                    self.seen.insert("key switched");
                }
            }
            Event::Restart { server, down, key, switches_after } => {
                if self.servers[server].process.is_some() {
                    self.seen.insert(if key == Key::Old { "restarted under the old key" } else { "restarted" });
                    self.stop(server);
                    self.at(self.now + down, Step::Start { server, key, switches_after });
                }
            }
            Event::End { server } => self.end(server),
            Event::Join { server, key, switches_after, ends_after } => {
                self.seen.insert(if key == Key::Old { "joined under the old key" } else { "joined" });
                self.start(server, key, switches_after);
                if let Some(after) = ends_after {
                    self.seen.insert("joined and ended");
                    self.at(self.now + STARTS + after, Step::End { server });
                }
            }
            Event::Freeze { server, lasts } => {
                let until = self.now + lasts;
                if let Some(process) = &mut self.servers[server].process {
                    process.frozen = until;
                    self.seen.insert("frozen");
                }
            }
            Event::Write { .. } => self.write_of(index, 0),
            Event::SlowCommit { server, secret, takes } => {
                let (name, now) = (self.name(secret), self.now);
                let version = self.store.secrets.get(&name).map(|secret| secret.version);
                if let Some(process) = self.servers[server].process.as_mut().filter(|process| process.serves <= now) {
                    process.stored[process.key as usize] = Some(now);
                    let (process, key) = (process.number, process.key);
                    self.at(now + takes, Step::Commit { server, process, key, secret, version });
                }
            }
            Event::Balance(balance) => {
                self.balance = balance;
                self.seen.insert("load balancer moved");
            }
            Event::Fault { fault, percent, lasts } => self.faults.push((fault, percent, self.now + lasts)),
        }
    }

    fn start(&mut self, server: usize, key: Key, switches_after: Option<i64>) {
        self.processes += 1;
        let (number, now) = (self.processes, self.now);
        let random = &mut Random::of(self.schedule.seed, "start", number);
        let serves = now + STARTS;
        let allows = serves + random.weighted(&[(50, 0), (50, 2_000)]);
        let host = &mut self.servers[server];
        let process = Process { number, started: now, serves, allows, frozen: i64::MIN, key, stored: [None; 2] };
        host.process = Some(process);
        host.listed_from = host.listed_from.min(serves + random.between(0, 10_000));
        if now == -HISTORY {
            // It has run for a day.
            host.process.as_mut().unwrap().started -= 86_400_000;
            host.process.as_mut().unwrap().allows = serves;
            host.listed_from = now;
        }
        self.at(serves, Step::Serve { server, process: number });
        if let Some(after) = switches_after {
            self.at(serves + after, Step::Switch { server, process: number });
        }
    }

    fn stop(&mut self, server: usize) {
        self.servers[server].process = None;
        self.servers[server].ended = self.now;
    }

    /// For good, unless it is the last.
    fn end(&mut self, server: usize) {
        let others = self.servers.iter().filter(|other| other.index != server && other.process.is_some()).count();
        if others > 0 && self.servers[server].process.is_some() {
            self.tell(|| format!("server {server} ends"));
            self.seen.insert("ended");
            self.stop(server);
        }
    }

    fn process(&mut self, server: usize, number: u64) -> Option<&mut Process> {
        self.servers[server].process.as_mut().filter(|process| process.number == number)
    }

    fn renew(&mut self, server: usize, number: u64) {
        let now = self.now;
        let Some(process) = self.process(server, number) else { return };
        if process.frozen > now {
            let until = process.frozen;
            return self.at(until, Step::Renew { server, process: number });
        }
        self.servers[server].renewed = Some(now);
        self.first_renewals.entry(number).or_insert(now);
        self.store_own(server);
        self.at(now + RENEWS, Step::Renew { server, process: number });
        self.at(now + LEASE_LASTS, Step::CollectLease { server, renewed: now });
    }

    /// A server stores something that is no Secret.
    pub(super) fn store_own(&mut self, server: usize) -> u64 {
        let now = self.now;
        if let Some(process) = &mut self.servers[server].process {
            process.stored[process.key as usize] = Some(now);
        }
        if !self.schedule.leases_elsewhere {
            self.store.revision += 1;
        }
        self.store.revision
    }

    /// `namespace/name` of a Secret. Namespace a-b sorts before a, though it is not less.
    pub(super) fn name(&self, secret: usize) -> String {
        format!("{}/s-{secret:02}", ["a", "a-b", "b"][secret % 3])
    }

    fn write_of(&mut self, event: usize, done: usize) {
        let Event::Write { through, change, first, secrets, times, every } = self.schedule.events[event].event else {
            return;
        };
        let server = match through {
            Through::Server(server) => Some(server),
            Through::Any => {
                let random = &mut Random::of(self.schedule.seed, "writer", (event * 10_000 + done) as u64);
                let serving: Vec<_> = self.serving().collect();
                (!serving.is_empty()).then(|| random.pick(&serving))
            }
        };
        // New ones sort among the others and after them.
        let secret = first + done % secrets + if change == Change::Create { self.schedule.secrets / 2 } else { 0 };
        if let Some(server) = server.filter(|server| self.serves(*server)) {
            self.write(server, secret, change, done as u64 + 1);
        }
        if done + 1 < secrets * times {
            self.at(self.now + every, Step::Write { event, done: done + 1 });
        }
    }

    fn serves(&self, server: usize) -> bool {
        self.servers[server].serving(self.now).is_some_and(|process| process.frozen <= self.now)
    }

    fn serving(&self) -> impl Iterator<Item = usize> {
        (0..self.servers.len()).filter(|server| self.serves(*server))
    }

    /// Another writer's write.
    fn write(&mut self, server: usize, secret: usize, change: Change, value: u64) {
        let (name, now) = (self.name(secret), self.now);
        let Some(process) = &mut self.servers[server].process else { return };
        let (process, key) = (process.number, process.key);
        let exists = self.store.secrets.contains_key(&name);
        let data = (change != Change::Put).then_some(self.store.revision + value);
        let write = Write { server, process, key, now, version: None, data, annotation: None };
        let written = match (change, exists) {
            (Change::Create, false) => {
                self.store.create(&name, data.unwrap_or_default(), &write);
                true
            }
            (Change::Delete, _) => {
                self.store.delete(&name);
                false
            }
            (_, true) => {
                let written = self.store.update(&name, &write).is_ok_and(|(_, written)| written);
                if let Some(data) = data {
                    self.store.expected.insert(name.clone(), data);
                }
                written
            }
            (_, false) => false,
        };
        if now > 0 {
            self.seen.insert(match change {
                Change::Create => "created by another",
                Change::Update => "updated by another",
                Change::Delete => "deleted by another",
                Change::Put => "migrator",
            });
            if written && key == Key::Old {
                self.seen.insert("written under the old key");
            }
        }
        if written {
            self.stored(server);
        }
        let revision = self.store.revision;
        self.tell(|| format!("another: {change:?} {name} by server {server} under {key:?}, revision {revision}"));
    }

    /// A server has stored a Secret under its key.
    pub(super) fn stored(&mut self, server: usize) {
        let now = self.now;
        if let Some(process) = &mut self.servers[server].process {
            process.stored[process.key as usize] = Some(now);
        }
    }

    /// A new connection, or a client with many.
    pub(super) fn connect(&mut self, route: Route) -> usize {
        self.connections.push(Connection { route, bound: None });
        self.connections.len() - 1
    }

    /// The server that answers over a connection, if one does.
    pub(super) fn server_of(&mut self, connection: usize) -> Option<usize> {
        let Connection { route, bound } = self.connections[connection];
        if let Some((server, process)) = bound {
            let same = self.process(server, process).is_some();
            if same {
                return Some(server);
            }
            // The next request opens another connection.
            self.connections[connection].bound = None;
            return None;
        }
        let server = match route {
            Route::Address(server) => Some(server),
            Route::Balancer | Route::Pool => self.balanced(),
        };
        let server = server.filter(|server| self.servers[*server].serving(self.now).is_some())?;
        let number = self.servers[server].process.as_ref()?.number;
        if route != Route::Pool {
            self.connections[connection].bound = Some((server, number));
        }
        Some(server)
    }

    fn balanced(&mut self) -> Option<usize> {
        let now = self.now;
        // Its health check is 4 s late.
        let is_target = |server: &&Server| server.serving(now).is_some() || now - server.ended < 4_000;
        let targets: Vec<_> = self.servers.iter().filter(is_target).map(|server| server.index).collect();
        self.rotation += 1;
        match self.balance {
            Balance::Pinned(server) if targets.contains(&server) => Some(server),
            Balance::Pinned(_) => targets.first().copied(),
            Balance::Rotate => targets.get(self.rotation % targets.len().max(1)).copied(),
            Balance::Random => {
                let random = &mut Random::of(self.schedule.seed, "balancer", self.rotation as u64);
                (!targets.is_empty()).then(|| random.pick(&targets))
            }
        }
    }

    /// Notes what the client does.
    pub(super) fn see(&mut self, what: &'static str) {
        self.seen.insert(what);
        self.tell(|| format!("-- {what}"));
    }

    /// How long a request and its answer take, and what goes wrong.
    pub(super) fn luck(&mut self, line: &str, is_continued: bool) -> (i64, i64, Option<Fault>) {
        self.requests += 1;
        let count = self.counts.entry(line.to_owned()).or_default();
        *count += 1;
        let mut random = Random::of(self.schedule.seed, line, *count);
        let latency = self.schedule.latency;
        let (mut before, mut after) = (random.between(1, latency), random.between(1, latency));
        if line == "GET /metrics" {
            // Megabytes.
            after += random.between(self.schedule.metrics_take / 3, self.schedule.metrics_take);
        }
        let now = self.now;
        self.faults.retain(|(_, _, until)| *until >= now);
        let mut hits = |fault: Fault, percent| random.percent(percent) && (fault != Fault::Expired || is_continued);
        let fault = self.faults.iter().find(|(fault, percent, _)| hits(*fault, *percent)).map(|(fault, ..)| *fault);
        match fault {
            Some(Fault::SlowRequest) => before += random.between(1_000, 60_000),
            Some(Fault::SlowAnswer) => after += random.between(1_000, 60_000),
            _ => {}
        }
        if let Some(fault) = fault {
            self.seen.insert(match fault {
                Fault::TooMany => "429",
                Fault::Internal => "500",
                Fault::Unavailable => "503",
                Fault::LostAnswer => "lost answer",
                Fault::TimedOut => "504",
                Fault::Broken => "broken connection",
                Fault::SlowRequest => "slow request",
                Fault::SlowAnswer => "slow answer",
                Fault::Expired => "410",
            });
        }
        (before, after, fault)
    }

    /// Whether no request is answered any more.
    pub(super) fn is_exhausted(&self) -> bool {
        self.requests > MOST_REQUESTS
    }

    /// An answer of the census has arrived.
    pub(super) fn note(&mut self, look: Look) {
        match look {
            Look::Leases { connection, at } => {
                if self.looks.lister != connection {
                    self.looks = Looks { lister: connection, ..Looks::default() };
                }
                self.looks.listed = self.looks.listed.max(Some(at));
            }
            Look::Metrics { server, at } => {
                let time = self.looks.metrics.entry(server).or_insert(at);
                *time = at.max(*time);
            }
        }
    }

    /// Notes what happens, where somebody wants to read it.
    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(format!("{:>9} {}", self.now, what()));
        }
    }
}
