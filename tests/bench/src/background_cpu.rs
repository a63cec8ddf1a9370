//! How busy the machine was with other things meanwhile. What is compared shares two cores, so a build in another terminal
//! moves every number, and the report says how much there was of it.

use std::fs;

use nix::unistd::getsid;

/// Clock ticks since the machine started: all, those in which it worked, and those in which it worked for us.
pub(crate) struct BackgroundCpu {
    all: f64,
    busy: f64,
    ours: f64,
}

impl BackgroundCpu {
    /// The counts begin.
    pub(crate) fn start() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let ticks: Vec<f64> = stat
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .take(8)
            .filter_map(|n| n.parse().ok())
            .collect();
        let all: f64 = ticks.iter().sum();
        // Idle, and waiting for disks.
        let idle: f64 = ticks.iter().skip(3).take(2).sum();
        Self { all, busy: all - idle, ours: own_usage() }
    }

    /// The part of the machine, in percent, that others have had since.
    pub(crate) fn share(&self) -> f64 {
        let now = Self::start();
        100.0 * ((now.busy - self.busy) - (now.ours - self.ours)).max(0.0) / (now.all - self.all)
    }
}

/// What every process of this session has used, and those that it has seen end: the sandbox and all that is measured are
/// started from here.
fn own_usage() -> f64 {
    let session = getsid(None).map(nix::unistd::Pid::as_raw).unwrap_or_default();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|stat| used(&stat, session))
        .sum()
}

/// `man 5 proc`: the fields after the name, which may hold anything and ends with the last parenthesis.
fn used(stat: &str, session: i32) -> Option<f64> {
    let fields: Vec<f64> = stat.rsplit_once(')')?.1.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    // Without name and state: 3 is the session; 10 to 13 user and system time, its own and that of children that ended.
    (fields.get(2).copied()? == f64::from(session)).then(|| fields.iter().skip(10).take(4).sum())
}
