//! One run at a time, on a clock made by hand.
use futures::FutureExt;

use super::*;
use crate::engine::rewrite::rewrite;
use crate::fixture::{self, Call, Log, Reply, Said, not_found, page, patched, status_of};
use crate::wire::event::{Event, Method, RunResult};

/// A lease at this version, held by somebody.
fn lease(version: u64, holder: &str) -> Reply {
    let spec = json!({ "holderIdentity": holder, "leaseDurationSeconds": 20 });
    Reply::Json(200, json!({ "metadata": { "name": LEASE, "resourceVersion": version.to_string() }, "spec": spec }))
}

/// A run over one Secret; `answer` speaks for the lease.
async fn run(answer: impl FnMut(&Call) -> Option<Reply> + Send + 'static) -> (RunResult, Said, Log, Duration) {
    run_of(fixture::spec(Method::Annotate, 8), answer).await
}

/// The same as this spec says.
async fn run_of(
    spec: RunSpec,
    mut answer: impl FnMut(&Call) -> Option<Reply> + Send + 'static,
) -> (RunResult, Said, Log, Duration) {
    let (client, server) = fixture::pair();
    let log = server.serve(move |call| match call.patched() {
        Some(key) => Some(patched(&key, "1000")),
        None if call.is_list() => Some(page("100", &[("a/0", "7")], "", 0)),
        None if call.line.contains("/leases") => answer(call),
        None => None,
    });
    let (said, begun) = (Said::default(), Instant::now());
    let result = rewrite(&client, &spec, said.sink(), std::future::pending()).boxed().await;
    (result, said, log, begun.elapsed())
}

fn reason(said: &Said) -> String {
    match said.events().pop() {
        Some(Event::Finished { reason: Some(reason), .. }) => reason,
        other => panic!("no reason: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_free_lease_is_taken_before_the_first_list_and_given_back_at_the_end() {
    let (result, _, log, _) = run(|_| None).await;
    assert_eq!(result, RunResult::Complete);
    let all: Vec<String> = log.of("").into_iter().map(|(line, _)| line).collect();
    let at = |part: &str| all.iter().position(|line| line.starts_with(part)).unwrap_or_else(|| panic!("{all:?}"));
    assert!(at("POST /apis/coordination.k8s.io/v1/namespaces/eks-encrypt/leases") < at("GET /api/v1/secrets"));
    let (_, taken) = log.of("POST /apis/coordination").remove(0);
    assert_eq!(taken["spec"]["holderIdentity"], "r1/pod-a");
    let (_, last) = log.of("PATCH /apis/coordination").pop().unwrap();
    assert_eq!(last, json!({ "metadata": { "resourceVersion": "1" }, "spec": { "holderIdentity": null } }));
}

#[tokio::test(start_paused = true)]
async fn a_second_run_is_refused_while_the_first_is_alive() {
    let mut version = 10;
    let (result, said, log, waited) = run(move |_| {
        version += 1;
        Some(lease(version / 4, "r0/pod-z"))
    })
    .await;
    assert_eq!(result, RunResult::Refused);
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    assert_eq!(reason(&said), "another run is at work: r0/pod-z has the lease");
    assert_eq!(said.notes(), ["r0/pod-z has the lease; watching for up to 20 s whether it is at work"]);
    assert!(log.of("/secrets").is_empty() && log.of("PATCH").is_empty(), "something was written");
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_a_run_that_died_is_taken_over_when_it_has_expired() {
    let (result, _, log, waited) = run(|call| match call.line.starts_with("GET") {
        true => Some(lease(3, "r0/pod-z")),
        false => Some(lease(4, "r1/pod-a")),
    })
    .await;
    assert_eq!(result, RunResult::Complete);
    assert!(waited >= LEASE_DURATION && waited < LEASE_DURATION * 2, "{waited:?}");
    let (_, taken) = log.of("PATCH /apis/coordination").remove(0);
    assert_eq!(
        (&taken["metadata"]["resourceVersion"], &taken["spec"]["holderIdentity"]),
        (&json!("3"), &json!("r1/pod-a"))
    );
}

/// While the API server is away nobody can renew a lease: that its holder did not says nothing.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_alive_is_not_pushed_aside_after_the_api_server_was_away() {
    let begun = Instant::now();
    let (result, said, log, _) = run(move |call| {
        let seconds = begun.elapsed().as_secs();
        Some(match (call.line.starts_with("GET"), seconds) {
            (_, 3..40) => Reply::Broken,
            // The holder's next attempt to renew it comes within 5 s.
            (true, _) => lease(if seconds < 48 { 3 } else { 4 }, "r0/pod-z"),
            (false, _) => lease(5, "r1/pod-a"),
        })
    })
    .await;
    assert_eq!(result, RunResult::Refused);
    assert_eq!(reason(&said), "another run is at work: r0/pod-z has the lease");
    assert!(log.of("PATCH").is_empty(), "something was written");
}

/// A webhook for everything whose service is gone refuses leases too.
#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_made_is_not_waited_for_for_ever() {
    const DOWN: &str = "Internal error occurred: failed calling webhook \"w.example\": no endpoints available";
    let (result, said, log, waited) =
        run(|call| (!call.line.starts_with("GET")).then(|| status_of("leases", 500, "InternalError", LEASE, DOWN)))
            .await;
    assert_eq!(result, RunResult::Complete);
    assert!(waited >= PATIENCE && waited < PATIENCE * 2, "{waited:?}");
    assert_eq!(said.notes().last(), Some(&format!("can't take the lease: {DOWN}; going on without it")));
    assert!(said.notes().contains(&format!("trying again: {DOWN}")), "nobody says why: {:?}", said.notes());
    assert_eq!(log.of("/secrets/").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_the_same_run_that_still_ends_is_waited_for() {
    let begun = Instant::now();
    let (result, _, _, waited) = run(move |call| {
        let seconds = begun.elapsed().as_secs();
        match call.line.starts_with("GET") {
            true if seconds < 12 => Some(lease(seconds / 5, "r1/pod-before")),
            true => Some(lease(99, "")),
            false => Some(lease(100, "r1/pod-a")),
        }
    })
    .await;
    assert_eq!(result, RunResult::Complete);
    assert!(waited >= Duration::from_secs(12) && waited < Duration::from_secs(20), "{waited:?}");
}

/// A local run takes the name of one that was broken off. If that one goes on somewhere else, nobody is about to end.
#[tokio::test(start_paused = true)]
async fn without_a_job_a_run_of_the_same_name_that_is_alive_is_another_one() {
    let (client, server) = fixture::pair();
    let mut version = 10;
    server.serve(move |call| {
        version += 1;
        call.line.contains("/leases").then(|| lease(version / 4, "r1/local-0000beef"))
    });
    let (mut spec, said) = (fixture::spec(Method::Annotate, 8), Said::default());
    spec.job_uid.clear();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(300)).await;
        "waited for ever".to_owned()
    };
    assert_eq!(rewrite(&client, &spec, said.sink(), stop).boxed().await, RunResult::Refused);
    assert_eq!(reason(&said), "another run is at work: r1/local-0000beef has the lease");
}

#[tokio::test(start_paused = true)]
async fn another_process_that_goes_on_with_the_same_run_without_a_job_is_not_waited_for() {
    let mut version = 10;
    let spec = RunSpec { job_uid: String::new(), holder: "r1/local-2".into(), ..fixture::spec(Method::Annotate, 8) };
    let (result, said, log, _) = run_of(spec, move |_| {
        version += 1;
        // It ends some day, so that a run that waits for it ends, too.
        Some(lease(version / 4, if version < 100 { "r1/local-1" } else { "" }))
    })
    .await;
    assert_eq!(result, RunResult::Refused);
    assert_eq!(reason(&said), "another run is at work: r1/local-1 has the lease");
    assert!(log.of("/secrets").is_empty() && log.of("PATCH").is_empty(), "something was written");
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_it_the_run_goes_on_and_says_which_is_missing() {
    const NO: &str = r#"leases.coordination.k8s.io "eks-encrypt" is forbidden: User "x" cannot get resource "leases" in API group "coordination.k8s.io" in the namespace "eks-encrypt""#;
    let (result, said, ..) = run(|_| Some(status_of("leases", 403, "Forbidden", LEASE, NO))).await;
    assert_eq!(result, RunResult::Complete);
    assert_eq!(said.notes(), [format!("can't take the lease: {NO}; going on without it")]);
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_give_it_back_the_run_is_done_and_says_so() {
    const NO: &str = r#"leases.coordination.k8s.io "eks-encrypt" is forbidden: User "x" cannot patch resource "leases" in API group "coordination.k8s.io" in the namespace "eks-encrypt""#;
    let (result, said, ..) =
        run(|call| call.line.starts_with("PATCH").then(|| status_of("leases", 403, "Forbidden", LEASE, NO))).await;
    assert_eq!(result, RunResult::Complete);
    let note = format!("can't give the lease back: {NO}; the next run watches it for 20 s before it begins");
    assert_eq!(said.notes(), [note]);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_lease_was_taken_over_stops() {
    let (client, server) = fixture::pair();
    let mut taken = false;
    let log = server.serve(move |call| match call.patched() {
        Some(_) => Some(Reply::PlainText(429, "later", Some(60))),
        None if call.is_list() => Some(page("100", &[("a/0", "7")], "", 0)),
        None if call.line.starts_with("PATCH /apis/coordination") => {
            Some(status_of("leases", 409, "Conflict", LEASE, "the object has been modified"))
        }
        // The first look finds none; after that it is another's.
        None if call.line.contains("/leases/") => std::mem::replace(&mut taken, true).then(|| lease(9, "r2/pod-b")),
        None => None,
    });
    let (spec, said) = (fixture::spec(Method::Annotate, 8), Said::default());
    let result = rewrite(&client, &spec, said.sink(), std::future::pending()).boxed().await;
    assert_eq!(result, RunResult::Stopped);
    assert_eq!(reason(&said), "r2/pod-b has taken over the lease: two runs must not be at work at once");
    assert_eq!(log.of("PATCH /apis/coordination").len(), 1, "another's lease is not given back");
    let records = log.of("/configmaps/");
    let written_over = records.iter().filter(|(_, body)| body["data"]["result"] == "stopped").count();
    assert_eq!(written_over, 0, "the record is the other run's now");
}

/// Somebody deleted it, or the run that had taken it over has given it back: left like that, the next run would begin beside
/// us, and push us aside.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_nobodys_is_taken_again() {
    let (client, server) = fixture::pair();
    let log = server.serve(|call| match call.line.split_once(' ')?.0 {
        "PATCH" => Some(not_found("leases", LEASE)),
        _ => Some(lease(9, "r1/pod-a")),
    });
    assert_eq!(renew(&client, &fixture::spec(Method::Touch, 1), "8".into()).await, Renewal::Kept("9".into()));
    assert_eq!(log.of("POST")[0].1["spec"]["holderIdentity"], "r1/pod-a");

    let (client, server) = fixture::pair();
    let log = server.serve(|_| Some(lease(9, "r1/pod-a")));
    assert_eq!(renew(&client, &fixture::spec(Method::Touch, 1), "8".into()).await, Renewal::Kept("9".into()));
    assert_eq!(log.of("PATCH")[0].1["spec"]["holderIdentity"], "r1/pod-a", "a renewal says whose it is");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_got_lost_does_not_lose_the_lease() {
    let (client, server) = fixture::pair();
    server.serve(|call| match call.line.starts_with("PATCH") {
        true => Some(status_of("leases", 409, "Conflict", LEASE, "the object has been modified")),
        false => Some(lease(9, "r1/pod-a")),
    });
    assert_eq!(renew(&client, &fixture::spec(Method::Touch, 1), "8".into()).await, Renewal::Kept("9".into()));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_seen_is_neither_kept_nor_lost() {
    for answer in [|| Reply::Broken, || not_found("leases", LEASE)] {
        let (client, server) = fixture::pair();
        server.serve(move |_| Some(answer()));
        let renewal = renew(&client, &fixture::spec(Method::Touch, 1), "8".into()).await;
        assert!(matches!(renewal, Renewal::Unsure(_)), "{renewal:?}");
    }
}
