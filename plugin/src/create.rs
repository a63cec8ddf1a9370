//! `create -f FILE`, step by step: a new cluster with the customer key from birth. Each step is a file. Input: the command
//! line. Output: an exit code, and everything said on the screen on the way.

pub(crate) mod config;
pub(crate) mod spec;
