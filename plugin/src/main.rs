//! `kubectl eks-encrypt`: parses the command line, runs the command, and turns its result into an exit code.
//!
//! `commands` has a file for each command. The steps of `enable`, in their order: `commands::target` (which cluster is meant) -> `checks` ->
//! `commands::confirm` -> `aws` (the association) -> `run` (a Job is created or found, and followed) -> `output` (what it came to). What people
//! see goes through `ui::screen`, and nowhere else. Imports point down: `layers_tests` has the order.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a panic is how a test fails"))]

mod aws;
mod cause;
mod checks;
mod cli;
mod cloudformation;
mod cluster_config;
mod commands;
mod file;
#[cfg(test)]
mod fuzz_tests;
mod k8s;
#[cfg(test)]
mod layers_tests;
mod limit;
mod model;
mod nss;
mod output;
mod registry;
mod run;
mod stop;
#[cfg(test)]
mod testing;
mod ui;

use clap::Parser as _;
use eks_encrypt_job::wire::exit::ExitCode;

use crate::cli::{Cli, Command, man};
use crate::commands::{
    attach, cleanup, complete, create, enable, image, print, reencrypt, status, token, verify, version,
};
use crate::stop::Stop;
use crate::ui::interrupt::guard;
use crate::ui::screen::{self, Screen};

fn main() -> std::process::ExitCode {
    nss::keep_to_what_is_built_in();
    if let Some(words) = complete::asked(std::env::args_os()) {
        limit::backstop(std::time::Duration::ZERO);
        screen::stdout(&complete::complete(&words));
        return ExitCode::Done.into();
    }
    let cli = Cli::parse();
    let screen = Screen::stderr();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.line(&format!("error: can't start: {error}"));
            return ExitCode::Error.into();
        }
    };
    let limit = limit::of(&cli.command);
    limit::backstop(limit);
    let result = runtime.block_on(limit::keep(limit, run(cli, &screen)));
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
            let next = (args.again(), cli::attach(&args.kube, args.job.namespace.as_deref()));
            guard(screen, (&next.0, &next.1), stage, enable::enable(&args, screen, stage)).await
        }
        Command::Reencrypt(args) => {
            let next = (args.again(), cli::attach(&args.kube, args.job.namespace.as_deref()));
            guard(screen, (&next.0, &next.1), stage, reencrypt::reencrypt(&args, screen, stage)).await
        }
        Command::Create(args) => {
            let next = args.again();
            guard(screen, (&next, &next), stage, create::create(&args, screen, stage)).await
        }
        Command::Attach(args) => {
            let next = args.again();
            guard(screen, (&next, &next), stage, attach::attach(&args, screen, stage)).await
        }
        Command::Verify(args) => verify::verify(&args, screen).await,
        Command::Status(args) => status::status(&args, screen).await,
        Command::Cleanup(args) => cleanup::cleanup(&args, screen).await,
        Command::Manifests(args) => print::print(&args),
        Command::Image(command) => image::run(&command, screen).await,
        Command::Schema { of: cli::SchemaOf::ClusterConfig } => {
            screen::stdout(&format!("{:#}", cloudformation::config::schema()));
            Ok(ExitCode::Done)
        }
        Command::Token(args) => token::print(&args).await,
        Command::Completion { of } => {
            screen::stdout(cli::completion(of).trim_end());
            Ok(ExitCode::Done)
        }
        Command::Man { folder } => Ok(man::write(&folder)?),
        Command::Version { output } => Ok(version::version(output, screen)),
    }
}
