//! The wire format: what the Job says on stdout, one JSON object a line, and the plugin reads from the Pod's log.
//!
//! A public format. The JSON Schema in `job/schema/event.json` is made from these types, and a test fails when it is
//! stale. Adding a field or a kind of event keeps [`WIRE_VERSION`]; changing the meaning of one raises it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::verify::ServersAgree;
use crate::wire::outcome::{Failure, Tally};

/// The version of the wire format that this program speaks.
pub const WIRE_VERSION: u32 = 1;

/// One line of the Job's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The wire format's version; a reader that does not know it says so instead of guessing.
    pub wire: u32,
    /// Which run speaks.
    pub run: String,
    /// Which Pod of the run speaks: a successor's sequence numbers begin again.
    pub pod: String,
    /// Counts up from 1 within one Pod. A reader that reconnects drops what it has seen.
    pub seq: u64,
    /// When the line was written (RFC 3339, UTC).
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// What is said.
    #[serde(flatten)]
    pub event: Event,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "event")]
pub enum Event {
    /// The first list has been answered, and work begins. Only notes come before it.
    Started {
        /// The Job's own version (that of its image).
        version: String,
        /// The API server's version, as it reports it (`v1.34.4-eks-…`).
        server: String,
        /// How Secrets are rewritten.
        method: Method,
        /// A Secret whose resourceVersion is greater has been written under the key.
        watermark: String,
        /// How many Secrets the first list promised: those of its first page and its `remainingItemCount`. An
        /// estimate for bars, never a proof: Secrets come and go.
        total: u64,
    },
    /// The counts, at most every second and at least every 15: also the heartbeat.
    Progress {
        /// What the run is doing.
        phase: Phase,
        /// The counts so far.
        tally: Tally,
        /// Secrets accounted for per second since the line before, in thousandths.
        rate_milli: u64,
    },
    /// One Secret could not be written, though it was tried again when all others were done; or it does not stay under the
    /// current key.
    Failure(Failure),
    /// Something that a person should read and that is no Secret's failure.
    Note {
        /// One line, as it should be shown.
        message: String,
    },
    /// The last line: also the container's termination message.
    Finished {
        /// How it ended.
        result: RunResult,
        /// What became of every Secret.
        tally: Tally,
        /// What the proof showed, if there was one: always, where `result` is `complete` and a proof was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<Proof>,
        /// Why, when `result` is not `complete`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// How Secrets are rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// A merge patch that sets the annotation `eksctl.io/kms-encryption-timestamp`, as eksctl does.
    #[default]
    #[value(help = "The annotation eksctl.io/kms-encryption-timestamp is set, as eksctl does")]
    Annotate,
    /// An empty merge patch: the API server writes a Secret only if its stored form is stale.
    #[value(help = "An empty patch: the API server writes what is not under its current key, and nothing else changes")]
    Touch,
}

impl Method {
    /// As flags, the Job's environment and events have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Annotate => "annotate",
            Self::Touch => "touch",
        }
    }
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Every Secret is written once.
    Rewrite,
    /// Every Secret is touched, and nothing must be rewritten.
    Prove,
}

/// What the proof showed. A touch is an empty patch on condition that the Secret is still as it was listed: the API server
/// writes only what is not stored under its current key, and its answer tells whether it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// How many passes there were. Another one follows where one had to rewrite something.
    pub passes: u32,
    /// The last pass: `current` are those that a touch did not write, `rewritten` those that it did.
    pub tally: Tally,
    /// What all API servers agreed on before and after it. Without it, the proof is that of the API servers that happened to
    /// answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<ServersAgree>,
}

impl Proof {
    /// Whether the last pass found every Secret under the current key.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.passes > 0 && self.tally.complete() && self.tally.rewritten == 0
    }
}

impl Proof {
    /// Whether it holds for every API server, and for the key that was wanted.
    #[must_use]
    pub fn is_of_all_servers(self) -> bool {
        self.holds() && self.servers.is_some_and(ServersAgree::is_proof)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RunResult {
    /// Every listed Secret is under the current key or gone; and the proof holds, if it was asked for.
    Complete,
    /// Some Secrets could not be written, or did not stay under the current key.
    Incomplete,
    /// The run stopped before it had gone through every Secret.
    Stopped,
    /// Another run is at work, or whoever follows this one reads another version of the wire format: nothing was written.
    Refused,
}
