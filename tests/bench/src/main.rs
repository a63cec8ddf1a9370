//! `make bench`: how fast the engine is, how much it takes, and how much others feel of it; on one sandbox, in one run.
//! Prints a table, writes target/bench.json, and fails where a bound is missed.
//!
//! Not a timed test: it wants a machine to itself, and needs root for the sandbox's node and for mount namespaces.

#![allow(clippy::cast_precision_loss, reason = "counts of requests and bytes are far below 2^52")]

mod background_cpu;
mod cpu_speed;
mod engine;
mod harness;
mod memory;
mod proof;
mod report;
mod resume;
mod speed;
mod start;
mod wire;
mod wrk;

use std::process::ExitCode;
use std::time::Instant;

use crate::harness::{Harness, checkout};
use crate::memory::{FLAT, Memory};
use crate::report::Report;

fn main() -> anyhow::Result<ExitCode> {
    let since = Instant::now();
    let say = |what: &str| eprintln!("[{:>3.0} s] {what}", since.elapsed().as_secs_f64());
    let mut report = Report::default();
    say("a sandbox with a node");
    let harness = Harness::start()?;
    say("a Pod's start");
    start::pod(&harness, &mut report)?;
    start::plugin(&mut report)?;
    say("bytes on the wire");
    wire::measure(&harness, &mut report)?;
    say("memory at 1,000 Secrets");
    let mut memory = Memory::first(&harness, &mut report)?;
    say("speed at 10,000 Secrets");
    speed::measure(&harness, &mut report)?;
    say("memory at 10,000 Secrets");
    memory.then(&harness, &mut report, 10_000, None)?;
    say("a kill at half way");
    resume::measure(&harness, &mut report)?;
    say("memory at 100,000 Secrets");
    memory.then(&harness, &mut report, 100_000, Some(FLAT))?;
    drop(harness);
    say("speed, as Go collects garbage by itself");
    speed::as_go_collects(&mut report)?;
    say("what a proof costs, on two API servers");
    proof::measure(&mut report)?;
    say("done");
    report.write(&checkout("target/bench.json"))?;
    print(&report.table());
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stdout, reason = "the one place that writes the result")]
fn print(table: &str) {
    print!("{table}");
}
