//! The law against a simulated API server. What is asserted is what a person would feel: how much of the server's capacity
//! is used, and how long requests take, ours and theirs.
use super::*;
use crate::limiter::adaptive_server::{MAX_LIMIT, MILLI, Server};

/// How near to the aim latency stays: limits are whole numbers, and steps have noise.
const NEAR: f64 = 1.35;

#[test]
fn the_knee_is_found_on_servers_small_and_large_near_and_far() {
    for (workers, service, network) in
        [(1, 2.0, 0.0), (2, 3.0, 0.0), (2, 3.0, 3.0), (4, 50.0, 0.0), (16, 10.0, 5.0), (32, 50.0, 20.0)]
    {
        let mut server = Server::new(workers, service * MILLI);
        server.network = network * MILLI;
        server.pass(20.0);
        let seen = server.pass(40.0);
        let (rate, baseline) = (seen.answered / 40.0 / server.capacity(), server.service + server.network);
        let said = format!(
            "{workers} workers, {service} + {network} ms: limit {:.1}, rate {rate:.2}, {:.2} baselines",
            seen.limit(),
            seen.latency() / baseline
        );
        assert!(rate > 0.8, "{said}");
        assert!(seen.latency() < 1.3 * TARGET_RATIO * baseline, "{said}");
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
        assert!(seen.answered > 0.8 * 20.0 * server.capacity(), "{said}");
        assert!(seen.latency() < NEAR * TARGET_RATIO * server.service, "{said}, {:.1} ms", seen.latency() / MILLI);
    }
}

#[test]
fn it_makes_room_for_other_people_and_takes_it_back() {
    let mut server = Server::new(4, 5.0 * MILLI);
    server.pass(30.0);
    server.others = 0.6 * server.capacity();
    server.pass(5.0);
    let busy = server.pass(30.0);
    let room = server.capacity() - server.others;
    assert!(busy.answered / 30.0 > 0.6 * room && busy.answered / 30.0 < room);
    // Alone, with nothing of ours, theirs would take 5.5 ms.
    assert!(busy.their_latency() < 4.0 * server.service, "{:.1} ms", busy.their_latency() / MILLI);
    server.others = 0.0;
    server.pass(5.0);
    let alone = server.pass(10.0);
    assert!(alone.answered > 0.8 * 10.0 * server.capacity());
}

#[test]
fn a_baseline_of_quieter_times_ages_out_and_does_not_starve_us() {
    let mut server = Server::new(2, 3.0 * MILLI);
    server.pass(10.0);
    // From now on it is always as busy as 10 times the baseline.
    server.others = 0.9 * server.capacity();
    server.pass(10.0);
    let seen = server.pass(60.0);
    assert!(seen.answered / 60.0 > 0.05 * server.capacity(), "{}", seen.answered);
    assert!(seen.limit() > 1.2, "{:.1}", seen.limit());
}

#[test]
fn our_own_queue_is_never_taken_for_the_baseline() {
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
    assert!(slow.answered / 30.0 > 60.0, "{:.1} a second", slow.answered / 30.0);
    server.webhook = 0.0;
    server.pass(3.0);
    let fast = server.pass(10.0);
    assert!(fast.latency() < NEAR * TARGET_RATIO * server.service, "{:.1} ms", fast.latency() / MILLI);
}

#[test]
fn refusals_are_rare_and_recovered_from() {
    let mut server = Server::new(16, 10.0 * MILLI);
    server.seats = 10;
    server.pass(20.0);
    let seen = server.pass(60.0);
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
    server.adaptive_limit = AdaptiveLimit::fixed(64, server.began);
    assert_eq!(server.pass(30.0).lowest, 64);
}

#[test]
fn a_fixed_limit_is_halved_once_for_what_was_on_its_way_and_comes_back() {
    for signal in [Signal::TooMany, Signal::LastError] {
        let now = Instant::now();
        let mut adaptive_limit = AdaptiveLimit::fixed(64, now);
        let tickets: Vec<_> = (0..64).map(|_| adaptive_limit.began()).collect();
        tickets.into_iter().for_each(|ticket| adaptive_limit.ended(ticket, signal, now));
        assert_eq!(adaptive_limit.now(), 32);
        let ticket = adaptive_limit.began();
        adaptive_limit.ended(ticket, signal, now);
        assert_eq!(adaptive_limit.now(), 16, "it says so again");
        let mut after = 0;
        while adaptive_limit.now() < 64 {
            let tickets: Vec<_> = (0..adaptive_limit.now()).map(|_| adaptive_limit.began()).collect();
            after += 10;
            let now = now + Duration::from_millis(after);
            tickets
                .into_iter()
                .for_each(|ticket| adaptive_limit.ended(ticket, Signal::Answered(Duration::from_millis(10)), now));
            assert!(after < 60_000, "still at {}", adaptive_limit.now());
        }
        let slowly = after > 5_000;
        assert_eq!(slowly, signal == Signal::TooMany, "{signal:?}: back after {after} ms");
    }
}

#[test]
fn it_never_falls_below_one() {
    let now = Instant::now();
    let mut adaptive_limit = AdaptiveLimit::adaptive(MAX_LIMIT, now);
    for _ in 0..20 {
        let ticket = adaptive_limit.began();
        adaptive_limit.ended(ticket, Signal::LastError, now);
    }
    assert_eq!((adaptive_limit.now(), adaptive_limit.limit()), (1, 1));
}
