//! What is removed, in which order, and what is not.
use super::*;
use crate::cli::{Cli, Command};
use crate::testing::{Heard, NOT_SERVED, forbidden, heard, kubeconfig, not_found, told};
use clap::Parser as _;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::time::Instant;

type Reply = (u16, String);

fn flags(more: &[&str]) -> Cleanup {
    let base = ["kubectl-eks_encrypt", "cleanup"];
    let Command::Cleanup(flags) = Cli::try_parse_from(base.iter().chain(more)).unwrap().command else { panic!() };
    flags
}

fn list(items: &[Value]) -> Reply {
    (200, json!({"metadata": {}, "items": items}).to_string())
}

fn ours(name: &str, namespace: Option<&str>) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/name": "eks-encrypt"}}})
}

/// What a run has left: the answers to lists, by the end of their path.
fn of_a_run(path: &str) -> Reply {
    let here = Some("eks-encrypt");
    let all = [
        ("/clusterrolebindings", ours("eks-encrypt-r1", None)),
        ("/rolebindings", ours("eks-encrypt", here)),
        ("/clusterroles", ours("eks-encrypt-r1", None)),
        ("/roles", ours("eks-encrypt", here)),
        ("/jobs", ours("eks-encrypt-r1", here)),
        ("/serviceaccounts", ours("eks-encrypt", here)),
        ("/leases", ours("eks-encrypt", here)),
        ("/configmaps", ours("eks-encrypt-run", here)),
        ("/namespaces", ours("eks-encrypt", None)),
    ];
    let found = all.iter().find(|(end, _)| path.ends_with(end)).map(|(_, object)| object.clone());
    list(&found.into_iter().collect::<Vec<_>>())
}

/// An API server that has what a run left, and gives these answers before any other.
fn server(first: impl Fn(&str, &str) -> Option<Reply> + Send + Sync + 'static) -> (Client, Heard) {
    heard(move |method, path| {
        let bare = path.split('?').next().unwrap();
        if let Some(reply) = first(method, bare) {
            return reply;
        }
        match method {
            "DELETE" => (200, r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#.into()),
            // The list by which a Job at work is found is of whole Jobs, and so that of Jobs that have ended.
            "GET" if bare == "/apis/batch/v1/jobs" => {
                let mut job = ours("eks-encrypt-r1", Some("eks-encrypt"));
                job["status"] = json!({"conditions": [{"type": "Complete", "status": "True"}]});
                list(&[job])
            }
            "GET" => of_a_run(bare),
            _ => panic!("asked {method} {path}"),
        }
    })
}

async fn cleaned(client: Client, more: &[&str]) -> String {
    let (screen, kubernetes) = (Screen::kept(), kubeconfig(client, "https://127.0.0.1:1", "authority A"));
    let end = remove_all(&flags(more), &kubernetes, &screen).await;
    format!("{}\n{}", screen.text(), end.map_or_else(told, |code| format!("exit {}", code as u8)))
}

/// The calls that change something.
fn writes(heard: &Heard) -> Vec<String> {
    heard.lock().unwrap().iter().filter(|call| !call.starts_with("GET ")).cloned().collect()
}

#[tokio::test]
async fn rights_go_first_evidence_last_and_the_namespace_at_the_end() {
    let (client, heard) = server(|_, _| None);
    assert_snapshot!(cleaned(client, &[]).await, @r"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    removed ClusterRoleBinding eks-encrypt-r1
    removed RoleBinding eks-encrypt in namespace eks-encrypt
    removed ClusterRole eks-encrypt-r1
    removed Role eks-encrypt in namespace eks-encrypt
    removed Job eks-encrypt-r1 in namespace eks-encrypt with its Pods and their logs
    removed ServiceAccount eks-encrypt in namespace eks-encrypt
    removed Lease eks-encrypt in namespace eks-encrypt
    removed ConfigMap eks-encrypt-run in namespace eks-encrypt (the run record)
    removed Namespace eks-encrypt with all that is in it
    Removed. The key stays associated, and the Secrets stay as they are.
    exit 0
    ");
    assert_snapshot!(writes(&heard).join("\n").replace('?', ""), @r"
    DELETE /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-r1
    DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt
    DELETE /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-r1
    DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt
    DELETE /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-r1
    DELETE /api/v1/namespaces/eks-encrypt/serviceaccounts/eks-encrypt
    DELETE /apis/coordination.k8s.io/v1/namespaces/eks-encrypt/leases/eks-encrypt
    DELETE /api/v1/namespaces/eks-encrypt/configmaps/eks-encrypt-run
    DELETE /api/v1/namespaces/eks-encrypt
    ");
    let labelled = |call: &&String| call.contains("labelSelector=app.kubernetes.io%2Fname%3Deks-encrypt");
    assert_eq!(heard.lock().unwrap().iter().filter(labelled).count(), 11);
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let (client, heard) = server(|_, _| None);
    assert_snapshot!(cleaned(client, &["--dry-run"]).await, @r"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    would remove ClusterRoleBinding eks-encrypt-r1
    would remove RoleBinding eks-encrypt in namespace eks-encrypt
    would remove ClusterRole eks-encrypt-r1
    would remove Role eks-encrypt in namespace eks-encrypt
    would remove Job eks-encrypt-r1 in namespace eks-encrypt with its Pods and their logs
    would remove ServiceAccount eks-encrypt in namespace eks-encrypt
    would remove Lease eks-encrypt in namespace eks-encrypt
    would remove ConfigMap eks-encrypt-run in namespace eks-encrypt (the run record)
    would remove Namespace eks-encrypt with all that is in it
    This was a dry run: nothing was removed.
    exit 0
    ");
    assert_eq!(writes(&heard), [""; 0]);
}

/// A Job that has not ended.
fn at_work(method: &str, path: &str) -> Option<Reply> {
    (method == "GET" && path == "/apis/batch/v1/jobs").then(|| list(&[ours("eks-encrypt-r2", Some("ops"))]))
}

#[tokio::test]
async fn a_run_at_work_is_refused_unless_it_is_forced() {
    let (client, heard) = server(at_work);
    assert_snapshot!(cleaned(client, &["--context", "prod"]).await, @r"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    exit 3
    error: Job eks-encrypt-r2 is at work in namespace ops: nothing was removed
      watch it: kubectl eks-encrypt attach --context prod --namespace ops
      or stop it: kubectl eks-encrypt cleanup --context prod --force (Secrets that it has not reached stay as they are)
    ");
    assert_eq!(writes(&heard), [""; 0]);
    let (client, heard) = server(at_work);
    let forced = cleaned(client, &["--force"]).await;
    assert!(forced.contains("\nremoved Job eks-encrypt-r2 in namespace ops with its Pods"), "{forced}");
    assert!(forced.ends_with("\nexit 0"), "{forced}");
    assert!(writes(&heard)[0].contains("/clusterrolebindings/"), "{:?}", writes(&heard));
}

/// A lease that a run in somebody's process holds, and renews this often.
fn held(renewed_every: u64) -> impl Fn(&str, &str) -> Option<Reply> + Send + Sync + 'static {
    let began = Instant::now();
    move |method, path| {
        let mut lease = ours("eks-encrypt", Some("ops"));
        lease["metadata"]["resourceVersion"] = (began.elapsed().as_secs() / renewed_every).to_string().into();
        lease["spec"] = json!({"holderIdentity": "r1/local-0a", "leaseDurationSeconds": 20});
        match (method, path) {
            ("GET", "/apis/coordination.k8s.io/v1/leases") => Some(list(&[lease])),
            ("GET", "/apis/coordination.k8s.io/v1/namespaces/ops/leases/eks-encrypt") => Some((200, lease.to_string())),
            _ => None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_local_run_at_work_has_no_job_and_is_refused_by_its_lease() {
    let (client, heard) = server(held(5));
    assert_snapshot!(cleaned(client, &["--context", "prod"]).await, @r"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    r1/local-0a has the lease in namespace ops; watching for up to 20 s whether it is at work
    exit 3
    error: a run is at work in namespace ops, without a Job of ours: r1/local-0a renews the lease; nothing was removed
      wait until it has ended, or end it where it was begun (--local); or remove all the same: kubectl eks-encrypt cleanup --context prod --force (that run goes on without a record)
    ");
    assert_eq!(writes(&heard), [""; 0]);
    let (client, heard) = server(held(5));
    assert!(cleaned(client, &["--force"]).await.ends_with("\nexit 0"));
    assert!(writes(&heard).iter().any(|call| call.contains("/leases/")), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_renews_is_removed() {
    let (client, heard) = server(held(3_600));
    let text = cleaned(client, &[]).await;
    assert!(text.contains("watching for up to 20 s") && text.ends_with("\nexit 0"), "{text}");
    assert!(writes(&heard).iter().any(|call| call.contains("/leases/")), "{heard:?}");
}

/// Without the right to see leases nobody knows, and with --force it does not matter.
#[tokio::test]
async fn whether_a_local_run_is_at_work_must_be_seen() {
    let denied = |_: &str, path: &str| path.ends_with("/v1/leases").then(|| (403, forbidden("list", "leases")));
    let (client, heard) = server(denied);
    let text = cleaned(client, &[]).await;
    assert!(
        text.contains("\nerror: can't list Leases, so it is not known whether a run is at work: nothing"),
        "{text}"
    );
    assert_eq!(writes(&heard), [""; 0]);
    let (client, _) = server(denied);
    assert!(cleaned(client, &["--force"]).await.contains("\ncan't list leases, none was removed"));
}

#[tokio::test]
async fn a_job_that_is_being_deleted_is_not_at_work() {
    let (client, _) = server(|method, path| {
        let mut job = ours("eks-encrypt-r2", Some("ops"));
        job["metadata"]["deletionTimestamp"] = "2026-11-24T07:00:00Z".into();
        (method == "GET" && path == "/apis/batch/v1/jobs").then(|| list(&[job]))
    });
    assert!(cleaned(client, &[]).await.ends_with("\nexit 0"));
}

#[tokio::test]
async fn whether_a_run_is_at_work_must_be_seen() {
    let (client, heard) =
        server(|_, path| (path == "/apis/batch/v1/jobs").then(|| (403, forbidden("list", "jobs.batch"))));
    assert_snapshot!(cleaned(client, &[]).await, @r#"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    exit 1
    error: can't list Jobs, so it is not known whether a run is at work: nothing was removed: jobs.batch is forbidden: User "alice" cannot list resource "jobs.batch"
    "#);
    assert_eq!(writes(&heard), [""; 0]);
}

#[tokio::test]
async fn what_can_not_be_removed_is_named_and_keeps_nothing_else() {
    let (client, heard) = server(|method, path| match (method, path) {
        ("DELETE", path) if path.contains("/clusterroles/") => Some((403, forbidden("delete", "clusterroles"))),
        ("GET", path) if path.ends_with("/v1/serviceaccounts") => Some((403, forbidden("list", "serviceaccounts"))),
        _ => None,
    });
    assert_snapshot!(cleaned(client, &[]).await, @r#"
    Cluster: kubeconfig context prod, https://127.0.0.1:1/
    removed ClusterRoleBinding eks-encrypt-r1
    removed RoleBinding eks-encrypt in namespace eks-encrypt
    can't remove ClusterRole eks-encrypt-r1: clusterroles is forbidden: User "alice" cannot delete resource "clusterroles"
    removed Role eks-encrypt in namespace eks-encrypt
    removed Job eks-encrypt-r1 in namespace eks-encrypt with its Pods and their logs
    can't list serviceaccounts, none was removed: serviceaccounts is forbidden: User "alice" cannot list resource "serviceaccounts"
    removed Lease eks-encrypt in namespace eks-encrypt
    removed ConfigMap eks-encrypt-run in namespace eks-encrypt (the run record)
    removed Namespace eks-encrypt with all that is in it
    exit 1
    error: not everything could be looked for or removed, see above; when that is mended, run the same command again
    "#);
    assert_eq!(writes(&heard).len(), 8, "the refused one among them, and no ServiceAccount");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_and_an_object_that_is_gone_are_no_failures() {
    let (client, _) = server(|method, path| match (method, path) {
        ("DELETE", path) if path.contains("/configmaps/") => Some(not_found(path)),
        ("GET", path) if path.ends_with("/v1/serviceaccounts") => Some((404, NOT_SERVED.into())),
        _ => None,
    });
    let text = cleaned(client, &[]).await;
    assert!(text.contains("\nnote: this API server has no serviceaccounts\n"), "{text}");
    assert!(!text.contains("ConfigMap") && text.ends_with("\nexit 0"), "{text}");
}

#[tokio::test]
async fn where_there_is_nothing_that_is_said() {
    for more in [&[][..], &["--dry-run"]] {
        let (client, heard) = heard(|_, _| list(&[]));
        let text = cleaned(client, more).await;
        assert!(text.ends_with("There is nothing of ours in this cluster.\nexit 0"), "{text}");
        assert_eq!(writes(&heard), [""; 0]);
    }
}

/// A namespace of ours into which somebody has put things: a Secret with which the image is pulled, and a workload.
fn shared(method: &str, path: &str) -> Option<Reply> {
    let of = |items: &[(&str, Value)]| {
        let object = |(name, labels): &(&str, Value)| json!({"metadata": {"name": name, "labels": labels}});
        Some(list(&items.iter().map(object).collect::<Vec<_>>()))
    };
    let nobodys = || json!({});
    match (method, path.strip_prefix("/api/v1/namespaces/eks-encrypt/")?) {
        ("GET", "secrets") => of(&[("registry", nobodys())]),
        // Pods of a run, one with the person's own name for the application.
        ("GET", "pods") => of(&[
            ("eks-encrypt-r1-x", json!({"app.kubernetes.io/name": "eks-encrypt"})),
            ("eks-encrypt-r1-y", json!({"app.kubernetes.io/name": "mine", "eks-encrypt/run": "r1"})),
            ("web-0", json!({"app.kubernetes.io/name": "web"})),
            ("web-1", nobodys()),
            ("web-2", nobodys()),
            ("web-3", nobodys()),
            ("web-4", nobodys()),
        ]),
        ("GET", "configmaps") => {
            of(&[("kube-root-ca.crt", nobodys()), ("eks-encrypt-run", json!({"eks-encrypt/run": "r1"}))])
        }
        _ => None,
    }
}

#[tokio::test]
async fn a_namespace_in_which_others_live_is_left() {
    let (client, heard) = server(shared);
    let dry = cleaned(client, &["--dry-run"]).await;
    assert!(dry.contains("\nwould leave Namespace eks-encrypt: others have put things into it: Pod web-0,"), "{dry}");
    assert_eq!(writes(&heard), [""; 0]);
    let (client, heard) = server(shared);
    let text = cleaned(client, &[]).await;
    assert_snapshot!(text[text.find("left Namespace").unwrap()..], @r"
    left Namespace eks-encrypt: others have put things into it: Pod web-0, Pod web-1, Pod web-2, Pod web-3, Pod web-4, and 1 more
      to remove it with all that is in it: kubectl delete namespace eks-encrypt
    The rest is removed. The key stays associated, and the Secrets stay as they are.
    exit 0
    ");
    assert!(!writes(&heard).iter().any(|call| call.contains("DELETE /api/v1/namespaces/eks-encrypt?")), "{heard:?}");
}

#[tokio::test]
async fn a_namespace_into_which_nobody_may_look_is_left() {
    let (client, heard) = server(|method, path| {
        let secrets = method == "GET" && path.ends_with("/namespaces/eks-encrypt/secrets");
        secrets.then(|| (403, forbidden("list", "secrets")))
    });
    let text = cleaned(client, &[]).await;
    assert_snapshot!(text[text.find("left Namespace").unwrap()..], @r#"
    left Namespace eks-encrypt: can't see whether others have put things into it: secrets is forbidden: User "alice" cannot list resource "secrets"
      to remove it with all that is in it: kubectl delete namespace eks-encrypt
    The rest is removed. The key stays associated, and the Secrets stay as they are.
    exit 0
    "#);
    assert!(!writes(&heard).iter().any(|call| call.contains("DELETE /api/v1/namespaces/eks-encrypt?")), "{heard:?}");
}

/// An API server that starts, or a proxy before it: it says nothing of what is there.
#[tokio::test(start_paused = true)]
async fn a_namespace_of_which_a_404_speaks_is_left() {
    let (client, heard) = server(|method, path| {
        let pods = method == "GET" && path.ends_with("/namespaces/eks-encrypt/pods");
        pods.then(|| (404, NOT_SERVED.into()))
    });
    let text = cleaned(client, &[]).await;
    assert!(text.contains("left Namespace eks-encrypt: can't see whether others have put things into it"), "{text}");
    assert!(!writes(&heard).iter().any(|call| call.contains("DELETE /api/v1/namespaces/eks-encrypt?")), "{heard:?}");
}
