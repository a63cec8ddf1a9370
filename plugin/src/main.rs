//! The doorbell of `kubectl eks-encrypt`: reads the command line, calls the command, turns its result into an exit code.
//!
//! The files of `enable`, in the order of its steps: `target` (`cluster_config`, `context`) -> `preflight` (`table`; `aws`, `cluster`,
//! `kubernetes`, `key`, `rights`, `admission`, ...) -> `confirm` -> `association` (`settle`) -> `drive` (`existing`, `manifests`, `apply`,
//! `follow` with `log` and `startup`; or `local`) -> `withdraw` -> `finish` (`verdict`, `summary`, `report`). What people see goes through
//! `screen`, and nowhere else.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a panic is how a test fails"))]

mod admission;
mod apply;
mod association;
mod attach;
mod aws;
mod cause;
mod census;
mod cleanup;
mod cli;
mod cluster;
mod cluster_config;
mod confirm;
mod context;
mod cure;
mod drive;
mod enable;
mod existing;
mod finish;
mod follow;
mod grants;
mod health;
mod interrupt;
mod key;
mod key_risks;
mod kubernetes;
mod local;
mod log;
mod manifests;
mod pem;
mod preflight;
mod print;
mod progress;
mod reencrypt;
mod report;
mod rights;
mod run;
mod screen;
mod settle;
mod standing;
mod startup;
mod status;
mod status_text;
mod stop;
mod subject;
mod summary;
mod table;
mod target;
mod tenants;
#[cfg(test)]
mod testing;
mod updates;
mod verdict;
mod withdraw;
mod wrap;

use clap::Parser as _;
use eks_encrypt_job::exit::ExitCode;

use crate::cli::{Cli, Command};
use crate::interrupt::guard;
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
    let stage = &std::cell::RefCell::default();
    match cli.command {
        Command::Enable(args) => {
            let next = (args.again(), cli::attach(&args.kube, &args.job.namespace));
            guard(screen, (&next.0, &next.1), stage, enable::enable(&args, screen, stage)).await
        }
        Command::Reencrypt(args) => {
            let next = (args.again(), cli::attach(&args.kube, &args.job.namespace));
            guard(screen, (&next.0, &next.1), stage, reencrypt::reencrypt(&args, screen, stage)).await
        }
        Command::Attach(args) => {
            let next = args.again();
            guard(screen, (&next, &next), stage, attach::attach(&args, screen, stage)).await
        }
        Command::Status(args) => status::status(&args, screen).await,
        Command::Cleanup(args) => cleanup::cleanup(&args, screen).await,
        Command::Manifests(args) => print::print(&args),
        Command::Completion { shell } => {
            screen::stdout(String::from_utf8_lossy(&cli::completion(shell)).trim_end());
            Ok(ExitCode::Done)
        }
        Command::Version => {
            screen::stdout(cli::VERSION);
            Ok(ExitCode::Done)
        }
    }
}
