//! How much memory the engine has at its peak by default, and that it does not grow with the cluster. (At full speed there
//! are more connections: `speed` says what they take.)

use crate::engine::Engine;
use crate::report::{Bound, Report};
use crate::rig::Rig;

/// Flat: for each further Secret, the peak grows by less than remembering one would cost. Its three strings alone are
/// 72 bytes and some 50 of text; what is left is the allocator, which settles in the first ten thousand. (A ratio would
/// compare with a run of 1,000 that is over before it has settled; it is reported.)
const FLAT: f64 = 64.0;

const SMALLEST: u32 = 1_000;

/// Measures it on clusters of growing size. They are one cluster: what is there stays.
pub(crate) struct Memory(f64);

impl Memory {
    /// The smallest, with which the others are compared.
    pub(crate) fn first(rig: &Rig, report: &mut Report) -> anyhow::Result<Self> {
        Ok(Self(peak(rig, report, SMALLEST)?))
    }

    /// One that is larger.
    pub(crate) fn then(&self, rig: &Rig, report: &mut Report, secrets: u32) -> anyhow::Result<f64> {
        let peak = peak(rig, report, secrets)?;
        report.add("  of that at 1,000", peak / self.0, "x", None);
        Ok(peak)
    }

    /// The largest, from which it is judged whether it is flat.
    pub(crate) fn last(&self, rig: &Rig, report: &mut Report, secrets: u32) -> anyhow::Result<()> {
        let more = (self.then(rig, report, secrets)? - self.0) * f64::from(1 << 20);
        let each = more / f64::from(secrets - SMALLEST);
        report.add("  for each Secret more than 1,000", each, "bytes", Some(Bound::AtMost(FLAT)));
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
