//! The whole second half as scenarios: a cluster that has the key, against a scripted API server.
use super::*;
use crate::checks::run_checks;
use crate::testing::run::{IDENTITY, api_server, changes_nothing, passing};
use crate::testing::{
    self, IN_PROGRESS, NO_UPDATES, WITH, asked as asked_of_aws, aws, cluster, described, described_key, document,
    enable as flags, error_text, kubeconfig, recording_api_server,
};
use eks_encrypt_job::engine::verify::Level;
use insta::assert_snapshot;
use serde_json::json;

/// A cluster that has the key already.
fn ground(client: kube::Client) -> PreflightReport {
    testing::preflight_report(client, &[WITH])
}

#[tokio::test(start_paused = true)]
async fn a_run_is_made_followed_and_its_rights_are_taken_away() {
    let (client, asked) = api_server("not there", "complete", 0);
    let (terminal, phase) = (Terminal::captured(), RefCell::default());
    let code = execute(&flags(&[]), &ground(client), &terminal, &phase).await.unwrap();
    assert_eq!(code, ExitCode::Done, "{}", terminal.text());
    assert_eq!(phase.into_inner(), Phase::Verifying);
    assert_snapshot!(asked.lock().unwrap().join("\n"), @r"
    GET /readyz
    GET /api/v1/secrets
    GET /api/v1/namespaces/eks-encrypt
    GET /apis/batch/v1/namespaces/eks-encrypt/jobs
    GET /apis/rbac.authorization.k8s.io/v1/clusterrolebindings
    GET /api/v1/namespaces/eks-encrypt
    POST /api/v1/namespaces
    POST /api/v1/namespaces/eks-encrypt/serviceaccounts
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt-RUN
    PATCH /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-RUN
    GET /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-RUN
    GET /api/v1/namespaces/eks-encrypt/pods
    GET /api/v1/namespaces/eks-encrypt/pods/p/log
    GET /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-RUN
    GET /api/v1/namespaces/eks-encrypt/pods
    GET /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-RUN
    DELETE /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-RUN
    GET /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt-RUN
    DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt-RUN
    GET /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-RUN
    DELETE /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-RUN
    GET /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt-RUN
    DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt-RUN
    GET /api/v1/namespaces/eks-encrypt/serviceaccounts/eks-encrypt-RUN
    DELETE /api/v1/namespaces/eks-encrypt/serviceaccounts/eks-encrypt-RUN
    GET /api/v1/secrets
    POST /apis/authentication.k8s.io/v1/selfsubjectreviews
    PATCH /api/v1/namespaces/eks-encrypt/configmaps/eks-encrypt-run
    ");
}

#[tokio::test(start_paused = true)]
async fn a_failed_secret_makes_the_exit_code_say_so() {
    let (client, _) = api_server("not there", "incomplete", 1);
    let terminal = Terminal::captured();
    let code = execute(&flags(&[]), &ground(client), &terminal, &RefCell::default()).await.unwrap();
    assert_eq!(code, ExitCode::Incomplete);
    assert!(terminal.text().contains("NOT DONE: 1 of 3 Secrets could not be re-encrypted."), "{}", terminal.text());
}

#[tokio::test(start_paused = true)]
async fn a_job_at_work_is_followed_and_not_doubled() {
    let (client, asked) = api_server("there", "complete", 0);
    let code = execute(&flags(&[]), &ground(client), &Terminal::captured(), &RefCell::default()).await.unwrap();
    assert_eq!(code, ExitCode::Done);
    let patched: Vec<_> = asked.lock().unwrap().iter().filter(|call| call.starts_with("PATCH")).cloned().collect();
    assert_snapshot!(patched.join("\n"), @r"
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/roles/eks-encrypt-RUN
    PATCH /apis/rbac.authorization.k8s.io/v1/namespaces/eks-encrypt/rolebindings/eks-encrypt-RUN
    PATCH /api/v1/namespaces/eks-encrypt/configmaps/eks-encrypt-run
    ");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_may_not_be_made_is_named() {
    let (client, asked) = api_server("clusterroles", "complete", 0);
    let error = execute(&flags(&[]), &ground(client), &Terminal::captured(), &RefCell::default()).await.unwrap_err();
    let id =
        asked.lock().unwrap().iter().find_map(|call| Some(call.split_once("/clusterroles/")?.1.to_owned())).unwrap();
    assert_eq!(id, "eks-encrypt-RUN");
    let (head, rest) =
        error_text(error).split_once("ClusterRole eks-encrypt-").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_snapshot!(format!("{head}ClusterRole RUN:{}", rest.split_once(':').unwrap().1), @r"
    exit 6
    error: can't apply ClusterRole RUN: no Secret has been re-encrypted by this run, and it has been taken back; run the same command again when this is mended: you may not
    ");
    assert!(!asked.lock().unwrap().iter().any(|call| call.contains("PATCH") && call.contains("/jobs/")));
    assert!(
        asked.lock().unwrap().iter().any(|call| call.starts_with("DELETE") && call.contains("/clusterrolebindings/"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_apply_failed_is_taken_away_for_it_may_be_there() {
    let (client, asked) = api_server("jobs", "complete", 0);
    let error = execute(&flags(&[]), &ground(client), &Terminal::captured(), &RefCell::default()).await.unwrap_err();
    let told = error_text(error);
    assert!(!told.contains("no Secret has been re-encrypted"), "nobody knows: {told}");
    let deleted: Vec<_> = asked.lock().unwrap().iter().filter(|call| call.starts_with("DELETE")).cloned().collect();
    assert_eq!(deleted.len(), 6, "{deleted:?}");
    assert_eq!(deleted[0], "DELETE /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-RUN");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_ended_is_reported_and_the_run_that_was_asked_for_is_made() {
    let (client, asked) = api_server("over", "complete", 0);
    let terminal = Terminal::captured();
    let code = execute(&flags(&[]), &ground(client), &terminal, &RefCell::default()).await.unwrap();
    assert_eq!(code, ExitCode::Done, "{}", terminal.text());
    let reported =
        "note: Job eks-encrypt-20261124-070000-beef ended at 2026-11-24T07:00:00Z: complete. A new run starts";
    assert!(terminal.text().contains(reported), "{}", terminal.text());
    let made = "PATCH /apis/batch/v1/namespaces/eks-encrypt/jobs/eks-encrypt-RUN";
    assert!(asked.lock().unwrap().iter().any(|call| call == made), "no Job was made");
}

#[tokio::test]
async fn before_eks_has_answered_nobody_says_that_it_associates() {
    let (client, _) = api_server("not there", "complete", 0);
    let ground = testing::preflight_report(client, &[]);
    let eks = ground.eks.map(|eks| Eks { cluster: cluster(None), plan: AssociationPlan::Associate, ..eks });
    let ground = PreflightReport { eks, ..ground };
    let phase = RefCell::default();
    execute(&flags(&[]), &ground, &Terminal::captured(), &phase).await.unwrap_err();
    assert_eq!(phase.into_inner(), Phase::RequestingAssociation);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_gone_is_not_deleted_again() {
    let (client, asked) = api_server("deleted", "complete", 0);
    let error = execute(&flags(&[]), &ground(client), &Terminal::captured(), &RefCell::default()).await.unwrap_err();
    assert!(error_text(error).contains("is gone"));
    let asked = asked.lock().unwrap();
    assert!(asked.iter().any(|call| call.starts_with("DELETE") && call.contains("/clusterrolebindings/")), "{asked:?}");
    assert!(!asked.iter().any(|call| call.starts_with("DELETE") && call.contains("/jobs/")), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_second_half_does_not_hide_that_the_first_is_done() {
    let (client, _) = api_server("clusterroles", "complete", 0);
    let terminal = Terminal::captured();
    execute(&flags(&[]), &ground(client), &terminal, &RefCell::default()).await.unwrap_err();
    assert_snapshot!(terminal.text(), @r"
    The key is associated, and the cluster is ACTIVE
    The API server writes under the key
    The key stays associated; what is missing is the re-encryption.
    ");
}

/// A cluster without a key, whose EKS gives these answers; and what it was asked.
fn without_a_key(
    client: kube::Client,
    answers: &[testing::Answer],
) -> (PreflightReport, aws_smithy_http_client::test_util::StaticReplayClient) {
    let (aws, http) = aws(answers);
    let ground = ground(client);
    let eks = ground.eks.map(|eks| Eks { aws, cluster: cluster(None), plan: AssociationPlan::Associate, ..eks });
    (PreflightReport { eks, ..ground }, http)
}

#[tokio::test]
async fn without_waiting_the_association_is_begun_and_not_followed() {
    let (client, kubernetes) = recording_api_server(|_, path| panic!("asked {path}"));
    let (ground, http) = without_a_key(client, &[IN_PROGRESS]);
    let (terminal, phase) = (Terminal::captured(), RefCell::default());
    let code = confirm_and_execute(&flags(&["--wait=false", "--yes"]), &ground, None, &terminal, &phase).await.unwrap();
    assert_eq!((code, phase.into_inner()), (ExitCode::Done, Phase::Associating));
    let text = terminal.text();
    assert_snapshot!(text[text.find("EKS is associating").unwrap()..], @r"
    EKS is associating the key (update u-1)
    EKS goes on with it without us (update u-1). To go on when it is done:
      kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --namespace eks-encrypt --image registry.example/job:1
    ");
    assert_eq!(asked_of_aws(&http), ["POST /clusters/shop/encryption-config/associate"]);
    assert_eq!(*kubernetes.lock().unwrap(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_waiting_the_job_of_a_cluster_with_its_key_is_made_and_not_followed() {
    let (client, asked) = api_server("not there", "complete", 0);
    let terminal = Terminal::captured();
    let code =
        execute(&flags(&["--wait=false", "-n", "eks-encrypt"]), &ground(client), &terminal, &RefCell::default()).await;
    assert_eq!(code.unwrap(), ExitCode::Done);
    assert!(asked.lock().unwrap().last().unwrap().starts_with("PATCH /apis/batch/v1/namespaces/eks-encrypt/jobs/"));
    let text = terminal.text();
    assert_snapshot!(text[text.find("It goes on").unwrap()..], @r"
    It goes on without us. To watch it, and to take its rights away at its end:
      kubectl eks-encrypt attach --namespace eks-encrypt
    ");
}

/// What AWS answers where the checks pass and no key is associated.
fn calm() -> Vec<testing::Answer> {
    vec![
        (200, "", IDENTITY),
        described(&serde_json::json!({})),
        described_key("Enabled"),
        (200, "", r#"{"KeyRotationEnabled":true}"#),
        (200, "", r#"{"Grants":[],"Truncated":false}"#),
        NO_UPDATES,
    ]
}

/// The checks and the question of a whole command; what the API server was asked, and AWS.
async fn whole(
    more: &[&str],
    answers: &[testing::Answer],
) -> (Result<ExitCode, CliError>, String, Vec<String>, Vec<String>) {
    let (client, kubernetes) = recording_api_server(passing);
    let ((aws, http), terminal, args) = (aws(answers), Terminal::captured(), flags(more));
    let kubernetes_client = kubeconfig(client, "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "authority A");
    let target = Target { cluster: "shop".into(), key: args.key_arn.clone(), ..Target::default() };
    let Ok(ground) =
        run_checks(&preflight_options(&args, &target, None), Some(Ok(aws)), Ok(kubernetes_client), &terminal).await
    else {
        panic!("{}", terminal.text())
    };
    let end = confirm_and_execute(&args, &ground, None, &terminal, &RefCell::default()).await;
    (end, terminal.text(), kubernetes.lock().unwrap().clone(), asked_of_aws(&http))
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_asks_nobody() {
    let (end, text, kubernetes, aws) = whole(&["--dry-run"], &calm()).await;
    assert_eq!(end.unwrap(), ExitCode::Done);
    assert_snapshot!(text[text.find("Every check passed.").unwrap()..], @r"
    Every check passed.

    This associates the KMS key
        arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    with the EKS cluster
        shop (eu-central-1, account 111122223333)

    THIS CAN'T BE UNDONE: EKS can't remove the key from the cluster, nor exchange it for another, ever.
    If the key is disabled, the cluster stops working. If it is deleted, every Secret is lost, and the
    cluster with it.

    Every Secret of the cluster will be written once, by a Job in the cluster:
    the annotation eksctl.io/kms-encryption-timestamp is set, the data stays as it is. Then it is
    verified that every Secret is under the key.

    This was a dry run: nothing was changed.
    ");
    assert!(kubernetes.iter().all(|call| changes_nothing(call)), "{kubernetes:?}");
    assert!(!aws.iter().any(|call| call.contains("associate")), "{aws:?}");
}

#[tokio::test]
async fn without_a_yes_and_a_terminal_nothing_is_touched() {
    if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        return;
    }
    let (end, _, kubernetes, aws) = whole(&[], &calm()).await;
    assert_eq!(end.unwrap_err().code, ExitCode::Usage);
    assert!(kubernetes.iter().all(|call| changes_nothing(call)), "{kubernetes:?}");
    assert!(!aws.iter().any(|call| call.contains("associate")), "{aws:?}");
}

#[tokio::test(start_paused = true)]
async fn the_association_alone_makes_no_job_and_asks_for_no_rights() {
    let mut answers = calm();
    let done = r#"{"update":{"id":"u-1","type":"AssociateEncryptionConfig","status":"Successful"}}"#;
    answers.extend([IN_PROGRESS, (200, "", done), WITH]);
    let (end, text, kubernetes, _) = whole(&["--encrypt-existing-secrets=false", "--yes"], &answers).await;
    // The API server's /readyz is the one thing that this script does not know: time runs out on it.
    assert_eq!(end.unwrap_err().code, ExitCode::StillRunning, "{text}");
    assert_snapshot!(text[..text.find("THIS CAN'T").unwrap()], @r"
      ok    AWS identity         arn:aws:iam::111122223333:user/alice
      ok    cluster              arn:aws:eks:eu-central-1:111122223333:cluster/shop, Kubernetes 1.34, ACTIVE
      ok    cluster health       EKS reports no issue
      ok    kubeconfig           context prod has this cluster's server and CA
      ok    Kubernetes identity  alice@example
      ok    key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      ok    key rotation         automatic
      ok    key use              no grant to others (what key policies and IAM allow is not seen here)
      ok    association          no key is associated yet
      ok    Secrets              2,013 Secrets (the metadata of one was asked for, no data)
    Every check passed.

    This associates the KMS key
        arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    with the EKS cluster
        shop (eu-central-1, account 111122223333)
    ");
    assert!(
        kubernetes.iter().all(|call| call.starts_with("GET ") || call.contains("/selfsubjectreviews?")),
        "{kubernetes:?}"
    );
    assert!(!kubernetes.iter().any(|call| call.contains("/jobs")), "{kubernetes:?}");
}

#[tokio::test(start_paused = true)]
async fn after_the_association_alone_it_is_said_what_is_not_done() {
    let (client, kubernetes) = recording_api_server(|_, _| (200, "ok".into()));
    let terminal = Terminal::captured();
    let args = flags(&["--encrypt-existing-secrets=false"]);
    let code = execute(&args, &ground(client), &terminal, &RefCell::default()).await.unwrap();
    assert_eq!(code, ExitCode::Done);
    assert_eq!(*kubernetes.lock().unwrap(), ["GET /readyz"]);
    let text = terminal.text();
    assert_snapshot!(text[..text.find("Write it down").unwrap()], @r"
    The key is associated, and the cluster is ACTIVE

    Done: the key is associated. Secrets that were there before stay under the key of their time until they are written.

      cluster   shop (eu-central-1, account 111122223333)
      key       arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab

    To re-encrypt them: kubectl eks-encrypt reencrypt --cluster shop --region eu-central-1 --namespace eks-encrypt --image registry.example/job:1
    ");
}

#[tokio::test]
async fn a_push_that_fails_leaves_the_key_unassociated_and_the_cluster_alone() {
    use crate::registry::fixture::{FakeRegistry, RunningRegistry, archive};
    let registry =
        RunningRegistry::start(FakeRegistry { instead: vec![("POST", 403, "no")], ..FakeRegistry::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let args = flags(&["--yes"]);
    let registry_flags =
        crate::model::options::RegistryOptions { archive: Some(archive(folder.path())), ..Default::default() };
    let to = crate::model::reference::parse_destination(&format!("{}/job", registry.address)).unwrap();
    let push = Push::prepare(&to, &registry_flags, AwsUse::Never, false).await.unwrap().typed(("alice", "secret"));
    let (client, heard) = testing::recording_api_server(|_, path| testing::not_found(path));
    let (aws, http) = testing::aws(&[]);
    let mut ground = testing::preflight_report(client, &[]);
    if let Some(eks) = &mut ground.eks {
        (eks.aws, eks.plan) = (aws, AssociationPlan::Associate);
    }
    let phase = RefCell::default();
    let terminal = Terminal::captured();
    let stop = confirm_and_execute(&args, &ground, Some(&push), &terminal, &phase).await.unwrap_err();
    assert_eq!(stop.code, ExitCode::Refused, "{:#}", stop.error);
    assert!(stop.error.to_string().contains("alice may not push to"), "{:#}", stop.error);
    assert!(terminal.text().contains("Before that the Job's image 0.1.0"), "{}", terminal.text());
    assert_eq!((testing::asked(&http), heard.lock().unwrap().clone()), (vec![], vec![]));
    assert_eq!(*phase.borrow(), Phase::Pushing);
    let question = confirm::Question::about_run(&ground, &args.engine, &args.job, true);
    assert!(prepare_image::confirmed(&args.go, question, Some(&push), &terminal, &phase).await.unwrap());
    assert_eq!(phase.into_inner(), Phase::Pushed, "the registry answers no once");
}

/// A script that asks for JSON gets one document, however early the command ends; silence with exit code 0 was a trap.
#[tokio::test(start_paused = true)]
async fn scripts_get_a_document_wherever_the_command_ends() {
    let scripted = |more: &[&str]| flags(&[more, &["--yes", "--output=json"]].concat());
    let calm = || recording_api_server(|_, _| (200, "ok".into())).0;

    let terminal = Terminal::captured();
    confirm_and_execute(&scripted(&["--dry-run"]), &ground(calm()), None, &terminal, &RefCell::default())
        .await
        .unwrap();
    let plan = document(&terminal);
    assert_eq!(
        (&plan["kind"], &plan["association"], &plan["passed"]),
        (&"Checks".into(), &"associated".into(), &true.into())
    );

    let terminal = Terminal::captured();
    let (unassociated, _) = without_a_key(calm(), &[IN_PROGRESS]);
    confirm_and_execute(&scripted(&["--wait=false"]), &unassociated, None, &terminal, &RefCell::default())
        .await
        .unwrap();
    let begun = document(&terminal);
    assert_eq!((&begun["kind"], &begun["update"], begun.get("run")), (&"Begun".into(), &"u-1".into(), None));

    let terminal = Terminal::captured();
    let alone = scripted(&["--encrypt-existing-secrets=false"]);
    confirm_and_execute(&alone, &ground(calm()), None, &terminal, &RefCell::default()).await.unwrap();
    let begun = document(&terminal);
    assert_eq!((&begun["association"], begun.get("run")), (&"associated".into(), None));

    let (terminal, client) = (Terminal::captured(), api_server("not there", "complete", 0).0);
    let unwatched = scripted(&["--wait=false", "-n", "eks-encrypt"]);
    confirm_and_execute(&unwatched, &ground(client), None, &terminal, &RefCell::default()).await.unwrap();
    let begun = document(&terminal);
    assert_eq!((&begun["association"], &begun["namespace"]), (&"associated".into(), &"eks-encrypt".into()));
    assert_eq!(begun["job"], format!("eks-encrypt-{}", begun["run"].as_str().unwrap()));
}

/// What `verify` has noted.
fn noted(key_arn: &str) -> Verification {
    let time = "2026-11-24T07:06:00Z".parse().unwrap();
    Verification { time, by: "alice".into(), key_arn: key_arn.into(), level: Level::Matched, servers: 2, secrets: 3 }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_was_verified_is_verified_again_and_no_run_starts() {
    let (client, asked) = api_server("not there", "complete", 0);
    let verified = Some(("eks-encrypt".to_owned(), noted(testing::KEY)));
    let (terminal, ground) = (Terminal::captured(), PreflightReport { verified, ..ground(client) });
    let args = flags(&["--output=json"]);
    let question = confirm::Question::about_run(&ground, &args.engine, &args.job, true).plan();
    assert!(question.contains("A verification at 2026-11-24 07:06:00 UTC by alice found every Secret"), "{question}");
    let code = execute(&args, &ground, &terminal, &RefCell::default()).await.unwrap();
    assert_eq!(code, ExitCode::Done, "{}", terminal.text());
    let document = document(&terminal);
    assert_eq!((&document["kind"], &document["proven"]), (&"Verification".into(), &true.into()), "{document}");
    let asked = asked.lock().unwrap();
    assert!(!asked.iter().any(|call| call.starts_with("PATCH") && !call.contains("/configmaps/")), "{asked:?}");
}

#[tokio::test]
async fn only_a_note_of_this_key_on_a_cluster_that_has_it_saves_a_run() {
    let saved = async |key_arn: &str, more: &[&str], plan: AssociationPlan| {
        let note = serde_json::to_string(&noted(key_arn)).unwrap();
        let map = json!({"metadata": {"name": "eks-encrypt-run"}, "data": {"verified": note}}).to_string();
        let ground = testing::preflight_report(testing::kubernetes(move |_, _| (200, map.clone())), &[]);
        let eks = ground.eks.map(|eks| Eks { plan, ..eks });
        verified(&flags(more), &PreflightReport { eks, ..ground }).await.is_some()
    };
    assert!(saved(testing::KEY, &[], AssociationPlan::Nothing).await);
    assert!(!saved("arn:other", &[], AssociationPlan::Nothing).await);
    assert!(!saved(testing::KEY, &[], AssociationPlan::Associate).await);
    for more in ["--force", "--prove=job", "--wait=false", "--encrypt-existing-secrets=false"] {
        assert!(!saved(testing::KEY, &[more], AssociationPlan::Nothing).await, "{more}");
    }
}
