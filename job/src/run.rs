//! The in-cluster program: flags in, exit code out. Joins the client, the loop, stdout and SIGTERM.

use crate::api::client::in_cluster;
use crate::engine::rewrite::rewrite;
use crate::wire::args::Args;
use crate::wire::emit::Emit;
use crate::wire::event::{Event, RunResult};
use crate::wire::exit::ExitCode;
use crate::wire::outcome::Tally;

/// Runs the Job.
pub async fn run(args: Args) -> ExitCode {
    let mut emit = Emit::new(std::io::stdout(), Some(args.termination_log.clone()), args.run.clone(), args.pod.clone());
    if let Some(reason) = args.unreadable() {
        // In our own wire format, which is all we have: a reader that does not know it sees the version at least.
        let reason = Some(reason);
        emit.event(Event::Finished { result: RunResult::Refused, tally: Tally::default(), proof: None, reason });
        return RunResult::Refused.into();
    }
    let client = match in_cluster() {
        Ok(client) => client,
        Err(error) => {
            // On the wire too: who follows the run reads nothing else.
            let reason = Some(format!("{:#}", anyhow::Error::new(error)));
            emit.event(Event::Finished { result: RunResult::Stopped, tally: Tally::default(), proof: None, reason });
            return ExitCode::Error;
        }
    };
    rewrite(&client, &args.spec(), |event| emit.event(event), shutdown_signal()).await.into()
}

/// Waits for the kubelet to end the Pod. As process 1 of a container, a program that does not listen is not ended by
/// SIGTERM at all, but killed when the grace period is over.
async fn shutdown_signal() -> String {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        {
            return tokio::select! {
                _ = terminate.recv() => "SIGTERM: the Pod is being ended".into(),
                _ = interrupt.recv() => "SIGINT".into(),
            };
        }
    }
    std::future::pending().await
}
