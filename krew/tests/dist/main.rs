//! What `make dist` made, looked at as those do who download it: target/dist, and nothing else where it can be helped.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod again;
mod archives;
mod binaries;
mod image;
mod lists;
mod support;
