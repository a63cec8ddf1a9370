//! The doorbell of `dist`, which makes a release's files out of binaries that are built already: reads the command line, calls
//! one step, says what failed. Its version is the release's: the workspace's.
//!
//! The steps, in the order in which `krew/dist.sh` calls them: `image` (the Job's image, as an archive), `archive` (what krew
//! unpacks), `sbom` (which crates are in a binary), `manifest` (the template filled in), `sums`. Every file is the same, byte for
//! byte, whenever and wherever it is made of the same input.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a panic is how a test fails"))]

mod archive;
mod cli;
mod digest;
mod file;
mod image;
mod manifest;
mod sbom;
mod sums;
mod tarball;
mod tree;

use std::process::ExitCode;

use clap::Parser as _;

/// The release's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
