//! A wait for something that goes on in AWS without us. Input: what is waited for, and a deadline. Output: pauses between
//! questions, with elapsed time on the screen.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cause::Cause;
use crate::ui::progress::elapsed;
use crate::ui::terminal::{Frame, Terminal};

/// The first wait between two questions. On the sandbox an association takes seconds.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// The longest: AWS allows few calls a second to a whole account, and minutes pass anyway.
const MAX_INTERVAL: Duration = Duration::from_secs(15);

/// How many causes are told: a server that says something new each time must not fill the screen.
const MAX_NOTES: usize = 5;

/// The deadline has come, and what is waited for goes on.
#[derive(Debug, thiserror::Error)]
#[error("time is up after {waited}: {what}; nothing is lost, run the same command again to go on")]
pub(crate) struct DeadlineExceeded {
    /// For how long we waited.
    pub(crate) waited: String,
    /// For what.
    pub(crate) what: String,
}

/// A wait that asks again: at first soon, then seldom, with elapsed time on the screen, until the deadline.
pub(crate) struct Waiter<'a> {
    terminal: &'a Terminal,
    began: Instant,
    deadline: Instant,
    wait: Duration,
    what: String,
    /// How much is done of how much, where that is known.
    share: Option<(u64, u64)>,
    /// What is usual, for a person who wonders.
    typical_duration: &'static str,
    noted: HashSet<String>,
}

impl<'a> Waiter<'a> {
    /// Begins to wait for `what` until the deadline.
    pub(crate) fn new(terminal: &'a Terminal, deadline: Instant, what: String, typical_duration: &'static str) -> Self {
        Self {
            terminal,
            began: Instant::now(),
            deadline,
            wait: FIRST_INTERVAL,
            what,
            share: None,
            typical_duration,
            noted: HashSet::new(),
        }
    }

    /// Says why the wait goes on, once for each cause: on a laptop that slept, or while API servers restart, this is normal,
    /// and silence is not.
    pub(crate) fn note_retry(&mut self, cause: &Cause) {
        if self.noted.insert(cause.to_string()) && self.noted.len() <= MAX_NOTES {
            self.terminal.println(&format!("note: asking again: {cause}"));
        }
    }

    /// Says how far it is by now.
    pub(crate) fn set_status(&mut self, what: String, share: (u64, u64)) {
        self.what = what;
        self.share = Some(share);
    }

    /// Waits until it is time to ask again.
    pub(crate) async fn pause(&mut self) -> Result<(), DeadlineExceeded> {
        let until = Instant::now() + self.wait;
        self.wait = (self.wait * 3 / 2).min(MAX_INTERVAL);
        while Instant::now() < until {
            if Instant::now() >= self.deadline {
                return Err(DeadlineExceeded { waited: elapsed(self.began.elapsed()), what: self.what.clone() });
            }
            self.terminal.draw_progress(&Frame {
                text: format!("{}, {} so far{}", self.what, elapsed(self.began.elapsed()), self.typical_duration),
                share: self.share,
            });
            sleep(Duration::from_secs(1).min(until - Instant::now())).await;
        }
        Ok(())
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.terminal.clear();
    }
}
