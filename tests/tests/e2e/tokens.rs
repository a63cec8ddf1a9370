//! Who may talk to the API server: what `aws eks get-token` makes, for a quarter of an hour.

use eks_encrypt_tests::aws::token::mint;
use eks_encrypt_tests::info::{ADMIN_ROLE, CREATOR, STRANGER};
use jiff::{SignedDuration, Timestamp};

use super::support::{aws, control_plane, kubectl, run};

#[test]
fn the_kubeconfig_is_as_eks_has_it_and_works() {
    let sandbox = control_plane();
    let config = kubectl(&sandbox, &["config", "view", "--raw", "--output=json"]).json();
    assert_eq!(config["current-context"], sandbox.info().arn);
    assert_eq!(config["clusters"][0]["name"], sandbox.info().arn);
    assert_eq!(config["users"][0]["user"]["exec"]["command"], "aws");
    let whoami = kubectl(&sandbox, &["auth", "whoami", "--output=json"]).json();
    assert_eq!(whoami["status"]["userInfo"]["username"], CREATOR.arn());
    // The same principal on AWS's side.
    assert_eq!(aws(&sandbox, &["sts", "get-caller-identity"]).json()["Arn"], CREATOR.arn());
}

#[test]
fn a_token_older_than_fifteen_minutes_is_refused() {
    let sandbox = control_plane();
    let (endpoint, cluster) = (&sandbox.info().aws_endpoint, &sandbox.info().cluster);
    let with = |token: &str| {
        let server = &sandbox.info().endpoint;
        let arguments = ["--kubeconfig=/dev/null", "--insecure-skip-tls-verify", "--server", server, "--token", token];
        run(sandbox.command("kubectl").unwrap().args(arguments).args(["get", "namespaces", "--output=name"]))
    };
    let aged = |minutes| mint(endpoint, CREATOR, cluster, Timestamp::now() - SignedDuration::from_mins(minutes));
    assert!(with(&aged(14)).ok().contains("namespace/default"));
    let error = with(&aged(16)).error();
    assert!(error.contains("Unauthorized"), "{error}");
    let error = with(&mint(endpoint, CREATOR, "another-cluster", Timestamp::now())).error();
    assert!(error.contains("Unauthorized"), "{error}");
}

#[test]
fn an_assumed_role_with_its_session_token_gets_in_and_one_without_does_not() {
    let sandbox = control_plane();
    let with = |token: &str, program: &str, arguments: &[&str]| {
        let mut command = sandbox.command(program).unwrap();
        command.env("AWS_ACCESS_KEY_ID", ADMIN_ROLE.id).env("AWS_SECRET_ACCESS_KEY", ADMIN_ROLE.secret);
        run(command.env("AWS_SESSION_TOKEN", token).args(arguments))
    };
    let (token, whoami) = (ADMIN_ROLE.token.unwrap(), ["auth", "whoami", "--output=json"]);
    let kubernetes = with(token, "kubectl", &whoami).json();
    assert_eq!(kubernetes["status"]["userInfo"]["username"], ADMIN_ROLE.arn());
    assert_eq!(with(token, "aws", &["sts", "get-caller-identity"]).json()["Arn"], ADMIN_ROLE.arn());
    assert!(with(token, "kubectl", &["get", "secrets", "--all-namespaces"]).code == Some(0));
    let error = with("another", "kubectl", &whoami).error();
    assert!(error.contains("must be logged in") || error.contains("Unauthorized"), "{error}");
}

#[test]
fn a_stranger_is_known_and_may_do_nothing() {
    let sandbox = control_plane();
    let mut command = sandbox.command("kubectl").unwrap();
    command.env("AWS_ACCESS_KEY_ID", STRANGER.id).env("AWS_SECRET_ACCESS_KEY", STRANGER.secret);
    let error = run(command.args(["get", "secrets", "--all-namespaces"])).error();
    assert!(error.contains(&format!("User \"{}\" cannot list resource \"secrets\"", STRANGER.arn())), "{error}");
}

#[test]
fn eks_refuses_an_access_key_that_nobody_has() {
    let sandbox = control_plane();
    let mut command = sandbox.command("aws").unwrap();
    command.env("AWS_ACCESS_KEY_ID", "AKIANOBODYNOBODY0000");
    let error = run(command.args(["eks", "describe-cluster", "--name", "sandbox"])).error();
    assert!(error.contains("(UnrecognizedClientException)"), "{error}");
}
