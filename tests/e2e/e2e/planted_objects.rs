//! What a tenant plants where `-n` has a run, with ClusterRole `edit` there: Pods, a record, tokens. None of it is believed: whatever
//! a command ends with, etcd says where the Secrets are.

use eks_encrypt_sandbox::parts::Parts;
use eks_encrypt_sandbox::sandbox::Sandbox;
use serde_json::{Value, json};

use super::assertions::ClusterSnapshot;
use super::blocking_webhook;
use super::node::{push, push_archive};
use super::running::{Running, STARTED};
use super::support::{
    CommandOutput, Fixture, admin, as_on_eks, associated, enable, plugin, run, seed_secrets, two_api_servers, wait_for,
};
use super::trust::{namespace_of_tenant, written_job};

/// What a forged line says, so that it is seen where it must not be.
const FORGED: &str = "planted-by-the-tenant";

/// kubectl, as the tenant.
fn tenant(sandbox: &Sandbox, arguments: &[&str]) -> CommandOutput {
    admin(sandbox, &[&["--as", "tenant", "-n", "ops"], arguments].concat())
}

/// Creates an object as the tenant.
fn plant(sandbox: &Sandbox, name: &str, object: &Value) {
    let file = sandbox.folder().logs().join(format!("{name}.json"));
    std::fs::write(&file, object.to_string()).unwrap();
    tenant(sandbox, &["create", "--filename", file.to_str().unwrap()]).ok();
}

/// The run's Job, as the tenant sees it.
fn job(sandbox: &Sandbox) -> Value {
    tenant(sandbox, &["get", "jobs", "--output=json"]).json()["items"][0].take()
}

/// A Pod with a run's label whose container writes these lines, and whose last word is the last of them.
fn pod(name: &str, job: &Value, image: &str, lines: &[String]) -> Value {
    let arguments: Vec<_> = ["--message".to_owned()].iter().chain(lines).cloned().collect();
    let container = json!({ "name": "job", "image": image, "args": arguments });
    let labels = &job["spec"]["template"]["metadata"]["labels"];
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "ops", "labels": { "eks-encrypt/run": labels["eks-encrypt/run"] } },
        "spec": { "restartPolicy": "Never", "automountServiceAccountToken": false, "containers": [container] },
    })
}

/// Lines of a run that has moved and proven everything.
fn forged_log(job: &Value, secrets: u32) -> Vec<String> {
    let tally = |rewritten: u32, current: u32| json!({ "listed": secrets, "rewritten": rewritten, "current": current, "gone": 0, "failed": 0 });
    let servers = json!({ "servers": 2, "level": "matched" });
    let events = [
        json!({ "event": "note", "message": FORGED }),
        json!({
            "event": "finished", "result": "complete", "tally": tally(secrets, 0),
            "proof": { "passes": 1, "tally": tally(0, secrets), "servers": servers },
        }),
    ];
    let line = |(number, mut line): (usize, Value)| {
        let run = job["metadata"]["labels"]["eks-encrypt/run"].clone();
        // Later than all that the run itself says.
        let time = "2099-01-01T00:00:00Z";
        let head = json!({ "wire": 1, "run": run, "pod": "forged", "seq": number + 1, "time": time });
        line.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
        line.to_string()
    };
    events.into_iter().enumerate().map(line).collect()
}

fn succeeded(sandbox: &Sandbox, pod: &str) {
    let done = ["wait", &format!("pod/{pod}"), "--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s"];
    tenant(sandbox, &done).ok();
}

fn echo(sandbox: &Fixture) -> String {
    push_archive(sandbox, &Parts::of_this_checkout().echo_image().unwrap(), "echo:1")
}

/// Whether a token gives the right to list every Secret.
fn token_lists_secrets(sandbox: &Sandbox, token: &str) -> bool {
    let server = &sandbox.info().endpoint;
    let asked = ["auth", "can-i", "list", "secrets", "--all-namespaces", "--quiet"];
    let mut command = sandbox.command("kubectl").unwrap();
    command.args(["--kubeconfig=/dev/null", "--insecure-skip-tls-verify", "--server", server, "--token", token]);
    run(command.args(asked)).code == Some(0)
}

/// A Pod with the run's label and a later last word was believed, and one of another wire version had the Job deleted. A token Secret
/// read every Secret after the run.
#[tokio::test]
async fn pods_with_the_runs_label_are_not_read_and_tokens_end_with_the_run() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 50, 2).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let (image, echo) = (push(&sandbox), echo(&sandbox));
    namespace_of_tenant(&sandbox, "ops");
    let before = ClusterSnapshot::of_runs_in(&sandbox, &["ops"]).await;
    blocking_webhook::block(&sandbox, "seed-1", "secret-1");
    let mut at_work = Running::start(&sandbox, "run", &enable(&sandbox, &["-n", "ops", "--image", &image]));
    at_work.until(STARTED);

    let job = job(&sandbox);
    let lines = forged_log(&job, 50);
    let other_version: Vec<_> = lines.iter().map(|line| line.replace("\"wire\":1", "\"wire\":2")).collect();
    for (name, lines) in [("later", lines), ("other-version", other_version)] {
        plant(&sandbox, name, &pod(name, &job, &echo, &lines));
        succeeded(&sandbox, name);
    }

    // Who may use ServiceAccounts in that namespace has the right while the run lasts, as the command says.
    let account = job["spec"]["template"]["spec"]["serviceAccountName"].as_str().unwrap();
    let metadata = json!({ "name": "token", "annotations": { "kubernetes.io/service-account.name": account } });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/service-account-token",
    });
    plant(&sandbox, "token", &secret);
    let filled_in = ["get", "secret", "token", "--output=go-template={{with .data}}{{.token | base64decode}}{{end}}"];
    let planted = wait_for("the token Secret to be filled in", || {
        Some(tenant(&sandbox, &filled_in).ok()).filter(|token| !token.is_empty())
    });
    let requested = tenant(&sandbox, &["create", "token", account]).ok().trim().to_owned();
    for token in [&planted, &requested] {
        assert!(token_lists_secrets(&sandbox, token), "the token gives no right, and this shows nothing");
    }

    blocking_webhook::unblock(&sandbox);
    at_work.assert_running();
    let output = at_work.end();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!output.stderr.contains(FORGED), "{}", output.stderr);
    assert!(output.plain_text().contains("namespace ops exists already and is used as it is"), "{}", output.stderr);
    for token in [&planted, &requested] {
        wait_for("the token to end", || (!token_lists_secrets(&sandbox, token)).then_some(()));
    }
    wait_for("the token Secret to go", || {
        (tenant(&sandbox, &["get", "secret", "token"]).code != Some(0)).then_some(())
    });
    before.all_moved(&sandbox).await;
}

/// A Pod that the Job controller adopts ended the run as proven, though the engine never ran.
#[tokio::test]
async fn a_pod_that_the_job_adopts_proves_nothing() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 20, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let (image, echo) = (push(&sandbox), echo(&sandbox));
    namespace_of_tenant(&sandbox, "ops");
    let before = ClusterSnapshot::of_runs_in(&sandbox, &["ops"]).await;

    // The run's own Pod finds no room.
    let cpu = ["get", "nodes", "--output=jsonpath={.items[0].status.allocatable.cpu}"];
    let resources = json!({ "requests": { "cpu": admin(&sandbox, &cpu).ok() } });
    let container = json!({ "name": "c", "image": "eks-encrypt.local/pause:1", "imagePullPolicy": "Never", "resources": resources });
    let hog = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "hog", "namespace": "ops" },
        "spec": { "containers": [container] },
    });
    plant(&sandbox, "hog", &hog);
    let running = ["wait", "pod/hog", "--for=jsonpath={.status.phase}=Running", "--timeout=90s"];
    tenant(&sandbox, &running).ok();
    let arguments = enable(&sandbox, &["-n", "ops", "--image", &image, "--output=json"]);
    let mut at_work = Running::start(&sandbox, "run", &arguments);
    at_work.until("no node takes its Pod");

    let job = job(&sandbox);
    let (name, uid) = (&job["metadata"]["name"], &job["metadata"]["uid"]);
    let mut adopted = pod("adopted", &job, &echo, &forged_log(&job, 20));
    adopted["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = uid.clone();
    adopted["metadata"]["finalizers"] = json!(["batch.kubernetes.io/job-tracking"]);
    plant(&sandbox, "adopted", &adopted);
    let output = at_work.end();

    // The Job is complete, and none of its own Pods has run.
    let complete = ["get", "job", name.as_str().unwrap(), "--output=jsonpath={.status.succeeded}"];
    assert_eq!(tenant(&sandbox, &complete).ok(), "1", "it was not adopted, and this shows nothing: {}", output.stderr);
    assert!(output.stderr.contains(FORGED), "it was not read, and this shows nothing: {}", output.stderr);
    // So the proof itself has moved every Secret.
    let report = output.json();
    let tally = &report["verified"]["tally"];
    assert_eq!((&tally["listed"], &tally["rewritten"]), (&json!(20), &json!(20)), "{report}");
    before.all_moved(&sandbox).await;
}

/// A Job that a tenant wrote was believed; one that ended without the wanted proof ended `attach` with exit code 0; and one whose Pod
/// writes a line from time to time, for ever, kept it for as long.
#[tokio::test]
async fn attach_to_a_job_that_a_tenant_wrote_proves_what_it_says_itself() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 20, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let echo = echo(&sandbox);
    namespace_of_tenant(&sandbox, "ops");
    let before = ClusterSnapshot::of_runs_in(&sandbox, &["ops"]).await;
    let key = &sandbox.info().keys.customer;

    plant(&sandbox, "endless", &written_job("ops", "endless", key, &echo, &["--every", "1s", FORGED]));
    let ready = ["wait", "job/endless", "--for=jsonpath={.status.ready}=1", "--timeout=90s"];
    tenant(&sandbox, &ready).ok();
    let output = plugin(&sandbox, &["attach", "-n", "ops", "--timeout", "20s"]);
    assert_eq!(output.code, Some(7), "{}", output.stderr);
    assert!(output.stderr.contains(FORGED), "it was not read, and this shows nothing: {}", output.stderr);
    before.untouched(&sandbox).await;
    tenant(&sandbox, &["delete", "job", "endless"]).ok();

    let mut job = written_job("ops", "unproven", key, &echo, &[]);
    let mut lines = forged_log(&job, 20);
    let mut last: Value = serde_json::from_str(&lines.pop().unwrap()).unwrap();
    last.as_object_mut().unwrap().remove("proof").unwrap();
    lines.push(last.to_string());
    let arguments: Vec<_> = ["--message".to_owned()].into_iter().chain(lines).collect();
    job["spec"]["template"]["spec"]["containers"][0]["args"] = json!(arguments);
    plant(&sandbox, "unproven", &job);
    tenant(&sandbox, &["wait", "job/unproven", "--for=condition=Complete", "--timeout=90s"]).ok();
    let output = plugin(&sandbox, &["attach", "-n", "ops", "--output=json"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    // So the proof itself has moved every Secret.
    let report = output.json();
    let tally = &report["verified"]["tally"];
    assert_eq!((&tally["listed"], &tally["rewritten"]), (&json!(20), &json!(20)), "{report}");
    before.all_moved(&sandbox).await;
}

/// `status` and `enable` called a cluster proven by what a record said.
#[tokio::test]
async fn a_record_that_a_tenant_plants_proves_nothing() {
    let sandbox = two_api_servers();
    seed_secrets(&sandbox, 20, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    namespace_of_tenant(&sandbox, "ops");
    let before = ClusterSnapshot::of_runs_in(&sandbox, &["ops"]).await;
    let key = &sandbox.info().keys.customer;
    let tally = json!({ "listed": 20, "rewritten": 0, "current": 20, "gone": 0, "failed": 0 });
    let proof = json!({ "passes": 1, "tally": tally, "servers": { "servers": 2, "level": "matched" } });
    let verified = json!({
        "time": "2026-11-30T00:00:00Z", "by": "alice", "keyArn": key, "level": "matched", "servers": 2, "secrets": 20,
    });
    let record = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "eks-encrypt-run", "namespace": "ops" },
        "data": {
            "run": "r1", "jobUid": "", "watermark": "1", "method": "annotate", "keyArn": key, "phase": "prove",
            "result": "complete", "listed": "20", "rewritten": "20", "current": "0", "gone": "0", "failed": "0",
            "updated": "2026-11-30T00:00:00Z", "proof": proof.to_string(), "verified": verified.to_string(),
        },
    });
    plant(&sandbox, "record", &record);

    let status = ["status", "-n", "ops", "--cluster", "sandbox", "--region", "us-west-2"];
    let text = plugin(&sandbox, &status).ok();
    assert!(text.contains("complete (verified by the Job)"), "the record was not read, and this shows nothing: {text}");
    assert!(text.contains("A note proves nothing; to verify now: "), "{text}");
    let words = text.to_lowercase();
    assert!(!words.contains("proven") && !words.contains("every secret is"), "{text}");

    // What is noted as verified is verified again, and what that finds is moved.
    let output = plugin(&sandbox, &enable(&sandbox, &["-n", "ops", "--local", "--output=json"]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
}
