//! What people are asked, and what counts as yes.
use super::*;
use crate::checks::Eks;
use crate::model::run::Run;
use crate::testing::{enable, error_text, kubernetes, not_found, preflight_report};
use insta::assert_snapshot;

/// What is asked before this plan, with these flags.
fn asked(plan: AssociationPlan, owner: NamespaceState, more: &[&str]) -> Question {
    let flags = enable(more);
    let ground = preflight_report(kubernetes(|_, path| not_found(path)), &[]);
    let eks = ground.eks.map(|eks| Eks { plan, ..eks });
    let run = Run::from_id("r1", flags.job.namespace.as_deref().unwrap_or_default());
    Question::about_run(
        &PreflightReport { eks, run, owner, ..ground },
        &flags.engine,
        &flags.job,
        flags.encrypt_existing_secrets,
    )
}

#[tokio::test]
async fn the_irreversible_step_is_called_so() {
    assert_snapshot!(asked(AssociationPlan::Associate, NamespaceState::Absent, &[]).text, @r"

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
    ");
}

#[tokio::test]
async fn what_is_left_to_do_is_said() {
    let texts = [AssociationPlan::Follow("u-1".into()), AssociationPlan::Nothing]
        .map(|plan| asked(plan, NamespaceState::Absent, &[]).text);
    assert_snapshot!(texts.join("---"), @r"

    EKS is already associating
        arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    with
        shop (eu-central-1, account 111122223333)
    (update u-1). It will be followed.
    Every Secret of the cluster will be written once, by a Job in the cluster:
    the annotation eksctl.io/kms-encryption-timestamp is set, the data stays as it is. Then it is
    verified that every Secret is under the key.
    ---
    The EKS cluster
        shop (eu-central-1, account 111122223333)
    has the key
        arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    already.
    Every Secret of the cluster will be written once, by a Job in the cluster:
    the annotation eksctl.io/kms-encryption-timestamp is set, the data stays as it is. Then it is
    verified that every Secret is under the key.
    ");
}

#[tokio::test]
async fn how_secrets_are_written_is_said() {
    let texts = [
        asked(AssociationPlan::Nothing, NamespaceState::Absent, &["--method=touch", "--prove=none"]),
        asked(AssociationPlan::Nothing, NamespaceState::Absent, &["--encrypt-existing-secrets=false"]),
    ]
    .map(|question| question.text.split_once("already.\n").unwrap().1.to_owned());
    assert_snapshot!(texts.join("---\n"), @r"
    Every Secret of the cluster will be written once, by a Job in the cluster:
    an empty patch, nothing in it changes.
    ---
    Existing Secrets stay as they are, under the key of the time when they were written.
    ");
}

#[tokio::test]
async fn without_aws_the_context_is_what_is_typed() {
    let flags = enable(&[]);
    let ground = PreflightReport { eks: None, ..preflight_report(kubernetes(|_, path| not_found(path)), &[]) };
    let question = Question::about_run(&ground, &flags.engine, &flags.job, true);
    assert_eq!((question.name.as_str(), question.what), ("prod", "the context's name"));
    assert_snapshot!(question.plan(), @r"

    The cluster is that of kubeconfig context
        prod
        https://ABC123.gr7.eu-central-1.eks.amazonaws.com/
    Whether it has a key of yours was not asked: AWS is left out.
    Every Secret of the cluster will be written once, by a Job in the cluster:
    the annotation eksctl.io/kms-encryption-timestamp is set, the data stays as it is. Then it is
    verified that every Secret is under the key.

    This was a dry run: nothing was changed.
    ");
}

#[test]
fn only_the_name_is_a_yes() {
    matches_name("shop\n", "shop").unwrap();
    for no in ["", "\n", "y\n", "yes\n", "Shop\n", "shop2\n"] {
        assert!(matches_name(no, "shop").is_err(), "{no:?}");
    }
}

#[test]
fn refusals() {
    let no = error_text(matches_name("yes", "shop").unwrap_err());
    assert_snapshot!(format!("{}\n{no}", error_text(Error::NotATerminal)), @r"
    exit 2
    error: not a terminal, so nobody can be asked: add --yes to go on without a question (nothing was touched)
    exit 3
    error: that is not shop: nothing was touched
    ");
}

#[tokio::test]
async fn somebody_elses_namespace_is_told_with_what_it_means_before_the_question() {
    let told = |owner| asked(AssociationPlan::Nothing, owner, &["-n", "ops"]).text;
    let with = told(NamespaceState::Exists);
    assert_snapshot!(with.strip_prefix(&told(NamespaceState::Absent)).unwrap(), @r"

    Be aware: namespace ops exists already and is used as it is. While the run lasts, whoever may create Pods, Secrets or ServiceAccount tokens there can use the Job's right to list every Secret of the cluster with its data.
    ");
}
