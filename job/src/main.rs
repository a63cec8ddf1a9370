//! The Job's binary: parses its flags, runs, and turns the result into an exit code.

use clap::Parser;
use eks_encrypt_job::run::run;
use eks_encrypt_job::wire::args::Args;

// One thread: the API server is the limit, and a second thread would cost memory alone.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    run(Args::parse()).await.into()
}
