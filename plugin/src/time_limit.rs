//! The longest time that a command may take. Commands with `--timeout` end earlier and report what keeps running. This limit is for
//! waits that no other limit covers.

use std::time::Duration;

use eks_encrypt_job::wire::exit::ExitCode;
use tokio::time::timeout;

use crate::cli::Command;
use crate::error::{CliError, HasExitCode};
use crate::ui::progress::elapsed;

/// Checks, a question that waits for a person, the push of an image, and withdrawing rights come on top of `--timeout`.
const EXTRA: Duration = Duration::from_secs(3600);

/// Commands that wait for nothing but an answer. Their credentials may come from a login in a browser.
const QUICK: Duration = Duration::from_secs(600);

/// How much longer a thread that blocks may take: in a kubeconfig's command, or in a read.
const BACKSTOP_DELAY: Duration = Duration::from_secs(30);

/// The command did not end by itself.
#[derive(Debug, thiserror::Error)]
#[error("time is up: this command has not ended within {}; what has begun in AWS or in the cluster keeps running", elapsed(*.0))]
struct DeadlineExceeded(Duration);

impl HasExitCode for DeadlineExceeded {
    fn code(&self) -> ExitCode {
        ExitCode::StillRunning
    }
}

/// How long a command may take.
pub(crate) fn limit_of(command: &Command) -> Duration {
    match command {
        Command::Enable(args) => args.go.timeout + EXTRA,
        Command::Reencrypt(args) => args.go.timeout + EXTRA,
        Command::Create(args) => args.timeout + EXTRA,
        Command::Attach(args) => args.timeout + EXTRA,
        Command::Verify(args) => args.timeout + QUICK,
        Command::Status(args) => args.timeout + QUICK,
        // One deletes and waits, the other sends an image.
        Command::Cleanup(_) | Command::Image(_) => EXTRA,
        Command::Manifests(_)
        | Command::Schema { .. }
        | Command::Token(_)
        | Command::Completion { .. }
        | Command::Man { .. }
        | Command::Version { .. } => QUICK,
    }
}

/// Runs a command for as long as it may take.
pub(crate) async fn run_within(
    limit: Duration,
    command: impl Future<Output = Result<ExitCode, CliError>>,
) -> Result<ExitCode, CliError> {
    timeout(limit, command).await.unwrap_or_else(|_| Err(DeadlineExceeded(limit).into()))
}

/// Ends this process when even that has not ended it.
pub(crate) fn start_backstop(limit: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(limit + BACKSTOP_DELAY);
        std::process::exit(i32::from(ExitCode::StillRunning as u8));
    });
}

#[cfg(test)]
mod tests {
    //! A command that never ends, ends.
    use super::*;
    use crate::cli::Cli;
    use crate::testing::error_text;
    use clap::Parser as _;

    #[tokio::test(start_paused = true)]
    async fn every_command_has_a_limit_and_is_ended_there() {
        for words in [
            &["verify", "--timeout", "1h"][..],
            &["status"],
            &["cleanup"],
            &["attach"],
            &["reencrypt"],
            &["manifests", "--image", "registry.example/job:1"],
            &["image", "digest"],
            &["version"],
        ] {
            let cli = Cli::try_parse_from([&["kubectl-eks_encrypt"], words].concat()).unwrap();
            let limit = limit_of(&cli.command);
            assert!(
                limit >= Duration::from_secs(600) && limit <= Duration::from_secs(3 * 3600),
                "{words:?}: {limit:?}"
            );
            let stop = run_within(limit, std::future::pending()).await.unwrap_err();
            assert!(error_text(stop).starts_with("exit 7\nerror: time is up: this command has not ended within "));
        }
    }
}
