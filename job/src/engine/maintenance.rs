//! What goes on beside the work, whatever the work is: the heartbeat, the run record, the lease, and an ear for the stop.
//! Input: the clock and the stop. Output: duties, which the loop takes up between two Secrets: nothing here holds a
//! Secret back, and no Secret holds these back.

use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Fuse};
use kube::Client;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::engine::checkpoint::Checkpoint;
use crate::engine::lease::{LeaseGuard, Renewal};
use crate::engine::record::Record;
use crate::engine::state::State;

/// How often the loop looks at the clock; `throughput`, `checkpoint` and `lease` decide what is due.
const TICK: Duration = Duration::from_millis(250);

/// What there is to do.
pub(crate) enum Task {
    /// Look at the clock.
    Tick,
    /// The record was written, or a note says why not.
    Saved(Option<String>),
    /// The lease was renewed, or not.
    Renewed(Renewal),
    /// The run is told to stop.
    Stop(String),
}

/// The duties of one run.
pub(crate) struct Maintenance<'a> {
    ticks: Interval,
    /// Where there is a record.
    checkpoint: Option<Checkpoint<'a>>,
    lease: Option<LeaseGuard<'a>>,
    /// Another run has taken over the lease, and so the record.
    lost: bool,
    /// May be asked again when it has come.
    stop: Fuse<BoxFuture<'a, String>>,
}

impl<'a> Maintenance<'a> {
    /// From now on.
    pub(crate) fn new(client: &'a Client, namespace: &'a str, stop: BoxFuture<'a, String>) -> Self {
        Self { checkpoint: Some(Checkpoint::new(client, namespace)), ..Self::without_record(stop) }
    }

    /// The same for work that leaves no record.
    pub(crate) fn without_record(stop: BoxFuture<'a, String>) -> Self {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, checkpoint: None, lease: None, lost: false, stop: stop.fuse() }
    }

    /// A lease that is to be kept.
    pub(crate) fn keep(&mut self, lease: LeaseGuard<'a>) {
        self.lease = Some(lease);
    }

    /// Waits for the next duty. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Task {
        let lease = &mut self.lease;
        let renewed = async {
            match lease {
                Some(lease) => lease.renewed().await,
                None => std::future::pending().await,
            }
        };
        let checkpoint = &mut self.checkpoint;
        let saved = async {
            match checkpoint {
                Some(checkpoint) => checkpoint.saved().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            reason = &mut self.stop => Task::Stop(reason),
            note = saved => Task::Saved(note),
            renewal = renewed => Task::Renewed(renewal),
            _ = self.ticks.tick() => Task::Tick,
        }
    }

    /// Does it. Fails with the reason when the run is to stop.
    pub(crate) fn attend(&mut self, state: &mut State<'_>, duty: Task) -> Result<(), String> {
        match duty {
            Task::Tick => {
                state.heartbeat();
                if let Some(checkpoint) = self.checkpoint.as_mut().filter(|checkpoint| checkpoint.due())
                    && let Some(record) = state.record(None)
                {
                    checkpoint.begin(record);
                }
                if let Some(lease) = &mut self.lease {
                    lease.begin_if_due();
                }
            }
            Task::Saved(note) => state.note(note),
            Task::Renewed(Renewal::Kept(_)) => {}
            Task::Renewed(Renewal::Unsure(words)) => state.last_error.note(words),
            Task::Renewed(Renewal::Lost(holder)) => {
                self.lease = None; // not ours to give back
                self.lost = true;
                return Err(format!("{holder} has taken over the lease: two runs must not be at work at once"));
            }
            Task::Stop(reason) => return Err(reason),
        }
        Ok(())
    }

    /// Waits for something that is no Secret's, and keeps up meanwhile.
    pub(crate) async fn during<T>(
        &mut self,
        state: &mut State<'_>,
        work: impl Future<Output = T>,
    ) -> Result<T, String> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                duty = self.next() => self.attend(state, duty)?,
            }
        }
    }

    /// The last duties: the record says how the run ended, and the lease is given back. Gives a note for each that could
    /// not be done. They may take so long; and once the run is told to stop, no longer than `once_stopped`.
    pub(crate) async fn finish(
        mut self,
        record: Option<Record>,
        within: Duration,
        once_stopped: Duration,
    ) -> [Option<String>; 2] {
        let stop = &mut self.stop;
        let over = async {
            tokio::select! {
                () = sleep(within) => {}
                _ = stop => sleep(once_stopped).await,
            }
        }
        .shared();
        let checkpoint = &mut self.checkpoint;
        let saved = async {
            match (checkpoint, record.filter(|_| !self.lost)) {
                (Some(checkpoint), Some(record)) => checkpoint.finish(&record, over.clone()).await,
                _ => None,
            }
        };
        let given_back = async {
            let lease = self.lease?;
            // Where time runs out, whoever comes next waits until it has expired: no more is lost.
            tokio::select! {
                note = lease.release() => note,
                () = over.clone() => None,
            }
        };
        futures::future::join(saved, given_back).await.into()
    }
}
