//! How much memory the engine has at its peak by default, and that it does not grow with the cluster. (At full speed there
//! are more connections: `speed` says what they take.)

use crate::engine::Engine;
use crate::report::{Bound, Report};
use crate::rig::Rig;

/// Flat: a hundred times the Secrets take no more than this. The rest is what an allocator does as time goes by.
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
    let peak = Engine::new(rig, "")?.run(secrets)?.peak;
    let name = format!("peak memory by default, {},000 Secrets", secrets / 1000);
    report.add(name, peak, "MiB", Some(Bound::AtMost(32.0)));
    Ok(peak)
}
