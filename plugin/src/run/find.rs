//! Runs that exist already. A running Job that does what this command is to do is followed instead of doubled; another running
//! Job stops the command. An ended Job is only reported: its result is of its time, and the run that was asked for is made.

use std::collections::BTreeSet;

use eks_encrypt_job::wire::event::WIRE_VERSION;
use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::names::{ENV_CONCURRENCY, ENV_KEY_ARN, ENV_MAX_QPS, ENV_METHOD, ENV_PROVE, FIELD_MANAGER};
use k8s_openapi::api::batch::v1::Job;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Map, Value};

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::k8s::{Kubernetes, with_retry};
use crate::model::followup;
use crate::model::options::{EngineOptions, JobOptions};
use crate::model::run::{JobEnd, Run, env_var, job_end, job_end_time, with_run_label};
use crate::run::manifests::{self, ManifestSettings};
use crate::run::namespaces::list_namespaces_of_runs;
use crate::run::wire_version::OtherWireVersion;
use crate::ui::terminal::one_line;

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
    /// Which namespaces runs have can't be seen.
    #[error(
        "can't list namespaces, so it is not known whether a run exists: this command has made no Job (-n NAMESPACE looks in one)"
    )]
    Namespaces(#[source] Cause),
    /// A Job of ours that does something else, or may have begun too early.
    #[error(
        "Job {job} in namespace {namespace} has not ended, and can't be followed as this run: {why}\n  \
         this command has made no Job; wait until that one has ended, or take it away: `{delete}`\n  \
         then run the same command again; to watch it meanwhile: `{attach}`"
    )]
    Other { job: String, namespace: String, why: String, delete: String, attach: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Incomplete
    }
}

/// The runs of the cluster, as far as a new one depends on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExistingRuns {
    /// A running Job that does what this command is to do.
    pub(crate) running: Option<Run>,
    /// The last Job that has ended, for people: its name, when, and how.
    pub(crate) last: Option<String>,
    /// Where it was looked for.
    pub(crate) namespaces: Vec<String>,
}

/// What a command is to do, as far as it decides which Job does the same.
#[derive(Clone, Copy)]
pub(crate) struct RunIntent<'a> {
    /// The key's ARN; empty where it is not known.
    pub(crate) key_arn: &'a str,
    /// How Secrets are to be rewritten.
    pub(crate) engine: &'a EngineOptions,
    /// Where and as what.
    pub(crate) job: &'a JobOptions,
    /// Whether this command stays until the end, and can verify what the Job has done.
    pub(crate) watched: bool,
}

/// The Jobs of all runs in these namespaces; or the namespace in which they can't be listed, and why.
pub(crate) async fn jobs(client: &Client, namespaces: &[String]) -> Result<Vec<Job>, (String, Cause)> {
    let lists = namespaces.iter().map(|namespace| async move {
        let (jobs, ours): (Api<Job>, _) = (Api::namespaced(client.clone(), namespace), with_run_label());
        let list = with_retry(|| jobs.list(&ours)).await.map_err(|error| (namespace.clone(), Cause::kube(&error)))?;
        Ok(list.items)
    });
    Ok(futures::future::try_join_all(lists).await?.concat())
}

/// Looks for runs, before a new one is made.
pub(crate) async fn find(kubernetes: &Kubernetes, intent: &RunIntent<'_>) -> Result<ExistingRuns, Error> {
    let (client, flags) = (&kubernetes.client, &kubernetes.flags);
    let namespaces =
        list_namespaces_of_runs(client, intent.job.namespace.as_deref()).await.map_err(Error::Namespaces)?;
    let list = jobs(client, &namespaces).await.map_err(|(namespace, source)| Error::List { namespace, source })?;
    let mut other = None;
    for job in list.iter().filter(|job| is_running(job)) {
        match matching_run(job, intent) {
            Ok(run) => return Ok(ExistingRuns { running: Some(run), last: None, namespaces }),
            Err(why) => other = Some((job, why)),
        }
    }
    match other {
        Some((job, why)) => {
            let (name, namespace) = (job.name_any(), job.namespace().unwrap_or_default());
            let delete = followup::kubectl(flags, &format!("delete job -n {namespace} {name}"));
            let attach = followup::attach(flags, Some(&namespace));
            Err(Error::Other { job: name, namespace, why, delete, attach })
        }
        None => Ok(ExistingRuns { running: None, last: describe_last_ended(&list), namespaces }),
    }
}

fn is_running(job: &Job) -> bool {
    job_end(job).is_none() && job.metadata.deletion_timestamp.is_none()
}

/// The Job that has ended last.
fn describe_last_ended(jobs: &[Job]) -> Option<String> {
    let ends = jobs.iter().filter_map(|job| Some((job_end_time(job)?, job, job_end(job)?)));
    let (time, job, end) = ends.max_by_key(|(time, ..)| *time)?;
    let how = match end {
        JobEnd::Complete => "complete".to_owned(),
        JobEnd::Failed(words) => format!("failed, {}", one_line(&words)),
    };
    Some(format!("Job {} ended at {time:.0}: {how}", job.name_any()))
}

/// The run of a Job that does what this command would do, or why it is not one. `enable` and `reencrypt` write the key's
/// ARN into a Job only after the association, and apply it themselves, as field manager: so a Job that they applied, and that
/// has the ARN, has listed every Secret after it. A Job from anywhere else, `manifests` included, may be older than the
/// association, and its "done" would say nothing. A field manager is only a name: a Job is given the right to every Secret again
/// only if it runs what this command would run.
fn matching_run(job: &Job, intent: &RunIntent<'_>) -> Result<Run, String> {
    if intent.job.local {
        return Err("it is running, and --local runs without a Job".to_owned());
    }
    let run = Run::from_managed_job(job).filter(|_| is_managed_by_us(job)).ok_or("it was not made by this command")?;
    match env_var(job, ENV_KEY_ARN).unwrap_or_default() {
        "" => return Err("it names no key, so it may have begun before the key was associated".to_owned()),
        other if other != intent.key_arn => return Err(format!("it is for the key {other}")),
        _ => {}
    }
    if let Some(theirs) = OtherWireVersion::from_job_env(job) {
        return Err(format!("it was made to be read in {theirs}, and this plugin reads version {WIRE_VERSION}"));
    }
    if intent.engine.prove.by_job(intent.watched) && env_var(job, ENV_PROVE) == Some("false") {
        return Err("it does not verify what it has done, and nobody else would".to_owned());
    }
    match env_var(job, ENV_METHOD).unwrap_or_default() {
        word if word == intent.engine.method.as_str() => {}
        other => return Err(format!("its method is {other:?}")),
    }
    // In another namespace, more people may use its rights.
    if intent.job.namespace.is_none() && !run.has_own_namespace() {
        return Err(format!("it runs in namespace {}", run.namespace));
    }
    match pod_difference(job, &run, intent)? {
        None => Ok(run),
        Some(place) => Err(format!("it does not run what this command would run: {place} differs")),
    }
}

/// Where the Pods of a Job are not those of the Job that this command would make, if so. Where they run (node selectors,
/// tolerations, resources) and how fast does not count.
fn pod_difference(job: &Job, run: &Run, intent: &RunIntent<'_>) -> Result<Option<String>, String> {
    let RunIntent { key_arn, engine, job: flags, watched } = *intent;
    let settings = ManifestSettings { run, key_arn, engine, job: flags, watched, missing: &[] };
    let wanted = manifests::job_manifest(&settings).map_err(|error| error.to_string())?;
    let pod = |job: &Job| -> Value {
        let spec = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let mut pod = serde_json::to_value(spec).unwrap_or_default();
        for container in pod["containers"].as_array_mut().into_iter().flatten() {
            if let Some(env) = container["env"].as_array_mut() {
                env.retain(|variable| !UNCOMPARED_VARIABLES.iter().any(|name| variable["name"] == *name));
            }
        }
        pod
    };
    let (found, wanted) = (pod(job), pod(&wanted));
    Ok(POD_FIELDS.iter().find_map(|place| Some(format!("{place}{}", difference(&found[*place], &wanted[*place])?))))
}

/// The fields of a Pod that decide what runs in it, and as whom.
const POD_FIELDS: [&str; 11] = [
    "serviceAccountName",
    "containers",
    "initContainers",
    "volumes",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "shareProcessNamespace",
    "hostAliases",
    "dnsConfig",
    "runtimeClassName",
];

/// The fields of a container that the API server fills in, and those that do not decide what runs.
const SET_BY_THE_API_SERVER: [&str; 5] =
    ["imagePullPolicy", "resources", "terminationMessagePath", "terminationMessagePolicy", "apiVersion"];

/// The variables that change how fast a run is, or that another rule looks at.
const UNCOMPARED_VARIABLES: [&str; 3] = [ENV_CONCURRENCY, ENV_MAX_QPS, ENV_PROVE];

/// The path to the first difference of two JSON values, without regard to [`SET_BY_THE_API_SERVER`].
fn difference(found: &Value, wanted: &Value) -> Option<String> {
    match (found, wanted) {
        (found, wanted) if is_unset(found) && is_unset(wanted) => None,
        (Value::Object(found), Value::Object(wanted)) => {
            let fields: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
            let compared = fields.into_iter().filter(|field| !SET_BY_THE_API_SERVER.contains(&field.as_str()));
            compared.into_iter().find_map(|field| {
                let value = |object: &Map<String, Value>| object.get(field).cloned().unwrap_or_default();
                Some(format!(".{field}{}", difference(&value(found), &value(wanted))?))
            })
        }
        (Value::Array(found), Value::Array(wanted)) if found.len() == wanted.len() => {
            let mut pairs = found.iter().zip(wanted).enumerate();
            pairs.find_map(|(index, (found, wanted))| Some(format!("[{index}]{}", difference(found, wanted)?)))
        }
        (found, wanted) => (found != wanted).then(String::new),
    }
}

/// Whether the API server leaves a field of this value out of its answers.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::String(value) => value.is_empty(),
        Value::Array(value) => value.is_empty(),
        Value::Object(value) => value.is_empty(),
        Value::Number(_) => false,
    }
}

/// The key that a Job has put the Secrets under, if it can't be older than that key's association.
pub(crate) fn job_key_arn(job: &Job) -> Option<&str> {
    Run::from_managed_job(job).filter(|_| is_managed_by_us(job))?;
    env_var(job, ENV_KEY_ARN).filter(|key| !key.is_empty())
}

/// Whether it was applied by this program, and not printed and applied by somebody.
fn is_managed_by_us(job: &Job) -> bool {
    let fields = job.metadata.managed_fields.iter().flatten();
    let mut applied = fields.filter(|entry| entry.operation.as_deref() == Some("Apply"));
    applied.any(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER))
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
