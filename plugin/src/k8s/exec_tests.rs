//! Commands that are there, that are not, and what takes their place.
use insta::assert_snapshot;
use kube::config::Kubeconfig;

use super::*;

/// A user with this entry.
fn user(entry: &str) -> AuthInfo {
    let text = format!("{{users: [{{name: u, user: {{{entry}}}}}]}}");
    Kubeconfig::from_yaml(&text).unwrap().auth_infos.remove(0).auth_info.unwrap()
}

fn exec(command: &str, args: &str, more: &str) -> AuthInfo {
    user(&format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1beta1, command: '{command}', args: {args} {more}}}"
    ))
}

/// What becomes of it where PATH is as given.
fn settled(user: &mut AuthInfo, path: &str) -> Result<Option<String>, MissingCommand> {
    resolve_credentials(user, Path::new("/opt/kubectl-eks_encrypt"), &|name| (name == "PATH").then(|| path.to_owned()))
}

/// The command that takes another's place.
fn instead(mut user: AuthInfo) -> String {
    match settled(&mut user, "/nowhere") {
        Ok(Some(_)) => {
            let exec = user.exec.unwrap();
            let env = exec.env.iter().flatten().map(|entry| format!("{}={} ", entry["name"], entry["value"]));
            let args = exec.args.unwrap().join(" ");
            format!("{}{} {args}", env.collect::<String>(), exec.command.unwrap())
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn our_own_token_takes_the_place_of_a_missing_aws() {
    let mut all = Vec::new();
    for user in [
        exec("aws", "[--region, us-west-2, eks, get-token, --cluster-name, shop, --output, json]", ""),
        exec(
            "aws",
            "[eks, get-token, --cluster-name=shop, --region=us-west-2, '--role-arn=arn:aws:iam::1:role/x', --profile, ops]",
            "",
        ),
        exec(
            "/usr/local/bin/aws",
            "[eks, get-token, --cluster-id, 1-2-3]",
            ", env: [{name: AWS_PROFILE, value: prod}]",
        ),
        exec(
            "aws",
            "[--endpoint-url, 'https://sts.internal', --ca-bundle=/ca.pem, eks, get-token, --cluster-name, shop]",
            "",
        ),
        exec("aws-iam-authenticator", "[token, -i, shop, -r, 'arn:aws:iam::1:role/x', --external-id=e, -s, me]", ""),
    ] {
        all.push(instead(user));
    }
    assert_snapshot!(all.join("\n"), @r"
    /opt/kubectl-eks_encrypt token --cluster-name=shop --region=us-west-2
    /opt/kubectl-eks_encrypt token --cluster-name=shop --region=us-west-2 --profile=ops --role-arn=arn:aws:iam::1:role/x
    AWS_PROFILE=prod /opt/kubectl-eks_encrypt token --cluster-name=1-2-3
    AWS_ENDPOINT_URL_STS=https://sts.internal AWS_CA_BUNDLE=/ca.pem /opt/kubectl-eks_encrypt token --cluster-name=shop
    /opt/kubectl-eks_encrypt token --cluster-name=shop --role-arn=arn:aws:iam::1:role/x --external-id=e --session-name=me
    ");
}

#[test]
fn people_are_told_once() {
    let mut user = exec("aws", "[eks, get-token, --cluster-name, shop]", "");
    assert_snapshot!(settled(&mut user, "/nowhere").unwrap().unwrap(), @"note: the kubeconfig's command aws is not installed here; this plugin makes the cluster's tokens itself, from your AWS credentials");
    let exec = user.exec.unwrap();
    assert_eq!(exec.interactive_mode, Some(ExecInteractiveMode::Never));
    assert_eq!(exec.api_version.as_deref(), Some("client.authentication.k8s.io/v1beta1"));
}

#[test]
fn a_command_that_nobody_can_stand_in_for() {
    for (command, args) in [
        ("aws-vault", "[exec, prod, --, aws, eks, get-token, --cluster-name, shop]"),
        ("aws-iam-authenticator", "[token, -c, /etc/config, -i, shop]"),
        ("aws", "[eks, describe-cluster]"),
        ("kubelogin", "[get-token]"),
    ] {
        let missing = settled(&mut exec(command, args, ", installHint: \"get it\\nfrom us\""), "/nowhere").unwrap_err();
        assert_eq!(missing, MissingCommand { command: command.to_owned(), hint: "get it\nfrom us".to_owned() });
    }
}

#[cfg(unix)]
#[test]
fn a_command_that_is_there_is_left_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (path, aws) = (folder.path().display().to_string(), folder.path().join("aws"));
    std::fs::write(&aws, "#!/bin/sh\n").unwrap();
    let args = "[eks, get-token, --cluster-name, shop]";
    let kept = |command: &str, path: &str, more: &str| {
        let mut user = exec(command, args, more);
        let said = settled(&mut user, path);
        said == Ok(None) && user.exec.unwrap().command.as_deref() == Some(command)
    };
    assert!(!kept("aws", &path, ""), "it can't be run");
    std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(kept("aws", &format!("/nowhere:{path}"), ""));
    assert!(kept(aws.to_str().unwrap(), "/nowhere", ""));
    assert!(
        kept("aws", "/nowhere", &format!(", env: [{{name: PATH, value: '{path}'}}]")),
        "the entry's own PATH counts"
    );
    assert!(!kept("aws", &path, ", env: [{name: PATH, value: /nowhere}]"));
}

#[test]
fn a_token_comes_before_a_command() {
    let mut user = exec("aws", "[eks, get-token, --cluster-name, shop]", "");
    user.token_file = Some("/token".to_owned());
    assert_eq!(settled(&mut user, "/nowhere"), Ok(None));
    assert_eq!(user.exec.unwrap().command.as_deref(), Some("aws"));
}

#[test]
fn a_token_s_file_with_a_line_break_is_read_by_us() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let with = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut user = user(&format!("tokenFile: '{}'", file.display()));
        settled(&mut user, "/nowhere").unwrap();
        user.exec.and_then(|exec| exec.args)
    };
    assert_eq!(with("abc"), None);
    assert_eq!(with("abc\n").unwrap(), ["token", "--file", file.to_str().unwrap()]);
}
