//! API Priority and Fairness with few seats: the API server answers 429, and a run asks again until all is done.

use eks_encrypt_sandbox::options::Options;

use super::assertions::{ClusterSnapshot, cleaned_up};
use super::node::push;
use super::support::{Fixture, admin, apply, associated, enable, plugin, seed_secrets, start};

/// Next to no seats for writes of Secrets, and no queue: the rest is answered 429.
const FEW_SEATS: &str = r#"{"apiVersion":"v1","kind":"List","items":[
    {"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"PriorityLevelConfiguration","metadata":{"name":"few-seats"},
     "spec":{"type":"Limited","limited":{"nominalConcurrencyShares":1,"lendablePercent":0,"borrowingLimitPercent":0,
     "limitResponse":{"type":"Reject"}}}},
    {"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"FlowSchema","metadata":{"name":"few-seats"},
     "spec":{"priorityLevelConfiguration":{"name":"few-seats"},"matchingPrecedence":2,"rules":[{"subjects":[{"kind":"Group",
     "group":{"name":"system:authenticated"}}],"resourceRules":[{"verbs":["patch"],"apiGroups":[""],
     "resources":["secrets"],"namespaces":["*"]}]}]}}]}"#;

#[tokio::test]
async fn an_api_server_that_answers_429_is_asked_again_until_all_is_done() {
    // Two API servers have twice the seats.
    let sandbox = start(Options { api_servers: 1, ..Options::default() });
    seed_secrets(&sandbox, 200, 2).await;
    let image = push(&sandbox);
    associated(&sandbox, &sandbox.info().keys.customer).await;
    apply(&sandbox, "few-seats.json", FEW_SEATS);
    let mut rejected = 0;
    for more in [&["--local"][..], &["--image", &image, "--concurrency", "64", "--force"]] {
        let before = ClusterSnapshot::of(&sandbox).await;
        let output = plugin(&sandbox, &enable(&sandbox, more));
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        assert!(output.stderr.contains("200 listed: 200 rewritten"), "{}", output.stderr);
        let now = answered_429(&sandbox);
        assert!(now > rejected, "nothing was answered 429: this shows nothing of {more:?}");
        rejected = now;
        before.all_moved(&sandbox).await;
    }
    cleaned_up(&sandbox).await;
}

/// How many requests found no seat.
fn answered_429(sandbox: &Fixture) -> u64 {
    let metrics = admin(sandbox, &["get", "--raw", "/metrics"]).ok();
    let rejected = metrics.lines().filter(|line| {
        line.starts_with("apiserver_flowcontrol_rejected_requests_total") && line.contains("\"few-seats\"")
    });
    rejected.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
