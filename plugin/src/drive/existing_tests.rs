//! Which Jobs are followed, and which are in the way.
use super::*;
use crate::testing::{KEY, api_object, kubernetes, not_found, reached, reencrypt, told};
use insta::assert_snapshot;

/// A Job of ours at work, with this environment.
fn job(name: &str, env: &[(&str, &str)]) -> serde_json::Value {
    let run = name.strip_prefix("eks-encrypt-").unwrap_or("by-hand");
    let env: Vec<_> = env.iter().map(|(name, value)| serde_json::json!({"name": name, "value": value})).collect();
    serde_json::json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": "ops", "labels": {"eks-encrypt/run": run},
            "managedFields": [{"manager": "eks-encrypt", "operation": "Apply"}, {"manager": "kube-controller-manager", "operation": "Update"}]},
        "spec": {"template": {"spec": {"containers": [{"name": "job", "env": env}]}}}})
}

/// What is found where these Jobs are, and the rights of run r1.
async fn found(jobs: &[serde_json::Value]) -> Result<Option<Found>, Error> {
    found_by(&[], jobs).await
}

/// The same, by a command with more flags.
async fn found_by(more: &[&str], jobs: &[serde_json::Value]) -> Result<Option<Found>, Error> {
    let list =
        serde_json::json!({"apiVersion": "batch/v1", "kind": "JobList", "metadata": {}, "items": jobs}).to_string();
    let client = kubernetes(move |_, path| match path {
        _ if path.contains("/jobs?") => (200, list.clone()),
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-r1" => (200, api_object(path)),
        _ => not_found(path),
    });
    let flags = reencrypt(&[&["--namespace", "ops"], more].concat());
    find(&reached(client), &Intent { key_arn: KEY, engine: &flags.engine, job: &flags.job, watched: true }).await
}

/// A Job of run r1 that does what `reencrypt` does, in this image; its Pod has not begun.
fn pending(image: &str) -> serde_json::Value {
    let mut job = job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", KEY), ("EKS_ENCRYPT_METHOD", "annotate")]);
    job["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
    job["status"] = serde_json::json!({"active": 1, "ready": 0});
    job
}

/// A Job that ended, with this key.
fn over(name: &str, made: &str) -> serde_json::Value {
    let mut job = job(name, &[("EKS_ENCRYPT_KEY_ARN", KEY), ("EKS_ENCRYPT_METHOD", "annotate")]);
    job["metadata"]["creationTimestamp"] = made.into();
    job["status"] = serde_json::json!({"conditions": [{"type": "Complete", "status": "True"}]});
    job
}

#[tokio::test]
async fn the_last_run_is_judged_if_its_rights_still_stand() {
    let (r1, r2) = (over("eks-encrypt-r1", "2026-11-24T07:00:00Z"), over("eks-encrypt-r2", "2026-11-24T08:00:00Z"));
    let run = Run::named("r1", "ops");
    assert_eq!(found(std::slice::from_ref(&r1)).await.unwrap(), Some(Found::Ended(run)));
    assert_eq!(found(&[r2, r1]).await.unwrap(), None, "a newer one has been judged");
}

#[tokio::test]
async fn a_run_of_another_key_that_has_ended_is_history() {
    let mut other = over("eks-encrypt-r1", "2026-11-24T07:00:00Z");
    other["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "arn:other".into();
    assert_eq!(found(&[other]).await.unwrap(), None);
}

#[tokio::test]
async fn a_job_with_this_key_and_method_is_followed() {
    let (key, method, wire) =
        (("EKS_ENCRYPT_KEY_ARN", KEY), ("EKS_ENCRYPT_METHOD", "annotate"), ("EKS_ENCRYPT_WIRE_VERSION", "1"));
    let ours = job("eks-encrypt-r1", &[key, method, wire]);
    let by_hand = job("eks-encrypt", &[]);
    let run = Run::named("r1", "ops");
    assert_eq!(found(&[by_hand, ours]).await.unwrap(), Some(Found::AtWork(run)));
}

/// `manifests` prints a Job with the key's ARN at any time; what the plugin applies itself, it applies after the association.
#[tokio::test]
async fn a_printed_job_that_somebody_applied_is_not_followed() {
    let mut printed = job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", KEY), ("EKS_ENCRYPT_METHOD", "annotate")]);
    printed["metadata"]["managedFields"][0] =
        serde_json::json!({"manager": "kubectl-client-side-apply", "operation": "Update"});
    assert!(told(found(&[printed.clone()]).await.unwrap_err()).contains("it was not made by this command"));
    printed["metadata"]["managedFields"][0] = serde_json::json!({"manager": "kubectl", "operation": "Apply"});
    assert!(told(found(&[printed]).await.unwrap_err()).contains("it was not made by this command"));
}

#[tokio::test]
async fn a_job_of_another_version_or_that_may_be_older_than_the_association_is_not_followed() {
    let method = ("EKS_ENCRYPT_METHOD", "annotate");
    let mut all = Vec::new();
    for job in [
        job("eks-encrypt", &[("EKS_ENCRYPT_KEY_ARN", KEY), method]),
        job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", ""), method]),
        job("eks-encrypt-r1", &[]),
        job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", "arn:other"), method]),
        job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", KEY), ("EKS_ENCRYPT_METHOD", "touch")]),
        job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", KEY), method, ("EKS_ENCRYPT_WIRE_VERSION", "2")]),
    ] {
        all.push(told(found(&[job]).await.unwrap_err()));
    }
    let whys: Vec<_> = all.iter().filter_map(|text| text.lines().nth(1)?.split("as this run: ").nth(1)).collect();
    assert_snapshot!(whys.join("\n"), @r#"
    it was not made by this command
    it names no key, so it may have begun before the key was associated
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
async fn a_job_that_has_not_begun_is_not_followed_where_another_image_or_no_pod_is_asked_for() {
    let typo = [pending("registry.example/jbo:1")];
    let image = ["--image", "registry.example/job:1"];
    assert_snapshot!(told(found_by(&image, &typo).await.unwrap_err()), @r"
    exit 6
    error: Job eks-encrypt-r1 in namespace ops has not ended, and can't be followed as this run: no Pod of it is running, and its image is another: registry.example/jbo:1
      this command has made no Job; wait until that one has ended, or take it away: `kubectl delete job -n ops eks-encrypt-r1`
      then run the same command again; to watch it meanwhile: `kubectl eks-encrypt attach --namespace ops`
    ");
    let refused = told(found_by(&["--local"], &typo).await.unwrap_err());
    assert!(refused.contains("as this run: no Pod of it is running, and --local is to do without one\n"), "{refused}");
    let run = Run::named("r1", "ops");
    assert_eq!(
        found_by(&["--image", "registry.example/jbo:1"], &typo).await.unwrap(),
        Some(Found::AtWork(run.clone()))
    );
    let mut begun = pending("registry.example/jbo:1");
    begun["status"]["ready"] = 1.into();
    for more in [&image[..], &["--local"]] {
        assert_eq!(
            found_by(more, std::slice::from_ref(&begun)).await.unwrap(),
            Some(Found::AtWork(run.clone())),
            "{more:?}"
        );
    }
}

/// Its "done" would be one that nobody has proven, with exit code 0.
#[tokio::test]
async fn a_job_without_the_proof_is_not_the_run_of_a_command_that_wants_it() {
    let without = |mut job: serde_json::Value| {
        let env = job["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        env.push(serde_json::json!({"name": "EKS_ENCRYPT_PROVE", "value": "false"}));
        [job]
    };
    let (at_work, ended) = (without(pending("i")), without(over("eks-encrypt-r1", "2026-11-24T07:00:00Z")));
    let by_job = ["--prove=job"];
    let refused = told(found_by(&by_job, &at_work).await.unwrap_err());
    assert!(refused.contains("it does not verify what it has done"), "{refused}");
    assert_eq!(found_by(&by_job, &ended).await.unwrap(), None, "a run with the proof comes next");
    let run = Run::named("r1", "ops");
    for wanted in [["--prove=none"], ["--prove=full"]] {
        assert_eq!(found_by(&wanted, &at_work).await.unwrap(), Some(Found::AtWork(run.clone())));
    }
    assert_eq!(found_by(&["--prove=none"], &ended).await.unwrap(), None, "an old word is no proof");
    assert_eq!(found_by(&["--prove=full"], &ended).await.unwrap(), Some(Found::Ended(run)));
}

/// There are no rights by which to tell whether somebody has judged it, and who may make Jobs alone may not look for them.
#[tokio::test]
async fn an_ended_job_with_somebodys_service_account_is_history() {
    let mut theirs = over("eks-encrypt-r1", "2026-11-24T07:00:00Z");
    theirs["metadata"]["annotations"] = serde_json::json!({"eks-encrypt/service-account": "theirs"});
    assert_eq!(found(&[theirs]).await.unwrap(), None);
}

/// Who may do no more than a run from here needs may not look for bindings.
#[tokio::test]
async fn a_run_from_here_judges_no_job_that_has_ended() {
    assert_eq!(found_by(&["--local"], &[over("eks-encrypt-r1", "2026-11-24T07:00:00Z")]).await.unwrap(), None);
}
