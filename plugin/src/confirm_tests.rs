//! What people are asked, and what counts as yes.
use super::*;
use crate::testing::{cluster, key, told};
use insta::assert_snapshot;

#[test]
fn the_irreversible_step_is_called_so() {
    assert_snapshot!(text(&Plan::Associate, &cluster(None), &key()), @r"
    This associates the KMS key
        arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    with the EKS cluster
        shop (eu-central-1, account 111122223333)

    THIS CAN'T BE UNDONE: EKS can't remove the key from the cluster, nor exchange it for another, ever.
    If the key is disabled, the cluster stops working. If it is deleted, every Secret is lost, and the
    cluster with it.

    Every Secret of the cluster will then be written once, by a Job in the cluster: the annotation
    eksctl.io/kms-encryption-timestamp is set, the data stays as it is.
    ");
}

#[test]
fn what_is_left_to_do_is_said() {
    let texts = [Plan::Follow("u-1".into()), Plan::Nothing].map(|plan| text(&plan, &cluster(None), &key()));
    assert_snapshot!(texts.join("---"), @r"
    EKS is already associating
        arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    with
        shop (eu-central-1, account 111122223333)
    (update u-1). It will be followed.
    Every Secret of the cluster will then be written once, by a Job in the cluster: the annotation
    eksctl.io/kms-encryption-timestamp is set, the data stays as it is.
    ---
    The EKS cluster
        shop (eu-central-1, account 111122223333)
    has the key
        arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    already.
    Every Secret of the cluster will then be written once, by a Job in the cluster: the annotation
    eksctl.io/kms-encryption-timestamp is set, the data stays as it is.
    ");
}

#[test]
fn only_the_name_is_a_yes() {
    agrees("shop\n", "shop").unwrap();
    for no in ["", "\n", "y\n", "yes\n", "Shop\n", "shop2\n"] {
        assert!(agrees(no, "shop").is_err(), "{no:?}");
    }
}

#[test]
fn refusals() {
    let no = told(agrees("yes", "shop").unwrap_err());
    assert_snapshot!(format!("{}\n{no}", told(Error::NotATerminal)), @r"
    exit 2
    error: not a terminal, so nobody can be asked: add --yes to go on without a question (nothing was touched)
    exit 3
    error: that is not shop: nothing was touched
    ");
}

#[tokio::test]
async fn somebody_elses_namespace_is_told_with_what_it_means_before_the_question() {
    let told = async |namespace| {
        let screen = Screen::kept();
        confirm(true, &Plan::Nothing, &cluster(None), &key(), namespace, &screen).await.unwrap();
        screen.text()
    };
    let with = told(Some("ops")).await;
    assert_snapshot!(with.strip_prefix(&told(None).await).unwrap(), @"Be aware: namespace ops exists and is not ours: it is used as it is. As long as the run lasts, whoever may create Pods there can use the Job's ServiceAccount, and so list every Secret of the cluster with its data.");
}
