//! A kubeconfig, read and made into a client's configuration as kubectl does both. Input: files and a context's name. Output:
//! kube's types. Where kube (kube-client 5.0.0) departs from kubectl, this follows kubectl (client-go, tools/clientcmd):
//!
//! - A file of the `$KUBECONFIG` list that does not exist is passed over; so is an empty `current-context`, which kubectl
//!   itself writes into new files.
//! - Empty values are no values: `certificate-authority-data: ""` beside `certificate-authority`.
//! - A token's file comes before a token.
//! - Proxies (`proxy`), and what becomes of commands that make credentials (`exec`).

use std::ffi::OsStr;
use std::path::Path;

use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster, Kubeconfig, KubeconfigError};
use secrecy::ExposeSecret as _;
use serde::de::IgnoredAny;

use super::proxy;
use crate::cause::Cause;
use crate::cluster_config::yaml;
use crate::file;
use crate::model::pem;

/// Reads the file; or those that `list`, the value of `$KUBECONFIG`, names; or the home directory's.
pub(super) fn read(file: Option<&Path>, list: Option<&OsStr>) -> Result<Kubeconfig, KubeconfigError> {
    if let Some(file) = file {
        return read_file(file);
    }
    let files = list.map(std::env::split_paths).into_iter().flatten();
    let files: Vec<_> = files.filter(|file| !file.as_os_str().is_empty()).collect();
    if files.is_empty() {
        let home = std::env::home_dir().ok_or(KubeconfigError::FindPath)?;
        return read_file(&home.join(".kube").join("config"));
    }
    let mut all = Kubeconfig::default();
    for file in files.iter().filter(|file| files.len() == 1 || file.exists()) {
        all = all.merge(read_file(file)?)?;
    }
    Ok(all)
}

/// One file, within bounds that kube does not have.
fn read_file(file: &Path) -> Result<Kubeconfig, KubeconfigError> {
    let bad = |error| KubeconfigError::ReadConfig(error, file.into());
    let decode_text = file::read(file, file::MAX_KUBECONFIG).and_then(decode_text).map_err(bad)?;
    check_nesting(&decode_text)?;
    // A pipe can't be read twice, and nothing lies beside it.
    let read = if file.is_file() { Kubeconfig::read_from(file) } else { Kubeconfig::from_yaml(&decode_text) };
    let mut kubeconfig = read?;
    kubeconfig.current_context = kubeconfig.current_context.filter(|context| !context.is_empty());
    Ok(kubeconfig)
}

/// Whether the text is YAML within our bounds. kube's own allow what takes the stack.
fn check_nesting(text: &str) -> Result<(), KubeconfigError> {
    let read = serde_saphyr::from_multiple_with_options::<IgnoredAny>(text, yaml::options());
    read.map(drop).map_err(|error| KubeconfigError::Parse(Box::new(error)))
}

/// UTF-8, or UTF-16 with its mark, as editors of Windows write it. kube 5.0.0 panics where half a character stands at the end.
fn decode_text(bytes: Vec<u8>) -> std::io::Result<String> {
    let utf16 = |of: fn([u8; 2]) -> u16| {
        let units: Option<Vec<u16>> = bytes[2..].chunks(2).map(|pair| Some(of(pair.try_into().ok()?))).collect();
        String::from_utf16(&units?).ok()
    };
    let text = match bytes.as_slice() {
        [0xFF, 0xFE, ..] => utf16(u16::from_le_bytes),
        [0xFE, 0xFF, ..] => utf16(u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    };
    text.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not text"))
}

/// What a client of this context is made from.
pub(super) fn connection_of(
    kubeconfig: &Kubeconfig,
    context: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Cause> {
    let said = |words: String| Cause::message(words);
    let entry = kubeconfig.contexts.iter().find(|entry| entry.name == context);
    let entry =
        entry.and_then(|entry| entry.context.as_ref()).ok_or_else(|| said("there is no such context".into()))?;
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == entry.cluster);
    let cluster = cluster.and_then(|cluster| cluster.cluster.clone());
    let cluster = trim_cluster(cluster.ok_or_else(|| said(format!("it has no cluster {}", entry.cluster)))?);
    // kubectl, too, goes on without a user that is not there.
    let user = kubeconfig.auth_infos.iter().find(|user| Some(&user.name) == entry.user.as_ref());
    let mut user = trim_user(user.and_then(|user| user.auth_info.clone()).unwrap_or_default());

    let server = cluster.server.as_deref().ok_or_else(|| said(format!("cluster {} has no server", entry.cluster)))?;
    let server: Uri = server.parse().map_err(|_| said(format!("{server} is not the address of a server")))?;
    for named in [&cluster.certificate_authority, &user.client_certificate, &user.client_key].into_iter().flatten() {
        let path = Path::new(named);
        if path.exists() && !file::is_small(path) {
            return Err(said(format!("{named} is no file, or larger than {} KiB", file::MAX_SMALL_FILE >> 10)));
        }
    }
    // The form in which a command gets the cluster's entry has the authority's certificates loaded from where they are.
    let loaded = ExecAuthCluster::try_from(&cluster).map_err(|error| Cause::from_error(&error))?;
    let authority = match &loaded.certificate_authority_data {
        Some(bytes) => {
            let found = pem::certificates(&String::from_utf8_lossy(bytes));
            Some(found.ok_or_else(|| said("its certificate authority is no certificate in PEM".to_owned()))?)
        }
        None => None,
    };
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = Some(loaded);
    }

    let proxy = proxy::proxy_for(&server, cluster.proxy_url.as_deref(), variable)?;
    let mut config = Config::new(server);
    if let Some(namespace) = entry.namespace.clone().filter(|namespace| !namespace.is_empty()) {
        config.default_namespace = namespace;
    }
    config.root_cert = authority;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or_default();
    config.disable_compression = cluster.disable_compression.unwrap_or_default();
    config.tls_server_name = cluster.tls_server_name;
    config.proxy_url = proxy;
    config.auth_info = user;
    Ok(config)
}

fn trim_cluster(mut cluster: Cluster) -> Cluster {
    for value in [
        &mut cluster.certificate_authority,
        &mut cluster.certificate_authority_data,
        &mut cluster.tls_server_name,
        &mut cluster.server,
    ] {
        trim_value(value);
    }
    cluster
}

fn trim_user(mut user: AuthInfo) -> AuthInfo {
    for value in [
        &mut user.client_certificate,
        &mut user.client_certificate_data,
        &mut user.client_key,
        &mut user.token_file,
        &mut user.username,
    ] {
        trim_value(value);
    }
    for secret in [&mut user.token, &mut user.password, &mut user.client_key_data] {
        *secret = secret.take().filter(|secret| !secret.expose_secret().is_empty());
    }
    if user.token_file.is_some() {
        user.token = None;
    }
    user
}

fn trim_value(value: &mut Option<String>) {
    *value = value.take().filter(|value| !value.is_empty());
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
