//! The cases in which "proven" would be false: API servers that write under another key. No command here may end with exit code 0
//! while etcd holds a Secret outside the customer's key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eks_encrypt_sandbox::aws::scenario::{Delay, Scenario};
use eks_encrypt_sandbox::control_plane::Configuration;
use eks_encrypt_sandbox::etcd_oracle::inspect::Storage;
use eks_encrypt_sandbox::rights::Right;
use eks_encrypt_sandbox::sandbox::Sandbox;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;

use super::assertions::{ClusterSnapshot, revisions};
use super::blocking_webhook;
use super::node::push;
use super::running::{Running, STARTED};
use super::support::{
    CommandOutput, Fixture, admin, apply, as_on_eks, associated, enable, job_completes, kubectl, plugin, seed_secrets,
    two_api_servers, wait_for,
};

/// A sandbox whose key is associated as a scenario says.
async fn associated_so(sandbox: &Fixture, scenario: Scenario) {
    sandbox.set_scenario(&scenario).await.unwrap();
    associated(sandbox, &sandbox.info().keys.customer).await;
}

/// `reencrypt` without a question.
fn reencrypt(sandbox: &Sandbox, more: &[&str]) -> CommandOutput {
    plugin(sandbox, &[&["reencrypt", "--cluster", "sandbox", "--region", "us-west-2", "--yes"], more].concat())
}

/// How many Secrets are not under the customer's key.
async fn secrets_outside_key(sandbox: &Sandbox) -> usize {
    let stored = sandbox.inspect().await.unwrap();
    stored.total - stored.count(Storage::CustomerKey)
}

/// Rows 1 and 5. One of two API servers never writes under the key: whoever reaches both sees that, and whoever reaches one of
/// them sees that there is another.
#[tokio::test]
async fn no_secret_is_written_while_one_api_server_keeps_the_old_key() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 20, 1).await;
    let image = push(&sandbox);
    associated_so(&sandbox, Scenario { one_server_old: Some(Delay::NEVER), ..Scenario::default() }).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    let refused = |more: &[&str]| {
        let output = reencrypt(&sandbox, &[&["--timeout", "3s"], more].concat());
        assert_eq!(output.code, Some(7), "{more:?}: {}", output.stderr);
        output.plain_text()
    };
    let ways: [&[&str]; 4] = [
        &["--image", &image],
        &["--image", &image, "--concurrency", "1", "--method", "touch", "--prove", "job"],
        &["--local"],
        &["--local", "--concurrency", "1", "--method", "touch", "--prove", "none"],
    ];
    for more in ways {
        let words = refused(more);
        assert!(words.contains("1 of 2 API servers write under the key; under another one: api-server-1"), "{words}");
    }
    for server in ["api-server-1", "api-server-2"] {
        sandbox.send_all_to(Some(server)).await.unwrap();
        let words = refused(&["--local"]);
        assert!(words.contains("1 of 2 API servers could be asked for their key"), "{server}: {words}");
    }
    sandbox.send_all_to(None).await.unwrap();
    before.untouched(&sandbox).await;

    // However many Secrets there are.
    seed_secrets(&sandbox, 2_000, 4).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    refused(&["--local"]);
    before.untouched(&sandbox).await;

    the_job_alone_waits(&sandbox, &image).await;
}

/// A Job that no command waits for asks the API servers itself.
async fn the_job_alone_waits(sandbox: &Fixture, image: &str) {
    let arguments = ["manifests", "--image", image, "--key-arn", &sandbox.info().keys.customer];
    let secrets = revisions(sandbox).await;
    apply(sandbox, "printed.yaml", &plugin(sandbox, &arguments).ok());
    let log = ["logs", "-n", "eks-encrypt", "-l", "app.kubernetes.io/name=eks-encrypt", "--tail=-1"];
    let waits = "waiting for the API servers: 1 of 2 API servers write under the key";
    wait_for("the Job to say what it waits for", || admin(sandbox, &log).stdout.contains(waits).then_some(()));
    assert!(revisions(sandbox).await == secrets, "the Job has written Secrets");
}

/// Row 2. EKS says "Successful" before any API server has the key in force.
#[tokio::test]
async fn no_secret_is_written_before_the_key_is_in_force() {
    let sandbox = two_api_servers();
    seed_secrets(&sandbox, 20, 1).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    sandbox.set_scenario(&Scenario { in_force_after: Some(Delay::NEVER), ..Scenario::default() }).await.unwrap();
    let output = plugin(&sandbox, &enable(&sandbox, &["--local", "--timeout", "8s"]));
    assert_eq!(output.code, Some(7), "{}", output.stderr);
    assert!(
        output.plain_text().contains("0 of 2 API servers write under the key: it is not in force yet"),
        "{}",
        output.stderr
    );
    before.untouched(&sandbox).await;
    // Another command has not seen what they wrote under before: that they agree is no proof.
    let output = reencrypt(&sandbox, &["--local", "--timeout", "5s"]);
    assert_ne!(output.code, Some(0), "{}", output.stderr);
    before.untouched(&sandbox).await;
}

/// Row 2, where it comes.
#[tokio::test]
async fn a_key_that_comes_into_force_late_is_waited_for() {
    let sandbox = two_api_servers();
    seed_secrets(&sandbox, 20, 1).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    sandbox.set_scenario(&Scenario { in_force_after: Some(Delay::Seconds(5)), ..Scenario::default() }).await.unwrap();
    let output = plugin(&sandbox, &enable(&sandbox, &["--local", "--output=json"]));
    assert!(output.stderr.contains("0 of 2 API servers write under the key"), "{}", output.stderr);
    proven(output, 20);
    before.all_moved(&sandbox).await;
}

/// The run has ended well: all of these Secrets are proven, by this command, on two API servers that name the key.
#[track_caller]
fn proven(output: CommandOutput, secrets: usize) {
    let report = output.json();
    let agreed = json!({ "servers": 2, "level": "matched" });
    assert_eq!((&report["proven"], &report["verified"]["agreed"]), (&true.into(), &agreed), "{report}");
    assert_eq!(report["verified"]["tally"]["listed"], secrets, "{report}");
}

/// Row 3. One API server is old for a while after "Successful", and then replaced.
#[tokio::test]
async fn an_api_server_that_is_replaced_late_is_waited_for() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 50, 1).await;
    let (before, image) = (ClusterSnapshot::of(&sandbox).await, push(&sandbox));
    sandbox.set_scenario(&Scenario { one_server_old: Some(Delay::Seconds(8)), ..Scenario::default() }).await.unwrap();
    let output = plugin(&sandbox, &enable(&sandbox, &["--image", &image, "--output=json"]));
    assert!(output.stderr.contains("1 of 2 API servers write under the key; under another one"), "{}", output.stderr);
    proven(output, 50);
    before.all_moved(&sandbox).await;
}

/// Row 5. During the run the load balancer leads to an API server with the old key, which stores every Secret anew; for the
/// proof it leads to one that never saw a write, and calls every Secret current that is newer than the watermark.
#[tokio::test]
async fn nothing_is_proven_by_an_api_server_that_the_run_did_not_go_through() {
    let sandbox = two_api_servers();
    seed_secrets(&sandbox, 50, 2).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    blocking_webhook::block(&sandbox, "seed-1", "secret-1");
    let arguments =
        ["reencrypt", "--cluster", "sandbox", "--region", "us-west-2", "--yes", "--local", "--timeout", "15s"];
    let mut at_work = Running::start(&sandbox, "moved", &arguments);
    at_work.until(STARTED);
    let latecomer = sandbox.add_api_server(Configuration::Old).await.unwrap();
    sandbox.send_all_to(Some(&latecomer)).await.unwrap();
    blocking_webhook::unblock(&sandbox);
    at_work.until("Verifying every Secret");
    sandbox.send_all_to(Some("api-server-1")).await.unwrap();
    let output = at_work.end();
    assert!(secrets_outside_key(&sandbox).await > 0, "the run did not go through {latecomer}, and this shows nothing");
    assert_eq!(output.code, Some(6), "{}", output.stderr);
    assert!(output.plain_text().contains("NOT PROVEN"), "{}", output.stderr);
}

/// A client of one API server, past the load balancer.
async fn client_of(sandbox: &Sandbox, server: &str) -> kube::Client {
    let servers = sandbox.api_servers().await.unwrap();
    let address = servers.iter().find(|known| known.name == server).unwrap().address;
    eks_encrypt_sandbox::client::at(&sandbox.folder().admin_kubeconfig(), address).await.unwrap()
}

/// Rows 4 and 6. An API server joins in mid-run with the old key, and Secrets are created and changed through it.
#[tokio::test]
async fn secrets_that_a_latecomer_has_written_under_the_old_key_are_found() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 50, 2).await;
    let image = push(&sandbox);
    associated(&sandbox, &sandbox.info().keys.customer).await;

    // It comes and goes within the run.
    let name = latecomer_during(&sandbox, &["--image", &image, "--output=json"], true).await.0;
    assert_eq!(secrets_outside_key(&sandbox).await, 0, "{name} has written some, and they were not moved");

    // It stays.
    let (_, output) = latecomer_during(&sandbox, &["--image", &image, "--timeout", "25s"], false).await;
    assert_eq!(output.code, Some(6), "{}", output.stderr);
    assert!(output.stderr.contains("\nNOT PROVEN: "), "{}", output.stderr);
    assert!(secrets_outside_key(&sandbox).await > 0, "it has written nothing, and this shows nothing");
}

/// An API server with the old key joins, and two Secrets are written through it.
async fn latecomer(sandbox: &Fixture) -> String {
    let name = sandbox.add_api_server(Configuration::Old).await.unwrap();
    let secrets: Api<Secret> = Api::namespaced(client_of(sandbox, &name).await, "seed-0");
    let metadata = ObjectMeta { name: Some(format!("made-by-{name}")), ..ObjectMeta::default() };
    secrets.create(&PostParams::default(), &Secret { metadata, ..Secret::default() }).await.unwrap();
    let change = Patch::Merge(json!({ "metadata": { "annotations": { "changed-by": name } } }));
    secrets.patch("secret-0", &PatchParams::default(), &change).await.unwrap();
    assert!(secrets_outside_key(sandbox).await >= 2, "it does not write under the old key, and this shows nothing");
    name
}

/// Row 11. A run ended unseen, and then Secrets were stored under the old key: the next command reported that run's result, and
/// wrote nothing.
#[tokio::test]
async fn an_ended_run_is_not_the_result_of_the_next_command() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 20, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let image = push(&sandbox);
    let begun = reencrypt(&sandbox, &["--image", &image, "--detach", "--output=json"]).json();
    let (job, namespace) = (begun["job"].as_str().unwrap(), begun["namespace"].as_str().unwrap());
    job_completes(&sandbox, namespace, job);
    assert_eq!(secrets_outside_key(&sandbox).await, 0);
    let name = latecomer(&sandbox).await;
    sandbox.remove_api_server(&name).await.unwrap();

    let output = reencrypt(&sandbox, &["--image", &image]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.plain_text().contains(&format!("note: Job {job} ended at ")), "{}", output.stderr);
    assert_eq!(secrets_outside_key(&sandbox).await, 0);
}

/// A run during which an old API server joins, and writes; whether it `leaves` before the run's end.
async fn latecomer_during(sandbox: &Fixture, more: &[&str], leaves: bool) -> (String, CommandOutput) {
    blocking_webhook::block(sandbox, "seed-1", "secret-1");
    let arguments = ["reencrypt", "--cluster", "sandbox", "--region", "us-west-2", "--yes"];
    let mut at_work = Running::start(sandbox, &format!("latecomer-{leaves}"), &[&arguments, more].concat());
    at_work.until(STARTED);
    let name = latecomer(sandbox).await;
    if leaves {
        sandbox.remove_api_server(&name).await.unwrap();
    }
    blocking_webhook::unblock(sandbox);
    let output = at_work.end();
    if leaves {
        assert!(output.stderr.contains("note: verifying again: "), "{}", output.stderr);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
    }
    (name, output)
}

/// Row 7. What can't be seen is not proven, and the right that is missing is named.
#[tokio::test]
async fn without_the_rights_to_ask_every_api_server_nothing_is_proven() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 20, 1).await;
    let image = push(&sandbox);
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let leases = "list leases.coordination.k8s.io in namespace kube-system";
    let forbidden: [(&[Right], &str, i32); 4] = [
        (&[Right::Metrics], "get /metrics", 6),
        (&[Right::Leases], leases, 6),
        (&[Right::Metrics, Right::Leases, Right::EndpointSlices], leases, 6),
        // Not needed from outside of the cluster: the load balancer leads to both API servers.
        (&[Right::EndpointSlices], "", 0),
    ];
    for (rights, missing, code) in forbidden {
        sandbox.forbid(rights).await.unwrap();
        let can = |right: Right| match right {
            Right::Metrics => ["auth", "can-i", "get", "/metrics", "--quiet"],
            Right::Leases => ["auth", "can-i", "list", "leases", "--quiet"],
            Right::EndpointSlices => ["auth", "can-i", "get", "endpointslices", "--quiet"],
        };
        for right in rights {
            let may = || kubectl(&sandbox, &can(*right)).code == Some(0);
            wait_for("the right to be gone", || (!may()).then_some(()));
        }
        for more in [&["--local"][..], &["--image", &image]] {
            let output = reencrypt(&sandbox, more);
            assert_eq!(output.code, Some(code), "{rights:?} {more:?}: {}", output.stderr);
            assert_eq!(output.plain_text().contains("NOT PROVEN"), code == 6, "{}", output.stderr);
            assert!(output.plain_text().contains(missing), "{rights:?}: {}", output.stderr);
        }
    }
}

/// Rows 14 and 15. EKS's own migrator at work beside the run, 50 Secrets that are rewritten all the time, and one that is
/// created every 50 ms.
#[tokio::test(flavor = "multi_thread")]
async fn others_at_work_delay_no_proof() {
    let sandbox = Arc::new(two_api_servers());
    seed_secrets(&sandbox, 300, 2).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers = tokio::spawn(write_until(sandbox.admin().await.unwrap(), Arc::clone(&stop)));
    let migrator = tokio::spawn(migrate_until(Arc::clone(&sandbox), Arc::clone(&stop)));
    let output = tokio::task::block_in_place(|| reencrypt(&sandbox, &["--local", "--timeout", "3m", "--output=json"]));
    stop.store(true, Ordering::Relaxed);
    let (written, migrated) = (writers.await.unwrap(), migrator.await.unwrap());
    assert!(written > 100 && migrated > 100, "{written} and {migrated} writes show nothing");
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!output.stderr.contains("failed:"), "{}", output.stderr);
    assert_eq!(secrets_outside_key(&sandbox).await, 0);
}

/// Has EKS's own migrator go through all Secrets until it is told to stop; gives how many it has written.
async fn migrate_until(sandbox: Arc<Fixture>, stop: Arc<AtomicBool>) -> usize {
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        written += sandbox.migrate().await.unwrap();
    }
    written
}

/// Writes as others do until it is told to stop; gives how often.
async fn write_until(client: kube::Client, stop: Arc<AtomicBool>) -> usize {
    let secrets: Api<Secret> = Api::namespaced(client, "seed-0");
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        let metadata = ObjectMeta { generate_name: Some("made-".to_owned()), ..ObjectMeta::default() };
        let (post, secret) = (PostParams::default(), Secret { metadata, ..Secret::default() });
        let made = secrets.create(&post, &secret);
        let change = Patch::Merge(json!({ "metadata": { "annotations": { "changed": written.to_string() } } }));
        let (params, names) = (PatchParams::default(), (0..50).map(|number| format!("secret-{}", number * 2)));
        let changed = names.map(|name| {
            let (secrets, change, params) = (secrets.clone(), change.clone(), params.clone());
            async move { secrets.patch(&name, &params, &change).await }
        });
        let (made, changed) = futures::future::join(made, futures::future::join_all(changed)).await;
        written += usize::from(made.is_ok()) + changed.iter().filter(|changed| changed.is_ok()).count();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    written
}
