//! Each way in which the AWS endpoint misbehaves on request, as the real `aws` command line sees it.

use eks_encrypt_tests::aws::scenario::{Scenario, UpdateFailure};

use super::support::{Fixture, associate, aws, control_plane, end_of, kubectl};

fn describe(sandbox: &Fixture) -> super::support::Said {
    aws(sandbox, &["eks", "describe-cluster", "--name", "sandbox"])
}

#[tokio::test]
async fn an_update_takes_as_long_as_asked_and_nothing_else_may_begin_meanwhile() {
    let sandbox = control_plane();
    sandbox.set_scenario(&Scenario { update_seconds: 20, ..Scenario::default() }).await.unwrap();
    let begun = std::time::Instant::now();
    let update = associate(&sandbox, &sandbox.info().keys.customer).json()["update"].clone();
    assert_eq!(update["status"], "InProgress");
    assert_eq!(describe(&sandbox).json()["cluster"]["status"], "UPDATING");
    let error = associate(&sandbox, &sandbox.info().keys.customer).error();
    let id = update["id"].as_str().unwrap();
    assert!(error.contains("(ResourceInUseException)") && error.contains(id), "{error}");
    assert_eq!(end_of(&sandbox, id)["status"], "Successful");
    assert!(begun.elapsed().as_secs() >= 20);
    assert_eq!(describe(&sandbox).json()["cluster"]["status"], "ACTIVE");
}

#[tokio::test]
async fn an_update_fails_with_the_given_error_and_can_be_tried_again() {
    let sandbox = control_plane();
    let failure = UpdateFailure { error_code: "AccessDenied".into(), error_message: "no grant could be made".into() };
    sandbox.set_scenario(&Scenario { update_fails: Some(failure), ..Scenario::default() }).await.unwrap();
    let id = associate(&sandbox, &sandbox.info().keys.customer).json()["update"]["id"].as_str().unwrap().to_owned();
    let update = end_of(&sandbox, &id);
    assert_eq!(update["status"], "Failed");
    assert_eq!(update["errors"][0]["errorCode"], "AccessDenied");
    assert_eq!(update["errors"][0]["errorMessage"], "no grant could be made");
    assert_eq!(describe(&sandbox).json()["cluster"].get("encryptionConfig"), None);

    let id = associate(&sandbox, &sandbox.info().keys.customer).json()["update"]["id"].as_str().unwrap().to_owned();
    assert_eq!(end_of(&sandbox, &id)["status"], "Successful");
}

#[tokio::test]
async fn so_many_calls_are_throttled() {
    let sandbox = control_plane();
    sandbox.set_scenario(&Scenario { throttle: 2, ..Scenario::default() }).await.unwrap();
    for _ in 0..2 {
        let error = describe(&sandbox).error();
        assert!(error.contains("(ThrottlingException)") && error.contains("Rate exceeded"), "{error}");
    }
    assert_eq!(describe(&sandbox).json()["cluster"]["status"], "ACTIVE");
}

#[tokio::test]
async fn a_cluster_that_is_not_active_takes_no_key() {
    let sandbox = control_plane();
    sandbox.set_scenario(&Scenario { cluster_status: Some("FAILED".into()), ..Scenario::default() }).await.unwrap();
    assert_eq!(describe(&sandbox).json()["cluster"]["status"], "FAILED");
    let error = associate(&sandbox, &sandbox.info().keys.customer).error();
    assert!(error.contains("(InvalidRequestException)") && error.contains("FAILED"), "{error}");
}

#[tokio::test]
async fn a_caller_without_create_grant_is_refused() {
    let sandbox = control_plane();
    sandbox.set_scenario(&Scenario { deny_create_grant: true, ..Scenario::default() }).await.unwrap();
    let error = associate(&sandbox, &sandbox.info().keys.customer).error();
    let expected = "(InvalidRequestException) when calling the AssociateEncryptionConfig operation: User not authorized to perform kms:CreateGrant operation";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test]
async fn the_api_server_is_killed_and_comes_back_when_asked() {
    let sandbox = control_plane();
    kubectl(&sandbox, &["create", "namespace", "kept"]).ok();
    sandbox.kill_api_server().await.unwrap();
    let error = kubectl(&sandbox, &["get", "namespaces", "--request-timeout=5s"]).error();
    assert!(error.contains("refused"), "{error}");
    sandbox.restart_api_server().await.unwrap();
    assert!(kubectl(&sandbox, &["get", "namespaces", "--output=name"]).ok().contains("namespace/kept"));
    assert_eq!(sandbox.casualty(), None, "what is asked for is no fault");
}
