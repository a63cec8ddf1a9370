//! The process that outlives everything else of a sandbox, in order to clean up. It runs the supervisor as its child,
//! in process and mount namespaces of their own if there is a node, so that the kernel removes all that lies in them; what
//! the kernel leaves (cgroups, files) is removed here. When the janitor itself is killed, the kernel kills the supervisor.
//!
//! Who started the janitor holds its standard input: when that closes, the sandbox ends, unless the line [`DETACH`] came
//! before (as `sandbox up` sends it once the sandbox is ready).

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::folder::Folder;
use crate::lane::{Lane, Net};
use crate::node::cgroup;
use crate::report::Report;
use crate::spec::Spec;

/// What the starter sends to let the sandbox live on without it.
pub(crate) const DETACH: &str = "detach";

/// How long the supervisor may take to end when asked; it only has to let go.
const GRACE: Duration = Duration::from_secs(10);

/// How long the kernel may take to let go of what processes held that it has killed.
const KERNEL: Duration = Duration::from_secs(10);

/// Runs a sandbox from start to end.
pub(crate) async fn run(mut spec: Spec) -> anyhow::Result<()> {
    let folder = spec.folder();
    let Some(_lock) = lock(&folder)? else { bail!("a sandbox runs in {} already", folder.path().display()) };
    let lane = Lane::take()?;
    let net = lane.net();
    spec.lane = Some(net.0);
    clean(&folder, net)?;
    std::fs::create_dir_all(folder.logs())?;
    std::fs::write(folder.janitor_pid(), std::process::id().to_string())?;

    let mut supervisor = start(&spec)?;
    until_the_end(&mut supervisor).await?;
    end(&mut supervisor, spec.options.node.wanted()).await;
    clean(&folder, net)
}

/// Takes the folder's lock; none if another janitor has it.
pub(crate) fn lock(folder: &Folder) -> anyhow::Result<Option<File>> {
    std::fs::create_dir_all(folder.path()).with_context(|| format!("can't make {}", folder.path().display()))?;
    let file = folder.lock();
    let open = File::options().create(true).truncate(false).write(true).open(&file);
    let open = open.with_context(|| format!("can't open {}", file.display()))?;
    match open.try_lock() {
        Ok(()) => Ok(Some(open)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("can't lock {}", file.display()))
        }
    }
}

fn start(spec: &Spec) -> anyhow::Result<Child> {
    let own = std::env::current_exe().context("can't find this program")?;
    // The kernel ends the supervisor when the janitor dies, however that dies.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    if spec.options.node.wanted() {
        // Only root may make these namespaces. The supervisor becomes process 1 of its own: with it, all below it dies.
        command.args(["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount", "--mount-proc", "--"]);
    }
    let log = File::options().create(true).append(true).open(spec.folder().log("supervisor"))?;
    command.arg(own).args(["supervise", "--spec", &serde_json::to_string(spec)?]);
    command.stdin(Stdio::null()).stderr(log).kill_on_drop(true);
    command.env_remove("HTTP_PROXY").env_remove("HTTPS_PROXY").env_remove("http_proxy").env_remove("https_proxy");
    command.spawn().context("can't start the supervisor (setpriv and unshare are in util-linux)")
}

/// Waits for the first reason to end.
async fn until_the_end(supervisor: &mut Child) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = supervisor.wait() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = starter_gone() => {}
    }
    Ok(())
}

/// Waits until whoever started us is gone; for ever, if it told us to go on alone.
async fn starter_gone() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line == DETACH {
            std::future::pending::<()>().await;
        }
    }
}

async fn end(child: &mut Child, behind_unshare: bool) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // `unshare --fork` stays, and the supervisor is its only child.
        let children = if behind_unshare { format!("/proc/{pid}/task/{pid}/children") } else { String::new() };
        let only = std::fs::read_to_string(children).unwrap_or_default();
        let supervisor = only.split_whitespace().next().and_then(|id| id.parse().ok()).unwrap_or(pid);
        // An error means that it has ended already.
        let _ = kill(Pid::from_raw(supervisor), Signal::SIGTERM);
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// Removes what the kernel leaves. Logs stay until the next start, for people to read.
pub(crate) fn clean(folder: &Folder, net: Net) -> anyhow::Result<()> {
    if nix::unistd::geteuid().is_root() {
        remove_node(net)?;
    }
    for entry in [folder.pki(), folder.etcd(), folder.node(), folder.registry()] {
        remove(&entry).with_context(|| format!("can't remove {}", entry.display()))?;
    }
    // The process id stays as well: whoever waits for the end reads it as long as the lock is held.
    let kept = [folder.lock(), folder.logs(), folder.casualty(), folder.janitor_pid()];
    for entry in std::fs::read_dir(folder.path())?.flatten() {
        if !kept.contains(&entry.path()) {
            remove(&entry.path()).with_context(|| format!("can't remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Removes the sandbox's cgroup, and waits for the cable to the node to go with the node's network namespace. Both take the
/// kernel a moment after it has killed the last process.
fn remove_node(net: Net) -> anyhow::Result<()> {
    let deadline = Instant::now() + KERNEL;
    let cable = Path::new("/sys/class/net").join(net.interface());
    loop {
        let removed = cgroup::remove(&net.cgroup());
        let busy = removed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy);
        if (!busy && !cable.exists()) || Instant::now() > deadline {
            removed.with_context(|| format!("can't remove the cgroup {}", net.cgroup()))?;
            ensure!(!cable.exists(), "the network interface {} does not go", net.interface());
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Says on the report channel why a sandbox did not start.
pub(crate) fn say_failed(error: &anyhow::Error) {
    Report::Failed { why: format!("{error:#}") }.say();
}
