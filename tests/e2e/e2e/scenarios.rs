//! Each way in which the AWS endpoint misbehaves on request, as the real `aws` command line sees it.

use eks_encrypt_sandbox::aws::scenario::{Scenario, UpdateFailure};

use super::support::{Fixture, associate, aws, control_plane, kubectl, wait_for_update};

fn describe(sandbox: &Fixture) -> super::support::CommandOutput {
    aws(sandbox, &["eks", "describe-cluster", "--name", "sandbox"])
}

#[tokio::test]
async fn an_update_fails_with_the_given_error_and_can_be_tried_again_and_a_second_key_is_refused_for_ever() {
    let sandbox = control_plane();
    let failure = UpdateFailure { error_code: "AccessDenied".into(), error_message: "no grant could be made".into() };
    sandbox.set_scenario(&Scenario { update_fails: Some(failure), ..Scenario::default() }).await.unwrap();
    let id = associate(&sandbox, &sandbox.info().keys.customer).json()["update"]["id"].as_str().unwrap().to_owned();
    let update = wait_for_update(&sandbox, &id);
    assert_eq!(update["status"], "Failed");
    assert_eq!(update["errors"][0]["errorCode"], "AccessDenied");
    assert_eq!(update["errors"][0]["errorMessage"], "no grant could be made");
    assert_eq!(describe(&sandbox).json()["cluster"].get("encryptionConfig"), None);

    let keys = &sandbox.info().keys;
    let id = associate(&sandbox, &keys.customer).json()["update"]["id"].as_str().unwrap().to_owned();
    assert_eq!(wait_for_update(&sandbox, &id)["status"], "Successful");
    for key in [&keys.customer, &keys.other] {
        let error = associate(&sandbox, key).error();
        let expected = "(InvalidParameterException) when calling the AssociateEncryptionConfig operation: Encryption is already enabled on the cluster";
        assert!(error.contains(expected), "{error}");
    }
}

/// None of these associates a key, so one sandbox does for all.
#[tokio::test]
async fn the_endpoint_misbehaves_on_request() {
    let sandbox = control_plane();
    so_many_calls_are_throttled(&sandbox).await;
    a_cluster_that_is_not_active_takes_no_key(&sandbox).await;
    a_caller_without_create_grant_is_refused(&sandbox).await;
    the_api_server_is_killed_and_comes_back_when_asked(&sandbox).await;
}

async fn so_many_calls_are_throttled(sandbox: &Fixture) {
    sandbox.set_scenario(&Scenario { throttle: 2, ..Scenario::default() }).await.unwrap();
    for _ in 0..2 {
        let error = describe(sandbox).error();
        assert!(error.contains("(ThrottlingException)") && error.contains("Rate exceeded"), "{error}");
    }
    assert_eq!(describe(sandbox).json()["cluster"]["status"], "ACTIVE");
}

async fn a_cluster_that_is_not_active_takes_no_key(sandbox: &Fixture) {
    sandbox.set_scenario(&Scenario { cluster_status: Some("FAILED".into()), ..Scenario::default() }).await.unwrap();
    assert_eq!(describe(sandbox).json()["cluster"]["status"], "FAILED");
    let error = associate(sandbox, &sandbox.info().keys.customer).error();
    assert!(error.contains("(InvalidRequestException)") && error.contains("FAILED"), "{error}");
}

async fn a_caller_without_create_grant_is_refused(sandbox: &Fixture) {
    sandbox.set_scenario(&Scenario { deny_create_grant: true, ..Scenario::default() }).await.unwrap();
    let error = associate(sandbox, &sandbox.info().keys.customer).error();
    let expected = "(InvalidRequestException) when calling the AssociateEncryptionConfig operation: User not authorized to perform kms:CreateGrant operation";
    assert!(error.contains(expected), "{error}");
}

async fn the_api_server_is_killed_and_comes_back_when_asked(sandbox: &Fixture) {
    kubectl(sandbox, &["create", "namespace", "kept"]).ok();
    sandbox.kill_api_servers(None).await.unwrap();
    // The load balancer still listens, as AWS's does, and has nobody behind it.
    let error = kubectl(sandbox, &["get", "--raw", "/readyz", "--request-timeout=2s"]).error();
    assert!(!error.contains("refused"), "{error}");
    sandbox.restart_api_servers(None).await.unwrap();
    assert!(kubectl(sandbox, &["get", "namespaces", "--output=name"]).ok().contains("namespace/kept"));
    assert_eq!(sandbox.failed_component(), None, "what is asked for is no fault");
}
