//! The last step: what happened goes out as lines of the wire format. The only writer to stdout in this package.
//!
//! Input: events from `rewrite`. Output: one JSON object a line, and the last one also as the container's termination
//! message, which is still there when the log is not.

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::wire::event::{Event, Line, WIRE_VERSION};

/// The kubelet keeps that much of a termination message.
const TERMINATION_LIMIT: usize = 4096;

/// Writes lines.
pub struct Emit<W> {
    out: W,
    termination: Option<PathBuf>,
    run: String,
    pod: String,
    seq: u64,
}

impl<W: Write> Emit<W> {
    /// `termination` is the file that the kubelet mounted, if it did.
    #[must_use]
    pub fn new(out: W, termination: Option<PathBuf>, run: String, pod: String) -> Self {
        Self { out, termination, run, pod, seq: 0 }
    }

    /// Says one thing. A reader that went away is no reason to stop: the work goes on, and the record and the exit code
    /// carry the result.
    pub fn event(&mut self, event: Event) {
        self.seq += 1;
        let line = Line {
            wire: WIRE_VERSION,
            run: self.run.clone(),
            pod: self.pod.clone(),
            seq: self.seq,
            time: Timestamp::now(),
            event,
        };
        if let Ok(mut text) = serde_json::to_string(&line) {
            text.push('\n');
            // One write and a flush, so that a line is whole in the log as soon as it is said.
            drop(self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()));
        }
        if let (Event::Finished { .. }, Some(path)) = (&line.event, &self.termination) {
            leave(path, line.clone());
        }
    }
}

/// Writes the termination message, if the file is there: elsewhere than in a Pod it is not, and is not made.
fn leave(path: &Path, mut line: Line) {
    let mut text = serde_json::to_vec(&line).unwrap_or_default();
    if let (true, Event::Finished { reason, .. }) = (text.len() > TERMINATION_LIMIT, &mut line.event) {
        *reason = Some("too long to be kept here: see the log".into());
        text = serde_json::to_vec(&line).unwrap_or_default();
    }
    let file = std::fs::OpenOptions::new().write(true).truncate(true).open(path);
    // Not a reason to fail either: the line above said the same.
    drop(file.and_then(|mut file| file.write_all(&text)));
}

#[cfg(test)]
#[path = "emit_tests.rs"]
mod tests;
