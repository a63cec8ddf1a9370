//! The engine as it is shipped: the Job's static release binary in the environment of a Pod, which is a mount namespace in
//! which the ServiceAccount's token lies where the kubelet puts it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use eks_encrypt_job::wire::names::{ENV_CONCURRENCY, ENV_JOB_UID, ENV_PROVE, ENV_RUN};
use serde_json::Value;

use crate::harness::{Harness, built};

/// How often the process is looked at: its end and its memory are known that exactly.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// No run takes longer.
const RUN_TIMEOUT: Duration = Duration::from_secs(400);

/// $1: the folder of the ServiceAccount. The rest is what is run in its place.
const AS_IN_A_POD: &str = r#"set -e
run=$(readlink -f /var/run)
account=$1; shift
mount -t tmpfs none "$run"
mkdir -p "$run/secrets/kubernetes.io"
cp -r "$account" "$run/secrets/kubernetes.io/serviceaccount"
exec "$@""#;

/// Runs are told apart by this.
static RUNS: AtomicU32 = AtomicU32::new(1);

/// One run, to be started.
pub(crate) struct Engine<'a> {
    harness: &'a Harness,
    /// Another run begins anew; the same one goes on.
    pub(crate) run: String,
    /// Empty: the default.
    concurrency: &'a str,
    address: (String, String),
}

/// A run that was started.
pub(crate) struct Running {
    pub(crate) child: Child,
    log: PathBuf,
    since: Instant,
    peak: u64,
}

/// A run that came to its end.
pub(crate) struct Finished {
    pub(crate) took: Duration,
    /// The peak of its memory (VmHWM), in MiB.
    pub(crate) peak: f64,
}

impl<'a> Engine<'a> {
    /// A new run: it writes every Secret.
    pub(crate) fn new(harness: &'a Harness, concurrency: &'a str) -> anyhow::Result<Self> {
        let server = harness.server();
        let run = format!("bench-{}", RUNS.fetch_add(1, Ordering::Relaxed));
        Ok(Self { harness, run, concurrency, address: (server.ip().to_string(), server.port().to_string()) })
    }

    /// Speaks to the API server by way of another address.
    pub(crate) fn by_way_of(mut self, host: &str, port: u16) -> Self {
        self.address = (host.to_owned(), port.to_string());
        self
    }

    /// Starts it.
    pub(crate) fn start(&self) -> anyhow::Result<Running> {
        let log = self.harness.work.path().join(format!("{}.log", self.run));
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", AS_IN_A_POD, "sh"]).arg(&self.harness.account);
        command.arg(built("target/linux-amd64/eks-encrypt-job")?);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("KUBERNETES_SERVICE_HOST", &self.address.0)
            .env("KUBERNETES_SERVICE_PORT", &self.address.1)
            .env(ENV_RUN, &self.run)
            .env(ENV_JOB_UID, format!("uid-of-{}", self.run))
            .env(ENV_CONCURRENCY, self.concurrency)
            // What is compared with others writes every Secret once, and so do they.
            .env(ENV_PROVE, "false")
            .stdin(Stdio::null())
            .stdout(File::create(&log)?);
        let child = command.spawn().context("can't start unshare")?;
        Ok(Running { child, log, since: Instant::now(), peak: 0 })
    }

    /// Runs it to its end: it must have written every Secret.
    pub(crate) fn run(&self, secrets: u32) -> anyhow::Result<Finished> {
        let ended = self.start()?.wait()?;
        let log = self.harness.work.path().join(format!("{}.log", self.run));
        let tally = last(&std::fs::read_to_string(log)?)["tally"].clone();
        ensure!(tally["rewritten"] == secrets, "{secrets} Secrets were to be rewritten, and this is what was: {tally}");
        Ok(ended)
    }
}

impl Running {
    /// Waits for its end.
    pub(crate) fn wait(mut self) -> anyhow::Result<Finished> {
        while self.since.elapsed() < RUN_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                let took = self.since.elapsed();
                ensure!(
                    status.success(),
                    "the engine ended with {status}: {}",
                    last(&std::fs::read_to_string(&self.log)?)
                );
                return Ok(Finished { took, peak: self.peak as f64 / 1024.0 });
            }
            self.peak = self.peak.max(high_water(self.child.id()));
            std::thread::sleep(POLL_INTERVAL);
        }
        self.child.kill()?;
        bail!("the engine did not end within {} s", RUN_TIMEOUT.as_secs())
    }

    /// Waits until it has written so many Secrets.
    pub(crate) fn written(&mut self, secrets: u64) -> anyhow::Result<()> {
        loop {
            let output = last(&std::fs::read_to_string(&self.log)?);
            if output["tally"]["rewritten"].as_u64() >= Some(secrets) {
                return Ok(());
            }
            ensure!(
                self.child.try_wait()?.is_none(),
                "the engine ended before it had written {secrets} Secrets: {output}"
            );
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

/// The last whole line of the log that carries counts.
fn last(log: &str) -> Value {
    let lines = log.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.into_iter().find(|line| line["tally"].is_object()).unwrap_or_default()
}

/// The peak of a process's memory so far, in KiB; 0 when it has ended.
pub(crate) fn high_water(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
