//! What is deleted, in which order, and what is not.
use std::sync::{Arc, Mutex};

use super::*;
use crate::cli::{Cli, Command};
use crate::testing::{Call, NOT_SERVED, error_text, forbidden, kubeconfig, kubernetes_with_calls, not_found};
use clap::Parser as _;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::time::Instant;

type Reply = (u16, String);

/// What an API server was asked to change: method, path without query, and the preconditions.
type Writes = Arc<Mutex<Vec<String>>>;

/// The kinds that API servers here serve: group, plural, kind.
const SERVED: [(&str, &str, &str); 12] = [
    ("", "pods", "Pod"),
    ("", "secrets", "Secret"),
    ("", "configmaps", "ConfigMap"),
    ("", "serviceaccounts", "ServiceAccount"),
    ("", "events", "Event"),
    ("apps", "deployments", "Deployment"),
    ("batch", "jobs", "Job"),
    ("coordination.k8s.io", "leases", "Lease"),
    ("networking.k8s.io", "networkpolicies", "NetworkPolicy"),
    (RBAC, "roles", "Role"),
    (RBAC, "rolebindings", "RoleBinding"),
    ("example.com", "widgets", "Widget"),
];

fn flags(more: &[&str]) -> Cleanup {
    let base = ["kubectl-eks_encrypt", "cleanup"];
    let Command::Cleanup(flags) = Cli::try_parse_from(base.iter().chain(more)).unwrap().command else { panic!() };
    flags
}

fn list(items: &[Value]) -> Reply {
    (200, json!({"metadata": {}, "items": items}).to_string())
}

/// An object, with its plural and name as UID.
fn object(plural: &str, name: &str, namespace: Option<&str>, labels: &Value) -> (String, Value) {
    let metadata = json!({"name": name, "namespace": namespace, "labels": labels, "uid": format!("{plural}/{name}"),
        "resourceVersion": "7"});
    (plural.to_owned(), json!({"metadata": metadata}))
}

/// One of run r1.
fn ours(plural: &str, name: &str, namespace: Option<&str>) -> (String, Value) {
    object(plural, name, namespace, &json!({"app.kubernetes.io/name": "eks-encrypt", "eks-encrypt/run": "r1"}))
}

/// One of other people in the namespace of a run.
fn theirs(plural: &str, name: &str) -> (String, Value) {
    object(plural, name, Some("eks-encrypt"), &json!({}))
}

/// What a run has left, and what Kubernetes and the Job controller have made of it.
fn of_a_run() -> Vec<(String, Value)> {
    let here = Some("eks-encrypt");
    let mut job = ours("jobs", "eks-encrypt-r1", here);
    job.1["status"] = json!({"conditions": [{"type": "Complete", "status": "True"}]});
    let mut pod = object("pods", "eks-encrypt-r1-x", here, &json!({"app.kubernetes.io/name": "a person's own"}));
    pod.1["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "eks-encrypt-r1", "uid": "jobs/eks-encrypt-r1"}]);
    vec![
        ours("clusterrolebindings", "eks-encrypt-r1", None),
        ours("rolebindings", "eks-encrypt-r1", here),
        ours("clusterroles", "eks-encrypt-r1", None),
        ours("roles", "eks-encrypt-r1", here),
        job,
        pod,
        ours("serviceaccounts", "eks-encrypt", here),
        ours("leases", "eks-encrypt", here),
        ours("configmaps", "eks-encrypt-run", here),
        ours("namespaces", "eks-encrypt", None),
        theirs("configmaps", "kube-root-ca.crt"),
        theirs("serviceaccounts", "default"),
        theirs("events", "eks-encrypt-r1-x.17f"),
    ]
}

/// The kinds as `/api` or `/apis` lists them; of these groups, discovery fails.
fn discovery(core: bool, broken: &[&str]) -> Reply {
    let groups = SERVED.iter().filter(|(group, ..)| group.is_empty() == core).map(|(group, plural, kind)| {
        let resource = json!({"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced",
            "verbs": ["get", "list"]});
        let stale = broken.contains(group);
        json!({"metadata": {"name": group}, "versions": [{"version": "v1",
            "freshness": if stale { "Stale" } else { "Current" }, "resources": if stale { vec![] } else { vec![resource] }}]})
    });
    list(&groups.collect::<Vec<_>>())
}

/// An API server with these objects, which gives these answers before any other. A namespace does not exist any more once it was
/// deleted.
fn server(
    objects: Vec<(String, Value)>,
    first: impl Fn(&str, &str) -> Option<Reply> + Send + Sync + 'static,
) -> (Client, Writes) {
    let writes = Writes::default();
    let written = writes.clone();
    let client = kubernetes_with_calls(move |Call { method, path, body, .. }| {
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = bare.trim_start_matches('/').split('/').collect();
        let deleted =
            |name: &str| written.lock().unwrap().iter().any(|write| write.contains(&format!("/namespaces/{name} ")));
        if method != "GET" {
            let body: Value = serde_json::from_str(body).unwrap();
            written.lock().unwrap().push(format!("{method} {bare} {}", body["preconditions"]));
        }
        if let Some(reply) = first(method, bare) {
            return reply;
        }
        // After `api/v1` or `apis/GROUP/v1`.
        let rest = if parts[0] == "api" { parts.get(2..) } else { parts.get(3..) };
        let of = |plural: &str, namespace: Option<&str>| {
            let within = |(there, object): &&(String, Value)| {
                there == plural && namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
            };
            objects.iter().filter(within).map(|(_, object)| object.clone()).collect::<Vec<_>>()
        };
        let named = |all: Vec<Value>, name: &str| {
            let found = all.into_iter().find(|object| object["metadata"]["name"] == name);
            found.map_or_else(|| not_found(bare), |object| (200, object.to_string()))
        };
        match (method.as_str(), rest.unwrap_or_default()) {
            ("DELETE", _) => (200, r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.into()),
            ("GET", []) => discovery(parts[0] == "api", &[]),
            ("GET", ["namespaces", name]) if deleted(name) => not_found(bare),
            ("GET", ["namespaces", namespace, plural]) => list(&of(plural, Some(namespace))),
            ("GET", ["namespaces", namespace, plural, name]) => named(of(plural, Some(namespace)), name),
            ("GET", [plural]) => {
                assert!(query.contains("labelSelector=app.kubernetes.io%2Fname%3Deks-encrypt"), "{path}");
                let labelled = |object: &Value| object["metadata"]["labels"]["app.kubernetes.io/name"] == "eks-encrypt";
                list(&of(plural, None).into_iter().filter(labelled).collect::<Vec<_>>())
            }
            ("GET", [plural, name]) => named(of(plural, None), name),
            _ => panic!("asked {method} {path}"),
        }
    });
    (client, writes)
}

async fn cleaned(client: Client, more: &[&str]) -> String {
    let (terminal, kubernetes) = (Terminal::captured(), kubeconfig(client, "https://127.0.0.1:1", "authority A"));
    let end = delete_all(&flags(more), &kubernetes, &terminal).await;
    format!("{}\n{}", terminal.text(), end.map_or_else(error_text, |code| format!("exit {}", code as u8)))
}

fn count(writes: &Writes) -> usize {
    writes.lock().unwrap().len()
}

#[tokio::test]
async fn rights_are_deleted_first_evidence_last_and_the_namespace_at_the_end() {
    let (client, writes) = server(of_a_run(), |_, _| None);
    assert_snapshot!(cleaned(client, &["--yes"]).await, @r"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    This deletes:
      ClusterRoleBinding eks-encrypt-r1
      RoleBinding eks-encrypt-r1 in namespace eks-encrypt
      ClusterRole eks-encrypt-r1
      Role eks-encrypt-r1 in namespace eks-encrypt
      Job eks-encrypt-r1 in namespace eks-encrypt with its Pods and their logs
      ServiceAccount eks-encrypt in namespace eks-encrypt
      Lease eks-encrypt in namespace eks-encrypt
      ConfigMap eks-encrypt-run in namespace eks-encrypt (the run record)
      Namespace eks-encrypt with all that is in it
    The key stays associated, and the Secrets stay as they are.
    deleted ClusterRoleBinding eks-encrypt-r1
    deleted RoleBinding eks-encrypt-r1 in namespace eks-encrypt
    deleted ClusterRole eks-encrypt-r1
    deleted Role eks-encrypt-r1 in namespace eks-encrypt
    deleted Job eks-encrypt-r1 in namespace eks-encrypt with its Pods and their logs
    deleted ServiceAccount eks-encrypt in namespace eks-encrypt
    deleted Lease eks-encrypt in namespace eks-encrypt
    deleted ConfigMap eks-encrypt-run in namespace eks-encrypt (the run record)
    deleted Namespace eks-encrypt with all that is in it
    exit 0
    ");
    assert_snapshot!(writes.lock().unwrap().join("\n"), @r#"
    DELETE /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-r1 {"resourceVersion":"7","uid":"clusterrolebindings/eks-encrypt-r1"}
    DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt-r1 {"resourceVersion":"7","uid":"rolebindings/eks-encrypt-r1"}
    DELETE /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-r1 {"resourceVersion":"7","uid":"clusterroles/eks-encrypt-r1"}
    DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt-r1 {"resourceVersion":"7","uid":"roles/eks-encrypt-r1"}
    DELETE /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-r1 {"uid":"jobs/eks-encrypt-r1"}
    DELETE /api/v1/namespaces/eks-encrypt/serviceaccounts/eks-encrypt {"resourceVersion":"7","uid":"serviceaccounts/eks-encrypt"}
    DELETE /apis/coordination.k8s.io/v1/namespaces/eks-encrypt/leases/eks-encrypt {"uid":"leases/eks-encrypt"}
    DELETE /api/v1/namespaces/eks-encrypt/configmaps/eks-encrypt-run {"uid":"configmaps/eks-encrypt-run"}
    DELETE /api/v1/namespaces/eks-encrypt {"resourceVersion":"7","uid":"namespaces/eks-encrypt"}
    "#);
}

#[tokio::test]
async fn without_a_terminal_and_without_yes_it_lists_and_refuses() {
    let (client, writes) = server(of_a_run(), |_, _| None);
    assert_snapshot!(cleaned(client, &[]).await, @r"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    This deletes:
      ClusterRoleBinding eks-encrypt-r1
      RoleBinding eks-encrypt-r1 in namespace eks-encrypt
      ClusterRole eks-encrypt-r1
      Role eks-encrypt-r1 in namespace eks-encrypt
      Job eks-encrypt-r1 in namespace eks-encrypt with its Pods and their logs
      ServiceAccount eks-encrypt in namespace eks-encrypt
      Lease eks-encrypt in namespace eks-encrypt
      ConfigMap eks-encrypt-run in namespace eks-encrypt (the run record)
      Namespace eks-encrypt with all that is in it
    The key stays associated, and the Secrets stay as they are.
    exit 2
    error: not a terminal, so nobody can be asked: add --yes to go on without a question (nothing was touched)
    ");
    assert_eq!(count(&writes), 0);
}

#[tokio::test]
async fn a_dry_run_deletes_nothing() {
    let (client, writes) = server(of_a_run(), |_, _| None);
    let text = cleaned(client, &["--dry-run"]).await;
    assert!(text.contains("\n  Namespace eks-encrypt with all that is in it\n"), "{text}");
    assert!(text.ends_with("\nThis was a dry run: nothing was deleted.\nexit 0"), "{text}");
    assert_eq!(count(&writes), 0);
}

/// What a run in a namespace of other people has left, whose Job has not ended.
fn running() -> Vec<(String, Value)> {
    vec![ours("clusterrolebindings", "eks-encrypt-r1", None), ours("jobs", "eks-encrypt-r1", Some("ops"))]
}

#[tokio::test]
async fn a_running_job_is_refused_unless_it_is_forced() {
    let (client, writes) = server(running(), |_, _| None);
    assert_snapshot!(cleaned(client, &["--yes", "--context", "prod"]).await, @r"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    exit 3
    error: Job eks-encrypt-r1 is running in namespace ops: nothing was deleted
      watch it: kubectl eks-encrypt attach --context prod --namespace ops
      or stop it: kubectl eks-encrypt cleanup --context prod --force (Secrets that it has not reached stay as they are)
    ");
    assert_eq!(count(&writes), 0);
    let (client, writes) = server(running(), |_, _| None);
    let forced = cleaned(client, &["--yes", "--force"]).await;
    assert!(forced.contains("\ndeleted Job eks-encrypt-r1 in namespace ops with its Pods"), "{forced}");
    assert!(forced.ends_with("\nexit 0"), "{forced}");
    assert!(writes.lock().unwrap()[0].contains("/clusterrolebindings/"), "{writes:?}");
}

/// A Job that somebody has given our label must not keep people from cleaning up.
#[tokio::test]
async fn a_running_job_of_others_with_our_label_is_in_nobodys_way() {
    let mut objects = of_a_run();
    objects.push(object("jobs", "nightly", Some("ops"), &json!({"app.kubernetes.io/name": "eks-encrypt"})));
    let (client, writes) = server(objects, |_, _| None);
    let text = cleaned(client, &["--yes"]).await;
    let stays = "\nThis stays:\n  Job nightly in namespace ops: it has not the label eks-encrypt/run, and no run has made its \
                 namespace\n";
    assert!(text.contains(stays) && text.ends_with("\nexit 0"), "{text}");
    assert!(!writes.lock().unwrap().iter().any(|write| write.contains("/namespaces/ops/")), "{writes:?}");
}

/// An API server with a lease that a run in somebody's process holds, and renews this often.
fn held(renewed_every: u64) -> (Client, Writes) {
    let began = Instant::now();
    server(vec![ours("leases", "eks-encrypt", Some("ops"))], move |method, path| {
        let mut lease = ours("leases", "eks-encrypt", Some("ops")).1;
        lease["metadata"]["resourceVersion"] = (began.elapsed().as_secs() / renewed_every).to_string().into();
        lease["spec"] = json!({"holderIdentity": "r1/local-0a", "leaseDurationSeconds": 20});
        (method == "GET" && path.ends_with("/ops/leases/eks-encrypt")).then(|| (200, lease.to_string()))
    })
}

#[tokio::test(start_paused = true)]
async fn a_local_run_has_no_job_and_is_refused_by_its_lease() {
    let (client, writes) = held(5);
    assert_snapshot!(cleaned(client, &["--yes", "--context", "prod"]).await, @r"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    r1/local-0a has the lease in namespace ops; watching for up to 20 s whether it is at work
    exit 3
    error: a run without a Job is running in namespace ops: r1/local-0a renews the lease; nothing was deleted
      wait until it has ended, or stop it where it was started (--local)
      or delete all the same: kubectl eks-encrypt cleanup --context prod --force (that run keeps running, without a record)
    ");
    assert_eq!(count(&writes), 0);
    let (client, writes) = held(5);
    assert!(cleaned(client, &["--yes", "--force"]).await.ends_with("\nexit 0"));
    assert!(writes.lock().unwrap().iter().any(|write| write.contains("/leases/")), "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_renewed_is_deleted() {
    let (client, writes) = held(3_600);
    let text = cleaned(client, &["--yes"]).await;
    assert!(text.contains("watching for up to 20 s") && text.ends_with("\nexit 0"), "{text}");
    assert!(writes.lock().unwrap().iter().any(|write| write.contains("/leases/")), "{writes:?}");
}

/// Without the right to see Jobs or leases it is not known whether a run is running, and with --force it does not matter.
#[tokio::test]
async fn whether_a_run_is_running_must_be_seen() {
    let denied = |plural: &'static str| {
        move |_: &str, path: &str| path.ends_with(&format!("/v1/{plural}")).then(|| (403, forbidden("list", plural)))
    };
    for (plural, shown) in [("jobs", "Jobs"), ("leases", "Leases")] {
        let (client, writes) = server(of_a_run(), denied(plural));
        let text = cleaned(client, &["--yes"]).await;
        let error = format!(
            "exit 1\nerror: can't list {shown}, so it is not known whether a run is running: nothing was deleted: {plural} is"
        );
        assert!(text.contains(&error), "{text}");
        assert_eq!(count(&writes), 0);
        let (client, _) = server(of_a_run(), denied(plural));
        let text = cleaned(client, &["--yes", "--force"]).await;
        assert!(text.contains(&format!("\ncan't list all {plural}: {plural} is forbidden")), "{text}");
        assert!(text.contains("exit 1"), "{text}");
    }
}

#[tokio::test]
async fn a_job_that_is_being_deleted_is_not_running() {
    let mut objects = running();
    objects[1].1["metadata"]["deletionTimestamp"] = "2026-11-24T07:00:00Z".into();
    let (client, _) = server(objects, |_, _| None);
    assert!(cleaned(client, &["--yes"]).await.ends_with("\nexit 0"));
}

#[tokio::test]
async fn an_object_that_can_not_be_deleted_is_named_and_keeps_nothing_else() {
    let (client, writes) = server(of_a_run(), |method, path| match (method, path) {
        ("DELETE", path) if path.contains("/clusterroles/") => Some((403, forbidden("delete", "clusterroles"))),
        ("GET", path) if path.ends_with("/v1/rolebindings") => Some((403, forbidden("list", "rolebindings"))),
        _ => None,
    });
    let text = cleaned(client, &["--yes"]).await;
    assert_snapshot!(text, @r#"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    can't list all rolebindings: rolebindings is forbidden: User "alice" cannot list resource "rolebindings"
    This deletes:
      ClusterRoleBinding eks-encrypt-r1
      ClusterRole eks-encrypt-r1
      Role eks-encrypt-r1 in namespace eks-encrypt
      Job eks-encrypt-r1 in namespace eks-encrypt with its Pods and their logs
      ServiceAccount eks-encrypt in namespace eks-encrypt
      Lease eks-encrypt in namespace eks-encrypt
      ConfigMap eks-encrypt-run in namespace eks-encrypt (the run record)
      Namespace eks-encrypt with all that is in it
    The key stays associated, and the Secrets stay as they are.
    deleted ClusterRoleBinding eks-encrypt-r1
    can't delete ClusterRole eks-encrypt-r1: clusterroles is forbidden: User "alice" cannot delete resource "clusterroles"
    deleted Role eks-encrypt-r1 in namespace eks-encrypt
    deleted Job eks-encrypt-r1 in namespace eks-encrypt with its Pods and their logs
    deleted ServiceAccount eks-encrypt in namespace eks-encrypt
    deleted Lease eks-encrypt in namespace eks-encrypt
    deleted ConfigMap eks-encrypt-run in namespace eks-encrypt (the run record)
    deleted Namespace eks-encrypt with all that is in it
    exit 1
    error: not all objects could be listed or deleted, see above; when that is fixed, run: kubectl eks-encrypt cleanup
    "#);
    assert_eq!(count(&writes), 8, "the refused one among them, and no RoleBinding");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_and_an_object_that_is_deleted_already_are_no_failures() {
    let (client, _) = server(of_a_run(), |method, path| match (method, path) {
        ("DELETE", path) if path.contains("/configmaps/") => Some(not_found(path)),
        ("GET", path) if path.ends_with("/coordination.k8s.io/v1/leases") => Some((404, NOT_SERVED.into())),
        _ => None,
    });
    let text = cleaned(client, &["--yes"]).await;
    assert!(text.contains("\nnote: this API server has no leases\n") && text.ends_with("\nexit 0"), "{text}");
}

#[tokio::test]
async fn an_empty_cluster_needs_no_question() {
    for more in [&[][..], &["--dry-run"]] {
        let (client, writes) = server(vec![], |_, _| None);
        let text = cleaned(client, more).await;
        assert!(text.ends_with("There is nothing of ours in this cluster.\nexit 0"), "{text}");
        assert_eq!(count(&writes), 0);
    }
}

/// A namespace of ours in which a Deployment and a Secret of other people are.
fn shared() -> Vec<(String, Value)> {
    let mut objects = of_a_run();
    objects.extend(["a", "b", "c", "d", "e"].map(|name| theirs("deployments", name)));
    objects.push(theirs("secrets", "registry"));
    objects
}

fn namespace_is_deleted(writes: &Writes) -> bool {
    writes.lock().unwrap().iter().any(|write| write.starts_with("DELETE /api/v1/namespaces/eks-encrypt {"))
}

#[tokio::test]
async fn a_namespace_in_which_others_live_stays() {
    let (client, writes) = server(shared(), |_, _| None);
    let text = cleaned(client, &["--yes"]).await;
    assert_snapshot!(text[text.find("This stays").unwrap()..text.find("The key").unwrap()], @r"
    This stays:
      Namespace eks-encrypt: other people have objects in it: secrets/registry, deployments.apps/a, deployments.apps/b, deployments.apps/c, deployments.apps/d, and more
        delete it with all that is in it: kubectl delete namespace eks-encrypt
    ");
    assert!(text.ends_with("\nexit 0") && !namespace_is_deleted(&writes), "{text}");
}

/// Only ten kinds were looked for: somebody's custom resources were deleted with the namespace.
#[tokio::test]
async fn custom_resources_of_others_keep_a_namespace() {
    let mut objects = of_a_run();
    objects.push(theirs("widgets", "theirs"));
    let (client, writes) = server(objects, |_, _| None);
    let text = cleaned(client, &["--yes"]).await;
    assert!(text.contains("other people have objects in it: widgets.example.com/theirs\n"), "{text}");
    assert!(!namespace_is_deleted(&writes), "{writes:?}");
}

/// Our label on somebody's Secret does not make it ours.
#[tokio::test]
async fn a_label_on_an_object_of_others_does_not_free_a_namespace() {
    let mut objects = of_a_run();
    objects.push(ours("secrets", "eks-encrypt-r1", Some("eks-encrypt")));
    let (client, writes) = server(objects, |_, _| None);
    let text = cleaned(client, &["--yes"]).await;
    assert!(text.contains("other people have objects in it: secrets/eks-encrypt-r1\n"), "{text}");
    assert!(!namespace_is_deleted(&writes), "{writes:?}");
}

/// A person may read the question for an hour.
#[tokio::test]
async fn an_object_that_is_created_after_the_question_keeps_a_namespace() {
    let scans = Mutex::new(0);
    let (client, writes) = server(of_a_run(), move |_, path| {
        let mut scans = scans.lock().unwrap();
        *scans += usize::from(path.ends_with("/namespaces/eks-encrypt/widgets"));
        let late = path.ends_with("/namespaces/eks-encrypt/widgets") && *scans > 1;
        late.then(|| list(&[theirs("widgets", "late").1]))
    });
    let text = cleaned(client, &["--yes"]).await;
    assert!(
        text.contains("\nNamespace eks-encrypt stays: other people have objects in it: widgets.example.com/late\n")
    );
    assert!(text.contains("\nexit 1\n") && !namespace_is_deleted(&writes), "{text}");
}

#[tokio::test]
async fn a_namespace_that_can_not_be_looked_into_stays() {
    let (client, writes) = server(of_a_run(), |method, path| {
        let secrets = method == "GET" && path.ends_with("/namespaces/eks-encrypt/secrets");
        secrets.then(|| (403, forbidden("list", "secrets")))
    });
    let text = cleaned(client, &["--yes"]).await;
    assert_snapshot!(text[text.find("can't").unwrap()..text.find("This deletes").unwrap()], @r#"
    can't list all objects in Namespace eks-encrypt, which stays: secrets is forbidden: User "alice" cannot list resource "secrets"
    "#);
    assert!(!namespace_is_deleted(&writes), "{writes:?}");
}

/// An API server that starts, or a proxy before it: it says nothing about what is there.
#[tokio::test(start_paused = true)]
async fn a_namespace_of_which_a_404_speaks_stays() {
    let (client, writes) = server(of_a_run(), |method, path| {
        (method == "GET" && path.ends_with("/namespaces/eks-encrypt/pods")).then(|| (404, NOT_SERVED.into()))
    });
    let text = cleaned(client, &["--yes"]).await;
    assert!(text.contains("\ncan't list all objects in Namespace eks-encrypt, which stays: "), "{text}");
    assert!(!namespace_is_deleted(&writes), "{writes:?}");
}

#[tokio::test]
async fn a_group_whose_discovery_fails_keeps_namespaces() {
    let (client, writes) = server(of_a_run(), |_, path| (path == "/apis").then(|| discovery(false, &["example.com"])));
    let text = cleaned(client, &["--yes", "--context", "prod"]).await;
    assert_snapshot!(text[text.find("can't").unwrap()..text.find("This deletes").unwrap()], @r"
    can't list all objects in Namespace eks-encrypt, which stays: the API server can't list the kinds of v1.example.com
      see why: kubectl get apiservice v1.example.com
    ");
    assert!(!namespace_is_deleted(&writes), "{writes:?}");
}

#[tokio::test]
async fn an_api_server_without_aggregated_discovery_keeps_namespaces() {
    let groups = r#"{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"#;
    let (client, writes) = server(of_a_run(), move |_, path| (path == "/apis").then(|| (200, groups.to_owned())));
    let text = cleaned(client, &["--yes"]).await;
    assert!(text.contains("the API server does not list its kinds in the aggregated form\n"), "{text}");
    assert!(!namespace_is_deleted(&writes), "{writes:?}");
}

/// A label on somebody's ClusterRoleBinding had it deleted.
#[tokio::test]
async fn a_cluster_role_binding_with_a_name_that_no_run_gives_stays() {
    let mut objects = running();
    objects.truncate(1);
    objects.push(ours("clusterrolebindings", "cluster-admins", None));
    let (client, writes) = server(objects, |_, _| None);
    let text = cleaned(client, &["--yes"]).await;
    assert!(text.contains("\n  ClusterRoleBinding cluster-admins: no run gives it this name\n"), "{text}");
    assert_eq!(count(&writes), 1);
}

/// The object was deleted and made anew by somebody else after it was listed, or changed.
#[tokio::test]
async fn an_object_that_is_not_the_one_that_was_listed_stays() {
    let conflict = json!({"kind": "Status", "status": "Failure", "code": 409, "reason": "Conflict",
        "message": "Precondition failed: UID in precondition: a, UID in object meta: b"});
    let (client, _) = server(running(), move |method, path| {
        (method == "DELETE" && path.contains("/clusterrolebindings/")).then(|| (409, conflict.to_string()))
    });
    let text = cleaned(client, &["--yes", "--force"]).await;
    assert!(text.contains("\ncan't delete ClusterRoleBinding eks-encrypt-r1: Precondition failed: UID"), "{text}");
    assert!(text.contains("\nexit 1\n"), "{text}");
}

/// A namespace that is being deleted for so many seconds after it was asked for.
async fn terminating(seconds: u64) -> String {
    let began = Instant::now();
    let (client, _) = server(of_a_run(), move |method, path| {
        let mut namespace = ours("namespaces", "eks-encrypt", None).1;
        namespace["metadata"]["deletionTimestamp"] = "2026-11-24T07:00:00Z".into();
        namespace["status"] = json!({"conditions": [{"type": "NamespaceFinalizersRemaining", "status": "True",
            "message": "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"}]});
        let asked = method == "GET" && path == "/api/v1/namespaces/eks-encrypt";
        (asked && began.elapsed().as_secs() < seconds).then(|| (200, namespace.to_string()))
    });
    let text = cleaned(client, &["--yes"]).await;
    text[text.find("Namespace eks-encrypt is being").unwrap()..].to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_namespace_is_waited_for() {
    assert_snapshot!(terminating(9).await, @r"
    Namespace eks-encrypt is being deleted: waiting for that, up to 120 s
    deleted Namespace eks-encrypt with all that is in it
    exit 0
    ");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_stuck_is_reported_with_what_remains() {
    assert_snapshot!(terminating(u64::MAX).await, @r"
    Namespace eks-encrypt is being deleted: waiting for that, up to 120 s
    namespace eks-encrypt is still being deleted after 120 s
      NamespaceFinalizersRemaining: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances
      see what keeps it: kubectl get namespace eks-encrypt -o yaml
    exit 1
    error: not all objects could be listed or deleted, see above; when that is fixed, run: kubectl eks-encrypt cleanup
    ");
}

/// Somebody has asked for its deletion before: it is waited for, and its content does not matter any more.
#[tokio::test]
async fn a_namespace_that_is_being_deleted_is_not_deleted_again() {
    let mut objects = vec![ours("namespaces", "eks-encrypt", None), theirs("widgets", "theirs")];
    objects[0].1["metadata"]["deletionTimestamp"] = "2026-11-24T07:00:00Z".into();
    let (client, writes) =
        server(objects, |_, path| (path == "/api/v1/namespaces/eks-encrypt").then(|| not_found(path)));
    let text = cleaned(client, &["--yes"]).await;
    assert!(text.ends_with("\ndeleted Namespace eks-encrypt with all that is in it\nexit 0"), "{text}");
    assert_eq!(count(&writes), 0);
}

/// A tenant can label any number of objects of their own.
#[tokio::test]
async fn a_list_without_an_end_is_left_off() {
    let (client, _) = server(vec![], |_, path| {
        let endless = json!({"metadata": {"continue": "more"}, "items": [ours("configmaps", "x", Some("ops")).1]});
        path.ends_with("/v1/configmaps").then(|| (200, endless.to_string()))
    });
    let text = cleaned(client, &["--dry-run"]).await;
    assert!(text.contains("\ncan't list all configmaps: there are more than 40 with our label\n"), "{text}");
    assert!(text.contains("\n  and 20 more objects with our label\n"), "{text}");
}
