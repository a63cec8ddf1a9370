//! How things stand, as a person and as a script read it.
use super::*;
use crate::cli::{Cli, Command};
use crate::testing::{
    self, Answer, Heard, IN_PROGRESS, KEY, NO_UPDATES, aws as scripted_aws, described, described_key, forbidden,
    kubeconfig, kubernetes, not_found, recording_api_server,
};
use clap::Parser as _;
use eks_encrypt_job::engine::verify::{Level, ServersAgree};
use eks_encrypt_job::wire::event::{Method, Phase};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::time::Instant;

const OTHER: &str = "arn:aws:kms:eu-central-1:111122223333:key/other";

fn flags(more: &[&str]) -> Flags {
    let base = ["kubectl-eks_encrypt", "status"];
    let Command::Status(flags) = Cli::try_parse_from(base.iter().chain(&testing::in_namespace(more))).unwrap().command
    else {
        panic!()
    };
    flags
}

/// A cluster that has this key.
fn with(key: &str) -> Answer {
    described(&json!({"encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": key}}]}))
}

/// AWS, where nothing is wrong.
fn calm() -> Vec<Answer> {
    vec![with(KEY), described_key("Enabled"), NO_UPDATES]
}

/// The record of a run that is complete and proven, with these fields changed.
fn record(more: &[(&str, &str)]) -> Value {
    let proof = r#"{"passes":1,"tally":{"listed":3,"rewritten":0,"current":3,"gone":0,"failed":0},
        "servers":{"servers":2,"level":"matched"}}"#;
    let verified = json!({"time": "2026-11-24T07:06:00Z", "by": "alice", "keyArn": KEY, "level": "matched", "servers": 2, "secrets": 3});
    let mut data = json!({"run": "r1", "jobUid": "u", "watermark": "100", "method": "annotate", "keyArn": KEY, "phase": "prove",
        "result": "complete", "listed": "3", "rewritten": "2", "current": "1", "gone": "0", "failed": "0",
        "updated": "2026-11-24T07:05:12Z", "proof": proof, "verified": verified.to_string()});
    for (name, value) in more {
        data[name] = (*value).into();
    }
    data
}

/// A Job of run r1 at work, or one that has ended.
fn job(over: bool, manager: &str) -> Value {
    let conditions = if over { json!([{"type": "Complete", "status": "True"}]) } else { json!([]) };
    json!({"metadata": {"name": "eks-encrypt-r1", "namespace": "eks-encrypt", "labels": {"eks-encrypt/run": "r1"},
            "managedFields": [{"manager": manager, "operation": "Apply"}]}, "status": {"conditions": conditions},
        "spec": {"template": {"spec": {"containers": [{"name": "job", "env": [{"name": "EKS_ENCRYPT_KEY_ARN", "value": KEY}]}]}}}})
}

/// An API server with this record, these Jobs, and Secrets of these versions.
fn api_server(record: Option<Value>, jobs: Vec<Value>, versions: &'static [&'static str]) -> (Client, Heard) {
    recording_api_server(move |method, path| {
        assert_eq!(method, "GET", "{path}");
        let items = |items: Vec<Value>| (200, json!({"metadata": {}, "items": items}).to_string());
        match (path.split('?').next().unwrap(), &record) {
            ("/api/v1/namespaces/eks-encrypt/configmaps/eks-encrypt-run", Some(data)) => {
                (200, json!({"metadata": {"name": "eks-encrypt-run"}, "data": data}).to_string())
            }
            ("/api/v1/namespaces/eks-encrypt/configmaps/eks-encrypt-run", None) => {
                let details = json!({"name": "eks-encrypt-run", "kind": "configmaps"});
                let status = json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "details": details});
                (404, status.to_string())
            }
            ("/apis/batch/v1/namespaces/eks-encrypt/jobs", _) => items(jobs.clone()),
            // That of a run which is at work if one is, and one that a run has left behind.
            ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", _) => {
                let binding = |run: &str| {
                    let labels = json!({"app.kubernetes.io/name": "eks-encrypt", "eks-encrypt/run": run});
                    json!({"metadata": {"name": format!("eks-encrypt-{run}"), "labels": labels}})
                };
                let at_work = jobs.iter().any(|job| job["status"]["conditions"] == json!([]));
                items(if at_work { vec![binding("r0"), binding("r1")] } else { Vec::new() })
            }
            ("/api/v1/secrets", _) => {
                let secret = |(number, version): (usize, &&str)| json!({"metadata": {"namespace": "a", "name": format!("s{number}"), "resourceVersion": version}});
                items(versions.iter().enumerate().map(secret).collect())
            }
            (path, _) => panic!("asked {path}"),
        }
    })
}

/// What is seen with these answers of AWS. The time and the version are held fast.
async fn seen_by(flags: &Flags, client: Client, server: &str, answers: &[Answer]) -> Status {
    let kubernetes = kubeconfig(client, server, "authority A");
    let aws = Ok((scripted_aws(answers).0, "shop".to_owned()));
    let status = gather(flags, &kubernetes, aws, Instant::now() + flags.timeout).await;
    Status { head: status.head.held_fast(), ..status }
}

const SERVER: &str = "https://ABC123.gr7.eu-central-1.eks.amazonaws.com";

async fn seen(client: Client, answers: &[Answer]) -> Status {
    seen_by(&flags(&[]), client, SERVER, answers).await
}

fn json_of(status: &Status) -> String {
    serde_json::to_string_pretty(status).unwrap()
}

#[tokio::test]
async fn a_cluster_without_a_key_before_and_after_1_28() {
    let mut told = Vec::new();
    for version in ["1.34", "1.27", "preview"] {
        let (client, _) = api_server(None, vec![], &["5", "6"]);
        told.push(text::text(&seen(client, &[described(&json!({"version": version})), NO_UPDATES]).await));
    }
    assert_snapshot!(told.join("\n\n"), @r"
    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    association  none: Secrets are under a key that AWS owns, as on every cluster since Kubernetes 1.28
    last run     no run has left a record
    Secrets      2; how many are under your key is not known without a run's record

    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.27, ACTIVE
    association  none: Secrets are not encrypted by KMS
    last run     no run has left a record
    Secrets      2; how many are under your key is not known without a run's record

    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes preview, ACTIVE
    association  none
    last run     no run has left a record
    Secrets      2; how many are under your key is not known without a run's record
    ");
}

#[tokio::test]
async fn complete_and_proven_and_nothing_behind() {
    let (client, heard) = api_server(Some(record(&[])), vec![job(true, "eks-encrypt")], &["101", "102", "103"]);
    let status = seen(client, &calm()).await;
    assert_snapshot!(text::text(&status), @r"
    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    association  your key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    key          usable
    last run     r1 (annotate): complete (verified by the Job), 2026-11-24 07:05:12 UTC; 3 listed: 2 rewritten, 1 current already, 0 deleted meanwhile, 0 failed
    its key      the cluster's key
    Secrets      3; all written since the last run began
    verified     2026-11-24 07:06:00 UTC by alice: 3 Secrets under arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, 2 API servers. A note proves nothing; to verify now: kubectl eks-encrypt verify --namespace eks-encrypt
    ");
    assert_snapshot!(json_of(&status), @r#"
    {
      "apiVersion": "eks-encrypt/v1",
      "kind": "Status",
      "version": "0.0.0",
      "time": "2026-11-24T08:00:00Z",
      "context": "prod",
      "cluster": {
        "arn": "arn:aws:eks:eu-central-1:111122223333:cluster/shop",
        "kubernetesVersion": "1.34",
        "status": "ACTIVE",
        "health": [],
        "keyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      },
      "run": {
        "run": "r1",
        "method": "annotate",
        "keyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "forThisKey": true,
        "watermark": "100",
        "result": "complete",
        "verifiedByJob": true,
        "updated": "2026-11-24T07:05:12Z",
        "tally": {
          "listed": 3,
          "rewritten": 2,
          "current": 1,
          "gone": 0,
          "failed": 0
        },
        "proof": {
          "passes": 1,
          "tally": {
            "listed": 3,
            "rewritten": 0,
            "current": 3,
            "gone": 0,
            "failed": 0
          },
          "servers": {
            "servers": 2,
            "level": "matched"
          }
        }
      },
      "verified": {
        "time": "2026-11-24T07:06:00Z",
        "by": "alice",
        "keyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "level": "matched",
        "servers": 2,
        "secrets": 3
      },
      "rightsLeft": [],
      "secrets": {
        "total": 3,
        "behind": 0
      },
      "notSeen": []
    }
    "#);
    assert_eq!(heard.lock().unwrap().len(), 5, "{heard:?}");
}

#[tokio::test]
async fn a_run_at_work() {
    let record = record(&[("result", ""), ("phase", "rewrite"), ("proof", ""), ("current", "0"), ("rewritten", "1")]);
    let (client, _) = api_server(Some(record), vec![job(false, "eks-encrypt")], &["90", "102", "91"]);
    let status = seen_by(&flags(&["--context", "prod"]), client, SERVER, &calm()).await;
    assert_snapshot!(text::text(&status), @r"
    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    association  your key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    key          usable
    at work      Job eks-encrypt-r1; to watch it: kubectl eks-encrypt attach --context prod --namespace eks-encrypt
    last run     r1 (annotate): not ended, 2026-11-24 07:05:12 UTC; 3 listed: 1 rewritten, 0 current already, 0 deleted meanwhile, 0 failed
    its key      the cluster's key
    rights       ClusterRoleBinding eks-encrypt-r0 still gives the right to list and patch every Secret; to delete it: kubectl delete clusterrolebinding eks-encrypt-r0
    Secrets      3; 2 NOT written since the last run began
    verified     2026-11-24 07:06:00 UTC by alice: 3 Secrets under arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, 2 API servers. A note proves nothing; to verify now: kubectl eks-encrypt verify --context prod --namespace eks-encrypt
    ");
    assert!(json_of(&status).contains(r#""atWork": "eks-encrypt-r1""#));
}

#[tokio::test]
async fn a_run_that_was_broken_off() {
    let (client, _) = api_server(Some(record(&[("result", ""), ("proof", "")])), vec![], &["90"]);
    let text = text::text(&seen(client, &calm()).await);
    assert!(text.contains("r1 (annotate): ended without a word, or at work elsewhere (--local), 2026"), "{text}");
}

#[tokio::test]
async fn an_incomplete_run_with_secrets_behind() {
    let record = record(&[("result", "incomplete"), ("failed", "1"), ("current", "0"), ("proof", "")]);
    let (client, _) = api_server(Some(record), vec![job(true, "eks-encrypt")], &["99", "102", "103"]);
    let status = seen(client, &calm()).await;
    assert_snapshot!(text::text(&status), @r"
    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    association  your key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    key          usable
    last run     r1 (annotate): incomplete, 2026-11-24 07:05:12 UTC; 3 listed: 2 rewritten, 0 current already, 0 deleted meanwhile, 1 failed
    its key      the cluster's key
    Secrets      3; 1 NOT written since the last run began
    verified     2026-11-24 07:06:00 UTC by alice: 3 Secrets under arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, 2 API servers. A note proves nothing; to verify now: kubectl eks-encrypt verify --namespace eks-encrypt
    ");
    assert_eq!(status.secrets, Some(SecretCounts { total: 3, behind: 1 }));
}

#[tokio::test]
async fn a_key_that_is_disabled_is_trouble() {
    let (client, _) = api_server(Some(record(&[])), vec![job(true, "eks-encrypt")], &["101"]);
    let health = json!({"issues": [{"code": "KmsKeyDisabled", "message": "The key is disabled"}]});
    let config = json!([{"resources": ["secrets"], "provider": {"keyArn": KEY}}]);
    let cluster = described(&json!({"encryptionConfig": config, "health": health}));
    assert_snapshot!(text::text(&seen(client, &[cluster, described_key("Disabled"), NO_UPDATES]).await), @r"
    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    health       KmsKeyDisabled: The key is disabled
    association  your key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    key          TROUBLE: KMS key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab can't encrypt a cluster: it is Disabled; `aws kms enable-key` first
    last run     r1 (annotate): complete (verified by the Job), 2026-11-24 07:05:12 UTC; 3 listed: 2 rewritten, 1 current already, 0 deleted meanwhile, 0 failed
    its key      the cluster's key
    Secrets      1; all written since the last run began
    verified     2026-11-24 07:06:00 UTC by alice: 3 Secrets under arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, 2 API servers. A note proves nothing; to verify now: kubectl eks-encrypt verify --namespace eks-encrypt
    ");
}

#[tokio::test]
async fn an_association_in_progress() {
    let (client, _) = api_server(None, vec![], &["5"]);
    let updates = (200, "", r#"{"updateIds":["u-1"]}"#);
    let status = seen(client, &[described(&json!({"status": "UPDATING"})), updates, IN_PROGRESS]).await;
    assert_snapshot!(text::text(&status), @r"
    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, UPDATING
    association  EKS is associating a key (update u-1)
    last run     no run has left a record
    Secrets      1; how many are under your key is not known without a run's record
    ");
}

#[tokio::test]
async fn without_aws_the_rest_is_shown() {
    let (client, _) = api_server(Some(record(&[])), vec![job(true, "eks-encrypt")], &["101", "99"]);
    let denied = (403, "AccessDeniedException", r#"{"message":"not authorized to perform: eks:DescribeCluster"}"#);
    let status = seen(client, &[denied]).await;
    assert_snapshot!(text::text(&status), @r"
    cluster      that of kubeconfig context prod
    last run     r1 (annotate): complete (verified by the Job), 2026-11-24 07:05:12 UTC; 3 listed: 2 rewritten, 1 current already, 0 deleted meanwhile, 0 failed
    its key      arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, but whether the cluster had it when the run began is not known
    Secrets      2; 1 NOT written since the last run began
    verified     2026-11-24 07:06:00 UTC by alice: 3 Secrets under arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, 2 API servers. A note proves nothing; to verify now: kubectl eks-encrypt verify --namespace eks-encrypt
    not seen     the association and the key: can't describe EKS cluster shop in eu-central-1 (`aws eks list-clusters --region eu-central-1` shows what is there): AccessDeniedException: not authorized to perform: eks:DescribeCluster
    ");
    assert!(json_of(&status).contains("\"notSeen\": [\n    \"the association and the key: can't describe"));
}

#[tokio::test]
async fn where_the_cluster_is_not_known_the_rest_is_shown() {
    let (client, _) = api_server(None, vec![], &["101"]);
    let stop =
        CliError { code: ExitCode::Usage, error: anyhow::anyhow!("context prod does not say:\n  add --cluster NAME") };
    let status =
        gather(&flags(&[]), &kubeconfig(client, SERVER, "authority A"), Err(stop), Instant::now() + flags(&[]).timeout)
            .await;
    assert_snapshot!(text::text(&status), @r"
    cluster      that of kubeconfig context prod
    last run     no run has left a record
    Secrets      1; how many are under your key is not known without a run's record
    not seen     the association and the key: context prod does not say: add --cluster NAME
    ");
}

#[tokio::test]
async fn another_clusters_api_server_is_not_spoken_to_and_nothing_is_said_of_its_runs() {
    let (client, heard) = api_server(None, vec![], &[]);
    let status = seen_by(&flags(&[]), client, "https://staging.example", &calm()).await;
    assert_snapshot!(text::text(&status), @r"
    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    association  your key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    key          usable
    not seen     the run and the Secrets: kubeconfig context prod is not EKS cluster shop: nothing was touched; kubeconfig: https://staging.example CA bf9899e0f16bf2d9; EKS: https://ABC123.gr7.eu-central-1.eks.amazonaws.com CA bf9899e0f16bf2d9; write the right one: aws eks update-kubeconfig --name shop --region eu-central-1; or name its context: --context NAME
    ");
    assert_eq!(*heard.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_run_for_another_key_says_nothing_of_the_secrets_now() {
    let (client, _) = api_server(Some(record(&[("keyArn", OTHER)])), vec![], &["101", "102"]);
    let status = seen(client, &calm()).await;
    assert_snapshot!(text::text(&status), @r"
    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    association  your key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    key          usable
    last run     r1 (annotate): complete (verified by the Job), 2026-11-24 07:05:12 UTC; 3 listed: 2 rewritten, 1 current already, 0 deleted meanwhile, 0 failed
    its key      NOT a key of this cluster: arn:aws:kms:eu-central-1:111122223333:key/other
    Secrets      2; how many are under the cluster's key is not known: the last run was for a key that it does not have
    verified     2026-11-24 07:06:00 UTC by alice: 3 Secrets under arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, 2 API servers. A note proves nothing; to verify now: kubectl eks-encrypt verify --namespace eks-encrypt
    ");
    assert_eq!(status.secrets, Some(SecretCounts { total: 2, behind: 2 }), "a run would write them all");
    assert!(json_of(&status).contains(r#""forThisKey": false"#));
    // Nor where no key is associated at all.
    let (client, _) = api_server(Some(record(&[])), vec![], &["101"]);
    let status = seen(client, &[described(&json!({})), NO_UPDATES]).await;
    assert_eq!(status.run.unwrap().for_this_key, Some(false));
}

#[tokio::test]
async fn a_run_that_may_be_older_than_the_association_is_told_apart() {
    let (client, _) = api_server(Some(record(&[("keyArn", "")])), vec![], &["101"]);
    let nameless = text::text(&seen(client, &calm()).await);
    let (client, _) = api_server(Some(record(&[])), vec![job(true, "kubectl")], &["101"]);
    let printed = text::text(&seen(client, &calm()).await);
    let its_key = |text: &str| text.lines().find(|line| line.starts_with("its key")).unwrap().to_owned();
    assert_snapshot!([its_key(&nameless), its_key(&printed)].join("\n"), @r"
    its key      not known: the run named none, so it may have begun before the key was associated
    its key      arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, but whether the cluster had it when the run began is not known
    ");
}

#[tokio::test(start_paused = true)]
async fn whose_job_it_was_is_not_claimed_where_the_job_can_not_be_seen() {
    let last_run = async |record: Value, jobs: (u16, String)| {
        let (client, _) = recording_api_server(move |_, path| match path {
            _ if path.contains("/configmaps/") => {
                (200, json!({"metadata": {"name": "eks-encrypt-run"}, "data": record}).to_string())
            }
            _ if path.contains("/jobs") => jobs.clone(),
            _ => (200, json!({"metadata": {}, "items": []}).to_string()),
        });
        seen(client, &calm()).await.run.unwrap().for_this_key
    };
    let none = || (200, json!({"metadata": {}, "items": []}).to_string());
    let hidden = || (403, forbidden("list", "jobs"));
    assert_eq!(last_run(record(&[]), hidden()).await, None, "the Jobs are forbidden");
    assert_eq!(last_run(record(&[]), none()).await, None, "the Job is gone");
    assert_eq!(last_run(record(&[("keyArn", OTHER)]), hidden()).await, Some(false), "another key is another key");
    // A run of this program's own process has no Job.
    for jobs in [none(), hidden()] {
        assert_eq!(last_run(record(&[("jobUid", "")]), jobs).await, Some(true));
    }
}

#[tokio::test]
async fn a_key_that_eks_knows_by_an_alias_is_the_same_key() {
    let alias = "arn:aws:kms:eu-central-1:111122223333:alias/eks";
    let (client, _) = api_server(Some(record(&[])), vec![job(true, "eks-encrypt")], &["101"]);
    let status = seen(client, &[with(alias), described_key("Enabled"), NO_UPDATES]).await;
    assert_eq!(status.run.unwrap().for_this_key, Some(true));
    let (client, _) = api_server(Some(record(&[])), vec![], &["101"]);
    let denied = (400, "AccessDeniedException", r#"{"message":"not authorized to perform: kms:DescribeKey"}"#);
    let status = seen(client, &[with(alias), denied, NO_UPDATES]).await;
    assert_eq!(status.run.as_ref().unwrap().for_this_key, None);
    let text = text::text(&status);
    assert!(
        text.contains("not seen     the key's state: you may not describe KMS key") && !text.contains("usable"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_refuses_hides_nothing_else() {
    let (client, _) = recording_api_server(|_, path| match path {
        _ if path.contains("/configmaps/") => (403, forbidden("get", "configmaps")),
        _ if path.contains("/jobs") => (403, forbidden("list", "jobs")),
        _ => (403, forbidden("list", "secrets")),
    });
    assert_snapshot!(text::text(&seen(client, &calm()).await), @r#"
    cluster      arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
    association  your key arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    key          usable
    not seen     the last run: can't read the run record ConfigMap eks-encrypt/eks-encrypt-run: configmaps is forbidden: User "alice" cannot get resource "configmaps"
    not seen     Jobs at work: jobs is forbidden: User "alice" cannot list resource "jobs"
    not seen     rights of runs: secrets is forbidden: User "alice" cannot list resource "secrets"
    not seen     the Secrets: secrets is forbidden: User "alice" cannot list resource "secrets"
    "#);
}

/// What is seen where the API server answers so: the rows that were not seen, and the seconds that it took.
async fn unseen(answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> (String, u64) {
    let (client, _) = recording_api_server(answer);
    let began = Instant::now();
    let status = seen(client, &calm()).await;
    (status.not_seen.join("\n"), began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_dead_api_server_is_given_up_after_a_quarter_of_a_minute_and_named() {
    // Nothing listens.
    let (service, handle) =
        tower_test::mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>();
    drop(handle);
    let began = Instant::now();
    let closed = seen(Client::new(service, "default"), &calm()).await;
    assert!(began.elapsed().as_secs() <= 15, "{:?}", began.elapsed());
    // Nothing comes back.
    let (service, _silent) =
        tower_test::mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>();
    let began = Instant::now();
    let silent = seen(Client::new(service, "default"), &calm()).await;
    assert_eq!(began.elapsed().as_secs(), 15);
    // A load balancer has no API server behind it.
    let (empty, took) = unseen(|_, _| (503, "no healthy upstream".into())).await;
    assert!(took <= 15, "{took}");
    assert_snapshot!([closed.not_seen.join("\n"), silent.not_seen.join("\n"), empty].join("\n"), @r"
    the run and the Secrets: the API server https://ABC123.gr7.eu-central-1.eks.amazonaws.com/: can't read the run record ConfigMap eks-encrypt/eks-encrypt-run: no answer from the API server: service closed
    the run and the Secrets: the API server https://ABC123.gr7.eu-central-1.eks.amazonaws.com/ has not answered well within 15 s
    the run and the Secrets: the API server https://ABC123.gr7.eu-central-1.eks.amazonaws.com/: can't read the run record ConfigMap eks-encrypt/eks-encrypt-run: no healthy upstream
    ");
}

/// What it said before still counts, and a list that goes on for long is no dead server.
#[tokio::test(start_paused = true)]
async fn an_api_server_that_dies_in_the_middle_hides_nothing_that_it_had_said() {
    let record = record(&[]);
    let (rows, took) = unseen(move |_, path| match path {
        _ if path.contains("/configmaps/") => {
            (200, json!({"metadata": {"name": "eks-encrypt-run"}, "data": record}).to_string())
        }
        _ if path.contains("/jobs") => (200, json!({"metadata": {}, "items": []}).to_string()),
        _ => (503, "no healthy upstream".into()),
    })
    .await;
    assert!((14..=16).contains(&took), "{took}");
    assert_snapshot!(rows, @"rights of runs and the Secrets: the API server https://ABC123.gr7.eu-central-1.eks.amazonaws.com/ has not answered well within 15 s");
}

/// A pass that has just begun has found nothing that moved.
#[test]
fn a_run_that_has_not_ended_well_is_not_proven_whatever_its_proof_says() {
    let proven = |result| {
        let proof = Some(Proof {
            passes: 1,
            tally: Tally::default(),
            servers: Some(ServersAgree { servers: 2, level: Level::Matched }),
        });
        let tally = Tally { listed: 3, rewritten: 3, ..Tally::default() };
        let (watermark, updated) = (Watermark::new("100"), Timestamp::UNIX_EPOCH);
        let (run, job_uid, key_arn) = ("r1".into(), String::new(), String::new());
        let (method, phase) = (Method::Touch, Phase::Prove);
        let record = Record { run, job_uid, watermark, method, key_arn, phase, result, tally, proof, updated };
        last_run(record, None).verified_by_job
    };
    assert!(!proven(None), "it is at work, or was killed");
    assert!(!proven(Some(RunResult::Stopped)));
    assert!(!proven(Some(RunResult::Incomplete)));
    assert!(proven(Some(RunResult::Complete)));
}

/// Each run has a namespace of its own.
#[tokio::test]
async fn without_a_namespace_the_newest_record_of_all_runs_is_shown() {
    let client = kubernetes(|_, path| {
        let items = |items: Value| (200, json!({"metadata": {}, "items": items}).to_string());
        let namespace = |run: &str| {
            let labels = json!({"app.kubernetes.io/name": "eks-encrypt", "eks-encrypt/run": run});
            json!({"metadata": {"name": format!("eks-encrypt-{run}"), "labels": labels}})
        };
        let written = |run: &str, updated: &str| {
            let data = record(&[("run", run), ("updated", updated)]);
            (200, json!({"metadata": {"name": "eks-encrypt-run"}, "data": data}).to_string())
        };
        match path.split('?').next().unwrap() {
            "/api/v1/namespaces" => items(json!([namespace("r1"), namespace("r2"), namespace("r3")])),
            "/api/v1/namespaces/eks-encrypt-r1/configmaps/eks-encrypt-run" => written("r1", "2026-11-24T07:00:00Z"),
            "/api/v1/namespaces/eks-encrypt-r2/configmaps/eks-encrypt-run" => written("r2", "2026-11-24T09:00:00Z"),
            path if path.contains("/configmaps/") => testing::not_found(path),
            _ => items(json!([])),
        }
    });
    let Command::Status(flags) = Cli::try_parse_from(["kubectl-eks_encrypt", "status"]).unwrap().command else {
        panic!()
    };
    let status = seen_by(&flags, client, SERVER, &calm()).await;
    assert_eq!(status.run.map(|run| run.run).as_deref(), Some("r2"));
    assert_eq!(status.not_seen, Vec::<String>::new());
}

/// X8: each page names another one.
#[tokio::test]
async fn a_list_without_an_end_ends_when_the_time_is_up() {
    let pages = std::sync::atomic::AtomicU64::new(0);
    let (client, _) = recording_api_server(move |_, path| match path {
        _ if path.contains("/configmaps/") => not_found(path),
        _ if path.contains("/jobs") => (200, json!({"metadata": {}, "items": []}).to_string()),
        _ => {
            let page = pages.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let secret =
                json!({"metadata": {"namespace": "a", "name": format!("s{page:012}"), "resourceVersion": "1"}});
            let metadata = json!({"resourceVersion": "9", "continue": page.to_string()});
            (200, json!({"metadata": metadata, "items": [secret]}).to_string())
        }
    });
    let (flags, answers) = (flags(&["--timeout", "1s"]), calm());
    let looked = seen_by(&flags, client, SERVER, &answers);
    let status = tokio::time::timeout(Duration::from_secs(20), looked).await.expect("it ends by itself");
    assert_snapshot!(status.not_seen.join("\n"), @"the Secrets: time is up (--timeout)");
}
