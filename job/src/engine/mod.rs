//! A run, and the walk of one Secret in it. [`rewrite`] is the run, `pass` its only loop, `patch` one write, `prove` one touch,
//! [`verify`] the proof on a control plane of several API servers.

pub mod lease;
pub mod record;
pub mod rewrite;
pub mod spec;
pub mod verify;
pub mod watermark;

pub(crate) mod attempt;
pub(crate) mod patch;
pub(crate) mod prove;

mod checkpoint;
mod deferred;
mod error;
mod maintenance;
mod pass;
mod startup;
mod state;
