//! The second half alone: what it refuses, what it leaves out, and what it leaves behind.
use super::*;
use crate::checks::run_checks;
use crate::run::apply::NamespaceState;
use crate::testing::run::{IDENTITY, api_server, changes_nothing, passing};
use crate::testing::{
    self, Answer, KEY, NO_UPDATES, WITH, aws, described, described_key, error_text, kubeconfig, recording_api_server,
    reencrypt as flags,
};
use insta::assert_snapshot;
use serde_json::json;

const SERVER: &str = "https://ABC123.gr7.eu-central-1.eks.amazonaws.com";
const IMAGE: [&str; 2] = ["--image", "registry.example/job:1"];

fn target() -> Target {
    Target { cluster: "shop".into(), ..Target::default() }
}

/// The checks of a command, where AWS gives these answers.
async fn checked(
    args: &Reencrypt,
    answers: &[Answer],
    terminal: &Terminal,
) -> (Result<PreflightReport, CliError>, testing::Heard) {
    let (client, heard) = recording_api_server(passing);
    let (target, kubernetes) = (target(), kubeconfig(client, SERVER, "authority A"));
    let ground =
        run_checks(&preflight_options(args, Some(&target), None), Some(Ok(aws(answers).0)), Ok(kubernetes), terminal)
            .await;
    (ground.map_err(|failed| documents::checks_failed(failed, args.go.output, terminal)), heard)
}

#[tokio::test]
async fn a_cluster_without_a_key_is_refused_with_the_cure() {
    let terminal = Terminal::captured();
    let answers = [(200, "", IDENTITY), described(&json!({}))];
    let (ground, heard) = checked(&flags(&IMAGE), &answers, &terminal).await;
    let Err(stop) = ground else { panic!("passed") };
    let rows: Vec<_> =
        terminal.text().lines().skip_while(|line| !line.contains("FAIL")).take(2).map(str::to_owned).collect();
    assert_snapshot!(format!("{}\n{}", rows.join("\n"), error_text(stop)), @r"
      FAIL  association          no key is associated with this cluster
                                 what helps: associate one first: kubectl eks-encrypt enable --cluster shop --key-arn ARN
    exit 3
    error: 1 check failed; nothing was changed.
    ");
    assert!(heard.lock().unwrap().iter().all(|call| changes_nothing(call)), "{heard:?}");
}

#[tokio::test]
async fn a_script_gets_the_checks_of_which_one_failed() {
    let terminal = Terminal::captured();
    let answers = [(200, "", IDENTITY), described(&json!({}))];
    let (ground, _) = checked(&flags(&[&IMAGE[..], &["--output=json"]].concat()), &answers, &terminal).await;
    assert!(ground.is_err());
    let checks = testing::document(&terminal);
    assert_eq!((&checks["passed"], &checks["exitCode"]), (&false.into(), &3.into()), "{checks}");
    let failed = checks["checks"].as_array().unwrap().iter().find(|row| row["result"] == "failed").unwrap();
    assert_eq!((&failed["check"], &failed["exitCode"]), (&"association".into(), &3.into()), "{failed}");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let config = json!({"encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]});
    let rotation = (200, "", r#"{"KeyRotationEnabled":true}"#);
    let grants = (200, "", r#"{"Grants":[],"Truncated":false}"#);
    let answers = [(200, "", IDENTITY), described(&config), described_key("Enabled"), rotation, grants, NO_UPDATES];
    let (terminal, args) = (Terminal::captured(), flags(&[&IMAGE[..], &["--dry-run"]].concat()));
    let (ground, heard) = checked(&args, &answers, &terminal).await;
    let Ok(ground) = ground else { panic!("{}", terminal.text()) };
    assert_eq!(
        confirm_and_execute(&args, &ground, None, &terminal, &RefCell::default()).await.unwrap(),
        ExitCode::Done
    );
    let text = terminal.text();
    assert_snapshot!(text[text.find("Every check passed.").unwrap()..], @r"
    Every check passed.

    The EKS cluster
        shop (eu-central-1, account 111122223333)
    has the key
        arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    already.
    Every Secret of the cluster will be written once, by a Job in the cluster:
    the annotation eksctl.io/kms-encryption-timestamp is set, the data stays as it is. Then it is
    verified that every Secret is under the key.

    This was a dry run: nothing was changed.
    ");
    assert!(heard.lock().unwrap().iter().all(|call| changes_nothing(call)), "{heard:?}");
}

#[tokio::test]
async fn who_may_not_see_the_clusters_key_may_re_encrypt_all_the_same() {
    let config = json!({"encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]});
    let denied = (400, "AccessDeniedException", r#"{"message":"not authorized to perform: kms:DescribeKey"}"#);
    let answers = [(200, "", IDENTITY), described(&config), denied, NO_UPDATES];
    let (terminal, args) = (Terminal::captured(), flags(&IMAGE));
    let (ground, _) = checked(&args, &answers, &terminal).await;
    let Ok(ground) = ground else { panic!("{}", terminal.text()) };
    let eks = ground.eks.unwrap();
    assert_eq!((eks.key.arn.as_str(), eks.plan), (KEY, AssociationPlan::Nothing));
    let rows: Vec<_> =
        terminal.text().lines().skip_while(|line| !line.contains("  key  ")).take(5).map(str::to_owned).collect();
    assert_snapshot!(rows.join("\n"), @r"
    warn  key                  arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, whose state
                                 is not known: AccessDeniedException: not authorized to perform: kms:DescribeKey
                               what helps: allow kms:DescribeKey on the key to your identity, to see it
    ok    association          this key is associated already
    ok    API servers          1, each can be asked for the key that it writes under
    ");
}

/// Without AWS.
fn vouched(more: &[&str]) -> Reencrypt {
    let mut args = flags(&[&IMAGE[..], more].concat());
    (args.eks.cluster, args.without_aws) = (None, true);
    args
}

#[tokio::test]
async fn without_aws_its_checks_are_left_out_and_the_context_is_shown() {
    let (terminal, args, (client, heard)) =
        (Terminal::captured(), vouched(&["--dry-run"]), recording_api_server(passing));
    let kubernetes = kubeconfig(client, "https://127.0.0.1:1", "authority A");
    let Ok(ground) = run_checks(&preflight_options(&args, None, None), None, Ok(kubernetes), &terminal).await else {
        panic!("{}", terminal.text())
    };
    assert!(ground.eks.is_none());
    confirm_and_execute(&args, &ground, None, &terminal, &RefCell::default()).await.unwrap();
    assert_snapshot!(terminal.text(), @r"
      warn  kubeconfig           context prod, server https://127.0.0.1:1/: not compared with EKS, because AWS is not to be
                                   asked
      ok    Kubernetes identity  alice@example
      ok    API servers          1, each can be asked for the key that it writes under
      ok    rights               RBAC and a Job may be made in namespace eks-encrypt
      ok    run                  no active run
      ok    admission            no webhook or policy is asked before Secrets are written
      ok    Secrets              2,013 Secrets (the metadata of one was asked for, no data)
    Every check passed, 1 warning.

    The cluster is that of kubeconfig context
        prod
        https://127.0.0.1:1/
    Whether it has a key of yours was not asked: AWS is left out.
    Every Secret of the cluster will be written once, by a Job in the cluster:
    the annotation eksctl.io/kms-encryption-timestamp is set, the data stays as it is. Then it is
    verified that every Secret is under the key.

    This was a dry run: nothing was changed.
    ");
    assert!(heard.lock().unwrap().iter().all(|call| changes_nothing(call)), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn without_aws_the_run_names_no_key() {
    let (client, _) = api_server("not there", "complete", 0);
    let ground = PreflightReport { eks: None, owner: NamespaceState::Absent, ..testing::preflight_report(client, &[]) };
    let terminal = Terminal::captured();
    let code = execute(&vouched(&[]), &ground, &terminal, &RefCell::default()).await.unwrap();
    // The API servers agree on a key, and nobody knows whose it is.
    assert_eq!(code, ExitCode::Incomplete);
    assert!(terminal.text().contains("\n  key       not known to this run;"), "{}", terminal.text());
    assert!(terminal.text().contains("\nNOT PROVEN: "), "{}", terminal.text());
}

#[tokio::test(start_paused = true)]
async fn without_aws_a_key_that_is_vouched_for_is_proven() {
    let (client, _) = api_server("not there", "complete", 0);
    let ground = PreflightReport { eks: None, owner: NamespaceState::Absent, ..testing::preflight_report(client, &[]) };
    let terminal = Terminal::captured();
    let code = execute(&vouched(&["--key-arn", testing::KEY]), &ground, &terminal, &RefCell::default()).await.unwrap();
    assert_eq!(code, ExitCode::Done, "{}", terminal.text());
    assert!(terminal.text().contains("\nDone and proven: every Secret is under the key."), "{}", terminal.text());
}

#[tokio::test]
async fn whoever_interrupts_after_the_checks_is_not_told_that_nothing_was_changed() {
    let (client, _) = recording_api_server(|_, _| (403, testing::forbidden("list", "jobs")));
    let ground = PreflightReport { eks: None, owner: NamespaceState::Absent, ..testing::preflight_report(client, &[]) };
    let (terminal, phase) = (Terminal::captured(), RefCell::default());
    execute(&vouched(&[]), &ground, &terminal, &phase).await.unwrap_err();
    assert_eq!(phase.into_inner(), Phase::Cleaning);
}

#[tokio::test(start_paused = true)]
async fn a_detached_job_is_made_and_left_and_attach_is_shown() {
    let (client, asked) = api_server("not there", "complete", 0);
    let (terminal, phase) = (Terminal::captured(), RefCell::default());
    let args = flags(&[&IMAGE[..], &["--detach", "--yes", "--context", "prod", "--output=json"]].concat());
    let code =
        confirm_and_execute(&args, &testing::preflight_report(client, &[WITH]), None, &terminal, &phase).await.unwrap();
    assert_eq!(code, ExitCode::Done);
    let asked = asked.lock().unwrap();
    assert!(asked.last().unwrap().starts_with("PATCH /apis/batch/v1/namespaces/eks-encrypt/jobs/"), "{asked:?}");
    assert!(!asked.iter().any(|call| call.starts_with("DELETE")), "{asked:?}");
    let text = terminal.text();
    assert_snapshot!(text[text.find("It goes on").unwrap()..text.rfind("\n{\n").unwrap()], @r"
    It goes on without us. To watch it, and to take its rights away at its end:
      kubectl eks-encrypt attach --context prod --namespace eks-encrypt
    ");
    let begun = testing::document(&terminal);
    assert_eq!((&begun["kind"], &begun["association"]), (&"Begun".into(), &"associated".into()), "{begun}");
}
