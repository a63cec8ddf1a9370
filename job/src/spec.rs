//! What a run is to do. Input: the Job's flags (`args`), or whoever calls the loop from another program. Output: read by
//! `rewrite` and its steps.

use jiff::Timestamp;

use crate::event::Method;
use crate::limit::Limit;

/// What is to be done.
pub struct Spec {
    /// The run's id.
    pub run: String,
    /// Where the run record is.
    pub namespace: String,
    /// How Secrets are rewritten.
    pub method: Method,
    /// The key's ARN, for the record.
    pub key_arn: String,
    /// The time that the annotation gets: when this process began. A successor has its own.
    pub time: Timestamp,
    /// The bound on patches in flight.
    pub limit: Limit,
}
