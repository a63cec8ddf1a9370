//! What plugin and Job share, without I/O: names, events, exit codes, outcomes, the Job's arguments.

pub mod args;
pub mod emit;
pub mod event;
pub mod exit;
pub mod names;
pub mod outcome;
