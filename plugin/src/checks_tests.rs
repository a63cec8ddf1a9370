//! The checks as one scenario: what is said, and what is asked of whom.
use super::*;
use crate::testing::run::{IDENTITY, changes_nothing, passing};
use crate::testing::{
    Answer, KEY, NO_UPDATES, api_object, asked, aws, described, described_key, enable, error_text, kubeconfig,
    not_found, recording_api_server,
};
use insta::assert_snapshot;

/// What AWS answers where nothing is wrong: who we are, the cluster, the key, its rotation, its grants, no updates.
fn calm() -> [Answer; 6] {
    [
        (200, "", IDENTITY),
        described(&serde_json::json!({})),
        described_key("Enabled"),
        (200, "", r#"{"KeyRotationEnabled":true}"#),
        (200, "", r#"{"Grants":[],"Truncated":false}"#),
        NO_UPDATES,
    ]
}

/// The checks of an `enable`.
async fn checked(aws: AwsContext, kubernetes: Kubernetes, terminal: &Terminal) -> Result<PreflightReport, CliError> {
    let flags = enable(&[]);
    let target = Target { cluster: "shop".into(), key: Some(KEY.into()), ..Target::default() };
    let (engine, job) = (&flags.engine, &flags.job);
    let wanted =
        PreflightOptions { target: Some(&target), push: None, kube: &flags.kube, engine, job, reencrypt: true };
    run_checks(&wanted, Some(Ok(aws)), Ok(kubernetes), terminal).await.map_err(|failed| failed.stop)
}

#[tokio::test]
async fn every_check_passes() {
    let (aws, http) = aws(&calm());
    let (client, heard) = recording_api_server(passing);
    let kubernetes = kubeconfig(client, "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "authority A");
    let terminal = Terminal::captured();
    let Ok(ground) = checked(aws, kubernetes, &terminal).await else { panic!("{}", terminal.text()) };
    assert_eq!(ground.eks.unwrap().plan, AssociationPlan::Associate);
    assert_snapshot!(terminal.text(), @r"
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    cluster              arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
      ok    cluster health       EKS reports no issue
      ok    kubeconfig           context prod has this cluster's server and CA
      ok    Kubernetes identity  alice@example
      ok    key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      ok    key rotation         automatic
      ok    key use              no grant to others (what key policies and IAM allow is not seen here)
      ok    association          no key is associated yet
      ok    API servers          1, each can be asked for the key that it writes under
      ok    rights               RBAC and a Job may be made in namespace eks-encrypt
      ok    run                  no active run
      ok    admission            no webhook or policy is asked before Secrets are written
      ok    Secrets              2,013 Secrets (the metadata of one was asked for, no data)
    Every check passed.
    ");
    assert_eq!(
        asked(&http),
        ["POST /", "GET /clusters/shop", "POST /", "POST /", "POST /", "GET /clusters/shop/updates"]
    );
    for call in heard.lock().unwrap().iter() {
        assert!(changes_nothing(call), "{call}");
    }
}

#[tokio::test]
async fn a_job_in_the_way_is_refused_before_the_key_is_associated() {
    let (aws, http) = aws(&calm());
    let by_hand = r#"{"metadata":{},"items":[{"metadata":{"name":"eks-encrypt","namespace":"eks-encrypt","labels":{"eks-encrypt/run":"by-hand"}}}]}"#;
    let (client, _) = recording_api_server(move |method, path| match (method, path) {
        ("POST", _) => (201, r#"{"spec":{},"metadata":{},"status":{"allowed":true}}"#.into()),
        ("GET", path) if path.contains("/jobs?") => (200, by_hand.into()),
        ("GET", path) if path.contains("admissionregistration") || path.contains("/secrets?") => {
            (200, r#"{"metadata":{},"items":[]}"#.into())
        }
        ("GET", path) => not_found(path),
        (_, path) => (200, api_object(path)),
    });
    let kubernetes = kubeconfig(client, "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "authority A");
    let terminal = Terminal::captured();
    let Err(stop) = checked(aws, kubernetes, &terminal).await else { panic!("passed") };
    assert_eq!(stop.code, ExitCode::Refused);
    assert!(terminal.text().contains("FAIL  run                  Job eks-encrypt in namespace"), "{}", terminal.text());
    assert!(!asked(&http).iter().any(|call| call.contains("associate")));
}

#[tokio::test]
async fn another_clusters_api_server_is_not_spoken_to() {
    let (aws, http) = aws(&[(200, "", IDENTITY), described(&serde_json::json!({}))]);
    let (client, heard) = recording_api_server(|_, path| not_found(path));
    let kubernetes = kubeconfig(client, "https://staging.example", "authority A");
    let terminal = Terminal::captured();
    let Err(stop) = checked(aws, kubernetes, &terminal).await else { panic!("passed") };
    assert_snapshot!(format!("{}\n{}", terminal.text(), error_text(stop)), @r"
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    cluster              arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
      ok    cluster health       EKS reports no issue
      FAIL  kubeconfig           kubeconfig context prod is not EKS cluster shop: nothing was touched
                                   kubeconfig: https://staging.example CA bf9899e0f16bf2d9
                                   EKS:        https://ABC123.gr7.eu-central-1.eks.amazonaws.com CA bf9899e0f16bf2d9
                                   write the right one: aws eks update-kubeconfig --name shop --region eu-central-1
                                   or name its context: --context NAME
      FAIL  key                  can't describe KMS key
                                   arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab (you need
                                   kms:DescribeKey and kms:CreateGrant on it; another account's key must allow both in its
                                   key policy): dispatch failure: other: StaticReplayClient: no more test data available to
                                   respond with
      -     association          not checked: the key can't be used
      -     API servers          not checked: the kubeconfig's cluster is not known to be the right one
      -     rights               not checked: the kubeconfig's cluster is not known to be the right one
      -     run                  not checked: the kubeconfig's cluster is not known to be the right one
      -     admission            not checked: the kubeconfig's cluster is not known to be the right one
      -     Secrets              not checked: the kubeconfig's cluster is not known to be the right one
    exit 3
    error: 2 checks failed, 6 not checked; nothing was changed.
    ");
    assert_eq!(*heard.lock().unwrap(), [""; 0]);
    assert_eq!(asked(&http), ["POST /", "GET /clusters/shop"]);
}

/// The checks where a namespace that a run made is being deleted for so many seconds. Nothing can be created in it meanwhile, which
/// was called a missing right.
async fn checked_while_terminating(seconds: u64) -> (Result<PreflightReport, CliError>, String) {
    let (aws, _) = aws(&calm());
    let began = tokio::time::Instant::now();
    let (client, _) = recording_api_server(move |method, path| {
        let terminating = began.elapsed().as_secs() < seconds;
        match (method, path) {
            ("GET", "/api/v1/namespaces/eks-encrypt") if terminating => {
                let namespace = serde_json::json!({"metadata": {"name": "eks-encrypt",
                    "labels": {"app.kubernetes.io/name": "eks-encrypt"}, "deletionTimestamp": "2026-11-24T07:00:00Z"},
                    "status": {"conditions": [{"type": "NamespaceContentRemaining", "status": "True",
                        "message": "Some resources are remaining: pods. has 1 resource instances"}]}});
                (200, namespace.to_string())
            }
            ("PATCH", path) if terminating && path.contains("/namespaces/eks-encrypt/") => {
                let status = serde_json::json!({"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
                    "message": "roles is forbidden: unable to create new content in namespace eks-encrypt because it is being \
                                terminated"});
                (403, status.to_string())
            }
            _ => passing(method, path),
        }
    });
    let kubernetes = kubeconfig(client, "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "authority A");
    let terminal = Terminal::captured();
    let ground = checked(aws, kubernetes, &terminal).await;
    let text = terminal.text();
    (ground, text[text.find("Namespace eks-encrypt is being").unwrap_or_default()..].to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_being_deleted_is_waited_for() {
    let (ground, text) = checked_while_terminating(7).await;
    assert!(ground.is_ok(), "{text}");
    assert_snapshot!(text, @r"
    Namespace eks-encrypt is being deleted: waiting for that, up to 120 s
      ok    namespace            eks-encrypt was being deleted, and does not exist any more
      ok    rights               RBAC and a Job may be made in namespace eks-encrypt
      ok    run                  no active run
      ok    admission            no webhook or policy is asked before Secrets are written
      ok    Secrets              2,013 Secrets (the metadata of one was asked for, no data)
    Every check passed.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_stays_is_refused_with_what_remains() {
    let (ground, text) = checked_while_terminating(u64::MAX).await;
    let Err(stop) = ground else { panic!("passed: {text}") };
    assert_eq!(stop.code, ExitCode::Refused);
    assert_snapshot!(text, @r"
    Namespace eks-encrypt is being deleted: waiting for that, up to 120 s
      FAIL  namespace            namespace eks-encrypt is still being deleted after 120 s
                                   NamespaceContentRemaining: Some resources are remaining: pods. has 1 resource instances
                                   see what keeps it: kubectl get namespace eks-encrypt -o yaml
      -     rights               not checked: the Job's namespace is being deleted
      -     run                  not checked: the Job's namespace is being deleted
      -     admission            not checked: the Job's namespace is being deleted
      -     Secrets              not checked: the Job's namespace is being deleted
    ");
}
