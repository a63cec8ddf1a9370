//! One server's `/metrics`, read as a stream: who answers, and under which keys it has stored objects lately.
//!
//! The text is 2 MB on an empty cluster and tens of MB on a large one. Its families are sorted by name, so that reading
//! ends where a later name begins.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::{ACCEPT, DATE};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use thiserror::Error;

use super::key_hash::KeyHash;
use crate::api::bounds::Unbounded;

/// The families that carry `apiserver_id_hash` and `key_id_hash` (`k8s.io/apiserver`, `envelope/metrics/metrics.go`).
const FAMILIES: &[u8] = b"apiserver_envelope_encryption_key_id_hash_";

/// The time in seconds at which a key was last used.
const LAST_USED: &[u8] = b"apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds";

/// When the process was started, in seconds. From Prometheus' process collector, which reads `/proc`.
const STARTED: &[u8] = b"process_start_time_seconds";

/// Longest line that is kept. The lines that are needed have some 400 bytes.
const LONGEST_LINE: usize = 64 << 10;

/// Most keys that are kept. kube-apiserver keeps 100 combinations of labels itself.
const MOST_KEYS: usize = 1024;

/// A write counts as one of now until it is this old. Each server renews its own Lease every 10 s, which it stores
/// encrypted, plus 5 s for a slow answer.
const FRESH_WITHIN: f64 = 15.0;

/// A write that was encrypted so long ago has reached etcd, or never does: a request is given up after 60 s (kube-apiserver's
/// `--request-timeout`). Until then, a server whose key has changed may still store Secrets under the one before.
const LANDED_WITHIN: f64 = 60.0;

/// A write may be this much later than the answer's Date, which has whole seconds. More means that the clock was set back.
const CLOCK_SLACK: f64 = 5.0;

/// The key that a server stores objects under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteKey {
    /// The only key that it stored anything under in the last minute, and it did so in the last 15 s.
    Known(KeyHash),
    /// It stored objects under each of these in the last minute: its key has just changed, or kinds of object have keys of
    /// their own.
    Several(Vec<KeyHash>),
    /// It was asked, and has not stored anything under a key of KMS v2 in the last 15 s.
    Idle,
    /// No connection reached it, or it gave no answer that counts, or its Lease is malformed.
    NotAsked,
}

/// How far one answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Until the keys are known: the first twentieth of the text.
    Keys,
    /// Until the process's start is known too: most of the text.
    StartTime,
}

impl Depth {
    /// How long one answer may take.
    pub(super) fn time_limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Keys => 10,
            Self::StartTime => 30,
        })
    }

    /// Most bytes that are read: several times what a large cluster's text has until there.
    fn size_limit(self) -> u64 {
        match self {
            Self::Keys => 64 << 20,
            Self::StartTime => 256 << 20,
        }
    }

    fn last_name(self) -> &'static [u8] {
        match self {
            Self::Keys => FAMILIES,
            Self::StartTime => STARTED,
        }
    }
}

/// Why an answer does not count.
#[derive(Debug, Error)]
pub(super) enum MetricsError {
    #[error("the API server forbids it with HTTP {0}")]
    Forbidden(u16),
    #[error("the API server answered with HTTP {0}")]
    Status(u16),
    #[error("the connection failed: {0}")]
    Broken(String),
    #[error("the request can't be built: {0}")]
    Unaskable(#[from] http::Error),
    #[error("a metric of the key ids can't be read")]
    Line,
    #[error("one answer names two API servers")]
    TwoServers,
    #[error("one answer names more than {MOST_KEYS} keys")]
    ManyKeys,
    #[error("the text ends within a line")]
    CutOff,
    #[error("the text is longer than {} MiB", .0 >> 20)]
    TooLong(u64),
}

/// What one answer says.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The `apiserver_id_hash`. None before Kubernetes 1.29, and where no key was ever used.
    pub(super) server: Option<String>,
    /// The header Date, by the server's own clock.
    pub(super) date: Option<Timestamp>,
    /// When the process was started.
    pub(super) started: Option<Timestamp>,
    /// When each key was last used to store an object, in seconds.
    stored: BTreeMap<KeyHash, f64>,
}

impl Answer {
    /// When each key was last used to store an object, by the clock of [`Answer::date`].
    pub(super) fn stored(&self) -> BTreeMap<KeyHash, Timestamp> {
        let time = |seconds: f64| Timestamp::from_duration(SignedDuration::try_from_secs_f64(seconds).ok()?).ok();
        self.stored.iter().filter_map(|(key, seconds)| Some((key.clone(), time(*seconds)?))).collect()
    }

    /// The key that the server writes under now.
    pub(super) fn write_key(&self) -> WriteKey {
        let Some(now) = self.date.map(|date| date.as_duration().as_secs_f64()) else { return WriteKey::Idle };
        let newest = self.stored.values().copied().fold(f64::NEG_INFINITY, f64::max);
        if newest > now + CLOCK_SLACK {
            return WriteKey::Idle;
        }
        let recent: Vec<_> = self.stored.iter().filter(|(_, time)| now - **time <= LANDED_WITHIN).collect();
        match recent.as_slice() {
            [(key, time)] if now - **time <= FRESH_WITHIN => WriteKey::Known((*key).clone()),
            [] | [_] => WriteKey::Idle,
            several => WriteKey::Several(several.iter().map(|(key, _)| (*key).clone()).collect()),
        }
    }
}

/// Asks for the metrics and reads as much as `depth` needs. `bytes` grows by what was read, however it ends.
pub(super) async fn read(client: &Client, depth: Depth, bytes: &mut u64) -> Result<Answer, MetricsError> {
    let request = http::Request::get("/metrics").header(ACCEPT, "text/plain;version=0.0.4");
    let request = request.extension(Unbounded).body(Body::empty())?;
    let response = client.send(request).await.map_err(|error| MetricsError::Broken(innermost(&error)))?;
    match response.status().as_u16() {
        200 => {}
        code @ (401 | 403) => return Err(MetricsError::Forbidden(code)),
        code => return Err(MetricsError::Status(code)),
    }
    let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
    let date = date.and_then(|text| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok());
    let (mut body, mut scan, mut read) = (response.into_body(), Scan::new(depth), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| MetricsError::Broken(innermost(&error)))?;
        let Some(chunk) = frame.data_ref() else { continue };
        *bytes += chunk.len() as u64;
        read += chunk.len() as u64;
        if scan.push(chunk)? {
            return Ok(Answer { date, ..scan.answer });
        }
        if read > depth.size_limit() {
            return Err(MetricsError::TooLong(depth.size_limit()));
        }
    }
    Ok(Answer { date, ..scan.end()? })
}

fn innermost(mut error: &(dyn std::error::Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The text so far, of which at most one line is kept.
struct Scan {
    depth: Depth,
    line: Vec<u8>,
    overlong: bool,
    /// The family that the last comment named.
    family: Vec<u8>,
    answer: Answer,
}

impl Scan {
    fn new(depth: Depth) -> Self {
        Self { depth, line: Vec::new(), overlong: false, family: Vec::new(), answer: Answer::default() }
    }

    /// Whether nothing that is needed can follow.
    fn push(&mut self, chunk: &[u8]) -> Result<bool, MetricsError> {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST_LINE - self.line.len();
            self.overlong |= piece.len() > room;
            self.line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if piece.ends_with(b"\n") {
                let mut line = std::mem::take(&mut self.line);
                let enough = self.line(line.trim_ascii())?;
                line.clear();
                self.line = line;
                self.overlong = false;
                if enough {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The body ended by itself.
    fn end(self) -> Result<Answer, MetricsError> {
        if self.line.is_empty() { Ok(self.answer) } else { Err(MetricsError::CutOff) }
    }

    fn line(&mut self, line: &[u8]) -> Result<bool, MetricsError> {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
        if let Some(comment) = line.strip_prefix(b"#") {
            let mut words = comment.split(is_space).filter(|word| !word.is_empty());
            let (Some(b"HELP" | b"TYPE"), Some(name)) = (words.next(), words.next()) else { return Ok(false) };
            name.clone_into(&mut self.family);
            return Ok(self.is_past(name));
        }
        let end = line.iter().position(|byte| *byte == b'{' || is_space(byte)).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        if name.is_empty() {
            return Ok(false);
        }
        if name.starts_with(FAMILIES) {
            self.key_line(name, rest)?;
        } else if name == STARTED {
            let (_, value) = sample(rest).ok_or(MetricsError::Line)?;
            #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970, in ms")]
            let time = Timestamp::from_millisecond((value * 1000.0) as i64);
            self.answer.started = time.ok();
        }
        // A histogram's samples have longer names than their family, which may sort after names of the next family.
        let in_family = !self.family.is_empty() && name.starts_with(&self.family);
        Ok(!in_family && self.is_past(name))
    }

    fn is_past(&self, name: &[u8]) -> bool {
        let last = self.depth.last_name();
        name > last && !name.starts_with(last)
    }

    fn key_line(&mut self, name: &[u8], rest: &[u8]) -> Result<(), MetricsError> {
        // A line left out could be the one with the newest time.
        let (labels, value) = sample(rest).filter(|_| !self.overlong).ok_or(MetricsError::Line)?;
        let label = |wanted: &str| labels.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
        if let Some(server) = label("apiserver_id_hash") {
            match &self.answer.server {
                Some(known) if known != server => return Err(MetricsError::TwoServers),
                Some(_) => {}
                None => self.answer.server = Some(server.to_owned()),
            }
        }
        if name == LAST_USED && label("transformation_type") == Some("to_storage") {
            let key = label("key_id_hash").and_then(KeyHash::parse).ok_or(MetricsError::Line)?;
            let time = self.answer.stored.entry(key).or_insert(value);
            *time = time.max(value);
            if self.answer.stored.len() > MOST_KEYS {
                return Err(MetricsError::ManyKeys);
            }
        }
        Ok(())
    }
}

/// The labels and the value of a sample, from what follows its name (Prometheus text format 0.0.4).
fn sample(rest: &[u8]) -> Option<(Vec<(&str, String)>, f64)> {
    let mut rest = std::str::from_utf8(rest).ok()?.trim_start();
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner.trim_start();
        while !rest.starts_with('}') {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = quoted(after.trim_start())?;
            labels.push((name.trim(), value));
            rest = after.trim_start();
            match rest.strip_prefix(',') {
                Some(after) => rest = after.trim_start(),
                None if rest.starts_with('}') => {}
                None => return None,
            }
        }
        rest = &rest[1..];
    }
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some((labels, value))
}

/// A label's value, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
