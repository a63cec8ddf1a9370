//! Which Jobs are followed, and which are in the way.
use super::*;
use crate::testing::run::made_job;
use crate::testing::{KEY, error_text, kubernetes, not_found, reached, reencrypt};
use insta::assert_snapshot;
use serde_json::json;

const IMAGE: &str = "registry.example/job:1";

/// A running Job of run r1.
fn running() -> Value {
    made_job("r1", "ops", &[])
}

/// The same with another value of an environment variable.
fn job_with(mut job: Value, name: &str, value: &str) -> Value {
    let env = job["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap();
    let variable = env.iter_mut().find(|variable| variable["name"] == name).unwrap();
    variable["value"] = value.into();
    job
}

/// The same under another name.
fn job_named(mut job: Value, name: &str) -> Value {
    job["metadata"]["name"] = name.into();
    job["metadata"]["labels"]["eks-encrypt/run"] = name.strip_prefix("eks-encrypt-").unwrap_or("by-hand").into();
    job
}

/// What is found where these Jobs are.
async fn found(jobs: &[Value]) -> Result<ExistingRuns, Error> {
    found_by(&["--image", IMAGE], jobs).await
}

/// The same, by a command with these flags.
async fn found_by(more: &[&str], jobs: &[Value]) -> Result<ExistingRuns, Error> {
    let list = json!({"apiVersion": "batch/v1", "kind": "JobList", "metadata": {}, "items": jobs}).to_string();
    let client = kubernetes(move |_, path| match path {
        _ if path.contains("/jobs?") => (200, list.clone()),
        _ => not_found(path),
    });
    let flags = reencrypt(&[&["--namespace", "ops"], more].concat());
    find(&reached(client), &RunIntent { key_arn: KEY, engine: &flags.engine, job: &flags.job, watched: true }).await
}

/// That run r1 is followed.
fn follows_r1() -> ExistingRuns {
    ExistingRuns { running: Some(Run::from_id("r1", "ops")), last: None, namespaces: vec!["ops".to_owned()] }
}

/// A Job that has ended at this time.
fn over(name: &str, at: &str) -> Value {
    let mut job = job_named(running(), name);
    let end = json!({"type": "Complete", "status": "True", "lastTransitionTime": at});
    job["status"] = json!({"conditions": [{"type": "SuccessCriteriaMet", "status": "True"}, end]});
    job
}

/// Its result was served as that of the command, which wrote nothing: Secrets that were stale since stayed so, with exit code 0.
#[tokio::test]
async fn an_ended_run_is_reported_with_its_time_and_a_new_one_is_made() {
    let (r1, r2) = (over("eks-encrypt-r1", "2026-11-24T07:00:00Z"), over("eks-encrypt-r2", "2026-11-24T08:00:00Z"));
    let last =
        |text: &str| ExistingRuns { running: None, last: Some(text.to_owned()), namespaces: vec!["ops".to_owned()] };
    let first = last("Job eks-encrypt-r1 ended at 2026-11-24T07:00:00Z: complete");
    assert_eq!(found(std::slice::from_ref(&r1)).await.unwrap(), first);
    let second = last("Job eks-encrypt-r2 ended at 2026-11-24T08:00:00Z: complete");
    assert_eq!(found(&[r2, r1.clone()]).await.unwrap(), second);
    assert_eq!(found_by(&["--local"], &[r1]).await.unwrap(), first);
}

#[tokio::test]
async fn a_job_with_this_key_and_method_is_followed() {
    let by_hand = job_named(over("eks-encrypt-r0", "2026-11-24T07:00:00Z"), "eks-encrypt");
    assert_eq!(found(&[by_hand, running()]).await.unwrap(), follows_r1());
}

/// Applied with our field manager before `enable`, it was followed, given the right to read every Secret, and believed.
#[tokio::test]
async fn a_job_that_runs_something_else_is_not_followed() {
    let pod = |change: fn(&mut Value)| {
        let mut job = running();
        change(&mut job["spec"]["template"]["spec"]);
        job
    };
    let mut whys = Vec::new();
    for job in [
        pod(|pod| pod["containers"][0]["image"] = "registry.example/other:1".into()),
        pod(|pod| pod["containers"][0]["command"] = json!(["sh", "-c", "sleep 3600"])),
        pod(|pod| pod["containers"][0]["args"] = json!(["--help"])),
        pod(|pod| pod["containers"][0]["envFrom"] = json!([{"secretRef": {"name": "theirs"}}])),
        pod(|pod| pod["containers"][0]["lifecycle"] = json!({"postStart": {"exec": {"command": ["sh"]}}})),
        pod(|pod| pod["containers"].as_array_mut().unwrap().push(json!({"name": "other", "image": "i"}))),
        pod(|pod| pod["initContainers"] = json!([{"name": "other", "image": "i"}])),
        pod(|pod| pod["volumes"] = json!([{"name": "other", "emptyDir": {}}])),
        pod(|pod| pod["serviceAccountName"] = "theirs".into()),
        pod(|pod| pod["hostNetwork"] = true.into()),
        job_with(running(), "EKS_ENCRYPT_RUN", "r2"),
    ] {
        let text = error_text(found(&[job]).await.unwrap_err());
        let why = text.lines().nth(1).and_then(|line| line.split("as this run: ").nth(1));
        whys.push(why.unwrap_or(&text).to_owned());
    }
    assert_snapshot!(whys.join("\n"), @r"
    it does not run what this command would run: containers[0].image differs
    it does not run what this command would run: containers[0].command differs
    it does not run what this command would run: containers[0].args differs
    it does not run what this command would run: containers[0].envFrom differs
    it does not run what this command would run: containers[0].lifecycle differs
    it does not run what this command would run: containers differs
    it does not run what this command would run: initContainers differs
    it does not run what this command would run: volumes differs
    it does not run what this command would run: serviceAccountName differs
    it does not run what this command would run: hostNetwork differs
    it does not run what this command would run: containers[0].env[4].value differs
    ");
    let paced = job_with(job_with(running(), "EKS_ENCRYPT_MAX_QPS", "5"), "EKS_ENCRYPT_CONCURRENCY", "1");
    assert_eq!(found(&[paced]).await.unwrap(), follows_r1(), "another pace is no other run");
}

/// `manifests` prints a Job with the key's ARN at any time; what the plugin applies itself, it applies after the association.
#[tokio::test]
async fn a_printed_job_that_somebody_applied_is_not_followed() {
    let mut printed = running();
    printed["metadata"]["managedFields"][0] = json!({"manager": "kubectl-client-side-apply", "operation": "Update"});
    assert!(error_text(found(&[printed.clone()]).await.unwrap_err()).contains("it was not made by this command"));
    printed["metadata"]["managedFields"][0] = json!({"manager": "kubectl", "operation": "Apply"});
    assert!(error_text(found(&[printed]).await.unwrap_err()).contains("it was not made by this command"));
}

#[tokio::test]
async fn a_job_of_another_version_or_that_may_be_older_than_the_association_is_not_followed() {
    let mut all = Vec::new();
    for job in [
        job_named(running(), "eks-encrypt"),
        job_with(running(), "EKS_ENCRYPT_KEY_ARN", ""),
        job_with(running(), "EKS_ENCRYPT_KEY_ARN", "arn:other"),
        job_with(running(), "EKS_ENCRYPT_METHOD", "touch"),
        job_with(running(), "EKS_ENCRYPT_WIRE_VERSION", "2"),
    ] {
        all.push(error_text(found(&[job]).await.unwrap_err()));
    }
    let whys: Vec<_> = all.iter().filter_map(|text| text.lines().nth(1)?.split("as this run: ").nth(1)).collect();
    assert_snapshot!(whys.join("\n"), @r#"
    it was not made by this command
    it names no key, so it may have begun before the key was associated
    it is for the key arn:other
    its method is "touch"
    it was made to be read in version 2 of the wire format, and this plugin reads version 1
    "#);
    assert_snapshot!(all[0], @r"
    exit 6
    error: Job eks-encrypt in namespace ops has not ended, and can't be followed as this run: it was not made by this command
      this command has made no Job; wait until that one has ended, or take it away: `kubectl delete job -n ops eks-encrypt`
      then run the same command again; to watch it meanwhile: `kubectl eks-encrypt attach --namespace ops`
    ");
}

/// Its image can't be pulled; whoever named the right one, or wanted no Pod, was led to wait for it again.
#[tokio::test]
async fn a_running_job_is_not_followed_where_another_image_or_no_job_is_asked_for() {
    let other = ["--image", "registry.example/other:1"];
    assert_snapshot!(error_text(found_by(&other, &[running()]).await.unwrap_err()), @r"
    exit 6
    error: Job eks-encrypt-r1 in namespace ops has not ended, and can't be followed as this run: it does not run what this command would run: containers[0].image differs
      this command has made no Job; wait until that one has ended, or take it away: `kubectl delete job -n ops eks-encrypt-r1`
      then run the same command again; to watch it meanwhile: `kubectl eks-encrypt attach --namespace ops`
    ");
    let refused = error_text(found_by(&["--local"], &[running()]).await.unwrap_err());
    assert!(refused.contains("as this run: it is running, and --local runs without a Job\n"), "{refused}");
}

/// Its "done" would be one that is not proven, with exit code 0.
#[tokio::test]
async fn a_job_without_the_proof_is_not_the_run_of_a_command_that_wants_it() {
    let without = [job_with(running(), "EKS_ENCRYPT_PROVE", "false")];
    let refused = error_text(found_by(&["--image", IMAGE, "--prove=job"], &without).await.unwrap_err());
    assert!(refused.contains("it does not verify what it has done"), "{refused}");
    for wanted in ["--prove=none", "--prove=full"] {
        assert_eq!(found_by(&["--image", IMAGE, wanted], &without).await.unwrap(), follows_r1());
    }
}
