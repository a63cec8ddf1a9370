//! Who may talk to the API server: what `aws eks get-token` makes, for a quarter of an hour.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eks_encrypt_sandbox::aws::token::mint;
use eks_encrypt_sandbox::info::{ADMIN_ROLE, CREATOR, Credentials, STRANGER};
use eks_encrypt_sandbox::sandbox::Sandbox;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::assertions::ClusterSnapshot;
use super::blocking_webhook;
use super::running::{Running, STARTED};
use super::support::{
    CommandOutput, associated, aws, control_plane, enable, kubectl_with_aws, plugin_with_aws, run, sandbox_program,
    seed_secrets, wait_for,
};

/// None of these changes anything, so one sandbox does for all.
#[test]
fn who_may_talk_to_the_api_server() {
    let sandbox = control_plane();
    the_kubeconfig_is_as_eks_has_it_and_works(&sandbox);
    a_token_older_than_fifteen_minutes_is_refused(&sandbox);
    an_assumed_role_with_its_session_token_gets_in_and_one_without_does_not(&sandbox);
    a_stranger_is_known_and_may_do_nothing(&sandbox);
    eks_refuses_an_access_key_that_nobody_has(&sandbox);
    the_plugin_s_own_token_is_as_that_of_aws_and_gets_in(&sandbox);
}

fn the_kubeconfig_is_as_eks_has_it_and_works(sandbox: &Sandbox) {
    let config = kubectl_with_aws(sandbox, &["config", "view", "--raw", "--output=json"]).json();
    assert_eq!(config["current-context"], sandbox.info().arn);
    assert_eq!(config["clusters"][0]["name"], sandbox.info().arn);
    assert_eq!(config["users"][0]["user"]["exec"]["command"], "aws");
    let whoami = kubectl_with_aws(sandbox, &["auth", "whoami", "--output=json"]).json();
    assert_eq!(whoami["status"]["userInfo"]["username"], CREATOR.arn());
    // The same principal on AWS's side.
    assert_eq!(aws(sandbox, &["sts", "get-caller-identity"]).json()["Arn"], CREATOR.arn());
}

fn a_token_older_than_fifteen_minutes_is_refused(sandbox: &Sandbox) {
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

fn an_assumed_role_with_its_session_token_gets_in_and_one_without_does_not(sandbox: &Sandbox) {
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

fn a_stranger_is_known_and_may_do_nothing(sandbox: &Sandbox) {
    let mut command = sandbox.command("kubectl").unwrap();
    command.env("AWS_ACCESS_KEY_ID", STRANGER.id).env("AWS_SECRET_ACCESS_KEY", STRANGER.secret);
    let error = run(command.args(["get", "secrets", "--all-namespaces"])).error();
    assert!(error.contains(&format!("User \"{}\" cannot list resource \"secrets\"", STRANGER.arn())), "{error}");
}

fn eks_refuses_an_access_key_that_nobody_has(sandbox: &Sandbox) {
    let mut command = sandbox.command("aws").unwrap();
    command.env("AWS_ACCESS_KEY_ID", "AKIANOBODYNOBODY0000");
    let error = run(command.args(["eks", "describe-cluster", "--name", "sandbox"])).error();
    assert!(error.contains("(UnrecognizedClientException)"), "{error}");
}

/// The plugin's own `token` and `aws eks get-token`, asked for the same.
fn both_tokens(sandbox: &Sandbox, as_whom: Credentials) -> [Value; 2] {
    let own = sandbox_program().with_file_name("kubectl-eks_encrypt");
    let of = |mut command: Command, arguments: &[&str]| {
        command.env("AWS_ACCESS_KEY_ID", as_whom.id).env("AWS_SECRET_ACCESS_KEY", as_whom.secret);
        command.envs(as_whom.token.map(|token| ("AWS_SESSION_TOKEN", token)));
        // `aws` would sign for the sandbox's endpoint. Neither asks anybody for anything.
        command.env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        run(command.args(arguments).args(["--cluster-name", "sandbox", "--region", "us-west-2"])).json()
    };
    let own = own.to_str().unwrap();
    [
        of(sandbox.command(own).unwrap(), &["token"]),
        of(sandbox.command("aws").unwrap(), &["eks", "get-token", "--output", "json"]),
    ]
}

/// What a token's URL says, but for when it was signed.
fn parameters(credential: &Value) -> BTreeMap<String, String> {
    let token = credential["status"]["token"].as_str().unwrap().strip_prefix("k8s-aws-v1.").unwrap();
    let url = String::from_utf8(URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
    let url = reqwest::Url::parse(&url).unwrap();
    let mut all: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    all.insert("where".to_owned(), format!("{}{}", url.origin().ascii_serialization(), url.path()));
    assert_eq!(all.remove("X-Amz-Signature").unwrap().len(), 64);
    assert_eq!(all.remove("X-Amz-Date").unwrap().len(), "20261124T090807Z".len());
    all
}

fn the_plugin_s_own_token_is_as_that_of_aws_and_gets_in(sandbox: &Sandbox) {
    for principal in [CREATOR, ADMIN_ROLE] {
        let [own, of_aws] = both_tokens(sandbox, principal);
        assert_eq!(parameters(&own), parameters(&of_aws));
        let until = |credential: &Value| -> Timestamp {
            credential["status"]["expirationTimestamp"].as_str().unwrap().parse().unwrap()
        };
        let apart = until(&own).duration_since(until(&of_aws)).abs();
        assert!(apart < SignedDuration::from_secs(30), "{own} {of_aws}");
        let server = &sandbox.info().endpoint;
        let token = own["status"]["token"].as_str().unwrap();
        let whoami = ["auth", "whoami", "--output=json", "--kubeconfig=/dev/null", "--insecure-skip-tls-verify"];
        let mut kubectl = sandbox.command("kubectl").unwrap();
        let output = run(kubectl.args(whoami).args(["--server", server, "--token", token])).json();
        assert_eq!(output["status"]["userInfo"]["username"], principal.arn());
    }
}

/// The plugin on a machine that has no `aws`.
fn without_aws(sandbox: &Sandbox, arguments: &[&str]) -> CommandOutput {
    let mut command = plugin_with_aws(sandbox, arguments);
    let kubectl = Path::new(command.get_program()).parent().unwrap().display().to_string();
    let plugin = sandbox_program().parent().unwrap().display().to_string();
    run(command.env("PATH", format!("{plugin}:{kubectl}")))
}

#[tokio::test]
async fn a_whole_run_where_aws_is_missing() {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 300, 2).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    let output = without_aws(&sandbox, &enable(&sandbox, &["--local"]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let note = "note: the kubeconfig's command aws is not installed here";
    assert_eq!(output.stderr.matches(note).count(), 1, "{}", output.stderr);
    before.all_moved(&sandbox).await;
    let status = without_aws(&sandbox, &["status", "--output=json"]);
    assert!(status.stderr.contains(note), "{}", status.stderr);
    let status = status.json();
    assert_eq!((&status["secrets"]["behind"], &status["notSeen"]), (&0.into(), &serde_json::json!([])), "{status}");
}

/// A command of a kubeconfig that hands out what is in the file `token`, says that it is good for 5 s more than the minute
/// before whose begin clients renew, and counts how often it was asked.
const HAND_OUT: &str = r#"echo >> asked
until=$(date --utc --date '+65 seconds' +%Y-%m-%dT%H:%M:%SZ)
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s","expirationTimestamp":"%s"}}' \
    "$(cat token)" "$until""#;

#[tokio::test]
async fn a_run_outlives_the_token_that_it_began_with() {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 200, 2).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    let folder = sandbox.folder().logs();
    let mut config = kubectl_with_aws(&sandbox, &["config", "view", "--raw", "--output=json"]).json();
    let script = format!("cd {}\n{HAND_OUT}", folder.display());
    config["users"][0]["user"] = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "sh", "args": ["-c", script],
    } });
    std::fs::write(folder.join("kubeconfig"), config.to_string()).unwrap();
    let token = |at| mint(&sandbox.info().aws_endpoint, CREATOR, "sandbox", at);
    // Its 15 minutes end in 40 s.
    let first = token(Timestamp::now() - SignedDuration::from_secs(14 * 60 + 20));
    std::fs::write(folder.join("token"), &first).unwrap();

    blocking_webhook::block(&sandbox, "seed-1", "secret-1");
    let kubeconfig = folder.join("kubeconfig").display().to_string();
    let mut run = Running::start(&sandbox, "run", &enable(&sandbox, &["--local", "--kubeconfig", &kubeconfig]));
    run.until(STARTED);
    std::fs::write(folder.join("token"), token(Timestamp::now())).unwrap();
    let server = &sandbox.info().endpoint;
    let with_first = ["--kubeconfig=/dev/null", "--insecure-skip-tls-verify", "--server", server, "--token", &first];
    wait_for("the first token's end", || {
        let output = kubectl_with_aws(&sandbox, &[&with_first[..], &["get", "namespaces"]].concat());
        output.stderr.contains("Unauthorized").then_some(())
    });
    run.assert_running();
    blocking_webhook::unblock(&sandbox);
    let output = run.end();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!output.stderr.contains("Unauthorized"), "it was renewed too late: {}", output.stderr);
    assert!(std::fs::read_to_string(folder.join("asked")).unwrap().lines().count() > 1);
    before.all_moved(&sandbox).await;
}
