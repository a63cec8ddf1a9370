//! Which steps a run that was found gets.
use serde_json::json;

use super::*;
use crate::testing::{KEY, heard, reached, reencrypt};

/// The calls that change something, where a Job of ours is at work that has these annotations.
async fn changed_by_following(annotations: serde_json::Value) -> Vec<String> {
    let env =
        json!([{"name": "EKS_ENCRYPT_KEY_ARN", "value": KEY}, {"name": "EKS_ENCRYPT_METHOD", "value": "annotate"}]);
    let job = json!({"metadata": {"name": "eks-encrypt-r1", "namespace": "ops", "labels": {"eks-encrypt/run": "r1"},
            "annotations": annotations, "managedFields": [{"manager": "eks-encrypt", "operation": "Apply"}]},
        "spec": {"template": {"spec": {"containers": [{"name": "job", "env": env}]}}}, "status": {"ready": 1}});
    let list = json!({"metadata": {}, "items": [job]}).to_string();
    let (client, heard) = heard(move |method, path| match method {
        "GET" => (200, list.clone()),
        _ => (200, crate::testing::api_object(path)),
    });
    let flags = reencrypt(&["--namespace", "ops", "--image", "registry.example/job:1"]);
    let kubernetes = reached(client);
    let work = Work {
        kubernetes: &kubernetes,
        key_arn: KEY,
        engine: &flags.engine,
        job: &flags.job,
        wait: true,
        missing: &[],
    };
    let found = find(&work, &Screen::kept()).await.unwrap();
    assert!(matches!(found, Some(Found::AtWork(_))));
    heard.lock().unwrap().iter().filter(|call| !call.starts_with("GET ")).cloned().collect()
}

#[tokio::test]
async fn a_job_at_work_gets_its_rights_again() {
    let changed = changed_by_following(json!({})).await;
    assert!(changed.iter().any(|call| call.contains("/clusterrolebindings/eks-encrypt-r1")), "{changed:?}");
}

/// They would stay: nobody takes rights away from a run that was given none.
#[tokio::test]
async fn a_job_at_work_with_somebodys_service_account_is_given_no_rights() {
    let changed = changed_by_following(json!({"eks-encrypt/service-account": "theirs"})).await;
    assert!(changed.is_empty(), "{changed:?}");
}
