//! The packed files, looked at as those do who download them: those of `make dist`, or those of `make pack`, which has the programs
//! that tests are run with in place of a release's. `release` is about the programs as they are released.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod archives;
mod image;
mod lists;
mod release;
mod reproducible;
mod support;
