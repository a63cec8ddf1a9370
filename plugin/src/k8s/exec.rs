//! What becomes of a kubeconfig's command that makes credentials (`aws eks get-token`), and of a file that holds a token, before
//! kube gets hold of them. Input: a user's entry. Output: the same, or one whose command is this program's own `token`; a note
//! for people; or an error that names what is missing. kube runs the command, and again before its token ends.
//!
//! - The command is not installed, but this program can do what it does: its own `token` takes its place. The machine then needs
//!   AWS credentials and no `aws`.
//! - It is not installed and nobody can do it: the person hears what kubectl would say, `installHint` and all.
//! - A token's file ends with a line break, as most do: kube 5.0.0 would send that to the API server (it takes files as they are,
//!   src/client/auth/mod.rs; client-go trims them). `token` reads it, trimmed.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};

use super::token_command::{Request, token_request};
use crate::file;
use crate::ui::terminal::one_line;

/// The command is missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MissingCommand {
    pub(super) command: String,
    /// What the kubeconfig says about how to get it; may be empty.
    pub(super) hint: String,
}

/// Makes a user's entry one that kube can use. `ours`: this program. Gives back what people should know, if there is anything.
pub(super) fn resolve_credentials(
    user: &mut AuthInfo,
    ours: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, MissingCommand> {
    if let Some(file) = user.token_file.clone().filter(|file| needs_trimming(Path::new(file))) {
        user.token_file = None;
        user.exec = Some(own_exec(ours, vec!["--file".to_owned(), file], Vec::new()));
        return Ok(None);
    }
    // kube looks at these first.
    if user.token.is_some() || user.token_file.is_some() || user.auth_provider.is_some() || user.username.is_some() {
        return Ok(None);
    }
    let Some(exec) = &user.exec else { return Ok(None) };
    let command = exec.command.clone().unwrap_or_default();
    let path = exec_variable(exec, "PATH").or_else(|| variable("PATH")).unwrap_or_default();
    if command.is_empty() || is_installed(&command, &path.into()) {
        return Ok(None);
    }
    let Some(wanted) = token_request(exec) else {
        let hint = exec.install_hint.as_deref().unwrap_or_default().trim().to_owned();
        return Err(MissingCommand { command: one_line(&command), hint });
    };
    let note = format!(
        "note: the kubeconfig's command {} is not installed here; this plugin makes the cluster's tokens itself, from your AWS \
         credentials",
        one_line(&command)
    );
    user.exec = Some(substitute(exec, ours, wanted));
    Ok(Some(note))
}

/// Our own command, with the other one's arguments and environment.
fn substitute(exec: &ExecConfig, ours: &Path, wanted: Request) -> ExecConfig {
    let Request { cluster, region, profile, role_arn, external_id, session_name, endpoint_url, ca_bundle } = wanted;
    let flags = [
        ("--cluster-name", Some(cluster)),
        ("--region", region),
        ("--profile", profile),
        ("--role-arn", role_arn),
        ("--external-id", external_id),
        ("--session-name", session_name),
    ];
    // One word each: a value may begin with a dash.
    let arguments = flags.into_iter().filter_map(|(flag, value)| Some(format!("{flag}={}", value?))).collect();
    let mut env = exec.env.clone().unwrap_or_default();
    for (name, value) in [("AWS_ENDPOINT_URL_STS", endpoint_url), ("AWS_CA_BUNDLE", ca_bundle)] {
        if let Some(value) = value {
            env.push(HashMap::from([("name".to_owned(), name.to_owned()), ("value".to_owned(), value)]));
        }
    }
    ExecConfig { api_version: exec.api_version.clone(), ..own_exec(ours, arguments, env) }
}

fn own_exec(ours: &Path, arguments: Vec<String>, env: Vec<HashMap<String, String>>) -> ExecConfig {
    ExecConfig {
        api_version: Some("client.authentication.k8s.io/v1".to_owned()),
        command: Some(ours.display().to_string()),
        args: Some([vec!["token".to_owned()], arguments].concat()),
        env: Some(env),
        drop_env: None,
        install_hint: None,
        // What it says of an error becomes part of ours.
        interactive_mode: Some(ExecInteractiveMode::Never),
        provide_cluster_info: false,
        cluster: None,
        other: Default::default(),
    }
}

/// A variable that the entry sets for the command.
fn exec_variable(exec: &ExecConfig, name: &str) -> Option<String> {
    let mut entries = exec.env.iter().flatten();
    let entry = entries.rfind(|entry| entry.get("name").is_some_and(|set| set == name))?;
    entry.get("value").cloned()
}

/// Whether a command can be started: a file where it says, or one in a folder of the search path.
fn is_installed(command: &str, path: &OsString) -> bool {
    let endings: &[&str] = if cfg!(windows) { &["", ".exe", ".cmd", ".bat", ".com"] } else { &[""] };
    let there = |file: &Path| {
        endings.iter().any(|ending| {
            let mut name = file.as_os_str().to_owned();
            name.push(ending);
            is_program(Path::new(&name))
        })
    };
    if command.contains(std::path::is_separator) {
        return there(Path::new(command));
    }
    std::env::split_paths(path).any(|folder| there(&folder.join(command)))
}

fn is_program(file: &Path) -> bool {
    let Ok(file) = file.metadata() else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.is_file() && file.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    file.is_file()
}

/// Whether a file has space around its token, or has no end that kube would find. One that can't be read is kube's to complain of.
fn needs_trimming(path: &Path) -> bool {
    if !file::is_small(path) {
        return path.exists();
    }
    file::read_text(path, file::MAX_SMALL_FILE).is_ok_and(|text| text.trim() != text)
}

#[cfg(test)]
#[path = "exec_tests.rs"]
mod tests;
