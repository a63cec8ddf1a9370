//! The sandbox's API servers and their load balancer: that they are what EKS has, and can be made to misbehave.

use std::collections::BTreeSet;

use eks_encrypt_sandbox::aws::scenario::{Delay, Scenario};
use eks_encrypt_sandbox::control_plane::Configuration;
use eks_encrypt_sandbox::rights::Right;
use eks_encrypt_sandbox::sandbox::Sandbox;

use super::support::{Fixture, admin, as_on_eks, associated, kubectl, secret, two_api_servers, wait_for};

/// Who answers so many connections, by the hashes in their metrics.
fn who_answers(sandbox: &Sandbox, connections: usize) -> BTreeSet<String> {
    let hash = |metrics: String| {
        let (_, rest) = metrics.split_once("apiserver_id_hash=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    (0..connections).map(|_| hash(admin(sandbox, &["get", "--raw", "/metrics"]).ok())).collect()
}

/// Whether each API server writes under the customer's key.
async fn under_the_key(sandbox: &Sandbox) -> Vec<bool> {
    let servers = sandbox.api_servers().await.unwrap();
    servers.iter().map(|server| server.writes_under.ends_with(&sandbox.info().keys.customer)).collect()
}

#[tokio::test]
async fn two_api_servers_share_the_endpoint() {
    let sandbox = as_on_eks();
    let servers = sandbox.api_servers().await.unwrap();
    assert_eq!(servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>(), ["api-server-1", "api-server-2"]);
    let hostnames = "--output=jsonpath={.items[*].metadata.labels.kubernetes\\.io/hostname}";
    let leases = ["get", "leases", "-n", "kube-system", "-l", "apiserver.kubernetes.io/identity", hostnames];
    let mut seen: Vec<String> = kubectl(&sandbox, &leases).ok().split(' ').map(str::to_owned).collect();
    seen.sort();
    assert_eq!(seen, ["api-server-1", "api-server-2"]);
    let slice = ["get", "endpointslice", "kubernetes", "--output=jsonpath={.endpoints[*].addresses[*]}"];
    wait_for("both in default/kubernetes", || (kubectl(&sandbox, &slice).ok().split(' ').count() == 2).then_some(()));
    assert_eq!(who_answers(&sandbox, 10).len(), 2, "new connections take turns");

    everybody_is_sent_to_one(&sandbox).await;
    one_that_dies_is_left_out(&sandbox).await;
    rights_can_be_taken(&sandbox).await;
}

async fn everybody_is_sent_to_one(sandbox: &Fixture) {
    sandbox.send_all_to(Some("api-server-2")).await.unwrap();
    assert_eq!(who_answers(sandbox, 4).len(), 1);
    sandbox.send_all_to(None).await.unwrap();
    assert_eq!(who_answers(sandbox, 10).len(), 2);
}

async fn one_that_dies_is_left_out(sandbox: &Fixture) {
    sandbox.kill_api_servers(Some("api-server-1")).await.unwrap();
    assert_eq!(who_answers(sandbox, 4).len(), 1);
    assert_eq!(sandbox.failed_component(), None, "what is asked for is no fault");
    sandbox.restart_api_servers(Some("api-server-1")).await.unwrap();
    assert_eq!(who_answers(sandbox, 10).len(), 2);
}

async fn rights_can_be_taken(sandbox: &Fixture) {
    let leases = ["get", "leases", "-n", "kube-system"];
    sandbox.forbid(&[Right::Metrics, Right::Leases]).await.unwrap();
    wait_for("the right to be gone", || kubectl(sandbox, &leases).stderr.contains("forbidden").then_some(()));
    assert!(kubectl(sandbox, &["get", "--raw", "/metrics"]).error().contains("forbidden"));
    kubectl(sandbox, &["get", "endpointslices", "-A"]).ok();
    secret(sandbox, "still-allowed");
    sandbox.forbid(&[]).await.unwrap();
    wait_for("the right to be back", || (kubectl(sandbox, &leases).code == Some(0)).then_some(()));
}

#[tokio::test]
async fn association_rolls_through_the_api_servers_and_can_leave_one_old() {
    let sandbox = two_api_servers();
    secret(&sandbox, "before");
    sandbox.set_scenario(&Scenario { one_server_old: Some(Delay::NEVER), ..Scenario::default() }).await.unwrap();
    associated(&sandbox, &sandbox.info().keys.customer).await;
    assert_eq!(under_the_key(&sandbox).await, [false, true]);
    // What either writes, both can read.
    for server in ["api-server-1", "api-server-2"] {
        sandbox.send_all_to(Some(server)).await.unwrap();
        secret(&sandbox, server);
    }
    for server in ["api-server-1", "api-server-2"] {
        sandbox.send_all_to(Some(server)).await.unwrap();
        kubectl(&sandbox, &["get", "secret", "before", "api-server-1", "api-server-2"]).ok();
    }
    assert_eq!(sandbox.add_api_server(Configuration::Old).await.unwrap(), "api-server-3");
    assert_eq!(under_the_key(&sandbox).await, [false, true, false]);
    for old in ["api-server-1", "api-server-3"] {
        sandbox.remove_api_server(old).await.unwrap();
    }
    sandbox.send_all_to(None).await.unwrap();
    assert_eq!(sandbox.add_api_server(Configuration::Current).await.unwrap(), "api-server-4");
    assert_eq!(under_the_key(&sandbox).await, [true, true]);
    assert_eq!(sandbox.migrate().await.unwrap(), sandbox.inspect().await.unwrap().total);
}
