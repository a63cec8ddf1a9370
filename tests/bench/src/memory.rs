//! How much memory the engine has at its peak by default, and that it does not grow with the cluster. (At full speed there
//! are more connections: `speed` says what they take.)

use crate::engine::Engine;
use crate::harness::Harness;
use crate::report::{Bound, Report};

/// Flat: ten times the Secrets take no more memory. A little more is the allocator's; a name for each would be ten times.
/// (A run of 1,000 is over before its connections have settled: it is reported, and no measure for the others.)
pub(crate) const FLAT: Bound = Bound::AtMost(1.15);

/// Measures it on clusters of growing size. They are one cluster: what is there stays.
pub(crate) struct Memory(f64);

impl Memory {
    /// The smallest.
    pub(crate) fn first(harness: &Harness, report: &mut Report) -> anyhow::Result<Self> {
        Ok(Self(peak(harness, report, 1_000)?))
    }

    /// One with ten times the Secrets, and whether it is flat.
    pub(crate) fn then(
        &mut self,
        harness: &Harness,
        report: &mut Report,
        secrets: u32,
        flat: Option<Bound>,
    ) -> anyhow::Result<()> {
        let before = std::mem::replace(&mut self.0, peak(harness, report, secrets)?);
        report.add(format!("  of that at {},000", secrets / 10_000), self.0 / before, "x", flat);
        Ok(())
    }
}

fn peak(harness: &Harness, report: &mut Report, secrets: u32) -> anyhow::Result<f64> {
    harness.seed(secrets, 1024)?;
    let peak = Engine::new(harness, "")?.run(secrets)?.peak;
    let name = format!("peak memory by default, {},000 Secrets", secrets / 1000);
    report.add(name, peak, "MiB", Some(Bound::AtMost(32.0)));
    Ok(peak)
}
