//! How many patches are in flight: as many as the API servers take easily.

pub mod limit;

mod adaptive;
pub(crate) mod throughput;

#[cfg(test)]
mod adaptive_server;
