//! Re-encrypts every Secret of a cluster: the engine, its wire format, and what the Job's binary is made of.
//!
//! **The walk of one Secret**, in the order of the files. [`rewrite`] is the only loop:
//! `list` (pages of names) -> `patch` (one write) -> `checkpoint` (the run record) -> `emit` (a line on stdout).
//! The same loop runs in the Job's Pod and, with another client and sink, in the plugin's process.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a panic is how a test fails"))]

// What plugin and Job share: no I/O.
pub mod contract;
pub mod event;
pub mod exit;
pub mod outcome;

// The walk.
pub mod rewrite;
pub mod spec;

mod begin;
mod state;

mod list; // 1

mod patch; // 2

mod checkpoint; // 3

pub mod emit; // 4

// What the steps stand on.
mod ask;
mod knee;
pub mod limit;
mod pace;
pub mod record;
mod retry;
pub mod watermark;

// The in-cluster binary.
pub mod args;
pub mod client;
pub mod run;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod knee_server;

pub use ask::Refusal;
pub use list::ListError;
