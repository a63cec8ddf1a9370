//! Roles: chains of them, what they rest on, web identities, and what STS refuses.
use insta::assert_snapshot;

use crate::support::{Server, Shell, sts, sts_refuses};

const CHAIN: &str = "
[profile prod]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = hub
external_id = e-1
role_session_name = alice
[profile hub]
role_arn = arn:aws:iam::444455556666:role/hub
source_profile = keys
[profile keys]
aws_access_key_id = AKIAKEYS
aws_secret_access_key = secret
[profile environment]
role_arn = arn:aws:iam::111122223333:role/prod
credential_source = Environment
[profile web]
role_arn = arn:aws:iam::111122223333:role/web
web_identity_token_file = TOKEN
[profile behind-web]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = web
[profile mfa]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = keys
mfa_serial = arn:aws:iam::111122223333:mfa/alice
[profile loop]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = pool
[profile pool]
role_arn = arn:aws:iam::111122223333:role/prod
source_profile = loop
";

fn shell(sts: &Server) -> Shell {
    let shell = Shell::new().file("token", "a.web.identity").set("AWS_ENDPOINT_URL_STS", &sts.url());
    let token = shell.path("token").display().to_string();
    shell.config(&CHAIN.replace("TOKEN", &token))
}

/// Who asked STS for what.
fn asked(sts: &Server) -> Vec<String> {
    let told = |request: &crate::support::Request| {
        let parameter = |name| request.parameter(name).unwrap_or_default();
        let who = request.signer().unwrap_or_else(|| "nobody".to_owned());
        format!("{who}: {} {}", parameter("Action"), parameter("RoleArn"))
    };
    sts.heard().iter().map(told).collect()
}

#[test]
fn a_chain_of_roles() {
    let sts = sts();
    // The keys in the environment are another principal's.
    let said = shell(&sts).keys("AKIAOTHER").token(&["--profile", "prod"]);
    assert_eq!(said.signer(), "PROD");
    assert!(said.url().contains("X-Amz-Security-Token=t"), "{}", said.url());
    assert_snapshot!(asked(&sts).join("\n"), @r"
    AKIAKEYS: AssumeRole arn:aws:iam::444455556666:role/hub
    HUB: AssumeRole arn:aws:iam::111122223333:role/prod
    ");
    let last = sts.heard().pop().unwrap();
    assert_eq!(last.parameter("ExternalId").as_deref(), Some("e-1"));
    assert_eq!(last.parameter("RoleSessionName").as_deref(), Some("alice"));
    assert!(last.header("authorization").unwrap().contains("/us-west-2/sts/"), "in the person's region");
}

#[test]
fn a_role_on_keys_in_the_environment() {
    let sts = sts();
    assert_eq!(shell(&sts).keys("AKIAENV").token(&["--profile", "environment"]).signer(), "PROD");
    assert_snapshot!(asked(&sts).join("\n"), @"AKIAENV: AssumeRole arn:aws:iam::111122223333:role/prod");
}

#[test]
fn web_identities_in_profiles_and_in_the_environment() {
    let sts = sts();
    assert_eq!(shell(&sts).token(&["--profile", "behind-web"]).signer(), "PROD");
    let shell = shell(&sts);
    let token = shell.path("token").display().to_string();
    let shell =
        shell.set("AWS_WEB_IDENTITY_TOKEN_FILE", &token).set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/irsa");
    assert_eq!(shell.token(&[]).signer(), "IRSA");
    assert_snapshot!(asked(&sts).join("\n"), @r"
    nobody: AssumeRoleWithWebIdentity arn:aws:iam::111122223333:role/web
    WEB: AssumeRole arn:aws:iam::111122223333:role/prod
    nobody: AssumeRoleWithWebIdentity arn:aws:iam::111122223333:role/irsa
    ");
    assert_eq!(sts.heard()[0].parameter("WebIdentityToken").as_deref(), Some("a.web.identity"));
}

#[test]
fn the_role_that_the_kubeconfig_names() {
    let sts = sts();
    let role = "arn:aws:iam::111122223333:role/admin";
    let said = shell(&sts).keys("AKIAENV").token(&["--role-arn", role, "--external-id", "e-2", "--session-name", "me"]);
    assert_eq!(said.signer(), "ADMIN");
    assert_eq!(asked(&sts), [format!("AKIAENV: AssumeRole {role}")]);
    let call = sts.heard().pop().unwrap();
    assert_eq!(call.parameter("ExternalId").as_deref(), Some("e-2"));
    assert_eq!(call.parameter("RoleSessionName").as_deref(), Some("me"));
}

#[test]
fn a_role_that_wants_an_mfa_code() {
    let sts = sts_refuses("AccessDenied", "User alice is not authorized to perform: sts:AssumeRole on role prod");
    let shell = shell(&sts);
    assert_snapshot!(shell.error(&shell.token(&["--profile", "mfa"])), @r#"error: no AWS credentials to make the cluster's token with (profile mfa wants an MFA code (mfa_serial), for which this plugin can't ask: `eval "$(aws configure export-credentials --profile mfa --format env)"`, and leave --profile out): AccessDenied: User alice is not authorized to perform: sts:AssumeRole on role prod"#);
}

#[test]
fn a_role_that_sts_refuses() {
    let sts = sts_refuses("AccessDenied", "User alice is not authorized to perform: sts:AssumeRole on role ops");
    let shell = shell(&sts).keys("AKIAENV");
    assert_snapshot!(shell.error(&shell.token(&["--role-arn", "arn:aws:iam::111122223333:role/ops"])), @"error: can't assume role arn:aws:iam::111122223333:role/ops to make the cluster's token (its trust policy must let you in, see `aws sts get-caller-identity`): AccessDenied: User alice is not authorized to perform: sts:AssumeRole on role ops");
}

#[test]
fn profiles_that_rest_on_each_other() {
    let shell = shell(&sts());
    assert_snapshot!(shell.error(&shell.token(&["--profile", "loop"])), @r#"error: no AWS credentials to make the cluster's token with (log in: `aws sso login --profile loop`, or see `aws sts get-caller-identity --profile loop`): profile formed an infinite loop. first we loaded ["loop", "pool"], then attempted to reload loop"#);
}
