//! What is asked, and what is said where something is missing: against an API server that knows rights.
use std::sync::{Arc, Mutex};

use super::*;
use crate::cli::Enable;
use crate::run::manifests::{ManifestSettings, objects};
use crate::testing::{api_object, enable, error_text, kubernetes_with_bodies, not_found, reencrypt};
use insta::assert_snapshot;

type Asked = Arc<Mutex<Vec<String>>>;

/// An API server that allows all but these (as `said` has them), and answers a dry run of a path with this part otherwise.
fn api_server(denied: &'static [&'static str], tried: Option<(&'static str, u16, &'static str)>) -> (Client, Asked) {
    let asked = Asked::default();
    let heard = asked.clone();
    let client = kubernetes_with_bodies(move |method, path, body| {
        if path.contains("selfsubjectaccessreviews") {
            let mut review: serde_json::Value = serde_json::from_str(body).unwrap();
            let what: ResourceAttributes =
                serde_json::from_value(review["spec"]["resourceAttributes"].clone()).unwrap();
            heard.lock().unwrap().push(describe(&what));
            review["status"] = serde_json::json!({"allowed": !denied.contains(&describe(&what).as_str())});
            return (201, review.to_string());
        }
        heard.lock().unwrap().push(format!("{method} {path}"));
        if method == "GET" {
            return not_found(path);
        }
        match tried {
            Some((part, 403, words)) if path.contains(part) => (
                403,
                serde_json::json!({"status": "Failure", "code": 403, "reason": "Forbidden", "message": words})
                    .to_string(),
            ),
            Some((part, ..)) if path.contains(part) => not_found(path),
            _ => (200, api_object(path)),
        }
    });
    (client, asked)
}

async fn checked(client: &Client) -> Result<NamespaceState, Error> {
    checked_with(client, &[]).await
}

async fn checked_with(client: &Client, more: &[&str]) -> Result<NamespaceState, Error> {
    let run = Run::from_id("r1", "ops");
    let Enable { engine, job, .. } = enable(more);
    let settings =
        ManifestSettings { run: &run, key_arn: "k", engine: &engine, job: &job, watched: true, missing: &[] };
    check(client, &run, &job, &objects(&settings).unwrap()).await
}

#[tokio::test]
async fn everything_that_is_made_seen_and_deleted_is_asked_and_nothing_is_changed() {
    let (client, asked) = api_server(&[], None);
    assert_eq!(checked(&client).await.unwrap(), NamespaceState::Absent);
    let asked = asked.lock().unwrap().join("\n");
    assert_snapshot!(asked, @r"
    GET /api/v1/namespaces/ops
    create namespaces
    get clusterroles.rbac.authorization.k8s.io
    create clusterroles.rbac.authorization.k8s.io
    patch clusterroles.rbac.authorization.k8s.io
    delete clusterroles.rbac.authorization.k8s.io
    get clusterrolebindings.rbac.authorization.k8s.io
    list clusterrolebindings.rbac.authorization.k8s.io
    create clusterrolebindings.rbac.authorization.k8s.io
    patch clusterrolebindings.rbac.authorization.k8s.io
    delete clusterrolebindings.rbac.authorization.k8s.io
    get serviceaccounts in namespace ops
    create serviceaccounts in namespace ops
    delete serviceaccounts in namespace ops
    get roles.rbac.authorization.k8s.io in namespace ops
    create roles.rbac.authorization.k8s.io in namespace ops
    patch roles.rbac.authorization.k8s.io in namespace ops
    delete roles.rbac.authorization.k8s.io in namespace ops
    get rolebindings.rbac.authorization.k8s.io in namespace ops
    create rolebindings.rbac.authorization.k8s.io in namespace ops
    patch rolebindings.rbac.authorization.k8s.io in namespace ops
    delete rolebindings.rbac.authorization.k8s.io in namespace ops
    get jobs.batch in namespace ops
    list jobs.batch in namespace ops
    create jobs.batch in namespace ops
    patch jobs.batch in namespace ops
    delete jobs.batch in namespace ops
    list pods in namespace ops
    get pods/log in namespace ops
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-r1?&dryRun=All&force=true&fieldManager=eks-encrypt
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-r1?&dryRun=All&force=true&fieldManager=eks-encrypt
    ");
}

#[tokio::test]
async fn an_eks_admin_without_cluster_admin_is_told_before_the_key_is_associated() {
    let (client, asked) = api_server(
        &["create clusterroles.rbac.authorization.k8s.io", "create namespaces", "get pods/log in namespace ops"],
        None,
    );
    assert_snapshot!(error_text(checked(&client).await.unwrap_err()), @r"
    exit 3
    error: you may not do in this cluster what a run needs; nothing was changed
      create namespaces
      create clusterroles.rbac.authorization.k8s.io
      get pods/log in namespace ops
      what helps: the rights of cluster-admin while it runs (EKS: the access policy AmazonEKSClusterAdminPolicy)
    ");
    assert!(!asked.lock().unwrap().iter().any(|call| call.starts_with("PATCH")));
}

#[tokio::test]
async fn nobody_gives_more_than_he_has() {
    let words = "user \"alice\" is attempting to grant RBAC permissions not currently held";
    let (client, _) = api_server(&[], Some(("/clusterroles/", 403, words)));
    assert_snapshot!(error_text(checked(&client).await.unwrap_err()), @r#"
    exit 3
    error: you may not do in this cluster what a run needs; nothing was changed
      user "alice" is attempting to grant RBAC permissions not currently held
      what helps: the rights of cluster-admin while it runs (EKS: the access policy AmazonEKSClusterAdminPolicy)
    "#);
}

#[tokio::test]
async fn who_holds_the_rights_may_bind_a_role_that_a_dry_run_has_not_made() {
    let (client, _) = api_server(&[], Some(("/clusterrolebindings/", 404, "")));
    checked(&client).await.unwrap();
    let (client, _) = api_server(&["list secrets"], Some(("/clusterrolebindings/", 404, "")));
    assert!(error_text(checked(&client).await.unwrap_err()).contains("\n  list secrets\n"));
}

#[tokio::test]
async fn somebody_elses_namespace_need_not_be_made() {
    let namespace = |labels: serde_json::Value| {
        let body =
            serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ops", "labels": labels}});
        kubernetes_with_bodies(move |_, _, _| (200, body.to_string()))
    };
    let ours = namespace(serde_json::json!({"app.kubernetes.io/name": "eks-encrypt"}));
    let others = namespace(serde_json::json!({"app.kubernetes.io/name": "shop"}));
    assert_eq!(
        apply::namespace_state(&ours, "ops").await.unwrap(),
        NamespaceState::Exists,
        "a label can stand on any namespace"
    );
    assert_eq!(apply::namespace_state(&others, "ops").await.unwrap(), NamespaceState::Exists);
    let makes = |owner| {
        required_permissions("ops", owner, &enable(&[]).job)
            .iter()
            .any(|what| what.resource.as_deref() == Some("namespaces"))
    };
    assert!(makes(NamespaceState::Absent) && !makes(NamespaceState::Exists));
}

#[tokio::test]
async fn where_somebody_else_has_given_the_rights_none_are_given() {
    let (client, asked) = api_server(&["create clusterroles.rbac.authorization.k8s.io"], None);
    checked_with(&client, &["--service-account", "theirs"]).await.unwrap();
    assert!(!asked.lock().unwrap().join("\n").contains("rbac.authorization"));
}

#[tokio::test]
async fn without_a_pod_the_persons_own_rights_are_those_of_the_job() {
    let (client, asked) = api_server(&["patch secrets"], None);
    let job = reencrypt(&["--local"]).job;
    let run = Run { job: String::new(), ..Run::from_id("r1", "ops") };
    let error = check(&client, &run, &job, &[]).await.unwrap_err();
    assert!(error_text(error).contains("\n  patch secrets\n"));
    assert_snapshot!(asked.lock().unwrap().join("\n"), @r"
    GET /api/v1/namespaces/ops
    create namespaces
    list secrets
    patch secrets
    get configmaps in namespace ops
    create configmaps in namespace ops
    patch configmaps in namespace ops
    get leases.coordination.k8s.io in namespace ops
    create leases.coordination.k8s.io in namespace ops
    patch leases.coordination.k8s.io in namespace ops
    list jobs.batch in namespace ops
    ");
}
