//! Kubeconfigs as people have them: several files, certificates beside them, what kubectl writes and what it passes over.
use std::path::PathBuf;

use insta::assert_snapshot;
use kube::config::ExecConfig;
use tempfile::TempDir;

use super::*;

/// A certificate as far as we look into it.
const PEM: &str = "-----BEGIN CERTIFICATE-----\nYXV0aG9yaXR5IEE=\n-----END CERTIFICATE-----\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    folder
}

/// What `$KUBECONFIG` with these files says.
fn listed(folder: &TempDir, files: &[&str]) -> Result<Kubeconfig, KubeconfigError> {
    let paths = files.iter().map(|file| folder.path().join(file));
    read(None, Some(&std::env::join_paths(paths).unwrap()))
}

fn plain(kubeconfig: &Kubeconfig, context: &str) -> Result<Config, String> {
    connection_of(kubeconfig, context, &|_| None).map_err(|error| error.to_string())
}

/// One cluster `c`, one user `u`, one context `prod`.
fn single_file(cluster: &str, user: &str) -> Kubeconfig {
    let text = format!(
        "{{apiVersion: v1, kind: Config, contexts: [{{name: prod, context: {{cluster: c, user: u}}}}],
          clusters: [{{name: c, cluster: {{server: 'https://abc.example', {cluster}}}}}], users: [{{name: u, user: {{{user}}}}}]}}"
    );
    Kubeconfig::from_yaml(&text).unwrap()
}

#[test]
fn several_files_are_one_and_paths_are_relative_to_their_own_file() {
    let folder = folder(&[
        // As `kubectl config` leaves a new file: with a current context that is empty.
        ("empty", "{apiVersion: v1, kind: Config, current-context: '', contexts: null, clusters: [], users: []}"),
        (
            "contexts/config",
            "{apiVersion: v1, kind: Config, current-context: prod,
              contexts: [{name: prod, context: {cluster: c, user: u, namespace: shop}}]}",
        ),
        (
            "clusters/config",
            "{apiVersion: v1, kind: Config, current-context: other,
              clusters: [{name: c, cluster: {server: 'https://abc.example', certificate-authority: pki/ca.crt}}],
              users: [{name: u, user: {client-certificate: pki/me.crt, client-key: pki/me.key, tokenFile: ../token}}]}",
        ),
        ("clusters/pki/ca.crt", PEM),
    ]);
    let files = ["empty", "contexts/config", "there-is-none", "clusters/config"];
    let kubeconfig = listed(&folder, &files).unwrap();
    assert_eq!(kubeconfig.current_context.as_deref(), Some("prod"));
    let config = plain(&kubeconfig, "prod").unwrap();
    assert_eq!(config.root_cert, Some(vec![b"authority A".to_vec()]));
    assert_eq!(config.default_namespace, "shop");
    let beside = folder.path().join("clusters");
    let AuthInfo { client_certificate, client_key, token_file, .. } = config.auth_info;
    for (file, name) in [(client_certificate, "pki/me.crt"), (client_key, "pki/me.key"), (token_file, "../token")] {
        assert_eq!(file.as_deref(), beside.join(name).to_str());
    }
}

#[test]
fn empty_secrets_are_no_secrets() {
    let user = "token: '', password: '', client-key-data: '', exec: {command: aws}";
    let AuthInfo { token, password, client_key_data, .. } = plain(&single_file("", user), "prod").unwrap().auth_info;
    assert!(token.is_none() && password.is_none() && client_key_data.is_none());
}

#[test]
fn the_first_file_to_name_something_wins() {
    let file = |context: &str, server: &str| {
        format!(
            "{{kind: Config, current-context: {context}, contexts: [{{name: prod, context: {{cluster: c, user: u}}}}],
              clusters: [{{name: c, cluster: {{server: 'https://{server}'}}}}]}}"
        )
    };
    let folder = folder(&[("a", &file("prod", "first")), ("b", &file("other", "second"))]);
    let kubeconfig = listed(&folder, &["a", "b"]).unwrap();
    assert_eq!(kubeconfig.current_context.as_deref(), Some("prod"));
    assert_eq!(plain(&kubeconfig, "prod").unwrap().cluster_url, "https://first/");
}

#[test]
fn a_file_that_was_named_alone_must_exist() {
    let folder = folder(&[]);
    assert!(listed(&folder, &["none"]).is_err());
    assert!(read(Some(&folder.path().join("none")), None).is_err());
    assert!(
        listed(&folder, &["none", "nor-here"]).unwrap().contexts.is_empty(),
        "a list may be of nothing, as for kubectl"
    );
}

#[test]
fn nothing_between_two_separators_is_no_file() {
    let folder = folder(&[]);
    let list = std::env::join_paths([folder.path().join("none"), PathBuf::new()]).unwrap();
    assert!(read(None, Some(&list)).is_err(), "the one file of the list must exist");
}

#[test]
fn how_the_server_is_checked() {
    let config =
        plain(&single_file("tls-server-name: kubernetes, insecure-skip-tls-verify: true", ""), "prod").unwrap();
    assert_eq!(config.tls_server_name.as_deref(), Some("kubernetes"));
    assert!(config.accept_invalid_certs);
    let config = plain(&single_file("tls-server-name: ''", ""), "prod").unwrap();
    assert_eq!((config.tls_server_name, config.accept_invalid_certs), (None, false));
}

#[test]
fn empty_values_are_none() {
    let folder = folder(&[("ca.crt", PEM)]);
    let file = folder.path().join("ca.crt").display().to_string();
    let cluster = format!("certificate-authority-data: '', certificate-authority: '{file}'");
    let user = "client-certificate: '', client-certificate-data: '', client-key: '', tokenFile: '', username: ''";
    let config = plain(&single_file(&cluster, user), "prod").unwrap();
    assert_eq!(config.root_cert, Some(vec![b"authority A".to_vec()]));
    let AuthInfo { client_certificate, client_certificate_data, client_key, token_file, username, .. } =
        config.auth_info;
    assert_eq!([client_certificate, client_certificate_data, client_key, token_file, username], [const { None }; 5]);
    let mut nowhere = single_file("", "");
    nowhere.clusters[0].cluster.as_mut().unwrap().server = Some(String::new());
    assert_eq!(plain(&nowhere, "prod").unwrap_err(), "cluster c has no server");
}

#[test]
fn an_empty_namespace_is_none() {
    let mut kubeconfig = single_file("", "");
    kubeconfig.contexts[0].context.as_mut().unwrap().namespace = Some(String::new());
    assert_eq!(plain(&kubeconfig, "prod").unwrap().default_namespace, "default");
}

#[test]
fn compression_is_asked_for_unless_the_cluster_says_no() {
    assert!(plain(&single_file("disable-compression: true", ""), "prod").unwrap().disable_compression);
    assert!(!plain(&single_file("", ""), "prod").unwrap().disable_compression);
}

#[test]
fn a_token_s_file_comes_before_a_token() {
    let user = plain(&single_file("", "token: old, tokenFile: /token"), "prod").unwrap().auth_info;
    assert!(user.token.is_none());
    assert_eq!(user.token_file.as_deref(), Some("/token"));
}

#[test]
fn a_command_that_wants_to_know_the_cluster_is_told() {
    let data = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCllYVjBhRzl5YVhSNUlFRT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";
    let cluster = format!(
        "tls-server-name: name, proxy-url: 'http://proxy', certificate-authority-data: {data},
         extensions: [{{name: client.authentication.k8s.io/exec, extension: {{account: 111122223333}}}}]"
    );
    let user = |more: &str| format!("exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh{more}}}");
    let exec =
        |user: &str| -> ExecConfig { plain(&single_file(&cluster, user), "prod").unwrap().auth_info.exec.unwrap() };
    assert!(exec(&user("")).cluster.is_none());
    let told = exec(&user(", provideClusterInfo: true")).cluster.unwrap();
    assert_snapshot!(serde_json::to_string(&told).unwrap().replace(data, "DATA"), @r#"{"server":"https://abc.example","certificate-authority-data":"DATA","proxy-url":"http://proxy","tls-server-name":"name","config":{"account":111122223333}}"#);
}

#[test]
fn what_is_missing_is_named() {
    let mut all = Vec::new();
    for (context, kubeconfig) in [
        ("other", single_file("", "")),
        ("prod", Kubeconfig { clusters: Vec::new(), ..single_file("", "") }),
        ("prod", single_file("certificate-authority-data: bm90IFBFTQ==", "")),
        ("prod", single_file("certificate-authority: /there/is/none", "")),
        ("prod", single_file("proxy-url: 'http://'", "")),
    ] {
        all.push(plain(&kubeconfig, context).unwrap_err());
    }
    assert_snapshot!(all.join("\n"), @r#"
    there is no such context
    it has no cluster c
    its certificate authority is no certificate in PEM
    failed to load certificate authority: failed to read file '"/there/is/none"': No such file or directory (os error 2)
    its proxy-url is not the address of a proxy, such as http://proxy.example:3128
    "#);
    assert!(
        plain(&Kubeconfig { auth_infos: Vec::new(), ..single_file("", "") }, "prod").is_ok(),
        "kubectl goes on without a user"
    );
}

#[test]
fn fuzz_reads_any_kubeconfig() {
    let authority = include_str!("../testing.rs").split('"').find(|word| word.starts_with("LS0t")).unwrap();
    let yaml = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: prod\ncontexts: [{{name: prod, context: {{cluster: c, user: u}}}}]\n\
         clusters:\n- name: c\n  cluster: {{server: 'https://abc.example', certificate-authority-data: {authority}, proxy-url: 'http://p:1'}}\n\
         users:\n- name: u\n  user:\n    exec: {{apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never,\n\
         \u{20}     args: [--region, us-west-2, eks, get-token, --cluster-name, shop], env: [{{name: A, value: b}}], provideClusterInfo: true}}\n"
    );
    let utf16: Vec<_> = "\u{feff}{kind: Config}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    crate::fuzz_tests::mutate::fuzz(&[yaml.as_bytes(), &utf16], |bytes| {
        let Ok(text) = decode_text(bytes.to_vec()) else { return };
        let Ok(kubeconfig) = check_nesting(&text).and_then(|()| Kubeconfig::from_yaml(&text)) else { return };
        _ = connection_of(&kubeconfig, "prod", &|_| None).map_err(|error| error.to_string());
        for exec in kubeconfig.auth_infos.iter().filter_map(|user| user.auth_info.as_ref()?.exec.as_ref()) {
            _ = super::super::token_command::token_request(exec);
        }
    });
}

/// X6, and what kube 5.0.0 panics of.
#[test]
fn a_kubeconfig_that_is_too_deep_too_large_or_half_a_character_is_an_error() {
    let deep = format!("extensions: {}{}", "[".repeat(60), "]".repeat(60));
    let block: String = (0..60).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let large = format!("# {}\nkind: Config\n", "x".repeat(9 << 20));
    let folder = folder(&[("deep", &deep), ("block", &block), ("large", &large)]);
    std::fs::write(folder.path().join("half"), b"\xFF\xFEk\0i").unwrap();
    let words = |name: &&str| Cause::from_error(&listed(&folder, &[name]).unwrap_err()).to_string();
    let all: Vec<_> = ["deep", "block", "large", "half"].iter().map(words).collect();
    assert_snapshot!(all.join("\n").replace(&folder.path().display().to_string(), "DIR"), @r#"
    failed to parse kubeconfig YAML: budget breached: Depth { depth: 25 } at line 1, column 36
    failed to parse kubeconfig YAML: budget breached: Depth { depth: 25 } at line 25, column 25
    failed to read kubeconfig from '"DIR/large"': it is larger than 8192 KiB
    failed to read kubeconfig from '"DIR/half"': it is not text
    "#);
}

#[test]
fn a_certificate_that_is_a_device_is_not_read() {
    let kubeconfig = single_file("certificate-authority: /dev/zero", "");
    assert_snapshot!(plain(&kubeconfig, "prod").unwrap_err(), @"/dev/zero is no file, or larger than 1024 KiB");
}
