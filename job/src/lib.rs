//! Re-encrypts every Secret of a cluster: the engine, its wire format, and what the Job's binary is made of.
//!
//! **The walk of one Secret**: `api::list` (pages of names) -> `engine::patch` (one write) -> `engine::prove` (one touch, which must
//! write nothing) -> `engine::checkpoint` (the run record) -> `wire::emit` (a line on stdout). `engine::pass` is the only loop, and
//! [`engine::rewrite`] the run: startup, a pass of patches, passes of touches, the last word. The same run happens in the Job's Pod and,
//! with another client and sink, in the plugin's process.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a panic is how a test fails"))]

pub mod api;
pub mod api_servers;
pub mod engine;
pub mod limiter;
pub mod run; // the in-cluster binary
pub mod wire;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod model;

pub use api::list::ListError;
pub use api::request::ApiError;
pub use api::retry::LastError;
