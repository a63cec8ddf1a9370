//! Profiles as people have them, and what is said of each.
use insta::assert_snapshot;

use super::*;
use crate::testing::error_text;

const CONFIG: &str = "
[default]
region = eu-central-1
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = admin
[profile legacy]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
sso_account_id = 111122223333
sso_role_name = admin
[profile chained]
role_arn = arn:aws:iam::111122223333:role/ops
source_profile = middle
[profile middle]
role_arn = arn:aws:iam::444455556666:role/hub
source_profile = sso
[profile mfa]
role_arn = arn:aws:iam::111122223333:role/ops
source_profile = keys
mfa_serial = arn:aws:iam::111122223333:mfa/alice
[profile keys]
aws_access_key_id = AKID
aws_secret_access_key = secret
[profile process]
credential_process = /opt/creds --user alice
[profile console]
login_session = arn:aws:iam::111122223333:user/alice
[profile itself]
role_arn = arn:aws:iam::111122223333:role/ops
source_profile = itself
";

async fn profiles(config: impl AsRef<[u8]>, named: Option<&str>, env: &[(&str, &str)]) -> Result<Profiles, Error> {
    let fs = Fs::from_map([("/config".to_owned(), config.as_ref().to_vec())].into());
    let env: Vec<_> = [("AWS_CONFIG_FILE", "/config"), ("AWS_SHARED_CREDENTIALS_FILE", "/none")]
        .into_iter()
        .chain(env.iter().copied())
        .collect();
    load_from(&fs, &Env::from_slice(&env), named, None).await
}

#[tokio::test]
async fn the_command_that_renews_what_has_expired() {
    let mut all = Vec::new();
    for name in ["sso", "legacy", "chained", "mfa", "keys", "process", "console", "itself"] {
        let cure = profiles(CONFIG, Some(name), &[]).await.unwrap().credential_hint(true);
        all.push(format!("{name}: {}", cure.as_deref().unwrap_or("-")));
    }
    assert_snapshot!(all.join("\n"), @r#"
    sso: log in: `aws sso login --sso-session corp`
    legacy: log in: `aws sso login --profile legacy`
    chained: log in: `aws sso login --sso-session corp`
    mfa: profile mfa wants an MFA code (mfa_serial), for which this plugin can't ask: `eval "$(aws configure export-credentials --profile mfa --format env)"`, and leave --profile out
    keys: -
    process: see what the credential_process of profile process says
    console: profile console is of `aws login`, which this plugin can't read: `eval "$(aws configure export-credentials --profile console --format env)"`, and leave --profile out
    itself: -
    "#);
}

#[tokio::test]
async fn keys_in_the_environment_come_before_its_profile_and_after_a_named_one() {
    let from_environment = profiles(CONFIG, None, &[("AWS_PROFILE", "sso")]).await.unwrap();
    assert!(from_environment.credential_hint(true).unwrap().contains("AWS_ACCESS_KEY_ID"));
    assert_eq!(from_environment.credential_hint(false).unwrap(), "log in: `aws sso login --sso-session corp`");
}

#[tokio::test]
async fn a_profile_that_does_not_exist() {
    let error = profiles("[default]\n[profile b]\n[profile a]\n", Some("prod"), &[]).await.err().unwrap();
    assert_snapshot!(error_text(error), @r"
    exit 3
    error: there is no AWS profile prod (--profile); there are: a, b, default
    ");
    let error = profiles("", None, &[("AWS_PROFILE", "prod")]).await.err().unwrap();
    assert_snapshot!(error_text(error), @r"
    exit 3
    error: there is no AWS profile prod (the environment's AWS_PROFILE); there are none at all: `aws configure sso` makes one
    ");
    assert!(profiles("", None, &[]).await.is_ok(), "nobody needs to have profiles");
}

#[tokio::test]
async fn a_file_that_is_not_of_its_form() {
    let error = profiles("[profile", None, &[]).await.err().unwrap();
    assert_snapshot!(error_text(error), @r"
    exit 3
    error: can't read the AWS configuration files: could not parse profile file: error parsing /config on line 1:
      Profile definition must end with ']'
    ");
}

#[test]
fn fuzz_reads_any_profiles() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    crate::fuzz_tests::mutate::fuzz(&[CONFIG.as_bytes()], |bytes| {
        for name in ["sso", "chained", "itself"] {
            let read = runtime.block_on(profiles(bytes, Some(name), &[]));
            _ = read.map(|profiles| profiles.credential_hint(false)).map_err(|error| error.to_string());
        }
    });
}
