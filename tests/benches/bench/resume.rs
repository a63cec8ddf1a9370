//! What is left to do after a kill at half way. Counted by the API server.

use crate::engine::Engine;
use crate::report::{Bound, Report};
use crate::rig::Rig;

const SECRETS: u32 = 10_000;

/// Measures it.
pub(crate) fn measure(rig: &Rig, report: &mut Report) -> anyhow::Result<()> {
    rig.seed(SECRETS, 1024)?;
    let engine = Engine::new(rig, "64")?;
    let mut running = engine.start()?;
    running.written(u64::from(SECRETS / 2))?;
    // SIGKILL: it gets to say nothing more, nor to write its record.
    running.child.kill()?;
    running.child.wait()?;
    let before = patches(rig)?;
    engine.start()?.wait()?;
    let again = (patches(rig)? - before) / f64::from(SECRETS);
    report.add("second run after a kill at half way: writes of all", again, "x", Some(Bound::AtMost(0.55)));
    Ok(())
}

/// How many patches of Secrets the API server has let through.
fn patches(rig: &Rig) -> anyhow::Result<f64> {
    let metrics = rig.kubectl(&["get", "--raw", "/metrics"])?;
    let ours = |line: &&str| {
        let of = [r#"code="200""#, r#"resource="secrets""#, r#"verb="PATCH""#];
        line.starts_with("apiserver_request_total{") && of.iter().all(|label| line.contains(label))
    };
    Ok(metrics.lines().filter(ours).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}
