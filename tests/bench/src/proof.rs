//! What the proof costs: on a control plane of two API servers, by the plugin as it is shipped, at three sizes of a cluster. The
//! plugin's own report says how long the censuses and the coverage took, and how much they read. And how long a command that
//! waits for the API servers goes on waiting when they all write under the key.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use eks_encrypt_sandbox::aws::scenario::{Delay, Scenario};
use serde_json::Value;

use crate::engine::high_water;
use crate::harness::{Harness, built, first_change};
use crate::report::{Bound, Report};

/// How many Secrets there are, and how much of a run's time the proof may take.
const SIZES: [(u32, Option<Bound>); 3] = [(1_000, None), (10_000, Some(Bound::AtMost(5.0))), (100_000, None)];

/// How often the process is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How often the wait is measured, each time on another control plane: a key is associated once.
const WAITS: usize = 3;

/// So long after "Successful" the last API server gets the key, so that the command waits by then, at its longest pause.
const LATE: u64 = 8;

/// A command that has written nothing by then does not.
const KEY_TIMEOUT: Duration = Duration::from_secs(90);

/// Measures it. Expects nothing.
pub(crate) fn measure(report: &mut Report) -> anyhow::Result<()> {
    let waits = (0..WAITS).map(|_| wait()).collect::<anyhow::Result<Vec<_>>>()?;
    let longest = waits.into_iter().max().unwrap_or_default().as_secs_f64();
    let name = format!("from the key in force on both API servers to the first patch, longest of {WAITS}");
    report.add(name, longest, "s", Some(Bound::AtMost(3.0)));

    let harness = Harness::of_two_api_servers()?;
    for (secrets, bound) in SIZES {
        harness.seed(secrets, 1024)?;
        let (took, peak, document) = run(&harness)?;
        let verified = &document["verified"];
        ensure!(document["proven"] == true && verified["tally"]["listed"] == secrets, "it is not proven: {document}");
        let cost = |name: &str| verified["cost"][name].as_f64().context("the report does not say what the proof cost");
        let seconds = cost("millis")? / 1e3;
        let name = |what: &str| format!("proof of {secrets} Secrets, {what}");
        report.add(name("time"), seconds, "s", None);
        report.add(name("of the run's time"), 100.0 * seconds / took.as_secs_f64(), "%", bound);
        report.add(name("connections to learn keys"), cost("connections")?, "", None);
        report.add(name("metrics read"), cost("metricsBytes")? / f64::from(1 << 20), "MiB", None);
        report.add(name("the plugin's peak memory, engine included"), peak, "MiB", None);
    }
    Ok(())
}

/// How long a command that waits for the last API server takes to see that it has the key, and to write the first Secret.
fn wait() -> anyhow::Result<Duration> {
    let harness = Harness::of_two_api_servers()?;
    harness.seed(10, 64)?;
    let key = harness.sandbox.info().keys.customer.clone();
    let waited = async {
        let scenario = Scenario { one_server_old: Some(Delay::Seconds(LATE)), ..Scenario::default() };
        harness.sandbox.set_scenario(&scenario).await?;
        harness.sandbox.associate(&key).await?;
        let changes = harness.watch_secrets().await?;
        let mut child = reencrypt(&harness, &key, "waited")?;
        let (in_force, written) = tokio::try_join!(in_force(&harness, &key), first_change(changes))?;
        ensure!(child.wait()?.success(), "reencrypt failed");
        Ok(written.saturating_duration_since(in_force))
    };
    harness
        .runtime
        .block_on(async { tokio::time::timeout(KEY_TIMEOUT, waited).await })
        .context("no Secret was written in time")?
}

/// When all API servers write under a key: as soon as it is seen, which is a look too late at most.
async fn in_force(harness: &Harness, key: &str) -> anyhow::Result<Instant> {
    loop {
        let servers = harness.sandbox.api_servers().await?;
        if servers.iter().all(|server| server.writes_under.contains(key)) {
            return Ok(Instant::now());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Starts to re-encrypt every Secret from here, under a key. Its report and what it says go into files of this name.
fn reencrypt(harness: &Harness, key: &str, name: &str) -> anyhow::Result<Child> {
    let mut command = Command::new(built("target/linux-amd64/kubectl-eks_encrypt")?);
    command
        .args(["reencrypt", "--local", "--without-aws", "--yes", "--output=json", "--key-arn", key])
        .env("KUBECONFIG", harness.sandbox.folder().admin_kubeconfig());
    let file = |ending| File::create(harness.work.path().join(format!("{name}.{ending}")));
    Ok(command.stdin(Stdio::null()).stdout(file("json")?).stderr(file("log")?).spawn()?)
}

/// Re-encrypts every Secret from here: how long that took, the plugin's peak of memory in MiB, and its report.
fn run(harness: &Harness) -> anyhow::Result<(Duration, f64, Value)> {
    let key = harness.sandbox.info().keys.aws_owned.as_ref().context("the sandbox has no key of AWS's")?;
    let since = Instant::now();
    let mut child = reencrypt(harness, key, "run")?;
    let mut peak = 0;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None => peak = peak.max(high_water(child.id())),
        }
        std::thread::sleep(POLL_INTERVAL);
    };
    let took = since.elapsed();
    let read = |ending| std::fs::read_to_string(harness.work.path().join(format!("run.{ending}")));
    ensure!(status.success(), "reencrypt ended with {status}: {}", read("log")?);
    Ok((took, peak as f64 / 1024.0, serde_json::from_str(&read("json")?)?))
}
