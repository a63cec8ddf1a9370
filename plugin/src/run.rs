//! The second half, for `enable` and `reencrypt` alike: a run is begun or found, followed to its end, and its rights are
//! taken away. Input: a client and the command line's settings. Output: how the run ended; what it means is `verdict`'s.

pub(crate) mod apply;
pub(crate) mod find;
pub(crate) mod follow;
mod lines;
pub(crate) mod local;
pub(crate) mod log;
pub(crate) mod manifests;
pub(crate) mod namespaces;
pub(crate) mod pod_status;
pub(crate) mod proof;
pub(crate) mod revoke;
pub(crate) mod verdict;
pub(crate) mod verification;
pub(crate) mod wire_version;

use std::cell::RefCell;

use eks_encrypt_job::api_servers::MissingRight;
use eks_encrypt_job::wire::event::Method;
use tokio::time::Instant;

use crate::error::CliError;
use crate::k8s::{Kubernetes, termination};
use crate::model::options::{EngineOptions, JobOptions};
use crate::model::run::Run;
use crate::run::find::RunIntent;
use crate::run::follow::Ended;
use crate::run::manifests::{ManifestSettings, Object};
use crate::run::proof::{CensusBefore, Prover};
use crate::run::verdict::{Verdict, evaluate};
use crate::ui::interrupt::Phase;
use crate::ui::terminal::Terminal;

/// What there is to be done.
pub(crate) struct RunRequest<'a> {
    /// Where.
    pub(crate) kubernetes: &'a Kubernetes,
    /// The run that is made, if none is found.
    pub(crate) run: &'a Run,
    /// For which key. Empty where it is not known.
    pub(crate) key_arn: &'a str,
    /// How.
    pub(crate) engine: &'a EngineOptions,
    /// As what.
    pub(crate) job: &'a JobOptions,
    /// Whether to wait for its end.
    pub(crate) wait: bool,
    /// Rights that the person lacks, and so can't give.
    pub(crate) missing: &'a [MissingRight],
}

impl<'a> RunRequest<'a> {
    /// The objects of a run of it.
    pub(crate) fn settings<'b>(&self, run: &'b Run) -> ManifestSettings<'b>
    where
        'a: 'b,
    {
        let Self { key_arn, engine, job, wait, missing, .. } = *self;
        ManifestSettings { run, key_arn, engine, job, watched: wait, missing }
    }
}

/// What came of it.
pub(crate) enum RunOutcome {
    /// It has ended: how, and what that is worth.
    Finished(Run, Box<Ended>, Verdict),
    /// It goes on without us, as was asked for.
    Detached(Run),
}

/// Begins or finds a run, follows it, and proves what it has done. No Secret is written before all API servers write under the
/// key.
pub(crate) async fn run_and_verify(
    work: &RunRequest<'_>,
    prover: &Prover<'_>,
    phase: &RefCell<Phase>,
) -> Result<RunOutcome, CliError> {
    // With --detach the Job itself waits for the API servers, and this command verifies nothing.
    let begun = if work.wait || work.job.local { prover.begin().await? } else { CensusBefore::Later };
    match run_or_follow(work, prover.terminal, phase, prover.deadline).await? {
        Followed::Finished(run, ended) => {
            let verdict = verify_result(&run, &ended, prover, begun, phase).await;
            Ok(RunOutcome::Finished(run, ended, verdict))
        }
        Followed::Detached(run) => Ok(RunOutcome::Detached(run)),
    }
}

/// What a run's end is worth: what the Job says, and then what this command has seen itself.
pub(crate) async fn verify_result(
    run: &Run,
    ended: &Ended,
    prover: &Prover<'_>,
    begun: CensusBefore,
    phase: &RefCell<Phase>,
) -> Verdict {
    match evaluate(&ended.job, ended.last_word.as_ref(), &ended.progress) {
        Ok(written) => {
            phase.replace(Phase::Verifying);
            let (proven, failures) = prover.conclude(begun, Some(&run.namespace)).await;
            written.verdict(proven, failures, prover.wanted)
        }
        Err(incomplete) => incomplete,
    }
}

/// How far a run was followed.
enum Followed {
    /// To its end.
    Finished(Run, Box<Ended>),
    /// It goes on without us.
    Detached(Run),
}

/// Begins or finds a run, and follows it.
async fn run_or_follow(
    work: &RunRequest<'_>,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
    deadline: Instant,
) -> Result<Followed, CliError> {
    // Nothing can be created in it, and a Job that is still there is about to be deleted with it. What can't be seen, the next
    // step reports. A run's own namespace does not exist yet.
    if let Some(namespace) = &work.job.namespace
        && let Err(error @ termination::Error::DeadlineExceeded { .. }) =
            termination::wait_until_deleted(work.kubernetes, namespace, terminal).await
    {
        return Err(error.into());
    }
    let (run, made) = match find_active(work, terminal).await? {
        Some(run) => (run, false),
        None if work.job.local => {
            let (run, ended) = local::run(work, terminal, phase, deadline).await?;
            return Ok(Followed::Finished(run, Box::new(ended)));
        }
        None => (create_run(work, terminal, phase).await?, true),
    };
    if !work.wait {
        return Ok(Followed::Detached(run));
    }
    phase.replace(Phase::Following(run.revoke_command(&work.kubernetes.flags)));
    let (ended, _) = follow_and_revoke(work.kubernetes, &run, made, terminal, deadline).await;
    Ok(Followed::Finished(run, Box::new(ended?)))
}

/// Follows a run, and takes its rights away when it is over, however that came: also where it never began, or where somebody
/// has deleted its Job. Gives back how it ended, and the rights that were applied by hand and so stay.
pub(crate) async fn follow_and_revoke(
    kubernetes: &Kubernetes,
    run: &Run,
    made: bool,
    terminal: &Terminal,
    deadline: Instant,
) -> (Result<Ended, follow::Error>, Vec<String>) {
    let ended = follow::follow(kubernetes, run, made, terminal, deadline).await;
    match &ended {
        // A Job that is gone is not deleted again: were it there after all, it would be at work.
        Ok(_) | Err(follow::Error::Deleted { .. } | follow::Error::UnsupportedVersion { .. }) => {}
        Err(follow::Error::NotStarted { .. } | follow::Error::OtherImage { .. }) => {
            revoke::delete_job(kubernetes, run, terminal).await;
        }
        // It goes on without us.
        Err(
            follow::Error::Unreachable { .. }
            | follow::Error::DeadlineExceeded { .. }
            | follow::Error::OtherVersion { .. },
        ) => {
            return (ended, Vec::new());
        }
    }
    let stay = revoke::revoke_rbac(kubernetes, run, terminal).await;
    (ended, stay)
}

/// The running Job that does this work already, if there is one.
async fn find_active(work: &RunRequest<'_>, terminal: &Terminal) -> Result<Option<Run>, CliError> {
    let intent = RunIntent { key_arn: work.key_arn, engine: work.engine, job: work.job, watched: work.wait };
    let existing = find::find(work.kubernetes, &intent).await?;
    if let Some(run) = &existing.running {
        terminal.println(&format!("Job {} is running already in namespace {}: following it", run.job, run.namespace));
        // Somebody may have taken its rights away, or stopped between them and the Job.
        if run.manages_rbac {
            apply::apply_rbac(&work.kubernetes.client, &manifests_of(work, run)?, terminal).await;
        }
        return Ok(existing.running);
    }
    if let Some(last) = existing.last {
        terminal.println(&format!("note: {last}. A new run starts"));
    }
    revoke::revoke_stale(work.kubernetes, work.job.namespace.as_deref(), terminal).await;
    Ok(None)
}

/// Makes the objects of a new run.
async fn create_run(work: &RunRequest<'_>, terminal: &Terminal, phase: &RefCell<Phase>) -> Result<Run, CliError> {
    let RunRequest { kubernetes, run, .. } = *work;
    phase.replace(Phase::Applying(run.revoke_command(&kubernetes.flags)));
    match apply::apply(&kubernetes.client, &manifests_of(work, run)?, terminal).await {
        Ok(uid) => {
            terminal.println(&format!("Job {} made in namespace {}", run.job, run.namespace));
            Ok(Run { uid, ..run.clone() })
        }
        Err(error) => {
            // Half a set of objects is no run. The Job may be there though its answer got lost; and above all no rights to
            // Secrets may be left behind.
            revoke::delete_job(kubernetes, run, terminal).await;
            revoke::revoke_rbac(kubernetes, run, terminal).await;
            Err(error.into())
        }
    }
}

fn manifests_of(work: &RunRequest<'_>, run: &Run) -> Result<Vec<Object>, manifests::Error> {
    manifests::objects(&work.settings(run))
}

/// What is written, in words.
pub(crate) fn describe_write(method: Method) -> &'static str {
    match method {
        Method::Annotate => "the annotation eksctl.io/kms-encryption-timestamp is set, the data stays as it is",
        Method::Touch => "an empty patch, nothing in it changes",
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
