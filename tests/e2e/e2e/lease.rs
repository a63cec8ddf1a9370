//! One run at a time: others are refused, name who is at work, and write nothing.

use eks_encrypt_job::engine::rewrite::rewrite;
use eks_encrypt_job::engine::spec::RunSpec;
use eks_encrypt_job::limiter::limit::Limit;
use eks_encrypt_job::wire::event::{Event, Method, RunResult};
use eks_encrypt_sandbox::client;
use eks_encrypt_sandbox::sandbox::Sandbox;
use jiff::Timestamp;

use super::assertions::{ClusterSnapshot, cleaned_up, own_namespace, write_counts};
use super::blocking_webhook;
use super::running::{Running, STARTED};
use super::support::{admin, associated, control_plane, enable, plugin, seed_secrets};

/// A run of the engine, as a Job's Pod begins it: how it ended, and why.
async fn engine(sandbox: &Sandbox, namespace: &str) -> (RunResult, Option<String>) {
    let client = client::of(&sandbox.folder().admin_kubeconfig()).await.unwrap();
    let spec = RunSpec {
        run: "third".into(),
        job_uid: "uid-of-third".into(),
        holder: "third/pod".into(),
        namespace: namespace.into(),
        method: Method::Annotate,
        prove: true,
        key_arn: String::new(),
        time: Timestamp::now(),
        limit: Limit::adaptive(),
        api_servers: None,
        cluster_role_binding: None,
    };
    let mut why = None;
    let sink = |event| {
        if let Event::Finished { reason, .. } = event {
            why = reason;
        }
    };
    let result = rewrite(&client, &spec, sink, std::future::pending()).await;
    (result, why)
}

#[tokio::test]
async fn other_runs_are_refused_by_the_lease_and_the_first_one_finishes() {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 300, 3).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let before = ClusterSnapshot::of(&sandbox).await;

    blocking_webhook::block(&sandbox, "seed-2", "secret-2");
    let mut first = Running::start(&sandbox, "first", &enable(&sandbox, &["--local"]));
    first.until(STARTED);
    let namespace = own_namespace(&sandbox);
    let holder = ["get", "lease", "-n", &namespace, "eks-encrypt", "--output=jsonpath={.spec.holderIdentity}"];
    let holder = admin(&sandbox, &holder).ok();
    assert!(holder.contains("/local-"), "{holder}");

    // The checks see it, before anything irreversible.
    let second = plugin(&sandbox, &["reencrypt", "--local", "--yes", "--output=json"]);
    first.assert_running();
    assert_eq!(second.code, Some(3), "{}", second.stderr);
    let words = format!("{holder} is at work in namespace {namespace}, without a Job: it renews the lease");
    assert!(second.plain_text().contains(&words), "{words}: {}", second.stderr);
    let checks: serde_json::Value = serde_json::from_str(&second.stdout).unwrap();
    assert_eq!((&checks["passed"], &checks["exitCode"]), (&false.into(), &3.into()), "{checks}");

    // Whoever comes past the checks, which see one moment, is kept out by the engine.
    let third = engine(&sandbox, &namespace).await;
    first.assert_running();
    assert_eq!(third, (RunResult::Refused, Some(format!("another run is at work: {holder} has the lease"))));

    blocking_webhook::unblock(&sandbox);
    let output = first.end();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("300 listed: 300 rewritten"), "{}", output.stderr);
    before.all_moved(&sandbox).await;
    // One time stands in all of them: the others wrote none.
    assert_eq!(write_counts(&sandbox).len(), 1);
    cleaned_up(&sandbox).await;
}
