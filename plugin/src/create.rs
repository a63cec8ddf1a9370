//! `create -f FILE`, step by step: a new cluster with the customer key from birth. Each step is a file. Input: the command
//! line. Output: an exit code, and everything said on the screen on the way.

#[cfg(test)]
pub(crate) mod examples;
pub(crate) mod plan;
pub(crate) mod spec;
pub(crate) mod subnets;
pub(crate) mod summary;
pub(crate) mod template;
mod told;
pub(crate) mod zones;
