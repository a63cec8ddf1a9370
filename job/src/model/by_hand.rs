//! Schedules that random ones do not reach, by hand: each has shown a false proof once.

use super::run::{End, run};
use super::schedule::{Balance, Change, Event, Forbidden, Key, Moment, Reach, Schedule, Through, Way};

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

/// All servers go back to the key of before, and that key is not known: a proof that restarts with it would move every Secret there.
#[test]
fn proof_that_was_begun_for_one_key_does_not_end_with_another() {
    let mut schedule = Schedule::quiet(Way::VerifyOnly, &[0, 0]);
    (schedule.before_known, schedule.patience, schedule.balance) = (false, 400_000, Balance::Rotate);
    schedule.events.clear();
    let back = |server| Event::Restart { server, down: 1_000, key: Key::Old, switches_after: None };
    for server in [0, 1] {
        let (moment, at, event) = rolled(server, -120_000);
        schedule.add(moment, at, event);
        schedule.add(Moment::Agreed, 1, back(server));
    }
    let outcome = run(&schedule, None, true);
    assert_eq!(outcome.end, End::Unsteady, "{schedule}{}", outcome.log.join("\n"));
}

/// What happens in one of the situations of `tests/e2e/e2e/proof.rs`, where real API servers and etcd answer the same.
fn on_the_sandbox(balance: Balance, forbidden: &[Forbidden], events: &[(Moment, i64, Event)]) -> End {
    let mut schedule = Schedule::quiet(Way::Watched, &[0, 0]);
    (schedule.balance, schedule.forbidden) = (balance, forbidden.to_vec());
    // On the sandbox a gate holds the run while a latecomer joins.
    (schedule.pause, schedule.patience) = (8_000, 120_000);
    schedule.events.clear();
    events.iter().for_each(|(moment, after, event)| schedule.add(*moment, *after, event.clone()));
    let outcome = run(&schedule, None, true);
    assert_eq!(outcome.verdict, Ok(()), "{schedule}{}", outcome.log.join("\n"));
    outcome.end
}

/// The server with the new key in force at this time, by a restart.
fn rolled(server: usize, at: i64) -> (Moment, i64, Event) {
    let event = Event::Restart { server, down: 3_000, key: Key::New, switches_after: None };
    (Moment::Begin, at, event)
}

#[test]
fn situations_of_the_sandbox_end_as_they_do_there() {
    let both = [rolled(0, -120_000), rolled(1, -110_000)];
    let joins = |ends_after| {
        let event = Event::Join { server: 2, key: Key::Old, switches_after: None, ends_after };
        let through = Through::Server(2);
        let write = Event::Write { through, change: Change::Update, first: 0, secrets: 1, times: 1, every: 1 };
        [&both[..], &[(Moment::Agreed, 1, event), (Moment::Agreed, 4_000, write)]].concat()
    };
    let spread = |events: &[(Moment, i64, Event)]| on_the_sandbox(Balance::Rotate, &[], events);
    let pinned = |server| on_the_sandbox(Balance::Pinned(server), &[], &both[..1]);
    let without = |rights: &[Forbidden]| on_the_sandbox(Balance::Rotate, rights, &both);
    let ends = [
        ("both under the key", spread(&both), End::Proven),
        ("one under the old key for ever", spread(&both[..1]), End::Late),
        ("everybody sent to the one with the key", pinned(0), End::Late),
        ("everybody sent to the one without", pinned(1), End::Late),
        ("in force nowhere", spread(&[]), End::Late),
        ("in force 5 s later", spread(&[rolled(0, 5_000), rolled(1, 9_000)]), End::Proven),
        ("one replaced 8 s later", spread(&[both[0].clone(), rolled(1, 8_000)]), End::Proven),
        ("a latecomer that leaves", spread(&joins(Some(6_000))), End::Proven),
        ("a latecomer that stays", spread(&joins(None)), End::Late),
        ("metrics forbidden", without(&[Forbidden::Metrics]), End::Unknown),
        ("Leases forbidden", without(&[Forbidden::Leases]), End::Unknown),
        ("EndpointSlices forbidden", without(&[Forbidden::Slices]), End::Proven),
    ];
    for (situation, end, there) in ends {
        assert_eq!(end, there, "{situation}");
    }
}
