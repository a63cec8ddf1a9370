//! The levels of agreement, and the comparison of two censuses.

use tokio::time::Instant;

use super::*;
use crate::api::retry::LastError;
use crate::api_servers::fake::{Fake, FakeServer, key, server};
use crate::api_servers::{CensusError, Options, take};

async fn census(fake: &Fake) -> Census {
    let options = Options { deadline: Instant::now() + Duration::from_secs(60), start_times: true };
    take(fake, options, &LastError::default()).await.unwrap()
}

async fn agreement(servers: &[(&'static str, &str)], arn: Option<&str>, before: Option<&str>) -> Agreement {
    let fake = Fake::new(servers.iter().map(|(name, key)| server(name, key)));
    census(&fake).await.agreement(arn, before.map(key).as_ref())
}

fn reasons(outcome: Result<(), ProcessesError>) -> Vec<(String, NewcomerReason)> {
    let Err(ProcessesError::Newcomers(newcomers)) = outcome else { panic!("{outcome:?}") };
    newcomers.into_iter().map(|newcomer| (newcomer.identity.lease, newcomer.reason)).collect()
}

/// Two censuses 100 s apart, with `change` between them.
async fn compared(change: impl FnOnce(&mut Vec<FakeServer>)) -> Result<(), ProcessesError> {
    let fake = Fake::new([server("a", "new"), server("b", "new")]);
    let earlier = census(&fake).await;
    fake.pass(100);
    change(&mut fake.world().servers);
    census(&fake).await.only_processes_of(&earlier)
}

#[tokio::test(start_paused = true)]
async fn servers_under_the_arn_are_matched() {
    for before in [None, Some("old"), Some("arn")] {
        let agreement = agreement(&[("a", "arn"), ("b", "arn")], Some("arn"), before).await;
        assert_eq!(agreement, Agreement::Matched { servers: 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn servers_under_another_key_than_before_are_changed() {
    for arn in [None, Some("arn")] {
        let agreement = agreement(&[("a", "new"), ("b", "new")], arn, Some("old")).await;
        assert_eq!(agreement, Agreement::Changed { servers: 2, key: key("new") });
    }
}

#[tokio::test(start_paused = true)]
async fn servers_under_one_unknown_key_are_agreed() {
    let agreement = agreement(&[("a", "new")], Some("arn"), None).await;
    assert_eq!(agreement, Agreement::Agreed { servers: 1, key: key("new") });
}

#[tokio::test(start_paused = true)]
async fn servers_under_the_key_of_before_are_old() {
    let agreement = agreement(&[("a", "old"), ("b", "old")], Some("arn"), Some("old")).await;
    assert_eq!(agreement, Agreement::Old { servers: 2, key: key("old") });
}

#[tokio::test(start_paused = true)]
async fn servers_under_two_keys_disagree() {
    let servers = [("a", "new"), ("b", "old"), ("c", "new")];
    for (arn, before, with_key, others) in [
        (Some("new"), None, 2, vec!["host-b"]),
        (Some("new"), Some("old"), 2, vec!["host-b"]),
        (Some("arn"), Some("old"), 2, vec!["host-b"]),
        (Some("arn"), Some("other"), 0, vec!["host-a", "host-b", "host-c"]),
        (None, None, 0, vec!["host-a", "host-b", "host-c"]),
    ] {
        let others = others.into_iter().map(String::from).collect();
        assert_eq!(agreement(&servers, arn, before).await, Agreement::Disagree { with_key, of: 3, others });
    }
}

#[tokio::test(start_paused = true)]
async fn server_under_two_keys_disagrees_with_itself() {
    let mut both = server("a", "new");
    both.stored.push((key("old"), 10.0));
    let agreement = census(&Fake::new([both])).await.agreement(Some("new"), None);
    assert_eq!(agreement, Agreement::Disagree { with_key: 0, of: 1, others: vec!["host-a".into()] });
}

#[tokio::test(start_paused = true)]
async fn server_behind_a_pinned_balancer_is_unknown() {
    let fake = Fake::new([server("a", "arn"), server("b", "arn")]);
    fake.world().pinned = Some(0);
    let reason = UnknownReason::NotAsked(vec!["host-b".into()]);
    let unknown = Agreement::Unknown { asked: 1, of: 2, missing: vec![], reason, last_error: None };
    assert_eq!(census(&fake).await.agreement(Some("arn"), None), unknown);
}

#[tokio::test(start_paused = true)]
async fn server_without_a_recent_write_is_unknown() {
    let mut idle = server("b", "arn");
    idle.stored.clear();
    let fake = Fake::new([server("a", "arn"), idle.clone()]);
    let agreement = census(&fake).await.agreement(Some("arn"), None);
    let Agreement::Unknown { asked: 1, of: 2, reason, .. } = agreement else { panic!("{agreement:?}") };
    assert_eq!(reason.to_string(), "no recent write under a KMS key by API server host-b");
}

#[tokio::test(start_paused = true)]
async fn census_without_rights_or_servers_is_unknown() {
    let fake = Fake::new([server("a", "arn")]);
    fake.world().leases = 403;
    let forbidden = census(&fake).await;
    let missing = vec![MissingRight::ListLeases];
    let reason = UnknownReason::LeasesForbidden;
    let unknown = Agreement::Unknown { asked: 0, of: 0, missing, reason, last_error: None };
    assert_eq!(forbidden.agreement(Some("arn"), None), unknown);
    assert_eq!(forbidden.only_processes_of(&forbidden), Err(ProcessesError::NotListed));

    let reason = UnknownReason::NoServers;
    let unknown = Agreement::Unknown { asked: 0, of: 0, missing: vec![], reason, last_error: None };
    assert_eq!(Census::default().agreement(Some("arn"), None), unknown);
    assert_eq!(Census::default().only_processes_of(&Census::default()), Err(ProcessesError::NotListed));
}

/// It said "no API server has an identity Lease", and nothing of the connection that was refused.
#[tokio::test(start_paused = true)]
async fn what_kept_a_server_from_being_asked_is_said() {
    let fake = Fake::new([server("a", "arn")]);
    fake.world().metrics = 500;
    let text = census(&fake).await.agreement(Some("arn"), None).to_string();
    assert!(text.ends_with("(last error: /metrics: the API server answered with HTTP 500)"), "{text}");

    let text = Census::not_taken(CensusError::Late).agreement(Some("arn"), None).to_string();
    let late = "failed to list the API servers' identity Leases before the deadline";
    assert_eq!(text, format!("the API servers could not be listed (last error: {late})"));
}

#[tokio::test(start_paused = true)]
async fn metrics_forbidden_is_unknown_with_the_missing_right() {
    let fake = Fake::new([server("a", "arn")]);
    fake.world().metrics = 403;
    let agreement = census(&fake).await.agreement(Some("arn"), None);
    let Agreement::Unknown { missing, .. } = agreement else { panic!("{agreement:?}") };
    assert_eq!(missing, [MissingRight::GetMetrics]);
}

#[tokio::test(start_paused = true)]
async fn same_processes_are_no_newcomers() {
    assert_eq!(compared(|_| {}).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn server_that_joined_is_a_newcomer() {
    let outcome = compared(|servers| servers.push(server("c", "new"))).await;
    assert_eq!(reasons(outcome), [("c".to_owned(), NewcomerReason::Joined)]);
}

#[tokio::test(start_paused = true)]
async fn server_that_came_and_went_is_a_newcomer() {
    let outcome = compared(|servers| {
        let mut gone = server("c", "old");
        (gone.renewed, gone.up) = (70, false);
        servers.push(gone);
    });
    assert_eq!(reasons(outcome.await), [("c".to_owned(), NewcomerReason::Joined)]);
}

#[tokio::test(start_paused = true)]
async fn process_restarted_under_the_same_holder_is_a_newcomer() {
    let outcome = compared(|servers| servers[1].age = 50).await;
    assert_eq!(reasons(outcome), [("b".to_owned(), NewcomerReason::Restarted)]);
}

/// Its key changed and changed back, without a restart.
#[tokio::test(start_paused = true)]
async fn process_that_used_another_key_in_between_is_a_newcomer() {
    let outcome = compared(|servers| servers[1].stored.push((key("old"), 70.0))).await;
    assert_eq!(reasons(outcome), [("b".to_owned(), NewcomerReason::OtherKey)]);
    compared(|servers| servers[1].stored.push((key("old"), 101.0))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn process_with_another_holder_is_a_newcomer() {
    let outcome = compared(|servers| servers[1].holder = Some("b_other".into())).await;
    assert_eq!(reasons(outcome), [("b".to_owned(), NewcomerReason::Restarted)]);
}

#[tokio::test(start_paused = true)]
async fn server_that_ended_in_between_is_a_newcomer() {
    let outcome = compared(|servers| (servers[1].renewed, servers[1].up) = (70, false)).await;
    assert_eq!(reasons(outcome), [("b".to_owned(), NewcomerReason::Ended)]);
}

#[tokio::test(start_paused = true)]
async fn server_whose_lease_became_malformed_is_a_newcomer() {
    let outcome = compared(|servers| servers[1].holder = None).await;
    assert_eq!(reasons(outcome), [("b".to_owned(), NewcomerReason::Malformed)]);
}

#[tokio::test(start_paused = true)]
async fn server_that_ended_before_both_is_no_newcomer() {
    let mut ended = server("b", "old");
    (ended.renewed, ended.up) = (600, false);
    let fake = Fake::new([server("a", "new"), ended]);
    let earlier = census(&fake).await;
    fake.pass(100);
    assert_eq!(census(&fake).await.only_processes_of(&earlier), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn server_not_asked_earlier_is_a_newcomer() {
    let fake = Fake::new([server("a", "new"), server("b", "new")]);
    fake.world().pinned = Some(0);
    let earlier = census(&fake).await;
    fake.world().pinned = None;
    fake.pass(100);
    let outcome = census(&fake).await.only_processes_of(&earlier);
    assert_eq!(reasons(outcome), [("b".to_owned(), NewcomerReason::NotAsked)]);
}

#[tokio::test(start_paused = true)]
async fn censuses_without_start_times_can_not_tell() {
    let fake = Fake::new([server("a", "new")]);
    let options = Options { deadline: Instant::now() + Duration::from_secs(60), start_times: false };
    let earlier = take(&fake, options, &LastError::default()).await.unwrap();
    let outcome = census(&fake).await.only_processes_of(&earlier);
    assert_eq!(reasons(outcome), [("a".to_owned(), NewcomerReason::NoStartTime)]);
}

#[tokio::test(start_paused = true)]
async fn censuses_an_hour_apart_can_not_tell() {
    let fake = Fake::new([server("a", "new")]);
    let earlier = census(&fake).await;
    fake.pass(55 * 60);
    assert_eq!(census(&fake).await.only_processes_of(&earlier), Ok(()));
    fake.pass(1);
    let outcome = census(&fake).await.only_processes_of(&earlier);
    assert_eq!(outcome, Err(ProcessesError::TooFarApart(Duration::from_secs(3301))));
}
