//! Schedules that random ones do not reach, by hand: each has shown a false proof once.

use super::run::{End, run};
use super::schedule::{Balance, Change, Event, Moment, Reach, Schedule, Through, Way};

fn is_not_false(schedule: &Schedule) {
    let outcome = run(schedule, None, true);
    if let Err(reason) = outcome.verdict {
        panic!("{schedule}{}\n{reason}", outcome.log.join("\n"));
    }
    assert_ne!(outcome.end, End::Endless);
}

/// A server encrypts a new Secret under the old key and sends it to etcd, which gets it 18 s later. In between the server
/// changes its key, and 15 s after that a census sees no other key in what it has stored lately.
#[test]
fn write_that_reaches_etcd_late_is_covered() {
    let mut schedule = Schedule::quiet(Way::Watched, &[0, 0]);
    schedule.reach = Reach::Addresses;
    schedule.pause = 3_000;
    schedule.add(Moment::Begin, -1_000, Event::SlowCommit { server: 1, secret: 5, takes: 18_000 });
    schedule.add(Moment::Begin, -900, Event::Switch { server: 1 });
    is_not_false(&schedule);
}

/// The clock of server 1 is 75 s behind, so that its Lease looks like one of a server that has ended, and the load balancer
/// sends us to the others. Both censuses come before its next renewal.
#[test]
fn server_whose_clock_is_behind_is_asked() {
    let mut schedule = Schedule::quiet(Way::VerifyOnly, &[0, -75_000]);
    schedule.balance = Balance::Pinned(0);
    let through = Through::Server(1);
    let event = Event::Write { through, change: Change::Update, first: 0, secrets: 1, times: 1, every: 1 };
    schedule.add(Moment::Agreed, 1, event);
    is_not_false(&schedule);
}
