//! Commands of kubeconfigs that fail or are missing, as people see it. No API server is asked.
use insta::assert_snapshot;

use crate::support::Shell;

/// A shell whose kubeconfig has this user.
fn shell(user: &str) -> Shell {
    let config = format!(
        "{{apiVersion: v1, kind: Config, current-context: prod, contexts: [{{name: prod, context: {{cluster: c, user: u}}}}],
          clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1'}}}}], users: [{{name: u, user: {{{user}}}}}]}}"
    );
    let shell = Shell::new().file("kubeconfig", &config);
    let file = shell.path("kubeconfig").display().to_string();
    shell.set("KUBECONFIG", &file)
}

fn exec(command: &str, args: &str, more: &str) -> Shell {
    shell(&format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}, args: {args}, interactiveMode: Never {more}}}"
    ))
}

fn said(shell: &Shell) -> String {
    shell.error(&shell.run(&["attach"]))
}

#[test]
fn a_command_that_is_missing_with_its_hint() {
    let hint = ", installHint: \"kubelogin is not there.\\nSee https://kubelogin.example\"";
    assert_snapshot!(said(&exec("there-is-no-kubelogin", "[get-token]", hint)), @r"
    error: kubeconfig context prod takes its credentials from the command there-is-no-kubelogin, which is not installed here (or not on PATH): install it, or name another context
      its hint: kubelogin is not there.
      See https://kubelogin.example
    ");
    assert_snapshot!(said(&exec("there-is-no-aws-vault", "[exec, prod, --, aws, eks, get-token]", "")), @"error: kubeconfig context prod takes its credentials from the command there-is-no-aws-vault, which is not installed here (or not on PATH): install it, or name another context");
}

#[test]
fn a_command_that_fails_is_quoted_and_its_environment_is_not() {
    let script = "['-c', 'echo the vault is sealed >&2; exit 4']";
    let env = ", env: [{name: VAULT_PASSWORD, value: hunter2}]";
    assert_snapshot!(said(&exec("sh", script, env)), @"error: kubeconfig context prod gives no credentials: its command failed (exit status: 4): the vault is sealed");
    assert_snapshot!(said(&exec("sh", "['-c', 'echo nonsense']", "")), @"error: kubeconfig context prod gives no credentials: its command prints something else than an ExecCredential");
}

#[test]
fn aws_is_missing_and_nobody_is_logged_in() {
    let shell = exec("aws", "[eks, get-token, --cluster-name, shop]", "").set("PATH", "/nowhere");
    assert_snapshot!(said(&shell), @r"
    note: the kubeconfig's command aws is not installed here; this plugin makes the cluster's tokens itself, from your AWS credentials
    error: kubeconfig context prod gives no credentials: its command failed (exit status: 3): no AWS credentials to make the cluster's token with (log in: `aws sso login`, or see `aws sts get-caller-identity`): there are none in the environment, in a profile, or on this machine
    ");
}

#[test]
fn aws_is_missing_and_the_kubeconfig_s_profile_is_unknown() {
    let env = ", env: [{name: AWS_PROFILE, value: prod}]";
    let shell = exec("aws", "[eks, get-token, --cluster-name, shop]", env).set("PATH", "/nowhere").keys("AKIAOTHER");
    assert_snapshot!(said(&shell), @r"
    note: the kubeconfig's command aws is not installed here; this plugin makes the cluster's tokens itself, from your AWS credentials
    error: kubeconfig context prod gives no credentials: its command failed (exit status: 3): there is no AWS profile prod (the environment's AWS_PROFILE); there are none at all: `aws configure sso` makes one
    ");
}

#[test]
fn contexts_are_completed_though_a_file_of_the_list_is_missing() {
    let shell = shell("token: t");
    let list = format!("/there/is/none:{}", shell.path("kubeconfig").display());
    let said = shell.set("KUBECONFIG", &list).run(&["__complete", "status", "--context", ""]);
    assert_eq!(said.stdout, "prod\tcluster c\n:4\n");
}

/// The context's profile is of the day on which it was written.
#[test]
fn the_shells_profile_comes_before_the_contexts_by_its_older_name_too() {
    let args = "[eks, get-token, --cluster-name, shop, --region, eu-central-1, --profile, of-the-context]";
    for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
        let said =
            exec("aws", args, "").set(name, "of-the-shell").run(&["reencrypt", "--image", "registry.example/job:1"]);
        assert!(
            said.stderr.contains("AWS identity         there is no AWS profile of-the-shell"),
            "{name}: {}",
            said.stderr
        );
    }
}

#[test]
fn the_token_of_a_file() {
    let shell = Shell::new().file("token", "abc\n");
    let file = shell.path("token").display().to_string();
    let said = shell.run(&["token", "--file", &file]);
    assert!(said.code == Some(0) && said.stdout.contains(r#""token":"abc""#), "{}{}", said.stdout, said.stderr);
    assert_snapshot!(shell.error(&shell.run(&["token", "--file", &format!("{file}s")])), @"error: can't read the token in ~/tokens: No such file or directory (os error 2)");
}
