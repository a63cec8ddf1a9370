//! The image travels with the plugin: pushed to real registries by each of their doors, pulled by a real containerd by its digest,
//! and used for a whole run.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eks_encrypt_sandbox::info::{ECR, REGISTRY_USER, Registry};
use eks_encrypt_sandbox::options::{Options, RegistryAccess};
use eks_encrypt_sandbox::sandbox::Sandbox;
use serde_json::{Value, json};

use super::assertions::ClusterSnapshot;
use super::node::image;
use super::support::{
    CommandOutput, Fixture, admin, aws, enable, first_on_path, key_of, plugin_command, run, sandbox_program,
    seed_secrets, start, wait_for,
};

/// Registries of each kind but the plain one, which every sandbox has.
fn with_registries(doors: &[(bool, bool)]) -> (Fixture, Vec<Registry>) {
    let registries = doors.iter().map(|&(tls, password)| RegistryAccess { tls, password }).collect();
    let sandbox = start(Options { registries, api_servers: 1, ..Options::default() });
    let node = sandbox.info().node.clone().expect("these tests need root: a node is made of namespaces and mounts");
    let plain = Registry { address: node.registry, authority: None, password: None };
    (sandbox, [vec![plain], node.registries].concat())
}

/// An archive of both architectures, as a release has it; arm64's program is none, which nobody here would notice.
fn both_architectures(sandbox: &Sandbox) -> PathBuf {
    let folder = sandbox.folder().logs();
    let (archive, arm64) = (folder.join("both.oci.tar"), folder.join("arm64"));
    let amd64 = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/packed/linux-amd64/eks-encrypt-job");
    std::fs::write(&arm64, "not a program").unwrap();
    let mut dist = Command::new(sandbox_program().with_file_name("dist"));
    dist.env("SOURCE_DATE_EPOCH", "0").arg("image").arg("--output").arg(&archive);
    dist.arg(format!("--binary=amd64={}", amd64.display())).arg(format!("--binary=arm64={}", arm64.display()));
    run(&mut dist).ok();
    archive
}

/// The flags with which a registry is reached, and a person known to it.
fn flags(registry: &Registry) -> Vec<String> {
    let mut flags = way(registry);
    if registry.password.is_some() {
        flags.extend([format!("--username={REGISTRY_USER}"), "--password-stdin".to_owned()]);
    }
    flags
}

/// The flags with which it is reached.
fn way(registry: &Registry) -> Vec<String> {
    let mut flags = Vec::new();
    match &registry.authority {
        Some(file) => flags.push(format!("--registry-ca={}", file.display())),
        None => flags.push("--plain-http".to_owned()),
    }
    flags
}

/// Runs the plugin with a password on its stdin.
fn plugin_with(sandbox: &Sandbox, arguments: &[&str], password: &str) -> CommandOutput {
    let mut command = plugin_command(sandbox, arguments);
    // What this machine's own docker knows must not matter.
    command.env("DOCKER_CONFIG", sandbox.folder().path()).env_remove("REGISTRY_AUTH_FILE");
    command.env("HOME", sandbox.folder().path()).env_remove("XDG_RUNTIME_DIR");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that ends before it has read has said why.
    child.stdin.take().unwrap().write_all(password.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    CommandOutput { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn push(sandbox: &Sandbox, registry: &Registry, archive: &str, password: &str) -> CommandOutput {
    let (to, flags) = (format!("{}/team/job", registry.address), flags(registry));
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    plugin_with(sandbox, &[&["image", "push", &to, archive], &flags[..]].concat(), password)
}

/// Pushes again, with what docker's configuration knows.
fn push_as_docker(sandbox: &Sandbox, registry: &Registry, archive: &str, config: &Value) -> CommandOutput {
    let folder = sandbox.folder().logs();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let to = format!("{}/team/job", registry.address);
    let mut command = plugin_command(sandbox, &["image", "push", &to, archive]);
    first_on_path(&mut command, &folder);
    command.env("DOCKER_CONFIG", &folder).env("HOME", &folder).env_remove("REGISTRY_AUTH_FILE");
    run(command.env_remove("XDG_RUNTIME_DIR").args(way(registry)))
}

/// A credential helper, which knows one password.
fn helper(sandbox: &Sandbox, password: &str) {
    let file = sandbox.folder().logs().join("docker-credential-sandbox");
    let answer = json!({ "ServerURL": "", "Username": REGISTRY_USER, "Secret": password });
    // Copied by another process: what is written here, another test's child may hold open, and then it can't be run (ETXTBSY).
    let written = sandbox.folder().logs().join("helper");
    std::fs::write(&written, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
    run(Command::new("install").args(["-m", "755"]).args([&written, &file])).ok();
}

/// What the registry without TLS and password has of an image: each architecture with its manifest and all that it names.
async fn architectures(registry: &Registry, digest: &str) -> Vec<String> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |what: &str| format!("http://{}/v2/team/job/{what}", registry.address);
    let index = "application/vnd.oci.image.index.v1+json";
    let index = client.get(url(&format!("manifests/{digest}"))).header("accept", index).send().await.unwrap();
    let index: Value = index.error_for_status().unwrap().json().await.unwrap();
    let mut found = Vec::new();
    for entry in index["manifests"].as_array().unwrap() {
        let media_type = entry["mediaType"].as_str().unwrap();
        let manifest = url(&format!("manifests/{}", entry["digest"].as_str().unwrap()));
        let manifest = client.get(manifest).header("accept", media_type).send().await.unwrap();
        let manifest: Value = manifest.error_for_status().unwrap().json().await.unwrap();
        for blob in [&manifest["config"], &manifest["layers"][0]] {
            let blob = client.head(url(&format!("blobs/{}", blob["digest"].as_str().unwrap()))).send().await.unwrap();
            blob.error_for_status().unwrap();
        }
        found.push(entry["platform"]["architecture"].as_str().unwrap().to_owned());
    }
    found
}

/// A Secret with which Pods pull.
fn pull_secret(sandbox: &Sandbox, namespace: &str, name: &str, registry: &Registry) {
    let (server, password) =
        (format!("--docker-server={}", registry.address), registry.password.as_deref().unwrap_or("none"));
    let (user, password) = (format!("--docker-username={REGISTRY_USER}"), format!("--docker-password={password}"));
    admin(sandbox, &["create", "secret", "docker-registry", name, "-n", namespace, &server, &user, &password]).ok();
}

#[tokio::test]
async fn every_kind_of_registry_gets_the_image_and_the_node_pulls_it_by_digest() {
    let (sandbox, registries) = with_registries(&[(false, true), (true, false), (true, true)]);
    let archive = format!("--archive={}", both_architectures(&sandbox).display());
    let digest = plugin_with(&sandbox, &["image", "digest", &archive], "").ok();
    let without_tls = |registry: &Registry| registry.password.is_some() && registry.authority.is_none();
    let (refused, registries): (Vec<_>, Vec<_>) = registries.into_iter().partition(without_tls);
    let output = push(&sandbox, &refused[0], &archive, refused[0].password.as_deref().unwrap());
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(output.stderr.contains("a password is sent only over TLS or to this machine"), "{}", output.stderr);
    for (number, registry) in registries.iter().enumerate() {
        let password = registry.password.clone().unwrap_or_default();
        if registry.password.is_some() {
            let output = push(&sandbox, registry, &archive, "wrong");
            assert_eq!(output.code, Some(3), "{}", output.stderr);
            assert!(output.stderr.contains("wrong name or password"), "{}", output.stderr);
        }
        let output = push(&sandbox, registry, &archive, &password);
        let image = format!("{}/team/job@{}", registry.address, digest.trim());
        assert_eq!((output.code, output.stdout.trim()), (Some(0), image.as_str()), "{}", output.stderr);
        assert!(output.stderr.contains(": pushed"), "{}", output.stderr);
        let again = push(&sandbox, registry, &archive, &password);
        assert!(again.code == Some(0) && !again.stderr.contains(": pushed"), "{}", again.stderr);

        if let Some(password) = &registry.password {
            let auth = STANDARD.encode(format!("{REGISTRY_USER}:{password}"));
            let known = json!({ "auths": { &registry.address: { "auth": auth } } });
            push_as_docker(&sandbox, registry, &archive, &known).ok();
            helper(&sandbox, password);
            let asked = json!({ "credHelpers": { &registry.address: "sandbox" } });
            push_as_docker(&sandbox, registry, &archive, &asked).ok();
            let output = push_as_docker(&sandbox, registry, &archive, &json!({}));
            assert_eq!(output.code, Some(3), "nobody is known, and it is pushed to: {}", output.stderr);
        }

        let (pod, secret) = (format!("pull-{number}"), format!("pull-{number}"));
        pull_secret(&sandbox, "default", &secret, registry);
        let with = format!(r#"{{"spec":{{"imagePullSecrets":[{{"name":"{secret}"}}]}}}}"#);
        let overrides = format!("--overrides={with}");
        admin(&sandbox, &["run", &pod, "--restart=Never", &format!("--image={image}"), &overrides]).ok();
    }
    assert_eq!(architectures(&registries[0], digest.trim()).await, ["amd64", "arm64"]);
    for number in 0..registries.len() {
        let path =
            "-o=jsonpath={.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].imageID}";
        // Without the Job's environment it ends at once; that it began is the point.
        let status = wait_for(&format!("Pod pull-{number} to have run"), || {
            let output = admin(&sandbox, &["get", "pod", &format!("pull-{number}"), path]).stdout;
            output.split_once(' ').filter(|(reason, _)| !reason.is_empty()).map(|(_, image)| image.to_owned())
        });
        assert!(status.ends_with(digest.trim()), "{status}");
    }
}

#[tokio::test]
async fn enable_pushes_the_image_and_runs_it_to_its_proven_end() {
    let (sandbox, registries) = with_registries(&[(true, true)]);
    seed_secrets(&sandbox, 50, 2).await;
    let registry = &registries[1];
    let password = registry.password.clone().unwrap();
    admin(&sandbox, &["create", "namespace", "eks-encrypt"]).ok();
    pull_secret(&sandbox, "eks-encrypt", "pull", registry);
    let before = ClusterSnapshot::of(&sandbox).await;
    let to = format!("{}/team/job:v1", registry.address);
    let flags = [vec![format!("--archive={}", image().display())], flags(registry)].concat();
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let arguments = enable(
        &sandbox,
        &[&["--push-image", &to, "--image-pull-secret", "pull", "-n", "eks-encrypt"], &flags[..]].concat(),
    );

    let output = plugin_with(&sandbox, &arguments, "wrong");
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert!(
        output.plain_text().contains("warn image") && output.stderr.contains("refuses the login"),
        "{}",
        output.stderr
    );
    assert_eq!(key_of(&sandbox).await, None);

    let output = plugin_with(&sandbox, &[&arguments[..], &["--dry-run"]].concat(), &password);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.plain_text().contains("will be pushed to"), "{}", output.stderr);
    assert_eq!(key_of(&sandbox).await, None);
    let catalog =
        std::process::Command::new("find").arg(sandbox.folder().path().join("state/registry/registry-1")).output();
    let stored = String::from_utf8(catalog.unwrap().stdout).unwrap();
    assert!(!stored.contains("team"), "a dry run has pushed: {stored}");

    let output = plugin_with(&sandbox, &arguments, &password);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("Done and proven"), "{}", output.stderr);
    let (pushed, associated) = (output.stderr.find("tag v1: pushed"), output.stderr.find("EKS is associating"));
    assert!(
        pushed.is_some() && pushed < associated,
        "the image comes before anything that can't be undone: {}",
        output.stderr
    );
    let image = admin(&sandbox, &["get", "jobs", "-n", "eks-encrypt", "-o=jsonpath={..image}"]).ok();
    assert!(image.starts_with(&format!("{}/team/job@sha256:", registry.address)), "{image}");
    before.all_moved(&sandbox).await;
}

#[test]
fn ecr_is_entered_with_aws_credentials_through_a_proxy_and_makes_its_repository() {
    let (sandbox, registries) = with_registries(&[(true, false)]);
    let registry = &registries[1];
    let proxy = Proxy::to(&registry.address);
    let (to, archive) = (format!("{ECR}/team/job"), format!("--archive={}", image().display()));
    let push = |more: &[&str]| {
        let mut command = plugin_command(&sandbox, &[&["image", "push", &to, &archive], more].concat());
        command.env("HTTPS_PROXY", format!("http://{}", proxy.address));
        command.env("AWS_CA_BUNDLE", registry.authority.as_ref().unwrap());
        run(command.env("DOCKER_CONFIG", sandbox.folder().path()).env("HOME", sandbox.folder().path()))
    };
    let output = push(&["--create-repository"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.starts_with(&format!("{to}@sha256:")), "{}", output.stdout);
    assert!(output.stderr.contains("repository team/job created"), "{}", output.stderr);
    let described = aws(&sandbox, &["ecr", "describe-repositories", "--repository-names", "team/job"]).json();
    let repository = &described["repositories"][0];
    assert_eq!(repository["imageTagMutability"], "IMMUTABLE", "{repository}");
    assert_eq!(repository["imageScanningConfiguration"]["scanOnPush"], true, "{repository}");
    let again = push(&["--create-repository"]);
    assert!(again.code == Some(0) && !again.stderr.contains("created"), "{}", again.stderr);
    let asked = proxy.asked.lock().unwrap().clone();
    assert!(!asked.is_empty() && asked.iter().all(|host| *host == format!("{ECR}:443")), "{asked:?}");
}

/// A proxy that answers CONNECT, and leads everybody to one address.
struct Proxy {
    address: SocketAddr,
    /// Where people wanted to go.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(address: &str) -> Self {
        let (listener, to) = (TcpListener::bind("127.0.0.1:0").unwrap(), address.to_owned());
        let proxy = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let asked = proxy.asked.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (asked, to) = (asked.clone(), to.clone());
                std::thread::spawn(move || lead(client, &asked, &to));
            }
        });
        proxy
    }
}

fn lead(client: TcpStream, asked: &Mutex<Vec<String>>, to: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    asked.lock().unwrap().push(line.split_whitespace().nth(1).unwrap_or(&line).to_owned());
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let server = TcpStream::connect(to)?;
    (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from, mut back) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut back).and_then(|_| back.shutdown(Shutdown::Write)));
    std::io::copy(&mut reader, &mut &server)?;
    server.shutdown(Shutdown::Write)
}
