//! A census of a control plane's kube-apiservers: which are live, and under which key each of them writes now.
//!
//! [`take`] lists the identity Leases and asks each live server for its `/metrics`. [`Census::agreement`] and
//! [`Census::only_processes_of`] judge the result. Nothing here names a kind of object that is encrypted.

mod agreement;
mod census;
mod identity;
mod key_hash;
mod metrics;

#[cfg(test)]
mod fake;

pub use agreement::{Agreement, Newcomer, NewcomerReason, ProcessesError, UnknownReason};
pub use census::{ApiServer, Census, CensusError, ConnectError, Connector, MissingRight, Options, take};
pub use identity::Identity;
pub use key_hash::KeyHash;
pub use metrics::WriteKey;
