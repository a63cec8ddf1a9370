//! The doorbell of `kubectl eks-encrypt`: reads the command line, calls the command, turns its result into an exit code.
//!
//! The files of `enable`, in the order of its steps: `preflight` (`aws`, `kubernetes`, `cluster`, `key`, `rights`) -> `confirm` ->
//! `association` (`settle`) -> `existing` -> `apply` (`manifests`) -> `follow` (`log`, `startup`) -> `verdict` -> `cleanup` -> `summary`. What
//! people see goes through `screen`, and nowhere else.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a panic is how a test fails"))]

#[cfg_attr(not(test), expect(dead_code, reason = "a check that preflight calls when that is restructured"))]
mod admission;
mod apply;
mod association;
mod aws;
mod cause;
#[cfg_attr(not(test), expect(dead_code, reason = "a check that preflight calls when that is restructured"))]
mod census;
mod cleanup;
mod cli;
mod cluster;
#[cfg_attr(not(test), expect(dead_code, reason = "`enable -f` comes next"))]
mod cluster_config;
mod confirm;
#[cfg_attr(not(test), expect(dead_code, reason = "`enable` without --cluster comes next"))]
mod context;
mod cure;
mod enable;
mod existing;
mod follow;
mod grants;
#[cfg_attr(not(test), expect(dead_code, reason = "a check that preflight calls when that is restructured"))]
mod health;
mod interrupt;
mod key;
#[cfg_attr(not(test), expect(dead_code, reason = "a check that preflight calls when that is restructured"))]
mod key_risks;
mod kubernetes;
mod log;
mod manifests;
mod pem;
mod preflight;
mod progress;
mod rights;
mod run;
mod screen;
mod settle;
mod startup;
mod stop;
mod summary;
#[cfg_attr(not(test), expect(dead_code, reason = "the checks of preflight become its rows when that is restructured"))]
mod table;
#[cfg(test)]
mod testing;
mod updates;
mod verdict;
mod wrap;

use clap::Parser as _;
use eks_encrypt_job::exit::ExitCode;

use crate::cli::{Cli, Command};
use crate::screen::Screen;
use crate::stop::Stop;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let screen = Screen::stderr();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.line(&format!("error: can't start: {error}"));
            return ExitCode::Error.into();
        }
    };
    let result = runtime.block_on(run(cli, &screen));
    // A thread that waits for a line of stdin can't be stopped, and must not keep the program from ending.
    runtime.shutdown_background();
    match result {
        Ok(code) => code.into(),
        Err(Stop { code, error }) => {
            screen.line(&format!("error: {error:#}"));
            code.into()
        }
    }
}

async fn run(cli: Cli, screen: &Screen) -> Result<ExitCode, Stop> {
    match cli.command {
        Command::Enable(args) => {
            let stage = std::cell::RefCell::default();
            interrupt::guard(screen, &args, &stage, enable::enable(&args, screen, &stage)).await
        }
        Command::Version => {
            screen::stdout(cli::VERSION);
            Ok(ExitCode::Done)
        }
    }
}
