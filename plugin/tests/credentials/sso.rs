//! IAM Identity Center (SSO), played on loopback: sessions, the older form, and logins that have expired.
use insta::assert_snapshot;

use crate::support::{Request, Server, Shell, sts};

const CONFIG: &str = "
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
sso_registration_scopes = sso:account:access
[profile session]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = admin
[profile legacy]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
sso_account_id = 111122223333
sso_role_name = admin
[profile behind]
role_arn = arn:aws:iam::444455556666:role/behind
source_profile = session
[profile astray]
sso_session = nowhere
sso_account_id = 111122223333
sso_role_name = admin
";

/// The names of cached logins: the SHA-1 of the session's name, and of the start URL.
const OF_SESSION: &str = "ee0bfd2552fbd840c02cc48b6e823320543c450f";
const OF_URL: &str = "a51746d4aa793ae07b25e90c3a5db96fc7832bd7";

/// Identity Center: keys for whoever is logged in, and another login for whoever may renew it.
fn center() -> Server {
    Server::new(|request: &Request| {
        match request.target.split('?').next() {
        Some("/token") => (200, r#"{"accessToken": "renewed", "expiresIn": 3600, "tokenType": "Bearer"}"#.to_owned()),
        Some("/federation/credentials") => match request.header("x-amz-sso_bearer_token") {
            Some("login" | "renewed") => (
                200,
                r#"{"roleCredentials": {"accessKeyId": "ASIASSO", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4070908800000}}"#
                    .to_owned(),
            ),
            _ => (401, r#"{"__type": "UnauthorizedException", "message": "Session token not found or invalid"}"#.to_owned()),
        },
        _ => (404, String::new()),
    }
    })
}

fn shell(center: &Server) -> Shell {
    Shell::new()
        .config(CONFIG)
        .set("AWS_ENDPOINT_URL_SSO", &center.url())
        .set("AWS_ENDPOINT_URL_SSO_OIDC", &center.url())
}

/// The same with a cached login.
fn logged_in(center: &Server, file: &str, login: &str, until: &str, more: &str) -> Shell {
    let text = format!(
        r#"{{"startUrl": "https://corp.awsapps.com/start", "region": "eu-central-1", "accessToken": "{login}", "expiresAt": "{until}"{more}}}"#
    );
    shell(center).file(&format!(".aws/sso/cache/{file}.json"), &text)
}

const LONG: &str = "2099-01-01T00:00:00Z";
const OVER: &str = "2020-01-01T00:00:00Z";

#[test]
fn sessions_the_older_form_and_roles_behind_them() {
    let center = center();
    let session = logged_in(&center, OF_SESSION, "login", LONG, "");
    assert_eq!(session.token(&["--profile", "session"]).signer(), "ASIASSO");
    assert_eq!(logged_in(&center, OF_URL, "login", LONG, "").token(&["--profile", "legacy"]).signer(), "ASIASSO");
    let asked = &center.heard()[0];
    assert!(asked.target.contains("role_name=admin") && asked.target.contains("account_id=111122223333"), "{asked:?}");
    let sts = sts();
    let behind = session.set("AWS_ENDPOINT_URL_STS", &sts.url()).token(&["--profile", "behind"]);
    assert_eq!(behind.signer(), "BEHIND");
    assert_eq!(sts.heard()[0].signer().as_deref(), Some("ASIASSO"));
}

#[test]
fn a_login_that_can_be_renewed_is() {
    let center = center();
    let more = r#", "refreshToken": "r", "clientId": "c", "clientSecret": "s", "registrationExpiresAt": "2099-01-01T00:00:00Z""#;
    let shell = logged_in(&center, OF_SESSION, "login", OVER, more);
    assert_eq!(shell.token(&["--profile", "session"]).signer(), "ASIASSO");
    let paths: Vec<String> =
        center.heard().iter().map(|request| request.target.split('?').next().unwrap().to_owned()).collect();
    assert_eq!(paths, ["/token", "/federation/credentials"]);
}

#[test]
fn an_expired_login_names_the_command_that_renews_it() {
    let center = center();
    let said = |shell: &Shell, profile: &str| shell.error(&shell.token(&["--profile", profile]));
    let shell_of_session = logged_in(&center, OF_SESSION, "login", OVER, "");
    assert_snapshot!(said(&shell_of_session, "session"), @"error: no AWS credentials to make the cluster's token with (log in: `aws sso login --sso-session corp`): the SSO token has expired and cannot be refreshed");
    assert_snapshot!(said(&shell_of_session, "behind"), @"error: no AWS credentials to make the cluster's token with (log in: `aws sso login --sso-session corp`): the SSO token has expired and cannot be refreshed");
    assert_snapshot!(said(&logged_in(&center, OF_URL, "old", OVER, ""), "legacy"), @"error: no AWS credentials to make the cluster's token with (log in: `aws sso login --profile legacy`): UnauthorizedException: Session token not found or invalid");
}

#[test]
fn the_checks_say_the_same() {
    let shell = logged_in(&center(), OF_SESSION, "login", OVER, "").set("KUBECONFIG", "/dev/null");
    let said =
        shell.run(&["reencrypt", "--cluster", "shop", "--profile", "session", "--image", "r.example/x:1", "--dry-run"]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    let words = said.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("can't ask AWS who you are (log in: `aws sso login --sso-session corp`)"), "{words}");
}

#[test]
fn nobody_has_ever_logged_in() {
    let shell = shell(&center());
    assert_snapshot!(shell.error(&shell.token(&["--profile", "session"])), @"error: no AWS credentials to make the cluster's token with (log in: `aws sso login --sso-session corp`): failed to load the cached SSO token");
    assert_snapshot!(shell.error(&shell.token(&["--profile", "astray"])), @"error: no AWS credentials to make the cluster's token with (log in: `aws sso login --sso-session nowhere`): sso-session named `nowhere` (referenced by profile `astray`) was not found");
}
