//! `attach`: the run that is there, followed from any machine. Input: a namespace. Output: an exit code as if this command
//! had begun the run. Needs nothing but Kubernetes.

use std::cell::RefCell;

use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::names::{CONTAINER, ENV_KEY_ARN};
use k8s_openapi::api::batch::v1::Job;
use kube::{Client, ResourceExt as _};
use tokio::time::Instant;

use crate::cause::Cause;
use crate::cli::{Attach, Prove, cleanup, key_arn, status};
use crate::k8s::{self, Kubernetes};
use crate::model::run::{Run, ended, variable};
use crate::output::finish;
use crate::output::subject::Subject;
use crate::run::find::jobs;
use crate::run::namespaces::list_namespaces_of_runs;
use crate::run::proof::{CensusBefore, Prover};
use crate::run::{follow_and_revoke, verify_result};
use crate::stop::{Coded, Stop};
use crate::ui::interrupt::Stage;
use crate::ui::screen::Screen;

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

impl Coded for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Error
    }
}

/// Follows the run.
pub(crate) async fn attach(args: &Attach, screen: &Screen, stage: &RefCell<Stage>) -> Result<ExitCode, Stop> {
    let kubernetes = k8s::connect(&args.kube, screen).await?;
    follow_any(args, &kubernetes, screen, stage).await
}

/// Finds the run and follows it.
async fn follow_any(
    args: &Attach,
    kubernetes: &Kubernetes,
    screen: &Screen,
    stage: &RefCell<Stage>,
) -> Result<ExitCode, Stop> {
    let namespace = args.namespace.as_deref();
    let none = || {
        let place = namespace.map_or_else(|| "a namespace of runs".to_owned(), |name| format!("namespace {name}"));
        Error::None { place, status: status(&args.kube, namespace) }
    };
    let namespaces = list_namespaces_of_runs(&kubernetes.client, namespace).await.map_err(Error::Namespaces)?;
    let job = find(&kubernetes.client, &namespaces).await?.ok_or_else(none)?;
    let run = Run::of_any(&job).ok_or_else(none)?;
    let state = if ended(&job).is_some() { "has ended" } else { "is at work" };
    screen.line(&format!("Job {} {state} in namespace {}", run.job, run.namespace));
    // Whoever wrote it there: that the API servers write under this key is what is proven, and the last words name it.
    let named = variable(&job, ENV_KEY_ARN).and_then(|arn| key_arn(arn).ok());
    if named.is_none() {
        screen.line("note: this Job names no key by its own ARN, so that nothing can be proven");
    }
    let key_arn = named.unwrap_or_default();
    let context = kubernetes.context.clone();
    let subject = Subject { cluster_arn: String::new(), context, key_arn, flags: args.kube.clone() };
    follow_on(args, kubernetes, &run, &subject, screen, stage).await
}

async fn follow_on(
    args: &Attach,
    kubernetes: &Kubernetes,
    run: &Run,
    subject: &Subject,
    screen: &Screen,
    stage: &RefCell<Stage>,
) -> Result<ExitCode, Stop> {
    let began = Instant::now();
    let deadline = began + args.timeout;
    stage.replace(Stage::Following(run.revoke_command(&kubernetes.flags)));
    let key_arn = subject.key_arn.as_str();
    let (wanted, pace) = (Prove::Full, (None, None));
    let prover = Prover { kubernetes, key_arn, before: None, wanted, pace, deadline, screen };
    let (ended, stay) = follow_and_revoke(kubernetes, run, false, screen, deadline).await;
    let code = match ended {
        Ok(ended) => {
            // What was before its end, this command has not seen: it verifies every Secret now.
            let verdict = verify_result(run, &ended, &prover, CensusBefore::Later, stage).await;
            Ok(finish(run, &ended, &verdict, subject, &[], began.elapsed(), args.output, screen))
        }
        Err(error) => Err(error),
    };
    tell(&stay, args, run, screen);
    Ok(code?)
}

/// Rights that a person applied are that person's to take away, who may think that we do it.
fn tell(stay: &[String], args: &Attach, run: &Run, screen: &Screen) {
    if stay.is_empty() {
        return;
    }
    screen.line(&format!(
        "Rights that were applied by hand stay: {}\nTo remove them, with the Job, its log and the run record (GitOps: take \
         them out there first):\n  {}",
        stay.join(", "),
        cleanup(&args.kube)
    ));
    if stay.iter().any(|object| object.starts_with("ClusterRoleBinding"))
        && let Some(without_rights) = run.revoke_command(&args.kube)
    {
        screen.line(&format!("To remove the right to list and patch every Secret alone:\n  {without_rights}"));
    }
}

/// The Job that is at work, or else the last one.
async fn find(client: &Client, namespaces: &[String]) -> Result<Option<Job>, Error> {
    let list = jobs(client, namespaces).await.map_err(|(namespace, source)| Error::List { namespace, source })?;
    let runs = list.into_iter().filter(|job| {
        let containers = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).map(|pod| &pod.containers);
        containers.is_some_and(|all| all.iter().any(|container| container.name == CONTAINER))
    });
    Ok(runs.max_by_key(|job| (ended(job).is_none(), job.creation_timestamp())))
}

#[cfg(test)]
#[path = "attach_tests.rs"]
mod tests;
