//! One part of a sandbox as a process: started with a log of its own, waited for, and named with the last lines of that
//! log when it dies or does not get ready.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use thiserror::Error;
use tokio::process::{Child, Command};

/// How many lines of a log a message quotes: enough for a Go program's last words.
const MAX_LOG_LINES: usize = 15;

/// A part that is not as it should be.
#[derive(Debug, Error)]
pub(crate) enum ComponentError {
    /// It could not be started.
    #[error("{part} could not be started")]
    Start {
        /// Which part.
        part: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended though nobody asked it to.
    #[error("{part} ended ({status}). The last lines of {}:\n{tail}", log.display())]
    Died {
        /// Which part.
        part: String,
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// That log's last lines.
        tail: String,
    },
    /// It runs, but does not do its work.
    #[error("{part} was not ready after {} s: {reason}. The last lines of {}:\n{tail}", limit.as_secs(), log.display())]
    NotReady {
        /// Which part.
        part: String,
        /// How long it was waited for.
        limit: Duration,
        /// What the last look saw.
        reason: String,
        /// Its log.
        log: PathBuf,
        /// That log's last lines.
        tail: String,
    },
}

impl ComponentError {
    /// A part that runs, but does not do its work.
    pub(crate) fn not_ready(part: Option<&Component>, limit: Duration, reason: String) -> Self {
        let (part, log) = part.map_or_else(Default::default, |part| (part.part.clone(), part.log.clone()));
        let tail = tail(&log);
        Self::NotReady { part, limit, reason, log, tail }
    }
}

/// What a part is started with.
pub(crate) struct Start {
    command: Command,
    part: String,
    log: PathBuf,
}

impl Start {
    /// A program, logged to a file. It gets a bare environment: a proxy or a kubeconfig of the person who runs the
    /// sandbox has no business in it.
    pub(crate) fn new(part: &str, program: &Path, log: PathBuf) -> Self {
        Self::wrapped::<&str>(part, &[], program, log)
    }

    /// A program behind others that prepare its surroundings and then become it (such as `nsenter --net=FILE`).
    pub(crate) fn wrapped<S: AsRef<OsStr>>(part: &str, wrapper: &[S], program: &Path, log: PathBuf) -> Self {
        // The kernel ends the part when its supervisor dies, however that dies.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).args(wrapper).arg(program);
        // Tells whose it is: what a test looks for when it looks for what was left.
        let folder = log.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        command
            .env_clear()
            .env("EKS_ENCRYPT_SANDBOX", folder)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/nonexistent");
        Self { command, part: part.to_owned(), log }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it. The log is appended to: a part that is started again keeps what it said before.
    pub(crate) fn spawn(mut self) -> Result<Component, ComponentError> {
        let start = |source| ComponentError::Start { part: self.part.clone(), source };
        let log = File::options().create(true).append(true).open(&self.log).map_err(start)?;
        let errors = log.try_clone().map_err(start)?;
        self.command.stdin(Stdio::null()).stdout(log).stderr(errors).kill_on_drop(true);
        let child = self.command.spawn().map_err(start)?;
        Ok(Component { part: self.part, log: self.log, child })
    }
}

/// A part that was started.
#[derive(Debug)]
pub(crate) struct Component {
    part: String,
    log: PathBuf,
    child: Child,
}

impl Component {
    /// Whether the part has ended by itself, which none should.
    pub(crate) fn failure(&mut self) -> Option<ComponentError> {
        self.child.try_wait().ok().flatten().map(|status| self.exit_error(status))
    }

    /// Its process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks the part to end, and makes it end when it takes longer than `grace`.
    pub(crate) async fn stop(&mut self, grace: Duration) {
        if let Some(pid) = self.pid() {
            // An error means that it has ended already.
            let _ = kill(pid, Signal::SIGTERM);
        }
        if tokio::time::timeout(grace, self.child.wait()).await.is_err() {
            self.kill().await;
        }
    }

    /// Ends the part at once, as a crash would.
    pub(crate) async fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill().await;
    }

    fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw)
    }

    fn exit_error(&self, status: ExitStatus) -> ComponentError {
        ComponentError::Died { part: self.part.clone(), status, log: self.log.clone(), tail: tail(&self.log) }
    }
}

/// The last lines of a log, indented for a message.
fn tail(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(MAX_LOG_LINES)..];
    if last.is_empty() { "  (it says nothing)".to_owned() } else { format!("  {}", last.join("\n  ")) }
}
