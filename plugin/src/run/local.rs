//! `--local`: the engine in this process, with the person's own rights and no Pod. Input: the same settings as a Job's.
//! Output: the same as of a Job that was followed: its events folded, its last word, and how it ended.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eks_encrypt_job::api::client;
use eks_encrypt_job::engine::record;
use eks_encrypt_job::engine::rewrite::rewrite;
use eks_encrypt_job::engine::spec::RunSpec;
use eks_encrypt_job::limiter::limit::Limit;
use eks_encrypt_job::wire::event::{Event, RunResult};
use eks_encrypt_job::wire::exit::ExitCode;
use jiff::Timestamp;
use kube::Client;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::error::{CliError, HasExitCode};
use crate::model::run::{JobEnd, Run};
use crate::run::RunRequest;
use crate::run::apply::{self, NamespaceState};
use crate::run::follow::Ended;
use crate::run::manifests;
use crate::run::namespaces::list_namespaces_of_runs;
use crate::ui::interrupt::Phase;
use crate::ui::progress::{Progress, own_line};
use crate::ui::terminal::Terminal;

/// How often the screen is drawn.
const DRAW_INTERVAL: Duration = Duration::from_millis(500);

/// How long the record of a run before is asked for.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// What the lease calls this process.
const LOCAL_HOLDER: &str = "local";

/// Why it can't begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no client.
    #[error("can't re-encrypt from here")]
    Client(#[source] client::ClientError),
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Error
    }
}

/// Re-encrypts every Secret from here.
pub(crate) async fn run(
    work: &RunRequest<'_>,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
    deadline: Instant,
) -> Result<(Run, Ended), CliError> {
    let engine_client = client::of(work.kubernetes.config.clone()).map_err(Error::Client)?;
    let interrupted = AtomicBool::new(false);
    let stop = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {
                interrupted.store(true, Ordering::Relaxed);
                "Ctrl-C".to_owned()
            }
            () = sleep_until(deadline) => "time is up".to_owned(),
        }
    };
    let (run, mut ended) = run_until(stop, work, &engine_client, terminal, phase).await?;
    ended.interrupted = interrupted.into_inner();
    Ok((run, ended))
}

/// The same, with the engine's client, until `stop` gives a reason.
async fn run_until(
    stop: impl Future<Output = String> + Send,
    work: &RunRequest<'_>,
    engine_client: &Client,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
) -> Result<(Run, Ended), CliError> {
    let run = find_resumable(work).await.unwrap_or_else(|| work.run.clone());
    namespace(work, &run, terminal).await?;
    phase.replace(Phase::Local);
    let spec = spec(work, &run);
    let (say, mut heard) = mpsc::unbounded_channel();
    let sink = move |event| {
        say.send(event).ok();
    };
    let mut engine = std::pin::pin!(rewrite(engine_client, &spec, sink, stop));
    let (mut progress, began) = (Progress::default(), Instant::now());
    let mut ticks = interval(DRAW_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let result = loop {
        tokio::select! {
            biased;
            Some(event) = heard.recv() => fold(&mut progress, &run, event, began, terminal),
            result = &mut engine => break result,
            _ = ticks.tick() => terminal.draw_progress(&progress.frame(began.elapsed(), terminal.width())),
        }
    };
    // What was said in the last moment.
    while let Ok(event) = heard.try_recv() {
        fold(&mut progress, &run, event, began, terminal);
    }
    terminal.clear();
    let job = match result {
        RunResult::Complete => JobEnd::Complete,
        other => JobEnd::Failed(format!("{other:?}")),
    };
    let last_word = progress.finished.clone();
    // There is no Job whose log could be read.
    let run = Run { job: String::new(), ..run };
    Ok((run, Ended { job, last_word, progress, interrupted: false }))
}

/// Makes the namespace alone: it holds the record. Without it, the run says so and goes on.
async fn namespace<'a>(work: &RunRequest<'a>, run: &'a Run, terminal: &Terminal) -> Result<(), manifests::Error> {
    let (client, name) = (&work.kubernetes.client, &run.namespace);
    // An existing one is used as it is; and what is reported of Pods in it is not true of a run that has none.
    if matches!(apply::namespace_state(client, name).await, Ok(NamespaceState::Exists)) {
        return Ok(());
    }
    let objects = manifests::objects(&work.settings(run))?;
    if let Err(apply::Error::Apply { source, .. }) = apply::apply(client, &objects, terminal).await {
        terminal.println(&format!(
            "note: can't make namespace {name}: {source}; the run goes on, and keeps no record if it does not exist"
        ));
    }
    Ok(())
}

/// The local run that was interrupted and that this one resumes, by the engine's own rule.
async fn find_resumable(work: &RunRequest<'_>) -> Option<Run> {
    let client = &work.kubernetes.client;
    let namespaces = list_namespaces_of_runs(client, work.job.namespace.as_deref()).await.ok()?;
    for namespace in namespaces.iter().rev() {
        let Ok(Some(before)) = record::read(client, namespace, SHUTDOWN_TIMEOUT).await else { continue };
        let run = Run::from_id(&before.run, namespace);
        if spec(work, &run).can_resume(&before) {
            return Some(run);
        }
    }
    None
}

fn spec(work: &RunRequest<'_>, run: &Run) -> RunSpec {
    RunSpec {
        run: run.id.clone(),
        job_uid: String::new(),
        holder: format!("{}/{LOCAL_HOLDER}-{:08x}", run.id, rand::random::<u32>()),
        namespace: run.namespace.clone(),
        method: work.engine.method,
        // This command does it, which is the process that the engine is in.
        prove: false,
        key_arn: work.key_arn.to_owned(),
        time: Timestamp::now(),
        limit: {
            let (concurrency, max_qps) = work.engine.pace;
            Limit::from_options(concurrency, max_qps)
        },
        api_servers: None,
        cluster_role_binding: None,
    }
}

/// Takes one event in, as if a Pod had said it; that there is none, `progress` sees by its name.
fn fold(progress: &mut Progress, run: &Run, event: Event, began: Instant, terminal: &Terminal) {
    let line = own_line(&run.id, event);
    if let Some(text) = progress.fold(&line, began.elapsed()) {
        terminal.println(&text);
    }
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
