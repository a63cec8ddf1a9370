//! moto for many accounts, forked from one process that has loaded it (`parts/moto_eks/fork_server.py`). Input: a port and a log.
//! Output: a server that ends when dropped.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::aws::moto;
use crate::parts::Parts;

/// The one process of this program; none before the first server is asked for.
static FORK_SERVER: Mutex<Option<ForkServer>> = Mutex::new(None);

struct ForkServer {
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl ForkServer {
    fn start() -> anyhow::Result<Self> {
        let mut command = moto::fork_server(&Parts::of_this_checkout())?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let (sender, receiver) = mpsc::channel();
        // The kernel ends the process when the thread that started it ends, so that thread stays.
        std::thread::spawn(move || {
            let child = command.spawn();
            let started = child.is_ok();
            // An error means that the test has ended.
            let _ = sender.send(child);
            if started {
                loop {
                    std::thread::park();
                }
            }
        });
        let mut child: Child = receiver.recv()?.context("can't start moto")?;
        let requests = child.stdin.take().context("moto has no stdin")?;
        let answers = BufReader::new(child.stdout.take().context("moto has no stdout")?);
        Ok(Self { requests, answers })
    }

    fn fork(&mut self, port: u16, log: &Path) -> anyhow::Result<Pid> {
        writeln!(self.requests, "{port} {}", log.display())?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.trim().parse().map(Pid::from_raw).context("moto's process has ended; its stderr is this program's")
    }
}

/// One account's moto.
#[derive(Debug)]
pub(super) struct Server(Pid);

/// Starts one. It is not ready then.
pub(super) fn server(port: u16, log: &Path) -> anyhow::Result<Server> {
    let mut fork_server = FORK_SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let fork_server = match &mut *fork_server {
        Some(fork_server) => fork_server,
        none => none.insert(ForkServer::start()?),
    };
    fork_server.fork(port, log).map(Server)
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = kill(self.0, Signal::SIGKILL);
    }
}
