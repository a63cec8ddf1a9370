//! Kubeconfigs and proxies as people have them, against a real API server: files in several places, certificates, tokens, names,
//! and a proxy that counts. `cleanup --dry-run` asks the API server alone, and changes nothing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eks_encrypt_sandbox::sandbox::Sandbox;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{CommandOutput, aws, plugin_command, run, with_node};

const CLEANUP_DRY_RUN: [&str; 2] = ["cleanup", "--dry-run"];

/// Whoever has got through.
const CONNECTED_MESSAGE: &str = "There is nothing of ours in this cluster.";

/// The administrator's kubeconfig in parts, to be put together in other ways.
struct Parts {
    folder: TempDir,
    cluster: Value,
    user: Value,
}

impl Parts {
    fn of(sandbox: &Sandbox) -> Self {
        let text = std::fs::read_to_string(sandbox.folder().admin_kubeconfig()).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        let part = |list: &str, field: &str| config[list][0][field].clone();
        Self { folder: tempfile::tempdir().unwrap(), cluster: part("clusters", "cluster"), user: part("users", "user") }
    }

    /// Moves what is in the kubeconfig, in base64, into a file beside it.
    fn write_next_to(&self, data: &Value, name: &str) -> String {
        let bytes = STANDARD.decode(data.as_str().unwrap()).unwrap();
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
        name.to_owned()
    }

    /// Writes a file with these entries.
    fn write(&self, name: &str, cluster: Option<&Value>, user: Option<&Value>) -> PathBuf {
        let list = |field: &str, entry: Option<&Value>| match entry {
            Some(entry) => json!([{ "name": "x", field: entry }]),
            None => json!([]),
        };
        let context = json!({ "cluster": "x", "user": "x" });
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": if cluster.is_some() { "x" } else { "" },
            "clusters": list("cluster", cluster), "users": list("user", user),
            "contexts": list("context", cluster.map(|_| &context)),
        });
        let file = self.folder.path().join(name);
        std::fs::write(&file, config.to_string()).unwrap();
        file
    }

    /// The plugin with one file of these entries.
    fn run_with(&self, sandbox: &Sandbox, cluster: &Value, user: &Value) -> CommandOutput {
        let file = self.write("config", Some(cluster), Some(user)).display().to_string();
        run(plugin_command(sandbox, &CLEANUP_DRY_RUN).env("KUBECONFIG", file))
    }
}

fn with(entry: &Value, field: &str, value: &str) -> Value {
    let mut entry = entry.clone();
    entry[field] = json!(value);
    entry
}

#[track_caller]
fn assert_connected(output: &CommandOutput) {
    assert!(output.code == Some(0) && output.stderr.contains(CONNECTED_MESSAGE), "{}", output.stderr);
}

/// None of these changes anything, so one sandbox does for all; with a node, because no proxy is asked for what is on loopback.
#[test]
fn the_api_server_is_reached() {
    let sandbox = with_node();
    certificates_in_files_of_several_kubeconfigs(&sandbox);
    a_token_s_file_with_its_line_break(&sandbox);
    a_server_s_other_name_and_a_wrong_one(&sandbox);
    proxies_and_their_exceptions(&sandbox);
}

fn certificates_in_files_of_several_kubeconfigs(sandbox: &Sandbox) {
    let parts = Parts::of(sandbox);
    assert_connected(&parts.run_with(sandbox, &parts.cluster, &parts.user));
    let cluster = json!({
        "server": parts.cluster["server"],
        "certificate-authority": parts.write_next_to(&parts.cluster["certificate-authority-data"], "ca.crt"),
    });
    let user = json!({
        "client-certificate": parts.write_next_to(&parts.user["client-certificate-data"], "me.crt"),
        "client-key": parts.write_next_to(&parts.user["client-key-data"], "me.key"),
    });
    let files = [
        parts.write("users", None, Some(&user)),
        parts.folder.path().join("there-is-none"),
        parts.write("clusters", Some(&cluster), None),
    ];
    let list = std::env::join_paths(files).unwrap();
    assert_connected(&run(plugin_command(sandbox, &CLEANUP_DRY_RUN).env("KUBECONFIG", list)));
}

fn a_token_s_file_with_its_line_break(sandbox: &Sandbox) {
    let parts = Parts::of(sandbox);
    let token = aws(sandbox, &["eks", "get-token", "--cluster-name", "sandbox", "--output", "json"]).json();
    let token = format!("{}\n", token["status"]["token"].as_str().unwrap());
    let file = parts.write_next_to(&json!(STANDARD.encode(token)), "token");
    assert_connected(&parts.run_with(sandbox, &parts.cluster, &json!({ "tokenFile": file })));
}

fn a_server_s_other_name_and_a_wrong_one(sandbox: &Sandbox) {
    let parts = Parts::of(sandbox);
    let named = |name: &str| parts.run_with(sandbox, &with(&parts.cluster, "tls-server-name", name), &parts.user);
    assert_connected(&named("kubernetes.default.svc"));
    let error = named("another.example").error();
    assert!(error.contains("another.example"), "{error}");
}

fn proxies_and_their_exceptions(sandbox: &Sandbox) {
    let parts = Parts::of(sandbox);
    let (proxy, asked) = proxy();
    let count = || std::mem::take(&mut *asked.lock().unwrap());
    let server = parts.cluster["server"].as_str().unwrap().strip_prefix("https://").unwrap();
    let by_environment = |exceptions: &str| {
        let file = parts.write("config", Some(&parts.cluster), Some(&parts.user)).display().to_string();
        let mut command = plugin_command(sandbox, &CLEANUP_DRY_RUN);
        command.env("HTTPS_PROXY", format!("http://alice:p%40ss@{proxy}")).env("NO_PROXY", exceptions);
        run(command.env("KUBECONFIG", file))
    };

    assert_connected(&by_environment(""));
    let heard = count();
    assert!(!heard.is_empty());
    for head in heard {
        assert!(head.starts_with(&format!("CONNECT {server} HTTP/1.1\r\n")), "{head}");
        // alice:p@ss
        assert!(head.to_lowercase().contains("proxy-authorization: basic ywxpy2u6cebzcw=="), "{head}");
    }
    for exceptions in ["198.18.0.0/15", "example.com,*", server] {
        assert_connected(&by_environment(exceptions));
        assert_eq!(count(), Vec::<String>::new(), "NO_PROXY={exceptions}");
    }

    // What the kubeconfig names knows no exceptions.
    let cluster = with(&parts.cluster, "proxy-url", &format!("http://{proxy}"));
    let file = parts.write("config", Some(&cluster), Some(&parts.user)).display().to_string();
    assert_connected(&run(plugin_command(sandbox, &CLEANUP_DRY_RUN).env("NO_PROXY", "*").env("KUBECONFIG", file)));
    assert!(!count().is_empty());
}

/// A proxy on loopback, and the heads of all that it was asked.
fn proxy() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let heard = Arc::clone(&heard);
            std::thread::spawn(move || tunnel(stream, &heard));
        }
    });
    (address, asked)
}

/// Opens the tunnel that one client asks for.
fn tunnel(mut client: TcpStream, heard: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heard.lock().unwrap().push(head);
    let mut server = TcpStream::connect(target).unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut back, mut forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut back, &mut forth));
    let _ = std::io::copy(&mut client, &mut server);
}
