//! `cleanup` beside other people, and a run after it: kubectl is the judge.

use eks_encrypt_sandbox::sandbox::Sandbox;

use super::assertions::ClusterSnapshot;
use super::running::Running;
use super::support::{admin, apply, associated, control_plane, enable, plugin, seed_secrets, wait_for};

/// Applied by hand: everything here is ours.
const NAMESPACE: &str = include_str!("../../../manifests/namespace.yaml");
const RBAC: &str = include_str!("../../../manifests/rbac.yaml");

/// Of other people: a kind, and a binding to which somebody has given our labels.
const OTHERS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: of-others, labels: {app.kubernetes.io/name: eks-encrypt, eks-encrypt/run: r1}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
";

/// An API that does not answer.
const BROKEN: &str = "
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.broken.example.com}
spec:
  group: broken.example.com
  version: v1
  groupPriorityMinimum: 1000
  versionPriority: 1
  insecureSkipTLSVerify: true
  service: {name: nothing, namespace: default}
";

/// Whether kubectl finds an object.
fn exists(sandbox: &Sandbox, object: &str) -> bool {
    let output = admin(sandbox, &["get", "--namespace=eks-encrypt", object]);
    assert!(output.code == Some(0) || output.stderr.contains("NotFound"), "{}", output.stderr);
    output.code == Some(0)
}

#[tokio::test]
async fn objects_of_others_stay_and_the_namespace_with_them() {
    let sandbox = control_plane();
    for (name, text) in [("namespace.yaml", NAMESPACE), ("rbac.yaml", RBAC), ("others.yaml", OTHERS)] {
        apply(&sandbox, name, text);
    }
    let widget = sandbox.folder().logs().join("widget.yaml");
    std::fs::write(
        &widget,
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: theirs, namespace: eks-encrypt}}",
    )
    .unwrap();
    let create = ["create", "--filename", widget.to_str().unwrap()];
    wait_for("the kind", || (admin(&sandbox, &create).code == Some(0)).then_some(()));

    // Nobody can be asked.
    let output = plugin(&sandbox, &["cleanup"]);
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    assert!(output.stderr.contains("  ServiceAccount eks-encrypt in namespace eks-encrypt\n"), "{}", output.stderr);
    assert!(exists(&sandbox, "serviceaccount/eks-encrypt") && exists(&sandbox, "clusterrolebinding/eks-encrypt"));

    let output = plugin(&sandbox, &["cleanup", "--yes"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output.stderr.contains("other people have objects in it: widgets.example.com/theirs\n"),
        "{}",
        output.stderr
    );
    assert!(exists(&sandbox, "widget/theirs") && exists(&sandbox, "clusterrolebinding/of-others"));
    for ours in ["clusterrolebinding", "clusterrole", "rolebinding", "role", "serviceaccount"] {
        assert!(!exists(&sandbox, &format!("{ours}/eks-encrypt")), "{ours}: {}", output.stderr);
    }

    // While an API does not answer, it may have objects there, and the namespace could not be deleted.
    admin(&sandbox, &["delete", "widget", "--namespace=eks-encrypt", "theirs"]).ok();
    apply(&sandbox, "broken.yaml", BROKEN);
    let dry_run = |words: &str| plugin(&sandbox, &["cleanup", "--dry-run"]).stderr.contains(words).then_some(());
    wait_for("the broken API to be seen", || dry_run("see why: kubectl get apiservice v1.broken.example.com\n"));
    assert_eq!(plugin(&sandbox, &["cleanup", "--yes"]).code, Some(1));
    assert!(exists(&sandbox, "namespace/eks-encrypt"));
    admin(&sandbox, &["delete", "apiservice", "v1.broken.example.com"]).ok();
    wait_for("the broken API to be forgotten", || dry_run("This deletes:\n  Namespace eks-encrypt "));

    // It has ended only when the namespace is deleted.
    let output = plugin(&sandbox, &["cleanup", "--yes"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!exists(&sandbox, "namespace/eks-encrypt"), "{}", output.stderr);
    assert!(exists(&sandbox, "clusterrolebinding/of-others"), "{}", output.stderr);
}

#[tokio::test]
async fn a_run_waits_for_a_namespace_that_is_being_deleted() {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 20, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    apply(&sandbox, "namespace.yaml", NAMESPACE);
    let hold = "{apiVersion: v1, kind: ConfigMap, metadata: {name: hold, namespace: eks-encrypt, finalizers: [example.com/hold]}}";
    apply(&sandbox, "hold.yaml", hold);
    admin(&sandbox, &["delete", "namespace", "eks-encrypt", "--wait=false"]).ok();
    let mut run = Running::start(&sandbox, "run", &enable(&sandbox, &["--local", "-n", "eks-encrypt"]));
    run.until("Namespace eks-encrypt is being deleted: waiting for that");
    let free = r#"{"metadata":{"finalizers":null}}"#;
    admin(&sandbox, &["patch", "configmap", "hold", "--namespace=eks-encrypt", "--type=merge", "--patch", free]).ok();
    let output = run.end();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(exists(&sandbox, "configmap/eks-encrypt-run"), "{}", output.stderr);
    before.all_moved(&sandbox).await;
}
