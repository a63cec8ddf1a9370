//! How much memory the engine has at its peak, and that it does not grow with the cluster.

use crate::engine::Engine;
use crate::report::{Bound, Report};
use crate::rig::Rig;

/// At full speed, which has the most connections.
const CONCURRENCY: &str = "64";

/// Flat: hundred times the Secrets take no more than this. The rest is what an allocator does with its time.
const FLAT: f64 = 1.25;

/// Measures it on clusters of growing size. They are one cluster: what is there stays.
pub(crate) struct Memory(f64);

impl Memory {
    /// The smallest, with which the others are compared.
    pub(crate) fn first(rig: &Rig, report: &mut Report) -> anyhow::Result<Self> {
        Ok(Self(peak(rig, report, 1_000)?))
    }

    /// One that is larger.
    pub(crate) fn then(&self, rig: &Rig, report: &mut Report, secrets: u32) -> anyhow::Result<()> {
        let peak = peak(rig, report, secrets)?;
        report.add("  of that at 1,000", peak / self.0, "x", Some(Bound::AtMost(FLAT)));
        Ok(())
    }
}

fn peak(rig: &Rig, report: &mut Report, secrets: u32) -> anyhow::Result<f64> {
    rig.seed(secrets, 1024)?;
    let peak = Engine::new(rig, CONCURRENCY)?.run(secrets)?.peak;
    let name = format!("peak memory at full speed, {},000 Secrets", secrets / 1000);
    report.add(name, peak, "MiB", Some(Bound::AtMost(32.0)));
    Ok(peak)
}
