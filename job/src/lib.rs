//! Re-encrypts every Secret of a cluster. The walk of one Secret, in the order of the files: the loop in `rewrite` calls
//! `list` -> `patch` -> `checkpoint` -> `emit`. The same loop runs in the Job's Pod and, later, in the plugin's process.

pub mod contract;
pub mod event;
pub mod exit;
pub mod outcome;
