//! How fast the machine itself is, from one moment to the next. A virtual machine's core is often one thread of a physical core
//! whose other thread is somebody else's: while that works, the same takes ours nearly twice as long, and nothing in /proc
//! says so. What is compared here is measured one after the other, so that such a change looks like a result.
//!
//! A fixed piece of work is timed on each core, over and over, by the time that its thread had the core: how much our own
//! programs keep it busy does not count.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::ensure;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// How much work is timed: about half a millisecond.
const STEPS: u64 = 12_000;

/// The pause between two looks at a core. They take a hundredth of it.
const PAUSE: Duration = Duration::from_millis(100);

/// Of so many looks the fastest is left out when the best speed is asked for: the clock errs, too.
const LOOKS_FOR_ONE_ERROR: usize = 200;

/// The thread that asks.
const THIS: Pid = Pid::from_raw(0);

/// When a core was looked at, and how many steps a second it made.
type Sample = (Instant, f64);

/// Looks at every core until it is dropped.
pub(crate) struct CpuSpeed {
    looks: Arc<Mutex<Vec<Sample>>>,
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl CpuSpeed {
    /// Begins to look.
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let mut host = Self { looks: Arc::default(), end: Arc::default(), threads: Vec::new() };
        let ours = sched_getaffinity(THIS)?;
        for core in (0..CpuSet::count()).filter(|core| ours.is_set(*core).unwrap_or_default()) {
            let (looks, end) = (Arc::clone(&host.looks), Arc::clone(&host.end));
            host.threads.push(std::thread::spawn(move || sample(core, &looks, &end)));
        }
        ensure!(!host.threads.is_empty(), "there is no core to look at");
        Ok(host)
    }

    /// What comes of it, and the cores' mean speed meanwhile, in steps a second.
    pub(crate) fn during<T>(&self, what: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, f64)> {
        let since = Instant::now();
        let done = what()?;
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let speeds: Vec<f64> = looks.iter().filter(|(at, _)| *at >= since).map(|(_, speed)| *speed).collect();
        ensure!(!speeds.is_empty(), "no core was looked at within {:?}", since.elapsed());
        Ok((done, speeds.iter().sum::<f64>() / speeds.len() as f64))
    }

    /// A core's speed while nobody slows it down, in steps a second: the best that was seen.
    pub(crate) fn best(&self) -> f64 {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut speeds: Vec<f64> = looks.iter().map(|(_, speed)| *speed).collect();
        speeds.sort_by(f64::total_cmp);
        let errors = speeds.len() / LOOKS_FOR_ONE_ERROR;
        speeds.into_iter().rev().nth(errors).unwrap_or(f64::NAN)
    }
}

impl Drop for CpuSpeed {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // What it panicked with it has said.
            let _ = thread.join();
        }
    }
}

fn sample(core: usize, looks: &Mutex<Vec<Sample>>, end: &AtomicBool) {
    let mut only = CpuSet::new();
    if only.set(core).and_then(|()| sched_setaffinity(THIS, &only)).is_err() {
        return;
    }
    while !end.load(Ordering::Relaxed) {
        if let Some(speed) = speed() {
            looks.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), speed));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Steps a second.
fn speed() -> Option<f64> {
    // Untimed: on a core that had something else to do, the first steps are slow.
    work();
    let before = cpu_time()?;
    work();
    Some(STEPS as f64 / (cpu_time()? - before).as_secs_f64())
}

/// How long this thread had a core.
fn cpu_time() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok().map(Duration::from)
}

/// Sums that do not wait for each other: from such work, what shares the physical core takes the most.
fn work() {
    let mut sums = [0_u64; 8];
    for step in 0..STEPS {
        for sum in &mut sums {
            *sum = sum.wrapping_add(step);
        }
        black_box(&mut sums);
    }
}
