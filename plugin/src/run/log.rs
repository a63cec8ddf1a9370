//! Reads the Job's log. Input: lines of a Pod's log, each with the kubelet's time stamp; after a reconnect some come
//! again. Output: events, each once, notes for lines that are not ours, and that the Job speaks another version.

use std::collections::HashMap;

use eks_encrypt_job::api::bounds::cut;
use eks_encrypt_job::wire::event::{Line, WIRE_VERSION};
use jiff::{SignedDuration, Timestamp};

use crate::run::wire_version::OtherWireVersion;
use crate::ui::terminal::one_line;

/// How much is shown of a line that is not the Job's.
const MAX_NOTE_CHARS: usize = 500;

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogLine {
    /// The Job speaks.
    Event(Box<Line>),
    /// Something else was written (the kubelet mixes stdout and stderr): shown, never choked on.
    Note(String),
    /// It has been seen.
    Duplicate,
    /// The Job speaks another version: nothing more can be read.
    OtherVersion(OtherWireVersion),
}

/// Remembers what has been seen.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The highest sequence number of each Pod.
    seen: HashMap<String, u64>,
    /// The kubelet's time stamp of each Pod's last line: where to begin again.
    last: HashMap<String, Timestamp>,
}

impl Log {
    /// From when on to ask for a Pod's log again: a second before the last line, because the request carries whole
    /// seconds, rounded, and what was said after the last line must not be rounded away.
    pub(crate) fn since(&self, pod: &str) -> Option<Timestamp> {
        self.last.get(pod)?.checked_sub(SignedDuration::from_secs(1)).ok()
    }

    /// Reads one line of a Pod's log.
    pub(crate) fn read(&mut self, pod: &str, stamped: &str) -> LogLine {
        let (stamp, text) = split(stamped);
        let old = stamp.is_some_and(|stamp| self.last.get(pod).is_some_and(|last| stamp <= *last));
        if let Some(stamp) = stamp.filter(|_| !old) {
            self.last.insert(pod.to_owned(), stamp);
        }
        match serde_json::from_str::<Line>(text) {
            Ok(line) if line.wire == WIRE_VERSION => {
                // By number, not by time: two lines may have been written in one tick of the kubelet's clock.
                // And by the Pod that it was read from: a line may name any.
                let seen = self.seen.entry(pod.to_owned()).or_default();
                if line.seq <= *seen {
                    return LogLine::Duplicate;
                }
                *seen = line.seq;
                LogLine::Event(Box::new(line))
            }
            _ if old || text.trim().is_empty() => LogLine::Duplicate,
            _ => OtherWireVersion::from_line(text).map_or_else(
                || {
                    LogLine::Note(format!(
                        "the Job's log: {}",
                        one_line(&cut(text.trim_end().to_owned(), MAX_NOTE_CHARS))
                    ))
                },
                LogLine::OtherVersion,
            ),
        }
    }
}

/// The kubelet's time stamp and the rest.
fn split(line: &str) -> (Option<Timestamp>, &str) {
    match line.split_once(' ') {
        Some((stamp, rest)) => stamp.parse().map_or((None, line), |stamp| (Some(stamp), rest)),
        None => (None, line),
    }
}

#[cfg(test)]
mod tests {
    //! Reconnects and foreign lines.
    use super::*;

    fn line(seq: u64) -> String {
        format!(
            r#"2026-11-24T07:00:0{seq}.5Z {{"wire":1,"run":"r","pod":"p","seq":{seq},"time":"2026-11-24T07:00:00Z","event":"note","message":"hello"}}"#
        )
    }

    #[test]
    fn a_reconnect_repeats_nothing() {
        let mut log = Log::default();
        assert!(matches!(log.read("p", &line(1)), LogLine::Event(_)));
        assert!(matches!(log.read("p", "2026-11-24T07:00:02Z thread panicked"), LogLine::Note(_)));
        assert_eq!(log.read("p", &line(1)), LogLine::Duplicate);
        assert_eq!(log.read("p", "2026-11-24T07:00:02Z thread panicked"), LogLine::Duplicate);
        assert!(matches!(log.read("p", &line(3)), LogLine::Event(_)));
        assert_eq!(log.since("p"), Some("2026-11-24T07:00:02.5Z".parse().unwrap()));
    }

    #[test]
    fn lines_that_are_not_ours_are_notes() {
        let mut log = Log::default();
        assert_eq!(log.read("p", "exec format error"), LogLine::Note("the Job's log: exec format error".into()));
        assert_eq!(log.read("p", "{\"level\":\"warn\"}"), LogLine::Note("the Job's log: {\"level\":\"warn\"}".into()));
        assert_eq!(log.read("p", "\u{1b}[2Jwiped"), LogLine::Note("the Job's log: \\u{1b}[2Jwiped".into()));
        assert_eq!(log.read("p", ""), LogLine::Duplicate);
    }

    #[test]
    fn a_line_that_names_another_pod_makes_no_new_memory() {
        let mut log = Log::default();
        for pod in 0..1_000 {
            log.read("p", &line(1).replace(r#""pod":"p""#, &format!(r#""pod":"p{pod}""#)));
        }
        assert_eq!(log.seen.len(), 1);
    }

    #[test]
    fn of_a_long_line_the_beginning_is_shown() {
        let LogLine::Note(note) = Log::default().read("p", &"x".repeat(60_000)) else { panic!() };
        assert!(note.ends_with("xx... (59500 more bytes)") && note.len() < 600, "{note}");
    }

    #[test]
    fn another_wire_version_is_no_note() {
        let mut log = Log::default();
        let LogLine::OtherVersion(foreign) = log.read("p", r#"{"wire":2,"run":"r"}"#) else { panic!("not told") };
        assert_eq!(foreign.to_string(), "version 2 of the wire format");
    }
}
