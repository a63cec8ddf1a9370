//! The run that is there already: a Job at work is followed, not doubled. Input: the Jobs of the namespace, and the key and
//! method of this command. Output: the run to follow, or an error that names the Job in the way.

use eks_encrypt_job::contract::{APP, APP_LABEL, CONTAINER, ENV_KEY_ARN, ENV_METHOD, RUN_LABEL};
use eks_encrypt_job::event::Method;
use eks_encrypt_job::exit::ExitCode;
use k8s_openapi::api::batch::v1::Job;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use crate::cause::Cause;
use crate::kubernetes::again;
use crate::manifests;
use crate::run::{Run, ended};
use crate::stop::Coded;

/// Why there is neither a run to follow nor room for a new one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Whether a run is there can't be seen.
    #[error("can't list Jobs in namespace {namespace}: this command has made no Job")]
    List {
        namespace: String,
        #[source]
        source: Cause,
    },
    /// A Job of ours that does something else, or may have begun too early.
    #[error(
        "Job {job} is at work in namespace {namespace}, and can't be followed as this run: {why}\n  \
         this command has made no Job; wait until that one has ended, or take it away: kubectl delete job -n {namespace} {job}\n  \
         then run the same command again"
    )]
    Other { job: String, namespace: String, why: String },
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Incomplete
    }
}

/// The run that a Job of ours is at now, if one is.
pub(crate) async fn find(client: &Client, namespace: &str, key: &str, method: Method) -> Result<Option<Run>, Error> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let ours = ListParams::default().labels(&format!("{APP_LABEL}={APP},{RUN_LABEL}"));
    let list = again(|| jobs.list(&ours))
        .await
        .map_err(|error| Error::List { namespace: namespace.to_owned(), source: Cause::kube(&error) })?;
    let at_work = |job: &&Job| ended(job).is_none() && job.metadata.deletion_timestamp.is_none();
    let mut other = None;
    for job in list.iter().filter(at_work) {
        match same_run(job, key, method) {
            Ok(run) => return Ok(Some(run)),
            Err(why) => other = Some((job.name_any(), why)),
        }
    }
    match other {
        Some((job, why)) => Err(Error::Other { job, namespace: namespace.to_owned(), why }),
        None => Ok(None),
    }
}

/// The run of a Job that does what this command would do, or why it is not one. The plugin writes the key's ARN into a
/// Job only after the association: so a Job that it made, and that has the ARN, has listed every Secret after it. A Job
/// from anywhere else may be older than the association, and its "done" would say nothing.
fn same_run(job: &Job, key: &str, method: Method) -> Result<Run, String> {
    let run = Run::of(job).ok_or("it was not made by this command")?;
    match value(job, ENV_KEY_ARN).unwrap_or_default() {
        "" => return Err("it names no key, so it may have begun before the key was associated".to_owned()),
        other if other != key => return Err(format!("it is for the key {other}")),
        _ => {}
    }
    match value(job, ENV_METHOD).unwrap_or_default() {
        word if word == manifests::word(method) => Ok(run),
        other => Err(format!("its method is {other:?}")),
    }
}

/// The value of an environment variable of the Job's container.
fn value<'a>(job: &'a Job, name: &str) -> Option<&'a str> {
    let containers = &job.spec.as_ref()?.template.spec.as_ref()?.containers;
    let container = containers.iter().find(|container| container.name == CONTAINER)?;
    container.env.as_ref()?.iter().find(|variable| variable.name == name)?.value.as_deref()
}

#[cfg(test)]
#[path = "existing_tests.rs"]
mod tests;
