//! `cleanup`: lists what runs have made in the cluster, asks once, and deletes it in the order of danger: rights first, evidence
//! last.

mod discovery;
pub(crate) mod listing;
mod namespace_usage;
mod ownership;

use std::collections::HashSet;

use eks_encrypt_job::engine::lease::at_work;
use eks_encrypt_job::wire::exit::ExitCode;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, Preconditions};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};

use crate::cause::Cause;
use crate::cli::Cleanup;
use crate::commands::cleanup::listing::Listed;
use crate::commands::confirm::{self, Question};
use crate::error::{CliError, HasExitCode};
use crate::k8s::{self, Kubernetes, is_not_found, termination, with_retry};
use crate::model::followup;
use crate::model::options::KubeOptions;
use crate::model::run::{job_end, with_app_label};
use crate::ui::terminal::Terminal;

const RBAC: &str = "rbac.authorization.k8s.io";

/// What runs make: API group, kind, and what goes with an object. All are of version v1.
const KINDS: [(&str, &str, &str); 9] = [
    (RBAC, "ClusterRoleBinding", ""),
    (RBAC, "RoleBinding", ""),
    (RBAC, "ClusterRole", ""),
    (RBAC, "Role", ""),
    ("batch", "Job", " with its Pods and their logs"),
    ("", "ServiceAccount", ""),
    ("coordination.k8s.io", "Lease", ""),
    ("", "ConfigMap", " (the run record)"),
    ("", "Namespace", " with all that is in it"),
];

/// Kinds that a run changes by itself while a person reads the question. The others are deleted only as they were listed.
const CHANGING_KINDS: [&str; 3] = ["Job", "Lease", "ConfigMap"];

/// The most objects that are named of those that stay.
const MAX_NAMED: usize = 20;

/// The most objects of other people that are named of one namespace.
const MAX_OTHER_OBJECTS: usize = 5;

/// Why it was not all deleted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What there is can't be seen.
    #[error("can't list {kind}, so it is not known whether a run is running: nothing was deleted")]
    List {
        kind: &'static str,
        #[source]
        source: Cause,
    },
    /// A Job is running.
    #[error(
        "Job {job} is running in namespace {namespace}: nothing was deleted\n  \
         watch it: {attach}\n  or stop it: {cleanup} --force (Secrets that it has not reached stay as they are)"
    )]
    Running { job: String, namespace: String, attach: String, cleanup: String },
    /// A run without a Job is running: in somebody's process.
    #[error(
        "a run without a Job is running in namespace {namespace}: {holder} renews the lease; nothing was deleted\n  \
         wait until it has ended, or stop it where it was started (--local)\n  or delete all the same: {cleanup} --force (that \
         run keeps running, without a record)"
    )]
    Held { holder: String, namespace: String, cleanup: String },
    /// Something stayed.
    #[error("not all objects could be listed or deleted, see above; when that is fixed, run: {cleanup}")]
    Stayed { cleanup: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::Running { .. } | Self::Held { .. } => ExitCode::Refused,
            Self::List { .. } | Self::Stayed { .. } => ExitCode::Error,
        }
    }
}

/// One object to delete.
struct Removal {
    resource: ApiResource,
    note: &'static str,
    object: Listed,
}

impl Removal {
    fn is_namespace(&self) -> bool {
        self.resource.kind == "Namespace"
    }

    /// `Role eks-encrypt in namespace ops`.
    fn name(&self) -> String {
        name(&self.resource.kind, &self.object)
    }
}

fn name(kind: &str, object: &Listed) -> String {
    let place = object.namespace.as_ref().map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
    format!("{kind} {}{place}", object.name)
}

/// What is going to be deleted, and what is not.
#[derive(Default)]
struct CleanupPlan {
    steps: Vec<Removal>,
    /// The names of objects that stay, each with the reason.
    stays: Vec<String>,
    /// Objects that can't be listed, and why.
    unlisted: Vec<(String, Cause)>,
}

/// Deletes what runs have made.
pub(crate) async fn cleanup(args: &Cleanup, terminal: &Terminal) -> Result<ExitCode, CliError> {
    let kubernetes = k8s::connect(&args.kube, terminal).await?;
    delete_all(args, &kubernetes, terminal).await
}

async fn delete_all(args: &Cleanup, kubernetes: &Kubernetes, terminal: &Terminal) -> Result<ExitCode, CliError> {
    terminal.println(&format!("Cluster: kubeconfig context {}, {}", kubernetes.context, kubernetes.server));
    let mut plan = list(&kubernetes.client, terminal).await;
    if !args.force {
        ensure_no_active_run(&kubernetes.client, &args.kube, &plan, terminal).await?;
    }
    let mut ours: HashSet<String> = plan.steps.iter().map(|step| step.object.uid.clone()).collect();
    keep_used_namespaces(&mut plan, kubernetes, &mut ours).await;
    for (objects, cause) in &plan.unlisted {
        terminal.println(&format!("can't list all {objects}: {cause}"));
    }
    let stayed = || Error::Stayed { cleanup: followup::cleanup(&args.kube) };
    if plan.steps.is_empty() {
        let nothing = if plan.stays.is_empty() {
            "There is nothing of ours in this cluster."
        } else {
            "There is nothing to delete."
        };
        terminal.println(&format!("{}{nothing}", text(&plan)));
        return if plan.unlisted.is_empty() { Ok(ExitCode::Done) } else { Err(stayed().into()) };
    }
    let text = format!("{}The key stays associated, and the Secrets stay as they are.", text(&plan));
    if args.dry_run {
        terminal.println(&format!("{text}\nThis was a dry run: nothing was deleted."));
        return if plan.unlisted.is_empty() { Ok(ExitCode::Done) } else { Err(stayed().into()) };
    }
    confirm::confirm(args.yes, &Question::about_context(kubernetes, text), terminal).await?;
    if execute(&plan, kubernetes, &mut ours, terminal).await && plan.unlisted.is_empty() {
        return Ok(ExitCode::Done);
    }
    Err(stayed().into())
}

/// What carries our label, each object judged.
async fn list(client: &Client, terminal: &Terminal) -> CleanupPlan {
    let (mut plan, mut lists) = (CleanupPlan::default(), Vec::new());
    // All at once: where the API server can't be reached, each is tried for half a minute.
    let answers = KINDS.map(|(group, kind, note)| async move {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        let answer = listing::list(&all, with_app_label()).await;
        (resource, note, answer)
    });
    for (resource, note, answer) in futures::future::join_all(answers).await {
        match answer {
            Ok((objects, more)) => {
                if more {
                    let cause = format!("there are more than {} with our label", objects.len());
                    plan.unlisted.push((resource.plural.clone(), Cause::message(cause)));
                }
                lists.push((resource, note, objects));
            }
            // Asked again and again, and still not served: then there are none.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                terminal.println(&format!("note: this API server has no {}", resource.plural));
            }
            Err(error) => plan.unlisted.push((resource.plural, Cause::kube(&error))),
        }
    }
    let namespaces: HashSet<String> = lists
        .iter()
        .filter(|(resource, ..)| resource.kind == "Namespace")
        .flat_map(|(.., objects)| objects)
        .filter(|object| ownership::check("Namespace", object, &HashSet::new()).is_ok())
        .map(|object| object.name.clone())
        .collect();
    for (resource, note, objects) in lists {
        for object in objects {
            match ownership::check(&resource.kind, &object, &namespaces) {
                Ok(()) => plan.steps.push(Removal { resource: resource.clone(), note, object }),
                Err(why) => plan.stays.push(format!("{}: {why}", name(&resource.kind, &object))),
            }
        }
    }
    plan
}

/// A run that is running loses its rights first, and its log and record after that: people should not do that by accident.
async fn ensure_no_active_run(
    client: &Client,
    kube: &KubeOptions,
    plan: &CleanupPlan,
    terminal: &Terminal,
) -> Result<(), Error> {
    for (plural, kind) in [("jobs", "Jobs"), ("leases", "Leases")] {
        if let Some((_, source)) = plan.unlisted.iter().find(|(unlisted, _)| unlisted == plural) {
            return Err(Error::List { kind, source: source.clone() });
        }
    }
    let unseen = |kind| move |source| Error::List { kind, source };
    for Removal { resource, object: Listed { name, namespace, terminating, .. }, .. } in &plan.steps {
        let namespace = namespace.clone().unwrap_or_default();
        match resource.kind.as_str() {
            "Job" if !terminating => {
                let jobs: Api<Job> = Api::namespaced(client.clone(), &namespace);
                match with_retry(|| jobs.get(name)).await {
                    Ok(job) if job_end(&job).is_none() => {
                        let (attach, cleanup) = (followup::attach(kube, Some(&namespace)), followup::cleanup(kube));
                        return Err(Error::Running { job: name.clone(), namespace, attach, cleanup });
                    }
                    Ok(_) => {}
                    Err(error) if is_not_found(&error, name) => {}
                    Err(error) => return Err(unseen("Jobs")(Cause::kube(&error))),
                }
            }
            // A run in somebody's process has no Job, but it renews the lease of its namespace, as every run does.
            "Lease" => {
                let holder = at_work(client, &namespace, |line| terminal.println(&line)).await;
                if let Some(holder) = holder.map_err(|api_error| unseen("Leases")(Cause::from_error(&api_error)))? {
                    return Err(Error::Held { holder, namespace, cleanup: followup::cleanup(kube) });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Takes namespaces out of the plan that hold objects of other people, or may hold some.
async fn keep_used_namespaces(plan: &mut CleanupPlan, kubernetes: &Kubernetes, ours: &mut HashSet<String>) {
    let mut steps = Vec::new();
    for step in std::mem::take(&mut plan.steps) {
        match namespace_usage_message(&step, kubernetes, ours).await {
            Ok(Some(why)) => plan.stays.push(format!("{}: {why}", step.name())),
            Ok(None) => steps.push(step),
            Err(cause) => plan.unlisted.push((format!("objects in {}, which stays", step.name()), cause)),
        }
    }
    plan.steps = steps;
}

/// Why a namespace that a run made is not ours to delete any more.
async fn namespace_usage_message(
    step: &Removal,
    kubernetes: &Kubernetes,
    ours: &mut HashSet<String>,
) -> Result<Option<String>, Cause> {
    // One that is being deleted already can only be waited for.
    if !step.is_namespace() || step.object.terminating {
        return Ok(None);
    }
    let name = &step.object.name;
    let kubectl = |command: &str| followup::kubectl(&kubernetes.flags, command);
    let others = namespace_usage::find_other_objects(&kubernetes.client, name, ours, kubectl).await?;
    if others.is_empty() {
        return Ok(None);
    }
    let more = if others.len() > MAX_OTHER_OBJECTS { ", and more" } else { "" };
    let (named, delete) =
        (others[..others.len().min(MAX_OTHER_OBJECTS)].join(", "), kubectl(&format!("delete namespace {name}")));
    Ok(Some(format!("other people have objects in it: {named}{more}\n  delete it with all that is in it: {delete}")))
}

/// The plan as people read it.
fn text(plan: &CleanupPlan) -> String {
    let block = |head: &str, lines: &[String]| {
        let lines: String = lines.iter().map(|line| format!("  {}\n", line.replace('\n', "\n  "))).collect();
        if lines.is_empty() { lines } else { format!("{head}\n{lines}") }
    };
    let steps: Vec<String> = plan.steps.iter().map(|step| format!("{}{}", step.name(), step.note)).collect();
    let mut stays = plan.stays.clone();
    if stays.len() > MAX_NAMED {
        let more = stays.split_off(MAX_NAMED).len();
        stays.push(format!("and {more} more objects with our label"));
    }
    format!("{}{}", block("This deletes:", &steps), block("This stays:", &stays))
}

/// Deletes object by object, and waits for the namespaces. Gives back whether all are deleted.
async fn execute(plan: &CleanupPlan, kubernetes: &Kubernetes, ours: &mut HashSet<String>, terminal: &Terminal) -> bool {
    let (mut all, mut terminating) = (true, Vec::new());
    for step in &plan.steps {
        // The person may have thought for an hour.
        let stays = match namespace_usage_message(step, kubernetes, ours).await {
            Ok(why) => why,
            Err(cause) => Some(format!("can't list all objects in it: {cause}")),
        };
        if let Some(why) = stays {
            terminal.println(&format!("{} stays: {why}", step.name()));
            all = false;
        } else if !delete(step, kubernetes, terminal).await {
            all = false;
        } else if step.is_namespace() {
            terminating.push(step);
        } else {
            terminal.println(&format!("deleted {}{}", step.name(), step.note));
        }
    }
    for step in terminating {
        match termination::wait_until_deleted(kubernetes, &step.object.name, terminal).await {
            Ok(_) => terminal.println(&format!("deleted {}{}", step.name(), step.note)),
            Err(error) => {
                terminal.println(&format!("{:#}", anyhow::Error::new(error)));
                all = false;
            }
        }
    }
    all
}

/// Deletes one object, if it is the one that was listed. Of a namespace, the deletion begins. Gives back whether it is accepted.
async fn delete(step: &Removal, kubernetes: &Kubernetes, terminal: &Terminal) -> bool {
    let Removal { resource, object, .. } = step;
    if step.is_namespace() && object.terminating {
        return true;
    }
    let client = kubernetes.client.clone();
    let api: Api<DynamicObject> = match &object.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, resource),
        None => Api::all_with(client, resource),
    };
    let version = (!CHANGING_KINDS.contains(&resource.kind.as_str())).then(|| object.version.clone());
    let preconditions = Some(Preconditions { uid: Some(object.uid.clone()), resource_version: version });
    // Its Pods are deleted with a Job.
    let params = DeleteParams { preconditions, ..DeleteParams::background() };
    match with_retry(|| api.delete(&object.name, &params)).await {
        Err(error) if !is_not_found(&error, &object.name) => {
            terminal.println(&format!("can't delete {}: {}", step.name(), Cause::kube(&error)));
            false
        }
        Ok(_) | Err(_) => true,
    }
}

#[cfg(test)]
#[path = "cleanup_tests.rs"]
mod tests;
