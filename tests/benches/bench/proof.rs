//! What the proof costs: on a control plane of two API servers, by the plugin as it is shipped, at three sizes of a cluster. The
//! plugin's own report says how long the censuses and the coverage took, and how much they read.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::engine::high_water;
use crate::report::{Bound, Report};
use crate::rig::{Rig, built};

/// How many Secrets there are, and how much of a run's time the proof may take.
const SIZES: [(u32, Option<Bound>); 3] = [(1_000, None), (10_000, Some(Bound::AtMost(5.0))), (100_000, None)];

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Measures it. Expects nothing.
pub(crate) fn measure(report: &mut Report) -> anyhow::Result<()> {
    let rig = Rig::of_two_api_servers()?;
    for (secrets, bound) in SIZES {
        rig.seed(secrets, 1024)?;
        let (took, peak, document) = reencrypt(&rig)?;
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

/// Re-encrypts every Secret from here: how long that took, the plugin's peak of memory in MiB, and its report.
fn reencrypt(rig: &Rig) -> anyhow::Result<(Duration, f64, Value)> {
    let key = rig.sandbox.info().keys.aws_owned.as_ref().context("the sandbox has no key of AWS's")?;
    let mut command = Command::new(built("target/linux-amd64/kubectl-eks_encrypt")?);
    command
        .args(["reencrypt", "--local", "--without-aws", "--yes", "--output=json", "--key-arn", key])
        .env("KUBECONFIG", rig.sandbox.folder().admin_kubeconfig());
    let (stdout, stderr) = (rig.work.path().join("report.json"), rig.work.path().join("reencrypt.log"));
    let since = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(File::create(&stdout)?).stderr(File::create(&stderr)?).spawn()?;
    let mut peak = 0;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None => peak = peak.max(high_water(child.id())),
        }
        std::thread::sleep(LOOK);
    };
    let took = since.elapsed();
    ensure!(status.success(), "reencrypt ended with {status}: {}", std::fs::read_to_string(stderr)?);
    Ok((took, peak as f64 / 1024.0, serde_json::from_str(&std::fs::read_to_string(stdout)?)?))
}
