//! What is left to do after a kill at half way. Counted by the API server.

use crate::engine::Engine;
use crate::harness::Harness;
use crate::report::{Bound, Report};

const SECRETS: u32 = 10_000;

/// Measures it.
pub(crate) fn measure(harness: &Harness, report: &mut Report) -> anyhow::Result<()> {
    harness.seed(SECRETS, 1024)?;
    let engine = Engine::new(harness, "64")?;
    let mut running = engine.start()?;
    running.written(u64::from(SECRETS / 2))?;
    // SIGKILL: it gets to say nothing more, nor to write its record.
    running.child.kill()?;
    running.child.wait()?;
    let before = patches(harness)?;
    engine.start()?.wait()?;
    let again = (patches(harness)? - before) / f64::from(SECRETS);
    report.add("second run after a kill at half way: writes of all", again, "x", Some(Bound::AtMost(0.55)));
    Ok(())
}

/// How many patches of Secrets the API server has let through.
fn patches(harness: &Harness) -> anyhow::Result<f64> {
    let metrics = harness.kubectl(&["get", "--raw", "/metrics"])?;
    let ours = |line: &&str| {
        let of = [r#"code="200""#, r#"resource="secrets""#, r#"verb="PATCH""#];
        line.starts_with("apiserver_request_total{") && of.iter().all(|label| line.contains(label))
    };
    Ok(metrics.lines().filter(ours).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}
