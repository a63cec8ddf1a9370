//! `wrk`, twice: as the measure of what the API server can do, and as another client whose requests should not suffer.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, ensure};
use eks_encrypt_job::wire::names::ANNOTATION;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

use crate::harness::{Harness, NAMESPACES, checkout, output};

/// Two cores, two threads.
const THREADS: u32 = 2;

/// The pause between two GETs of the other client: some 40 a second, as a handful of controllers ask.
const PAUSE_MS: u32 = 20;

/// What every namespace has, and every Pod's workload may look at.
const OBJECT: &str = "api/v1/namespaces/default/configmaps/kube-root-ca.crt";

/// Each time another value is written.
static STAMPS: AtomicU32 = AtomicU32::new(1);

/// What wrk says at its end; times in milliseconds.
#[derive(Debug, Deserialize)]
pub(crate) struct WrkOutput {
    requests: u64,
    seconds: f64,
    failed: u64,
    pub(crate) p99: f64,
}

impl WrkOutput {
    fn read(text: &str) -> anyhow::Result<Self> {
        let line = text.lines().find(|line| line.starts_with('{')).with_context(|| format!("wrk said only: {text}"))?;
        let output: Self = serde_json::from_str(line)?;
        ensure!(output.failed == 0 && output.requests > 0, "wrk's requests failed: {output:?}");
        Ok(output)
    }

    fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// `wrk` with one of our scripts; they find what they share beside them.
fn wrk(script: &str) -> Command {
    let folder = checkout("tests/bench/src");
    let mut command = Command::new("wrk");
    command.env("LUA_PATH", folder.join("?.lua")).arg("-s").arg(folder.join(script));
    command
}

/// The rate at which the API server answers the engine's PATCH from so many connections, each of which sends the next one
/// at once.
pub(crate) fn saturate(harness: &Harness, secrets: u32, connections: u32, seconds: u32) -> anyhow::Result<f64> {
    let mut command = wrk("patch.lua");
    command.arg(format!("-t{THREADS}")).arg(format!("-c{connections}")).arg(format!("-d{seconds}s"));
    command.args([&format!("https://{}", harness.server()), "--", &harness.token]);
    command.args([secrets.to_string(), NAMESPACES.to_string(), ANNOTATION.to_owned()]);
    command.arg(format!("stamp-{}", STAMPS.fetch_add(1, Ordering::Relaxed)));
    WrkOutput::read(&output(&mut command)?).map(|output| output.rate())
}

/// Another client, that asks until it is told to end.
pub(crate) struct OtherClient(Child);

impl OtherClient {
    /// Begins to ask.
    pub(crate) fn start(harness: &Harness) -> anyhow::Result<Self> {
        let mut command = wrk("get.lua");
        command.args(["-t1", "-c1", "-d600s"]).arg(format!("https://{}/{OBJECT}", harness.server()));
        command.args(["--", &harness.other_token, &PAUSE_MS.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map(Self).context("can't start wrk")
    }

    /// Ends it; how long its requests took.
    pub(crate) fn end(self) -> anyhow::Result<WrkOutput> {
        kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGINT)?;
        WrkOutput::read(&String::from_utf8_lossy(&self.0.wait_with_output()?.stdout))
    }
}
