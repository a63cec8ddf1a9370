//! Re-encrypts every Secret of a cluster: the engine, its wire format, and what the Job's binary is made of.
//!
//! **The walk of one Secret**: `list` (pages of names) -> `patch` (one write) -> `prove` (one touch, which must write
//! nothing) -> `checkpoint` (the run record) -> `emit` (a line on stdout). `pass` is the only loop, and [`rewrite`] the run:
//! begin, a pass of patches, passes of touches, the last word. The same run happens in the Job's Pod and, with another client
//! and sink, in the plugin's process.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a panic is how a test fails"))]

// What plugin and Job share: no I/O.
pub mod contract;
pub mod event;
pub mod exit;
pub mod outcome;

// A run, and the walk of one Secret in it.
pub mod rewrite;
pub mod spec;

mod begin;

mod pass; // the loop

pub mod list; // 1

mod patch; // 2

pub mod verify;

mod prove; // 3

mod end;
mod refused;
mod state;
mod turn;
mod write;

// What goes on beside the work.
mod checkpoint;
pub mod emit;
pub mod lease;
mod pace;
pub mod record;
mod upkeep;

// What all stand on.
mod ask;
pub mod bounds;
mod knee;
pub mod limit;
mod retry;
pub mod watermark;

// Who the API servers are, and which key each writes under.
pub mod api_servers;

// The in-cluster binary.
pub mod args;
pub mod client;
pub mod run;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod knee_server;
#[cfg(test)]
mod model;

pub use ask::Refusal;
pub use list::ListError;
pub use retry::Trouble;
