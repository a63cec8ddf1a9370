//! What scenarios share: a sandbox with a folder that goes with it, command lines, and waiting for a condition.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use eks_encrypt_sandbox::folder::Folder;
use eks_encrypt_sandbox::options::{Node, Options};
use eks_encrypt_sandbox::parts::Parts;
use eks_encrypt_sandbox::sandbox::{Sandbox, built_program};
use eks_encrypt_sandbox::seed::{Seed, seed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// The program `sandbox` that `make build` made; the plugin lies beside it.
pub(crate) fn sandbox_program() -> PathBuf {
    built_program().unwrap()
}

/// A sandbox whose folder is removed after it.
pub(crate) struct Fixture {
    // Dropped in this order: first the sandbox, then its folder.
    sandbox: Sandbox,
    _folder: TempDir,
}

impl Deref for Fixture {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

/// A folder for one sandbox. Its path is short, for unix sockets' sake.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new().prefix("eks").tempdir().unwrap()
}

/// A sandbox as asked for.
pub(crate) fn start(options: Options) -> Fixture {
    let folder = folder();
    let sandbox = Sandbox::start(&sandbox_program(), Folder::at(folder.path()), options, |_| ()).unwrap();
    Fixture { sandbox, _folder: folder }
}

/// A control plane of one API server: starts in 3 s, and most things need no more.
pub(crate) fn control_plane() -> Fixture {
    start(one_api_server())
}

/// Its options.
pub(crate) fn one_api_server() -> Options {
    Options { node: Node::None, api_servers: 1, ..Options::default() }
}

/// A control plane of two API servers, as EKS has at least.
pub(crate) fn two_api_servers() -> Fixture {
    start(Options { node: Node::None, ..Options::default() })
}

/// A sandbox on which Pods run, with one API server.
pub(crate) fn with_node() -> Fixture {
    start_with_node(Options { api_servers: 1, ..Options::default() })
}

/// A sandbox on which Pods run, with two API servers, as EKS has at least: it costs half as much again.
pub(crate) fn as_on_eks() -> Fixture {
    start_with_node(Options::default())
}

fn start_with_node(options: Options) -> Fixture {
    let fixture = start(options);
    assert!(fixture.info().node.is_some(), "these tests need root: a node is made of namespaces and mounts");
    fixture
}

/// What a command printed.
pub(crate) struct CommandOutput {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl CommandOutput {
    /// The output of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// Its output as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// What people read, as one line: a table breaks its lines where they are too long.
    pub(crate) fn plain_text(&self) -> String {
        self.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The complaint of a command that must have failed.
    #[track_caller]
    pub(crate) fn error(self) -> String {
        assert_ne!(self.code, Some(0), "it succeeded and printed {}", self.stdout);
        self.stderr.trim().to_owned()
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> CommandOutput {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    CommandOutput { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// The real `aws` command line.
pub(crate) fn aws(sandbox: &Sandbox, arguments: &[&str]) -> CommandOutput {
    // Its own retries would hide a throttled call, and a refused one takes long enough.
    run(sandbox.command("aws").unwrap().args(arguments).env("AWS_MAX_ATTEMPTS", "1"))
}

/// The real kubectl, as the cluster's creator. Its token comes from `quick/aws`.
pub(crate) fn kubectl(sandbox: &Sandbox, arguments: &[&str]) -> CommandOutput {
    run(with_quick_tokens(&mut sandbox.command("kubectl").unwrap()).args(arguments))
}

/// kubectl with the token that the real `aws` makes.
pub(crate) fn kubectl_with_aws(sandbox: &Sandbox, arguments: &[&str]) -> CommandOutput {
    run(sandbox.command("kubectl").unwrap().args(arguments))
}

/// kubectl with every right and a certificate.
pub(crate) fn admin(sandbox: &Sandbox, arguments: &[&str]) -> CommandOutput {
    run(sandbox
        .command("kubectl")
        .unwrap()
        .arg("--kubeconfig")
        .arg(sandbox.folder().admin_kubeconfig())
        .args(arguments))
}

/// Makes a Secret with kubectl.
pub(crate) fn secret(sandbox: &Sandbox, name: &str) {
    kubectl(sandbox, &["create", "secret", "generic", name, "--from-literal=key=value"]).ok();
}

/// Associates a key by the `aws` command line.
pub(crate) fn associate(sandbox: &Sandbox, key: &str) -> CommandOutput {
    let config = format!(r#"[{{"resources":["secrets"],"provider":{{"keyArn":"{key}"}}}}]"#);
    let cluster = &sandbox.info().cluster;
    let arguments = ["eks", "associate-encryption-config", "--cluster-name", cluster, "--encryption-config", &config];
    aws(sandbox, &arguments)
}

/// Associates a key and waits until that is done.
pub(crate) async fn associated(sandbox: &Sandbox, key: &str) {
    sandbox.associate(key).await.unwrap();
}

/// The update as `aws eks describe-update` shows it.
pub(crate) fn update(sandbox: &Sandbox, id: &str) -> Value {
    let cluster = &sandbox.info().cluster;
    aws(sandbox, &["eks", "describe-update", "--name", cluster, "--update-id", id]).json()["update"].clone()
}

/// The key that the cluster has, as EKS says it.
pub(crate) async fn key_of(sandbox: &Sandbox) -> Option<String> {
    sandbox.key().await.unwrap()
}

/// Waits until the update is no longer in progress.
pub(crate) fn wait_for_update(sandbox: &Sandbox, id: &str) -> Value {
    wait_for("the update's end", || {
        let update = update(sandbox, id);
        (update["status"] != "InProgress").then_some(update)
    })
}

/// Looks until there is something to see; the limit is for a machine that is busy with other tests.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        match look() {
            Some(seen) => return seen,
            None if Instant::now() > deadline => panic!("waited 90 s for {what}"),
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// The plugin, found by kubectl as people have it found. The cluster's tokens come from `quick/aws`.
pub(crate) fn plugin(sandbox: &Sandbox, arguments: &[&str]) -> CommandOutput {
    run(&mut plugin_command(sandbox, arguments))
}

/// Its command, for tests that start it in another way.
pub(crate) fn plugin_command(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = plugin_with_aws(sandbox, arguments);
    with_quick_tokens(&mut command);
    command
}

/// The plugin with tokens that the real `aws` makes.
pub(crate) fn plugin_with_aws(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    as_plugin(sandbox.command("kubectl").unwrap(), arguments)
}

/// Puts `quick/aws` before the real `aws` on a command's PATH.
fn with_quick_tokens(command: &mut Command) -> &mut Command {
    // The plugin makes the tokens.
    first_on_path(command, sandbox_program().parent().unwrap());
    first_on_path(command, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/quick")));
    command.env("REAL_AWS", Parts::of_this_checkout().python("aws").unwrap())
}

/// kubectl's command, made one of the plugin.
pub(crate) fn as_plugin(mut command: Command, arguments: &[&str]) -> Command {
    first_on_path(&mut command, sandbox_program().parent().unwrap());
    command.arg("eks-encrypt").args(arguments);
    command
}

/// Puts a folder before all others on the PATH of a sandbox's command.
pub(crate) fn first_on_path(command: &mut Command, folder: &Path) {
    let inherited = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).unwrap();
    let path = format!("{}:{}", folder.display(), inherited.to_str().unwrap());
    command.env("PATH", path);
}

/// `enable` for the sandbox's cluster and its customer key, with nobody to ask.
pub(crate) fn enable<'a>(sandbox: &'a Sandbox, more: &[&'a str]) -> Vec<&'a str> {
    let key = sandbox.info().keys.customer.as_str();
    let arguments = ["enable", "--cluster", "sandbox", "--key-arn", key, "--region", "us-west-2", "--yes"];
    [&arguments[..], more].concat()
}

/// Fills it with small Secrets.
pub(crate) async fn seed_secrets(sandbox: &Sandbox, secrets: u32, namespaces: u32) {
    let wanted = Seed { secrets, namespaces, size: 64, awkward: false };
    seed(&sandbox.admin().await.unwrap(), wanted).await.unwrap();
}

/// Applies manifests.
pub(crate) fn apply(sandbox: &Sandbox, name: &str, manifests: &str) {
    let file = sandbox.folder().path().join(format!("logs/{name}"));
    std::fs::write(&file, manifests).unwrap();
    admin(sandbox, &["apply", "--filename", file.to_str().unwrap()]).ok();
}

/// Waits until a Job is complete.
#[track_caller]
pub(crate) fn job_completes(sandbox: &Sandbox, namespace: &str, job: &str) {
    let job = format!("job/{job}");
    admin(sandbox, &["wait", "-n", namespace, "--for=condition=Complete", "--timeout=90s", &job]).ok();
}

/// Sends a process a signal.
pub(crate) fn kill_process(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

/// Whether the sandbox's node is Ready and runs Pods: one is made and waited for.
pub(crate) fn run_a_pod(sandbox: &Sandbox, name: &str) {
    let pod = format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}"}},"spec":{{"containers":[{{"name":"c",
        "image":"eks-encrypt.local/pause:1","imagePullPolicy":"Never"}}]}}}}"#
    );
    let file = sandbox.folder().path().join("logs/pod.json");
    std::fs::write(&file, pod).unwrap();
    kubectl(sandbox, &["apply", "--filename", file.to_str().unwrap()]).ok();
    let phase = || kubectl(sandbox, &["get", "pod", name, "--output=jsonpath={.status.phase}"]).ok();
    wait_for("the Pod to run", || (phase() == "Running").then_some(()));
}

/// The parts of sandboxes whose folder is at or below a path, which carry their sandbox in their environment: process ids and
/// command lines.
pub(crate) fn parts(folder: &Path) -> Vec<(u32, String)> {
    processes_where(|process| process.is_part_of(folder))
}

/// A process's folder in /proc.
pub(crate) struct Process(PathBuf);

impl Process {
    /// One of its files; empty where the process has ended.
    pub(crate) fn read(&self, file: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.0.join(file)).unwrap_or_default()).into_owned()
    }

    fn line(&self) -> String {
        self.read("cmdline").replace('\0', " ")
    }

    /// Whether it is a part of a sandbox whose folder is at or below a path.
    pub(crate) fn is_part_of(&self, folder: &Path) -> bool {
        let mark = format!("EKS_ENCRYPT_SANDBOX={}", folder.display());
        self.read("environ").split('\0').any(|variable| variable.starts_with(&mark))
            || self.line().contains(&format!("\"folder\":\"{}", folder.display()))
    }
}

/// The processes that are meant, but this one.
pub(crate) fn processes_where(are_meant: impl Fn(&Process) -> bool) -> Vec<(u32, String)> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let process = Process(entry.path());
        (id != std::process::id() && are_meant(&process)).then(|| (id, process.line()))
    })
    .collect()
}
