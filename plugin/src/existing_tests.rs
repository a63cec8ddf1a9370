//! Which Jobs are followed, and which are in the way.
use super::*;
use crate::testing::{KEY, kubernetes, told};
use insta::assert_snapshot;

/// A Job of ours at work, with this environment.
fn job(name: &str, env: &[(&str, &str)]) -> serde_json::Value {
    let run = name.strip_prefix("eks-encrypt-").unwrap_or("by-hand");
    let env: Vec<_> = env.iter().map(|(name, value)| serde_json::json!({"name": name, "value": value})).collect();
    serde_json::json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": "ops", "labels": {"eks-encrypt/run": run}},
        "spec": {"template": {"spec": {"containers": [{"name": "job", "env": env}]}}}})
}

async fn found(jobs: &[serde_json::Value]) -> Result<Option<Run>, Error> {
    let list =
        serde_json::json!({"apiVersion": "batch/v1", "kind": "JobList", "metadata": {}, "items": jobs}).to_string();
    find(&kubernetes(move |_, _| (200, list.clone())), "ops", KEY, Method::Annotate).await
}

#[tokio::test]
async fn a_job_with_this_key_and_method_is_followed() {
    let ours = job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", KEY), ("EKS_ENCRYPT_METHOD", "annotate")]);
    let by_hand = job("eks-encrypt", &[]);
    let run = found(&[by_hand, ours]).await.unwrap().unwrap();
    assert_eq!(run, Run { id: "r1".into(), namespace: "ops".into(), job: "eks-encrypt-r1".into() });
}

#[tokio::test]
async fn a_job_that_may_be_older_than_the_association_is_not_followed() {
    let method = ("EKS_ENCRYPT_METHOD", "annotate");
    let mut all = Vec::new();
    for job in [
        job("eks-encrypt", &[("EKS_ENCRYPT_KEY_ARN", KEY), method]),
        job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", ""), method]),
        job("eks-encrypt-r1", &[]),
        job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", "arn:other"), method]),
        job("eks-encrypt-r1", &[("EKS_ENCRYPT_KEY_ARN", KEY), ("EKS_ENCRYPT_METHOD", "touch")]),
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
    "#);
    assert_snapshot!(all[0], @r"
    exit 6
    error: Job eks-encrypt is at work in namespace ops, and can't be followed as this run: it was not made by this command
      this command has made no Job; wait until that one has ended, or take it away: kubectl delete job -n ops eks-encrypt
      then run the same command again
    ");
}
