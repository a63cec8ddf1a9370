//! The census against fake API servers.

use super::*;
use crate::api_servers::fake::{Fake, key, server};

async fn census(fake: &Fake) -> Census {
    census_with(fake, true).await.unwrap()
}

async fn census_with(fake: &Fake, start_times: bool) -> Result<Census, CensusError> {
    let options = Options { deadline: Instant::now() + Duration::from_secs(60), start_times };
    take(fake, options, &LastError::default()).await
}

fn keys(census: &Census) -> Vec<(&str, WriteKey)> {
    census.servers.iter().map(|server| (server.identity.lease.as_str(), server.write_key.clone())).collect()
}

fn known(name: &str) -> WriteKey {
    WriteKey::Known(key(name))
}

#[tokio::test(start_paused = true)]
async fn servers_behind_a_rotating_balancer_are_all_met() {
    let fake = Fake::new([server("a", "new"), server("b", "old"), server("c", "new")]);
    let census = census(&fake).await;
    assert_eq!(keys(&census), [("a", known("new")), ("b", known("old")), ("c", known("new"))]);
    assert_eq!(census.servers[0].identity.hostname.as_deref(), Some("host-a"));
    assert!(census.servers[0].started.is_some() && census.missing.is_empty() && census.metrics_bytes > 0);
    assert_eq!((census.connections, fake.count("/metrics"), fake.count("endpointslices")), (4, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn servers_with_addresses_are_asked_once_each() {
    let fake = Fake::new([server("a", "new"), server("b", "old")]);
    fake.world().dials = true;
    fake.world().pinned = Some(0);
    let census = census(&fake).await;
    assert_eq!(keys(&census), [("a", known("new")), ("b", known("old"))]);
    assert_eq!((fake.count("/metrics by a"), fake.count("/metrics by b")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn server_behind_a_pinned_balancer_is_not_asked() {
    let fake = Fake::new([server("a", "new"), server("b", "old")]);
    fake.world().pinned = Some(0);
    let census = census(&fake).await;
    assert_eq!(keys(&census), [("a", known("new")), ("b", WriteKey::NotAsked)]);
    assert_eq!(fake.count("/metrics"), 21);
}

#[tokio::test(start_paused = true)]
async fn server_that_refuses_connections_is_not_asked() {
    let mut down = server("b", "old");
    down.up = false;
    let fake = Fake::new([server("a", "new"), down]);
    fake.world().dials = true;
    fake.world().pinned = Some(0);
    let census = census(&fake).await;
    assert_eq!(keys(&census), [("a", known("new")), ("b", WriteKey::NotAsked)]);
    assert_eq!(census.last_error.as_deref(), Some("/metrics: the connection failed: connection refused"));
}

#[tokio::test(start_paused = true)]
async fn leases_forbidden_is_a_missing_right_without_a_retry() {
    let fake = Fake::new([server("a", "new")]);
    fake.world().leases = 403;
    let census = census(&fake).await;
    assert_eq!((census.missing.as_slice(), census.servers.len()), ([MissingRight::ListLeases].as_slice(), 0));
    assert_eq!((fake.count("leases"), fake.count("/metrics")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn leases_that_fail_until_the_deadline_are_an_error() {
    let fake = Fake::new([server("a", "new")]);
    fake.world().leases = 500;
    let error = census_with(&fake, false).await.unwrap_err();
    assert!(matches!(error, CensusError::Late | CensusError::Leases(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn endpoint_slice_forbidden_goes_on_with_fresh_connections() {
    for code in [403, 404] {
        let fake = Fake::new([server("a", "new"), server("b", "new")]);
        fake.world().dials = true;
        fake.world().slices = code;
        let census = census(&fake).await;
        assert_eq!(census.missing, [MissingRight::GetEndpointSlices]);
        assert_eq!(keys(&census), [("a", known("new")), ("b", known("new"))]);
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_forbidden_is_a_missing_right_and_asked_once() {
    for code in [401, 403] {
        let fake = Fake::new([server("a", "new"), server("b", "new")]);
        fake.world().dials = true;
        fake.world().metrics = code;
        let census = census(&fake).await;
        assert_eq!(census.missing, [MissingRight::GetMetrics]);
        assert_eq!(keys(&census), [("a", WriteKey::NotAsked), ("b", WriteKey::NotAsked)]);
        assert_eq!(fake.count("/metrics"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_that_fail_are_asked_again_for_a_while() {
    let fake = Fake::new([server("a", "new"), server("b", "new"), server("c", "new"), server("d", "new")]);
    fake.world().metrics = 500;
    let census = census(&fake).await;
    assert_eq!(census.last_error.as_deref(), Some("/metrics: the API server answered with HTTP 500"));
    assert_eq!(fake.count("/metrics"), 20, "one a second");
}

#[tokio::test(start_paused = true)]
async fn server_without_a_recent_write_is_idle() {
    let mut idle = server("a", "new");
    idle.stored[0].1 = 16.0;
    let fake = Fake::new([idle]);
    assert_eq!(keys(&census(&fake).await), [("a", WriteKey::Idle)]);
    assert_eq!(fake.count("/metrics"), 1);
}

#[tokio::test(start_paused = true)]
async fn server_that_joins_meanwhile_is_asked_in_a_second_round() {
    let fake = Fake::new([server("a", "new")]);
    fake.world().joins = Some(server("b", "old"));
    let census = census(&fake).await;
    assert_eq!(keys(&census), [("a", known("new")), ("b", known("old"))]);
}

#[tokio::test(start_paused = true)]
async fn server_without_a_lease_is_counted_as_a_stranger() {
    let fake = Fake::new([server("a", "new")]);
    let listed = Identities(BTreeMap::new());
    let options = Options { deadline: Instant::now() + Duration::from_secs(9), start_times: false };
    let mut inquiry = Inquiry::new(&fake, options);
    assert!(inquiry.ask(fake.fresh(), &listed).await);
    assert_eq!((inquiry.census(&listed).strangers, inquiry.met.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn server_whose_lease_ended_is_no_live_one() {
    let mut ended = server("b", "old");
    (ended.renewed, ended.up) = (70, false);
    let fake = Fake::new([server("a", "new"), ended]);
    let census = census(&fake).await;
    assert_eq!(keys(&census), [("a", known("new"))]);
    assert_eq!((census.ended.len(), census.ended[0].lease.as_str()), (1, "b"));
}

#[tokio::test(start_paused = true)]
async fn server_with_a_slow_clock_that_answers_is_live() {
    let mut slow = server("b", "old");
    slow.renewed = 600;
    let fake = Fake::new([server("a", "new"), slow]);
    fake.world().dials = true;
    assert_eq!(keys(&census(&fake).await), [("a", known("new")), ("b", known("old"))]);
}

#[tokio::test(start_paused = true)]
async fn server_with_a_malformed_lease_is_not_asked() {
    let mut malformed = server("b", "new");
    malformed.holder = None;
    let fake = Fake::new([server("a", "new"), malformed]);
    assert_eq!(keys(&census(&fake).await), [("a", known("new")), ("b", WriteKey::NotAsked)]);
}

#[tokio::test(start_paused = true)]
async fn metrics_that_never_end_are_left_after_the_keys() {
    for start_times in [false, true] {
        let fake = Fake::new([server("a", "new")]);
        let lister = fake.fresh().unwrap();
        let listed = identity::list(&lister, PATIENCE, false, &LastError::default()).await.unwrap();
        fake.world().endless = true;
        let start = Instant::now();
        let options = Options { deadline: start + Duration::from_secs(60), start_times };
        let mut inquiry = Inquiry::new(&fake, options);
        assert!(inquiry.ask(fake.fresh(), &listed).await);
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(inquiry.met["a"].write_key, known("new"));
    }
}

#[test]
fn missing_right_is_named_as_kubectl_names_it() {
    let words = [MissingRight::ListLeases, MissingRight::GetEndpointSlices, MissingRight::GetMetrics];
    assert_eq!(
        words.map(|right| right.to_string()),
        [
            "list leases.coordination.k8s.io in namespace kube-system",
            "get endpointslices.discovery.k8s.io in namespace default",
            "get /metrics",
        ]
    );
}
