//! What a starting sandbox says to whoever started it: one JSON object a line, on the janitor's stdout. The last line is
//! `ready` or `failed`.

use std::io::Write;

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "report")]
pub(crate) enum Report {
    /// Something is being waited for.
    Step {
        /// In words for a person.
        what: String,
    },
    /// The sandbox is up; its folder tells the rest.
    Ready,
    /// The sandbox could not be started, and is gone.
    Failed {
        /// Why, with the last lines of the log of the part that failed.
        why: String,
    },
}

impl Report {
    /// Says it. A reader that has gone away is no reason to stop.
    pub(crate) fn print(&self) {
        let Ok(line) = serde_json::to_string(self) else { return };
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

/// Says what is being waited for.
pub(crate) fn step(what: impl Into<String>) {
    Report::Step { what: what.into() }.print();
}
