//! Model checking of the proof: thousands of schedules, each a seed, against a control plane in memory with etcd as the
//! judge. `SCHEDULES=n` runs as many, and `SEED=s` one of them, with all that happened.

mod by_hand;
mod control_plane;
mod judge;

mod random;
mod run;
mod schedule;
mod server;
mod store;
mod transport;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use run::{End, Omission, Outcome, run};
use schedule::Schedule;

/// How many schedules run by default.
const SCHEDULES: u64 = 10_000;

/// What must happen in some of them.
const MUST_BE_SEEN: &[&str] = &[
    "403 of a server that has just started",
    "409",
    "410",
    "429",
    "500",
    "503",
    "504",
    "EndpointSlices forbidden",
    "Lease deleted",
    "Leases forbidden",
    "again: alone",
    "again: ended",
    "again: joined",
    "again: no agreement",
    "again: restarted",
    "again: too far apart",
    "broken connection",
    "created by another",
    "deleted by another",
    "ended",
    "frozen",
    "joined",
    "joined and ended",
    "joined under the old key",
    "key switched",
    "load balancer moved",
    "lost answer",
    "metrics forbidden",
    "migrator",
    "restarted",
    "restarted under the old key",
    "slow answer",
    "slow commit",
    "slow request",
    "updated by another",
    "written under the old key",
    "way Alone",
    "way VerifyOnly",
    "way Watched",
];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs the seeds from 0 to `last` on all cores, until `each` has seen enough.
fn run_all(last: u64, omission: Option<Omission>, each: impl Fn(&Schedule, Outcome) -> bool + Sync) {
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return;
            }
            let schedule = Schedule::new(seed);
            let outcome = run(&schedule, omission, false);
            if each(&schedule, outcome) {
                next.store(last, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from).max(2) {
            // Futures of an unoptimised build are large.
            thread::Builder::new().stack_size(16 << 20).spawn_scoped(scope, work).unwrap();
        }
    });
}

/// Why a schedule fails, if it does so in one of some runs: its order of events is not fixed to the last.
fn failure(schedule: &Schedule, omission: Option<Omission>) -> Option<String> {
    (0..3).find_map(|_| run(schedule, omission, false).verdict.err())
}

/// The schedule without the events that it fails without, and why it fails.
fn shrunk(seed: u64, omission: Option<Omission>) -> String {
    let mut schedule = Schedule::new(seed);
    for event in (0..schedule.events.len()).rev() {
        let mut shorter = schedule.clone();
        shorter.events.remove(event);
        if failure(&shorter, omission).is_some() {
            schedule = shorter;
        }
    }
    let reason = failure(&schedule, omission).unwrap_or_else(|| "not each time".into());
    format!("seed {seed}, shrunk: {reason}\n{schedule}")
}

#[test]
fn every_schedule_ends_and_no_proof_is_false() {
    if let Some(seed) = number("SEED") {
        let schedule = Schedule::new(seed);
        let outcome = run(&schedule, None, true);
        eprintln!("{schedule}{}\n{:?} {:?}", outcome.log.join("\n"), outcome.end, outcome.verdict);
        return;
    }
    let counts = Mutex::new((BTreeMap::<(&str, End), u64>::new(), BTreeMap::<&str, u64>::new(), 0));
    let failed = Mutex::new(Vec::new());
    run_all(number("SCHEDULES").unwrap_or(SCHEDULES), None, |schedule, outcome| {
        let way = match schedule.way {
            schedule::Way::Watched => "way Watched",
            schedule::Way::Alone => "way Alone",
            schedule::Way::VerifyOnly => "way VerifyOnly",
        };
        let mut counts = counts.lock().unwrap();
        *counts.0.entry((way, outcome.end)).or_default() += 1;
        outcome.seen.iter().copied().chain([way]).for_each(|name| *counts.1.entry(name).or_default() += 1);
        counts.2 += outcome.requests;
        if let Err(reason) = outcome.verdict {
            failed.lock().unwrap().push((schedule.seed, reason));
        }
        failed.lock().unwrap().len() >= 20
    });
    let (ends, seen, requests) = counts.into_inner().unwrap();
    let all: u64 = ends.values().sum();
    let proven: u64 = ends.iter().filter(|((_, end), _)| *end == End::Proven).map(|(_, count)| count).sum();
    eprintln!("{all} schedules, {requests} requests, {proven} proven\n{ends:#?}\n{seen:#?}");
    if let Some((seed, reason)) = failed.into_inner().unwrap().into_iter().min() {
        panic!("seed {seed}: {reason}\n{}", shrunk(seed, None));
    }
    if all >= SCHEDULES {
        assert!(proven * 2 > all, "only {proven} of {all} are proven");
        for name in MUST_BE_SEEN {
            assert!(seen.get(name).is_some_and(|count| *count >= 10), "{name} is seen {:?} times", seen.get(name));
        }
    }
}

/// A seed whose proof is false where a part of it is left out.
fn false_proof_without(omission: Omission) {
    let found = Mutex::new(None);
    run_all(SCHEDULES, Some(omission), |schedule, outcome| {
        let is_false = outcome.end == End::Proven && outcome.verdict.is_err();
        if is_false {
            found.lock().unwrap().get_or_insert(schedule.seed);
        }
        is_false
    });
    let seed = found.into_inner().unwrap();
    eprintln!("{omission:?}: {:?}", seed.map(|seed| shrunk(seed, Some(omission))));
    assert!(seed.is_some(), "no schedule shows what {omission:?} is for");
}

#[test]
fn proof_without_a_census_is_false() {
    false_proof_without(Omission::Census);
}

#[test]
fn proof_without_the_second_agreement_is_false() {
    false_proof_without(Omission::Confirmation);
}

#[test]
fn proof_with_a_watermark_that_includes_itself_is_false() {
    false_proof_without(Omission::Watermark);
}
