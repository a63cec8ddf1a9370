//! Requests to the API server and their answers, within bounds.

pub mod bounds;
pub mod client;
pub mod list;

pub(crate) mod request;
pub(crate) mod retry;
pub(crate) mod write;
