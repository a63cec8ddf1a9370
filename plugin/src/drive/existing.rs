//! The run that is there already: a Job at work is followed, not doubled, and one that ended while nobody looked is
//! judged. Input: the Jobs of the namespace, and what this command is to do. Output: the run to follow or to judge,
//! or an error that names the Job in the way.

use eks_encrypt_job::contract::{APP, APP_LABEL, ENV_KEY_ARN, ENV_METHOD, ENV_PROVE, FIELD_MANAGER, RUN_LABEL};
use eks_encrypt_job::event::WIRE_VERSION;
use eks_encrypt_job::exit::ExitCode;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use crate::cause::Cause;
use crate::cli::{self, EngineFlags, JobFlags, Prove};
use crate::drive::manifests;
use crate::drive::run::{Run, ended, image, variable};
use crate::drive::startup::begun;
use crate::drive::wire::Foreign;
use crate::kubernetes::{Kubernetes, again, gone};
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
    /// Whether a Job's rights still stand can't be seen.
    #[error("can't see whether ClusterRoleBinding {name} is still there: this command has made no Job")]
    Rights {
        name: String,
        #[source]
        source: Cause,
    },
    /// A Job of ours that does something else, or may have begun too early.
    #[error(
        "Job {job} in namespace {namespace} has not ended, and can't be followed as this run: {why}\n  \
         this command has made no Job; wait until that one has ended, or take it away: `{delete}`\n  \
         then run the same command again; to watch it meanwhile: `{attach}`"
    )]
    Other { job: String, namespace: String, why: String, delete: String, attach: String },
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Incomplete
    }
}

/// A run that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Its Job is at work.
    AtWork(Run),
    /// Its Job has ended, and its rights still stand: nobody was there to judge it and to take them away.
    Ended(Run),
}

/// What was found, in words.
pub(crate) fn said(found: &Found, namespace: &str) -> String {
    match found {
        Found::AtWork(run) => format!("Job {} is at work in namespace {namespace}: it will be followed", run.job),
        Found::Ended(run) => {
            format!(
                "Job {} has ended in namespace {namespace}, and nobody has looked at how: that comes first",
                run.job
            )
        }
    }
}

/// What a command is to do, as far as it decides which Job does the same.
#[derive(Clone, Copy)]
pub(crate) struct Intent<'a> {
    /// The key's ARN; empty where it is not known.
    pub(crate) key_arn: &'a str,
    /// How Secrets are to be rewritten.
    pub(crate) engine: &'a EngineFlags,
    /// Where and as what.
    pub(crate) job: &'a JobFlags,
    /// Whether this command stays until the end, and can verify what the Job has done.
    pub(crate) watched: bool,
}

/// What lists the objects of runs.
pub(crate) fn of_runs() -> ListParams {
    ListParams::default().labels(&format!("{APP_LABEL}={APP},{RUN_LABEL}"))
}

/// The Jobs of all runs in a namespace.
pub(crate) async fn jobs(client: &Client, namespace: &str) -> Result<Vec<Job>, Cause> {
    let (jobs, ours): (Api<Job>, _) = (Api::namespaced(client.clone(), namespace), of_runs());
    again(|| jobs.list(&ours)).await.map(|list| list.items).map_err(|error| Cause::kube(&error))
}

/// The run that a Job of ours is at now, or the last one if nobody has seen it end.
pub(crate) async fn find(kubernetes: &Kubernetes, intent: &Intent<'_>) -> Result<Option<Found>, Error> {
    let (client, flags, namespace) = (&kubernetes.client, &kubernetes.flags, &intent.job.namespace);
    let list =
        jobs(client, namespace).await.map_err(|source| Error::List { namespace: namespace.to_owned(), source })?;
    let at_work = |job: &&Job| ended(job).is_none() && job.metadata.deletion_timestamp.is_none();
    let mut other = None;
    for job in list.iter().filter(at_work) {
        match same_run(job, intent).and_then(|run| serves(job, intent.job).map(|()| run)) {
            Ok(run) => return Ok(Some(Found::AtWork(run))),
            Err(why) => other = Some((job.name_any(), why)),
        }
    }
    match other {
        Some((job, why)) => {
            let delete = cli::kubectl(flags, &format!("delete job -n {namespace} {job}"));
            let attach = cli::attach(flags, namespace);
            Err(Error::Other { job, namespace: namespace.to_owned(), why, delete, attach })
        }
        // A run from here takes the rights away that it finds left behind, and does itself what it was asked for.
        None if intent.job.local => Ok(None),
        // Its word is of its time: Secrets may have been written under another key since. Only who verifies now can use it.
        None if intent.engine.prove != Prove::Full => Ok(None),
        None => unseen(client, &list, intent).await,
    }
}

/// The newest run with this key that has ended, if its rights still stand.
async fn unseen(client: &Client, jobs: &[Job], intent: &Intent<'_>) -> Result<Option<Found>, Error> {
    let over = jobs.iter().filter(|job| ended(job).is_some() && job.metadata.deletion_timestamp.is_none());
    let ours = over.filter_map(|job| Some((job.metadata.creation_timestamp.clone(), same_run(job, intent).ok()?)));
    let newest = ours.max_by_key(|(made, _)| made.clone()).filter(|(_, run)| run.gives_rights);
    let Some((_, run)) = newest else { return Ok(None) };
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    match again(|| bindings.get(run.rights())).await {
        Ok(_) => Ok(Some(Found::Ended(run))),
        Err(error) if gone(&error, run.rights()) => Ok(None),
        Err(error) => Err(Error::Rights { name: run.rights().to_owned(), source: Cause::kube(&error) }),
    }
}

/// Whether a Job that does the same will do it. One of which no Pod is running may never begin: it is no help to whoever
/// names another image or wants no Pod at all, perhaps because of that.
fn serves(job: &Job, wanted: &JobFlags) -> Result<(), String> {
    if begun(job, &[]) {
        return Ok(());
    }
    match (image(job), &wanted.image) {
        _ if wanted.local => Err("no Pod of it is running, and --local is to do without one".to_owned()),
        (Some(theirs), Some(ours)) if theirs != ours => {
            Err(format!("no Pod of it is running, and its image is another: {theirs}"))
        }
        _ => Ok(()),
    }
}

/// The run of a Job that does what this command would do, or why it is not one. `enable` and `reencrypt` write the key's
/// ARN into a Job only after the association, and apply it themselves, as field manager: so a Job that they applied, and that
/// has the ARN, has listed every Secret after it. A Job from anywhere else, `manifests` included, may be older than the
/// association, and its "done" would say nothing.
fn same_run(job: &Job, intent: &Intent<'_>) -> Result<Run, String> {
    let run = Run::of(job).filter(|_| applied_by_us(job)).ok_or("it was not made by this command")?;
    match variable(job, ENV_KEY_ARN).unwrap_or_default() {
        "" => return Err("it names no key, so it may have begun before the key was associated".to_owned()),
        other if other != intent.key_arn => return Err(format!("it is for the key {other}")),
        _ => {}
    }
    if let Some(theirs) = Foreign::maker(job) {
        return Err(format!("it was made to be read in {theirs}, and this plugin reads version {WIRE_VERSION}"));
    }
    if intent.engine.prove.by_job(intent.watched) && variable(job, ENV_PROVE) == Some("false") {
        return Err("it does not verify what it has done, and nobody else would".to_owned());
    }
    match variable(job, ENV_METHOD).unwrap_or_default() {
        word if word == manifests::word(intent.engine.method) => Ok(run),
        other => Err(format!("its method is {other:?}")),
    }
}

/// The key that a Job has put the Secrets under, if it can't be older than that key's association.
pub(crate) fn key_of(job: &Job) -> Option<&str> {
    Run::of(job).filter(|_| applied_by_us(job))?;
    variable(job, ENV_KEY_ARN).filter(|key| !key.is_empty())
}

/// Whether it was applied by this program, and not printed and applied by somebody.
fn applied_by_us(job: &Job) -> bool {
    let fields = job.metadata.managed_fields.iter().flatten();
    let mut applied = fields.filter(|entry| entry.operation.as_deref() == Some("Apply"));
    applied.any(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER))
}

#[cfg(test)]
#[path = "existing_tests.rs"]
mod tests;
