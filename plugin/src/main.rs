//! `kubectl eks-encrypt`: parses the command line, runs the command, and turns its result into an exit code.
//!
//! `commands` has a file for each command. The steps of `enable`, in their order: `commands::target` (which cluster is meant) -> `checks` ->
//! `commands::confirm` -> `aws` (the association) -> `run` (a Job is created or found, and followed) -> `output` (what it came to). What people
//! see goes through `ui::terminal`, and nowhere else. Imports point down: `layers_tests` has the order.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a panic is how a test fails"))]

mod aws;
mod cause;
mod checks;
mod cli;
mod cloudformation;
mod cluster_config;
mod commands;
mod error;
mod file;
#[cfg(test)]
mod fuzz_tests;
mod k8s;
#[cfg(test)]
mod layers_tests;
mod model;
mod nss;
mod output;
mod registry;
mod run;
#[cfg(test)]
mod testing;
mod time_limit;
mod ui;

use clap::Parser as _;
use eks_encrypt_job::wire::exit::ExitCode;

use crate::cli::{Cli, Command, man};
use crate::commands::{
    attach, cleanup, complete, create, enable, image, manifests, reencrypt, status, token, verify, version,
};
use crate::error::CliError;
use crate::model::followup;
use crate::ui::interrupt::run_until_ctrl_c;
use crate::ui::terminal::{self, Terminal};

fn main() -> std::process::ExitCode {
    nss::disable_dynamic_modules();
    if let Some(words) = complete::completion_request(std::env::args_os()) {
        time_limit::start_backstop(std::time::Duration::ZERO);
        terminal::stdout(&complete::complete(&words));
        return ExitCode::Done.into();
    }
    let cli = Cli::parse();
    let terminal = Terminal::stderr();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.println(&format!("error: can't start: {error}"));
            return ExitCode::Error.into();
        }
    };
    let limit = time_limit::limit_of(&cli.command);
    time_limit::start_backstop(limit);
    let result = runtime.block_on(time_limit::run_within(limit, run(cli, &terminal)));
    // A thread that waits for a line of stdin can't be stopped, and must not keep the program from ending.
    runtime.shutdown_background();
    match result {
        Ok(code) => code.into(),
        Err(CliError { code, error }) => {
            terminal.println(&format!("error: {error:#}"));
            code.into()
        }
    }
}

async fn run(cli: Cli, terminal: &Terminal) -> Result<ExitCode, CliError> {
    let phase = &std::cell::RefCell::default();
    match cli.command {
        Command::Enable(args) => {
            let next = (args.resume_command(), followup::attach(&args.kube, args.job.namespace.as_deref()));
            run_until_ctrl_c(terminal, (&next.0, &next.1), phase, enable::enable(&args, terminal, phase)).await
        }
        Command::Reencrypt(args) => {
            let next = (args.resume_command(), followup::attach(&args.kube, args.job.namespace.as_deref()));
            run_until_ctrl_c(terminal, (&next.0, &next.1), phase, reencrypt::reencrypt(&args, terminal, phase)).await
        }
        Command::Create(args) => {
            let next = args.resume_command();
            run_until_ctrl_c(terminal, (&next, &next), phase, create::create(&args, terminal, phase)).await
        }
        Command::Attach(args) => {
            let next = args.resume_command();
            run_until_ctrl_c(terminal, (&next, &next), phase, attach::attach(&args, terminal, phase)).await
        }
        Command::Verify(args) => verify::verify(&args, terminal).await,
        Command::Status(args) => status::status(&args, terminal).await,
        Command::Cleanup(args) => cleanup::cleanup(&args, terminal).await,
        Command::Manifests(args) => manifests::run(&args),
        Command::Image(command) => image::run(&command, terminal).await,
        Command::Schema { of: cli::SchemaOf::ClusterConfig } => {
            terminal::stdout(&format!("{:#}", cluster_config::validate::schema()));
            Ok(ExitCode::Done)
        }
        Command::Token(args) => token::run(&args).await,
        Command::Completion { of } => {
            terminal::stdout(cli::completion(of).trim_end());
            Ok(ExitCode::Done)
        }
        Command::Man { folder } => Ok(man::write(&folder)?),
        Command::Version { output } => Ok(version::version(output, terminal)),
    }
}
