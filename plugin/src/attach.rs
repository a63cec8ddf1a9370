//! `attach`: the run that is there, followed from any machine. Input: a namespace. Output: an exit code as if this command
//! had begun the run. Needs nothing but Kubernetes.

use std::cell::RefCell;

use eks_encrypt_job::contract::{APP, APP_LABEL, CONTAINER, ENV_KEY_ARN, RUN_LABEL};
use eks_encrypt_job::exit::ExitCode;
use k8s_openapi::api::batch::v1::Job;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use tokio::time::Instant;

use crate::cause::Cause;
use crate::cli::Attach;
use crate::existing::{applied_by_us, value};
use crate::finish::finish;
use crate::interrupt::Stage;
use crate::kubernetes::{self, again};
use crate::run::{Run, ended};
use crate::screen::Screen;
use crate::stop::{Coded, Stop};
use crate::subject::Subject;
use crate::{follow, withdraw};

/// Why there is nothing to follow.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API server does not say.
    #[error("can't list Jobs in namespace {namespace}")]
    List {
        namespace: String,
        #[source]
        source: Cause,
    },
    /// No run.
    #[error(
        "there is no run in namespace {namespace} (another one: -n NAMESPACE); `kubectl eks-encrypt status` shows what there was"
    )]
    None { namespace: String },
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Error
    }
}

/// Follows the run.
pub(crate) async fn attach(args: &Attach, screen: &Screen, stage: &RefCell<Stage>) -> Result<ExitCode, Stop> {
    let kubernetes = kubernetes::connect(args.kube.kubeconfig.as_deref(), args.kube.context.as_deref()).await?;
    let job = find(&kubernetes.client, &args.namespace).await?;
    let run = Run::of_any(&job).ok_or_else(|| Error::None { namespace: args.namespace.clone() })?;
    let state = if ended(&job).is_some() { "has ended" } else { "is at work" };
    screen.line(&format!("Job {} {state} in namespace {}", run.job, run.namespace));
    let subject = Subject {
        cluster_arn: String::new(),
        context: kubernetes.context.clone(),
        key_arn: value(&job, ENV_KEY_ARN).unwrap_or_default().to_owned(),
        // Ours was made after the association; one that somebody applied may be older.
        key_checked: applied_by_us(&job) && value(&job, ENV_KEY_ARN).is_some_and(|arn| !arn.is_empty()),
    };
    follow_on(args, &kubernetes.client, &run, &subject, screen, stage).await
}

async fn follow_on(
    args: &Attach,
    client: &Client,
    run: &Run,
    subject: &Subject,
    screen: &Screen,
    stage: &RefCell<Stage>,
) -> Result<ExitCode, Stop> {
    let began = Instant::now();
    stage.replace(Stage::Following(run.clone()));
    let ended = match follow::follow(client, run, false, screen, began + args.timeout).await {
        Err(error @ follow::Error::Gone { .. }) => {
            withdraw::rights(client, run, screen).await;
            return Err(error.into());
        }
        ended => ended?,
    };
    withdraw::rights(client, run, screen).await;
    Ok(finish(run, &ended, subject, &[], began.elapsed(), args.output, screen))
}

/// The Job that is at work, or else the last one.
async fn find(client: &Client, namespace: &str) -> Result<Job, Error> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let ours = ListParams::default().labels(&format!("{APP_LABEL}={APP},{RUN_LABEL}"));
    let list = again(|| jobs.list(&ours))
        .await
        .map_err(|error| Error::List { namespace: namespace.to_owned(), source: Cause::kube(&error) })?;
    let runs = list.items.into_iter().filter(|job| {
        let containers = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).map(|pod| &pod.containers);
        containers.is_some_and(|all| all.iter().any(|container| container.name == CONTAINER))
    });
    runs.max_by_key(|job| (ended(job).is_none(), job.creation_timestamp()))
        .ok_or_else(|| Error::None { namespace: namespace.to_owned() })
}
