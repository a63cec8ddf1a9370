//! What people get: an archive that the real krew installs, a manifest that the real validator lets pass, and a plugin that the
//! real kubectl finds, completes and names as people type it. For each rule there is an example that breaks it, so that the
//! judge is seen to judge.
//!
//! Run by `make test`. Needs no root; needs krew and what `make build` and `make pack` (or `make dist`) make. Nothing leaves the machine: krew, being a
//! development build, never asks for a newer one, and is given files of this machine or addresses of its loopback alone.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod archives;
mod completion;
mod home;
mod installed;
mod release_files;
mod rules;
mod serve;
#[path = "../e2e/support.rs"]
#[allow(dead_code, reason = "shared with the end-to-end tests, which use the rest")]
mod support;
