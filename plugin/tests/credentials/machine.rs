//! Credentials that a machine has: an instance's, a container's, a Pod's. Played on loopback; real ones were not tried.
use crate::support::{Request, Server, Shell, sts};

const KEYS: &str = r#"{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAMACHINE", "SecretAccessKey": "s", "Token": "t",
    "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": "2099-01-01T00:00:00Z"}"#;

/// The instance metadata service, version 2: nothing without a token.
fn imds() -> Server {
    Server::new(|request: &Request| match (request.method.as_str(), request.target.as_str()) {
        ("PUT", "/latest/api/token") => (200, "session".to_owned()),
        _ if request.header("x-aws-ec2-metadata-token") != Some("session") => (401, String::new()),
        (_, path) if path.ends_with("/security-credentials/") => (200, "node-role".to_owned()),
        (_, path) if path.ends_with("/security-credentials/node-role") => (200, KEYS.to_owned()),
        _ => (404, String::new()),
    })
}

fn instance(imds: &Server) -> Shell {
    Shell::new().unset("AWS_EC2_METADATA_DISABLED").set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &imds.url())
}

#[test]
fn an_instance_s_role() {
    assert_eq!(instance(&imds()).token(&[]).signer(), "ASIAMACHINE");
}

#[test]
fn roles_on_top_of_an_instance_s_and_a_profile_without_credentials() {
    let (imds, sts) = (imds(), sts());
    let config = "[profile ops]\nrole_arn = arn:aws:iam::111122223333:role/ops\ncredential_source = Ec2InstanceMetadata
[profile plain]\nregion = us-west-2";
    let shell = instance(&imds).config(config).set("AWS_ENDPOINT_URL_STS", &sts.url()).keys("AKIAOTHER");
    assert_eq!(shell.token(&["--profile", "ops"]).signer(), "OPS");
    assert_eq!(sts.heard()[0].signer().as_deref(), Some("ASIAMACHINE"));
    assert_eq!(shell.token(&["--profile", "plain"]).signer(), "ASIAMACHINE", "not that of the keys in the environment");
}

#[test]
fn a_mistyped_profile_never_becomes_the_machine_s_role() {
    let imds = imds();
    let said = instance(&imds).config("[profile prod]\nregion = us-west-2").token(&["--profile", "pord"]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    assert!(imds.heard().is_empty());
}

#[test]
fn a_container_s_role_and_a_pod_s() {
    let agent = Server::new(|request: &Request| match request.header("authorization") {
        Some("a-pod-identity-token") => (200, KEYS.replace("MACHINE", "POD")),
        Some(_) => (403, String::new()),
        None => (200, KEYS.replace("MACHINE", "CONTAINER")),
    });
    let url = format!("{}/v1/credentials", agent.url());
    let shell = Shell::new().set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url).file("token", "a-pod-identity-token");
    assert_eq!(shell.token(&[]).signer(), "ASIACONTAINER");
    let token = shell.path("token").display().to_string();
    assert_eq!(shell.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token).token(&[]).signer(), "ASIAPOD");
}
