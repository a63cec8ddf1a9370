//! The waits against a scripted EKS, with a clock that waits for nobody.
use std::sync::atomic::{AtomicU32, Ordering};

use std::time::Duration;

use super::*;
use crate::testing::{
    Answer, IN_PROGRESS, UPDATING, WITH, asked, aws, cluster, error_text, key, kubernetes as api_server,
};
use insta::assert_snapshot;

const SUCCESSFUL: Answer =
    (200, "", r#"{"update":{"id":"u-1","type":"AssociateEncryptionConfig","status":"Successful"}}"#);
const THROTTLED: Answer = (429, "ThrottlingException", r#"{"message":"Rate exceeded"}"#);
const BROKEN: Answer = (503, "ServiceUnavailableException", r#"{"message":"try again"}"#);
const WITHOUT: Answer = (200, "", r#"{"cluster":{"name":"shop","status":"ACTIVE"}}"#);

fn in_minutes(minutes: u64) -> Instant {
    Instant::now() + Duration::from_secs(60 * minutes)
}

#[tokio::test(start_paused = true)]
async fn throttling_and_server_errors_do_not_end_the_wait() {
    let (aws, http) = aws(&[IN_PROGRESS, THROTTLED, BROKEN, IN_PROGRESS, SUCCESSFUL]);
    let terminal = Terminal::captured();
    follow(&aws, "shop", "u-1", &terminal, in_minutes(80)).await.unwrap();
    assert_eq!(asked(&http).len(), 5);
    assert_snapshot!(terminal.text(), @r"
    note: asking again: ThrottlingException: Rate exceeded
    note: asking again: ServiceUnavailableException: try again
    ");
}

#[tokio::test(start_paused = true)]
async fn questions_become_fewer() {
    let answers = vec![IN_PROGRESS; 10_000];
    let (aws, http) = aws(&answers);
    follow(&aws, "shop", "u-1", &Terminal::captured(), in_minutes(10)).await.unwrap_err();
    let questions = asked(&http).len();
    assert!((40..60).contains(&questions), "{questions} questions in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_gone_is_waited_for_until_time_is_up() {
    // A script without answers fails every connection.
    let (aws, _) = aws(&[]);
    let began = Instant::now();
    let error = follow(&aws, "shop", "u-1", &Terminal::captured(), in_minutes(80)).await.unwrap_err();
    assert!(began.elapsed() >= Duration::from_secs(80 * 60));
    assert_snapshot!(error_text(error), @r"
    exit 7
    error: time is up after 1 h 20 min: EKS is associating the key (update u-1); nothing is lost, run the same command again to go on
    ");
}

#[tokio::test]
async fn a_failed_update_is_told_in_ekss_words_with_its_cure() {
    let failed = r#"{"update":{"id":"u-1","status":"Failed","errors":[{"errorCode":"AccessDenied",
        "errorMessage":"The KMS key policy denied kms:CreateGrant","resourceIds":["arn:aws:kms:eu-central-1:111122223333:key/1"]}]}}"#;
    let (aws, _) = aws(&[(200, "", failed)]);
    assert_snapshot!(error_text(follow(&aws, "shop", "u-1", &Terminal::captured(), in_minutes(1)).await.unwrap_err()), @r"
    exit 5
    error: EKS ended the association as Failed (update u-1 of cluster shop)
      AccessDenied: The KMS key policy denied kms:CreateGrant (arn:aws:kms:eu-central-1:111122223333:key/1)
      what helps: allow kms:CreateGrant and kms:DescribeKey on the key to your identity, without a condition on kms:GrantIsForAWSResource; then run the same command again
    ");
}

#[tokio::test]
async fn an_answer_that_will_not_change_ends_the_wait() {
    let (aws, _) =
        aws(&[(403, "AccessDeniedException", r#"{"message":"not authorized to perform: eks:DescribeUpdate"}"#)]);
    assert_snapshot!(error_text(follow(&aws, "shop", "u-1", &Terminal::captured(), in_minutes(80)).await.unwrap_err()), @r"
    exit 1
    error: can't see how the association goes on (update u-1 of cluster shop); it goes on in AWS without us: AccessDeniedException: not authorized to perform: eks:DescribeUpdate
    ");
}

#[tokio::test(start_paused = true)]
async fn the_cluster_must_be_active_with_the_key_and_its_api_server_ready() {
    let (aws, http) = aws(&[UPDATING, WITHOUT, WITH, WITH]);
    let asked_ready = AtomicU32::new(0);
    let client = api_server(move |_, path| {
        assert_eq!(path, "/readyz");
        let first = asked_ready.fetch_add(1, Ordering::Relaxed) == 0;
        if first { (500, "[-]etcd failed".into()) } else { (200, "ok".into()) }
    });
    let terminal = Terminal::captured();
    settle(&aws, &client, &cluster(None), &key(), &terminal, in_minutes(80)).await.unwrap();
    assert_eq!(asked(&http).len(), 4);
    assert_snapshot!(terminal.text(), @"note: asking again: [-]etcd failed");
}

#[tokio::test(start_paused = true)]
async fn a_readyz_that_is_forbidden_is_an_answer_of_the_authorizer_and_of_nobody_else() {
    let settled = async |body: &'static str| {
        let ((aws, _), terminal) = (aws(&[WITH; 100]), Terminal::captured());
        let client = api_server(move |_, _| (403, body.into()));
        let end = settle(&aws, &client, &cluster(None), &key(), &terminal, in_minutes(5)).await;
        format!("{}\n{}", end.map_or_else(error_text, |()| "settled".into()), terminal.text())
    };
    let authorizer = r#"{"kind":"Status","metadata":{},"status":"Failure","code":403,"reason":"Forbidden",
        "message":"forbidden: User \"alice\" cannot get path \"/readyz\""}"#;
    assert_snapshot!(format!("{}\n{}", settled(authorizer).await, settled("<html>Blocked</html>").await), @r"
    settled

    exit 7
    error: time is up after 5 min 0 s: waiting until the cluster is ACTIVE with the key and its API server is ready; nothing is lost, run the same command again to go on
    note: asking again: <html>Blocked</html>
    ");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_can_not_be_compared_for_a_while_is_asked_again_and_not_another_key() {
    let alias = r#"{"cluster":{"name":"shop","status":"ACTIVE","encryptionConfig":[{"resources":["secrets"],
       "provider":{"keyArn":"arn:aws:kms:eu-central-1:111122223333:alias/eks"}}]}}"#;
    let (aws, http) = aws(&[(200, "", alias), THROTTLED, WITH]);
    let client = api_server(|_, _| (200, "ok".into()));
    settle(&aws, &client, &cluster(None), &key(), &Terminal::captured(), in_minutes(80)).await.unwrap();
    assert_eq!(asked(&http).len(), 3);
}
