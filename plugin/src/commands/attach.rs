//! `attach`: the run that is there, followed from any machine. Input: a namespace. Output: an exit code as if this command
//! had begun the run. Needs nothing but Kubernetes.

use std::cell::RefCell;

use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::names::{CONTAINER, ENV_KEY_ARN};
use k8s_openapi::api::batch::v1::Job;
use kube::{Client, ResourceExt as _};
use tokio::time::Instant;

use crate::cause::Cause;
use crate::cli::{Attach, parse_key_arn};
use crate::error::{CliError, HasExitCode};
use crate::k8s::{self, Kubernetes};
use crate::model::followup::{cleanup, status};
use crate::model::options::Prove;
use crate::model::run::{Run, env_var, job_end};
use crate::output::cluster_ref::ClusterRef;
use crate::output::report_finished;
use crate::run::find::jobs;
use crate::run::namespaces::list_namespaces_of_runs;
use crate::run::proof::{CensusBefore, Prover};
use crate::run::{follow_and_revoke, verify_result};
use crate::ui::interrupt::Phase;
use crate::ui::terminal::Terminal;

/// Why there is nothing to follow.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The namespaces of runs can't be seen.
    #[error("can't list namespaces (-n NAMESPACE looks in one)")]
    Namespaces(#[source] Cause),
    /// The API server does not say.
    #[error("can't list Jobs in namespace {namespace}")]
    List {
        namespace: String,
        #[source]
        source: Cause,
    },
    /// No run.
    #[error("there is no run in {place} (in another one: -n NAMESPACE); `{status}` shows what there was")]
    None { place: String, status: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Error
    }
}

/// Follows the run.
pub(crate) async fn attach(args: &Attach, terminal: &Terminal, phase: &RefCell<Phase>) -> Result<ExitCode, CliError> {
    let kubernetes = k8s::connect(&args.kube, terminal).await?;
    follow_latest(args, &kubernetes, terminal, phase).await
}

/// Finds the run and follows it.
async fn follow_latest(
    args: &Attach,
    kubernetes: &Kubernetes,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
) -> Result<ExitCode, CliError> {
    let namespace = args.namespace.as_deref();
    let none = || {
        let place = namespace.map_or_else(|| "a namespace of runs".to_owned(), |name| format!("namespace {name}"));
        Error::None { place, status: status(&args.kube, namespace) }
    };
    let namespaces = list_namespaces_of_runs(&kubernetes.client, namespace).await.map_err(Error::Namespaces)?;
    let job = find_latest(&kubernetes.client, &namespaces).await?.ok_or_else(none)?;
    let run = Run::from_job(&job).ok_or_else(none)?;
    let state = if job_end(&job).is_some() { "has ended" } else { "is at work" };
    terminal.println(&format!("Job {} {state} in namespace {}", run.job, run.namespace));
    // Whoever wrote it there: that the API servers write under this key is what is proven, and the last words name it.
    let named = env_var(&job, ENV_KEY_ARN).and_then(|arn| parse_key_arn(arn).ok());
    if named.is_none() {
        terminal.println("note: this Job names no key by its own ARN, so that nothing can be proven");
    }
    let key_arn = named.unwrap_or_default();
    let context = kubernetes.context.clone();
    let cluster_ref = ClusterRef { cluster_arn: String::new(), context, key_arn, flags: (*args.kube).clone() };
    follow_run(args, kubernetes, &run, &cluster_ref, terminal, phase).await
}

async fn follow_run(
    args: &Attach,
    kubernetes: &Kubernetes,
    run: &Run,
    cluster_ref: &ClusterRef,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
) -> Result<ExitCode, CliError> {
    let began = Instant::now();
    let deadline = began + args.timeout;
    phase.replace(Phase::Following(run.revoke_command(&kubernetes.flags)));
    let key_arn = cluster_ref.key_arn.as_str();
    let (wanted, pace) = (Prove::Full, (None, None));
    let prover = Prover { kubernetes, key_arn, before: None, wanted, pace, deadline, terminal };
    let (ended, stay) = follow_and_revoke(kubernetes, run, false, terminal, deadline).await;
    let code = match ended {
        Ok(ended) => {
            // What was before its end, this command has not seen: it verifies every Secret now.
            let verdict = verify_result(run, &ended, &prover, CensusBefore::Later, phase).await;
            Ok(report_finished(run, &ended, &verdict, cluster_ref, &[], began.elapsed(), args.output, terminal))
        }
        Err(error) => Err(error),
    };
    report_manual_rbac(&stay, args, run, terminal);
    Ok(code?)
}

/// Rights that a person applied are that person's to take away, who may think that we do it.
fn report_manual_rbac(stay: &[String], args: &Attach, run: &Run, terminal: &Terminal) {
    if stay.is_empty() {
        return;
    }
    terminal.println(&format!(
        "Rights that were applied by hand stay: {}\nTo remove them, with the Job, its log and the run record (GitOps: take \
         them out there first):\n  {}",
        stay.join(", "),
        cleanup(&args.kube)
    ));
    if stay.iter().any(|object| object.starts_with("ClusterRoleBinding"))
        && let Some(without_rights) = run.revoke_command(&args.kube)
    {
        terminal.println(&format!("To remove the right to list and patch every Secret alone:\n  {without_rights}"));
    }
}

/// The Job that is at work, or else the last one.
async fn find_latest(client: &Client, namespaces: &[String]) -> Result<Option<Job>, Error> {
    let list = jobs(client, namespaces).await.map_err(|(namespace, source)| Error::List { namespace, source })?;
    let runs = list.into_iter().filter(|job| {
        let containers = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).map(|pod| &pod.containers);
        containers.is_some_and(|all| all.iter().any(|container| container.name == CONTAINER))
    });
    Ok(runs.max_by_key(|job| (job_end(job).is_none(), job.creation_timestamp())))
}

#[cfg(test)]
#[path = "attach_tests.rs"]
mod tests;
