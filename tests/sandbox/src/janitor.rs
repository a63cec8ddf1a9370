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
use crate::lock::{self, Lock};
use crate::network_slot::{Net, NetworkSlot};
use crate::node::cgroup;
use crate::report::Report;
use crate::spec::Spec;

/// What the starter sends to let the sandbox live on without it.
pub(crate) const DETACH: &str = "detach";

/// How long the supervisor may take to end when asked; it only has to let go.
const GRACE: Duration = Duration::from_secs(10);

/// How long the kernel may take to let go of what processes held that it has killed.
const KERNEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a sandbox from start to end.
pub(crate) async fn run(mut spec: Spec) -> anyhow::Result<()> {
    let folder = spec.folder();
    let Some(_lock) = lock(&folder)? else { bail!("a sandbox runs in {} already", folder.path().display()) };
    clean_after_crash(&folder)?;
    remove_logs(&folder)?;
    let slot = if spec.options.node.wanted() { Some(NetworkSlot::take()?) } else { None };
    if let Some(slot) = &slot {
        // What a crashed sandbox of another folder left on this lane.
        remove_node(slot.net())?;
        std::fs::write(folder.slot(), slot.net().0.to_string())?;
    }
    spec.slot = slot.as_ref().map(|slot| slot.net().0);

    let mut supervisor = start(&spec)?;
    wait_for_end(&mut supervisor).await?;
    end(&mut supervisor, slot.is_some()).await;
    clean(&folder, slot.as_ref())
}

/// Takes the folder's lock; none if another janitor has it.
fn lock(folder: &Folder) -> anyhow::Result<Option<Lock>> {
    folder.claim()?;
    let file = folder.lock();
    lock::take(&file).with_context(|| format!("can't lock {}", file.display()))
}

/// Cleans a folder whose sandbox and janitor were killed. Whether it was free to be cleaned.
pub(crate) fn clean_if_dead(folder: &Folder) -> anyhow::Result<bool> {
    if !folder.lock().exists() {
        return Ok(true);
    }
    let Some(_lock) = lock(folder)? else { return Ok(false) };
    clean_after_crash(folder)?;
    Ok(true)
}

fn clean_after_crash(folder: &Folder) -> anyhow::Result<()> {
    let number = std::fs::read_to_string(folder.slot()).ok().and_then(|number| number.parse().ok());
    // Taken by somebody else, the lane has been cleaned by them.
    let slot = number.map(NetworkSlot::take_number).transpose()?.flatten();
    clean(folder, slot.as_ref())
}

/// Removes what the kernel leaves, but the logs.
fn clean(folder: &Folder, slot: Option<&NetworkSlot>) -> anyhow::Result<()> {
    if let Some(slot) = slot {
        remove_node(slot.net())?;
    }
    for path in [folder.state(), folder.slot()] {
        remove(&path).with_context(|| format!("can't remove {}", path.display()))?;
    }
    Ok(())
}

/// Removes an earlier sandbox's last words. Not our own log, which is open.
fn remove_logs(folder: &Folder) -> anyhow::Result<()> {
    remove(&folder.casualty())?;
    for log in std::fs::read_dir(folder.logs()).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if log != folder.log("janitor") {
            remove(&log).with_context(|| format!("can't remove {}", log.display()))?;
        }
    }
    Ok(())
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
async fn wait_for_end(supervisor: &mut Child) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = supervisor.wait() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = starter_ended() => {}
    }
    Ok(())
}

/// Waits until whoever started us is gone; for ever, if it told us to go on alone.
async fn starter_ended() {
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

/// Removes the sandbox's cgroup, and waits for the cable to the node to go with the node's network namespace. Both take the
/// kernel a moment after it has killed the last process.
fn remove_node(net: Net) -> anyhow::Result<()> {
    let deadline = Instant::now() + KERNEL_TIMEOUT;
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
pub(crate) fn print_failure(error: &anyhow::Error) {
    Report::Failed { why: format!("{error:#}") }.print();
}
