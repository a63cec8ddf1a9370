//! Which keys count, and what profiles hold beside roles and logins.
use insta::assert_snapshot;

use crate::support::{Shell, sts_refuses};

const TWO: &str = "
[profile ops]
aws_access_key_id = AKIAOPS
aws_secret_access_key = secret
[profile prod]
aws_access_key_id = AKIAPROD
aws_secret_access_key = secret
";

#[test]
fn a_named_profile_comes_before_the_keys_in_the_environment() {
    let shell = Shell::new().config(TWO).keys("AKIAOTHER").set("AWS_PROFILE", "prod");
    assert_eq!(shell.token(&["--profile", "ops"]).signer(), "AKIAOPS");
    assert_eq!(shell.token(&[]).signer(), "AKIAOTHER", "as with `aws`, keys come before AWS_PROFILE");
    assert_eq!(shell.unset("AWS_ACCESS_KEY_ID").token(&[]).signer(), "AKIAPROD");
    assert_eq!(Shell::new().config(TWO).set("AWS_DEFAULT_PROFILE", "ops").token(&[]).signer(), "AKIAOPS");
}

#[test]
fn files_of_other_names() {
    let shell = Shell::new()
        .file("config", TWO)
        .file("credentials", "[two]\naws_access_key_id=AKIATWO\naws_secret_access_key=s");
    let (config, credentials) = (shell.path("config"), shell.path("credentials"));
    let shell = shell.set("AWS_CONFIG_FILE", config.to_str().unwrap());
    let shell = shell.set("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap());
    assert_eq!(shell.token(&["--profile", "ops"]).signer(), "AKIAOPS");
    assert_eq!(shell.token(&["--profile", "two"]).signer(), "AKIATWO");
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_those_that_do() {
    let shell = Shell::new().config(TWO).keys("AKIAOTHER");
    assert_snapshot!(shell.error(&shell.token(&["--profile", "pord"])), @"error: there is no AWS profile pord (--profile); there are: ops, prod");
    let shell = shell.set("AWS_PROFILE", "pord");
    assert_snapshot!(shell.error(&shell.token(&[])), @"error: there is no AWS profile pord (the environment's AWS_PROFILE); there are: ops, prod");
}

#[test]
fn a_credential_process_and_one_that_fails() {
    let process = |script: &str| Shell::new().config(&format!("[profile p]\ncredential_process = {script}"));
    let keys = r#"echo '{"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "s"}'"#;
    assert_eq!(process(keys).token(&["--profile", "p"]).signer(), "AKIAPROCESS");
    let shell = process("echo the vault is sealed >&2; exit 4");
    assert_snapshot!(shell.error(&shell.token(&["--profile", "p"])), @"error: no AWS credentials to make the cluster's token with (see what the credential_process of profile p says): Error retrieving credentials: external process exited with code exit status: 4. Stderr: the vault is sealed");
    let shell = process("echo nonsense");
    assert_snapshot!(shell.error(&shell.token(&["--profile", "p"])), @"error: no AWS credentials to make the cluster's token with (see what the credential_process of profile p says): Error retrieving credentials from external process, could not parse response: invalid JSON in response: Error at offset 0: expected literal: null");
}

#[test]
fn nobody_is_logged_in() {
    let shell = Shell::new();
    assert_snapshot!(shell.error(&shell.token(&[])), @"error: no AWS credentials to make the cluster's token with (log in: `aws sso login`, or see `aws sts get-caller-identity`): there are none in the environment, in a profile, or on this machine");
    let shell = Shell::new().config("[profile empty]\nregion = us-west-2");
    assert_snapshot!(shell.error(&shell.token(&["--profile", "empty"])), @"error: no AWS credentials to make the cluster's token with (log in: `aws sso login --profile empty`, or see `aws sts get-caller-identity --profile empty`): there are none in the environment, in a profile, or on this machine");
}

#[test]
fn a_session_that_has_expired() {
    let sts = sts_refuses("ExpiredToken", "The security token included in the request is expired");
    let shell = Shell::new().keys("ASIAOLD").set("AWS_SESSION_TOKEN", "t").set("AWS_ENDPOINT_URL_STS", &sts.url());
    assert_snapshot!(shell.error(&shell.token(&["--role-arn", "arn:aws:iam::111122223333:role/ops"])), @"error: can't assume role arn:aws:iam::111122223333:role/ops to make the cluster's token (the credentials are those of AWS_ACCESS_KEY_ID in your environment: renew them, or unset them): ExpiredToken: The security token included in the request is expired");
}

#[test]
fn a_console_login_is_said_to_be_beyond_us() {
    let shell = Shell::new().config("[profile console]\nlogin_session = arn:aws:iam::111122223333:user/alice");
    assert_snapshot!(shell.error(&shell.token(&["--profile", "console"])), @r#"error: no AWS credentials to make the cluster's token with (profile console is of `aws login`, which this plugin can't read: `eval "$(aws configure export-credentials --profile console --format env)"`, and leave --profile out): this kind of profile is not supported"#);
}
