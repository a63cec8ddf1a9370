//! `cleanup`: everything that runs have made, found by its label and removed. Input: the cluster. Output: a line for each object,
//! and an exit code. The order is that of danger: rights first, evidence last.

pub(crate) mod tenants;

use eks_encrypt_job::contract::{APP, APP_LABEL};
use eks_encrypt_job::exit::ExitCode;
use eks_encrypt_job::lease::at_work;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, ListParams, PartialObjectMeta};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, ResourceExt as _};

use crate::cause::Cause;
use crate::cli::{self, Cleanup, KubeFlags};
use crate::drive::run::ended;
use crate::kubernetes::{self, Kubernetes, again, gone};
use crate::screen::Screen;
use crate::stop::{Coded, Stop};

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

/// How many things in a namespace are named that are not ours.
const NAMED: usize = 5;

/// Why it was not all removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What there is can't be seen.
    #[error("can't list {kind}, so it is not known whether a run is at work: nothing was removed")]
    List {
        kind: String,
        #[source]
        source: Cause,
    },
    /// A run is at work.
    #[error(
        "Job {job} is at work in namespace {namespace}: nothing was removed\n  \
         watch it: {attach}\n  or stop it: {cleanup} --force (Secrets that it has not reached stay as they are)"
    )]
    AtWork { job: String, namespace: String, attach: String, cleanup: String },
    /// A run is at work that has no Job: in somebody's process.
    #[error(
        "a run is at work in namespace {namespace}, without a Job of ours: {holder} renews the lease; nothing was removed\n  \
         wait until it has ended, or end it where it was begun (--local); or remove all the same: {cleanup} --force (that run \
         goes on without a record)"
    )]
    Held { holder: String, namespace: String, cleanup: String },
    /// Something stayed.
    #[error(
        "not everything could be looked for or removed, see above; when that is mended, run the same command again"
    )]
    Stayed,
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::AtWork { .. } | Self::Held { .. } => ExitCode::Refused,
            Self::List { .. } | Self::Stayed => ExitCode::Error,
        }
    }
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is gone, or would be.
    Removed,
    /// It is left, because it is not ours alone.
    Left,
    /// It could not be removed, or not be looked for.
    Stayed,
}

/// Removes it all.
pub(crate) async fn cleanup(args: &Cleanup, screen: &Screen) -> Result<ExitCode, Stop> {
    let kubernetes = kubernetes::connect(&args.kube, screen).await?;
    remove_all(args, &kubernetes, screen).await
}

async fn remove_all(args: &Cleanup, kubernetes: &Kubernetes, screen: &Screen) -> Result<ExitCode, Stop> {
    let client = &kubernetes.client;
    screen.line(&format!("Cluster: kubeconfig context {}, {}", kubernetes.context, kubernetes.server));
    if !args.force {
        refuse_at_work(client, &args.kube).await?;
        refuse_held(client, &args.kube, screen).await?;
    }
    let mut fates = Vec::new();
    for (group, kind, note) in KINDS {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        // What can't be seen of one kind does not keep the others: rights above all.
        let Some(objects) = list(client, &resource, screen).await else {
            fates.push(Fate::Stayed);
            continue;
        };
        for object in objects {
            fates.push(remove(kubernetes, &resource, &object, note, args.dry_run, screen).await);
        }
    }
    if args.dry_run {
        screen.line("This was a dry run: nothing was removed.");
    }
    if fates.contains(&Fate::Stayed) {
        return Err(Error::Stayed.into());
    }
    let last = match (fates.is_empty(), fates.contains(&Fate::Left)) {
        (true, _) => "There is nothing of ours in this cluster.",
        (false, true) => "The rest is removed. The key stays associated, and the Secrets stay as they are.",
        (false, false) => "Removed. The key stays associated, and the Secrets stay as they are.",
    };
    if !args.dry_run || fates.is_empty() {
        screen.line(last);
    }
    Ok(ExitCode::Done)
}

fn ours() -> ListParams {
    ListParams::default().labels(&format!("{APP_LABEL}={APP}"))
}

/// A run that is at work loses its rights first, and its log and record after that: nobody should do that by accident.
async fn refuse_at_work(client: &Client, kube: &KubeFlags) -> Result<(), Error> {
    let (jobs, ours): (Api<Job>, _) = (Api::all(client.clone()), ours());
    let list = again(|| jobs.list(&ours))
        .await
        .map_err(|error| Error::List { kind: "Jobs".to_owned(), source: Cause::kube(&error) })?;
    match list.iter().find(|job| ended(job).is_none() && job.metadata.deletion_timestamp.is_none()) {
        Some(job) => {
            let namespace = job.namespace().unwrap_or_default();
            let (attach, cleanup) = (cli::attach(kube, Some(&namespace)), cli::cleanup(kube));
            Err(Error::AtWork { job: job.name_any(), namespace, attach, cleanup })
        }
        None => Ok(()),
    }
}

/// A run in somebody's process has no Job; but it renews the lease of its namespace, as every run does.
async fn refuse_held(client: &Client, kube: &KubeFlags, screen: &Screen) -> Result<(), Error> {
    let (leases, ours): (Api<Lease>, _) = (Api::all(client.clone()), ours());
    let list = again(|| leases.list(&ours)).await.map_err(|error| leases_unseen(Cause::kube(&error)))?;
    for namespace in list.iter().filter(|lease| held(lease)).filter_map(|lease| lease.namespace()) {
        let at_work = at_work(client, &namespace, |line| screen.line(&line)).await;
        if let Some(holder) = at_work.map_err(|refusal| leases_unseen(Cause::of(&refusal)))? {
            return Err(Error::Held { holder, namespace, cleanup: cli::cleanup(kube) });
        }
    }
    Ok(())
}

fn leases_unseen(source: Cause) -> Error {
    Error::List { kind: "Leases".to_owned(), source }
}

/// Whether somebody has taken it and not given it back.
fn held(lease: &Lease) -> bool {
    let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
    holder.is_some_and(|holder| !holder.is_empty())
}

/// All objects of a kind that runs have made; nothing, where that can't be seen.
async fn list(
    client: &Client,
    resource: &ApiResource,
    screen: &Screen,
) -> Option<Vec<PartialObjectMeta<DynamicObject>>> {
    let (all, ours): (Api<DynamicObject>, _) = (Api::all_with(client.clone(), resource), ours());
    match again(|| all.list_metadata(&ours)).await {
        Ok(list) => Some(list.items),
        // Asked again and again, and still not served: then there are none.
        Err(kube::Error::Api(status)) if status.code == 404 => {
            screen.line(&format!("note: this API server has no {}", resource.plural));
            Some(Vec::new())
        }
        Err(error) => {
            screen.line(&format!("can't list {}, none was removed: {}", resource.plural, Cause::kube(&error)));
            None
        }
    }
}

/// Removes one object, unless it is a namespace in which others live.
async fn remove(
    kubernetes: &Kubernetes,
    resource: &ApiResource,
    object: &PartialObjectMeta<DynamicObject>,
    note: &str,
    dry_run: bool,
    screen: &Screen,
) -> Fate {
    let client = &kubernetes.client;
    let (kind, name) = (&resource.kind, object.name_any());
    let place = object.namespace().map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
    if kind == "Namespace"
        && let Some(why) = inhabited(client, &name).await
    {
        screen.line(&format!(
            "{} Namespace {name}: {why}\n  to remove it with all that is in it: {}",
            if dry_run { "would leave" } else { "left" },
            cli::kubectl(&kubernetes.flags, &format!("delete namespace {name}"))
        ));
        return Fate::Left;
    }
    if dry_run {
        screen.line(&format!("would remove {kind} {name}{place}{note}"));
        return Fate::Removed;
    }
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, resource),
        None => Api::all_with(client.clone(), resource),
    };
    // Its Pods go with a Job, what is in it with a namespace.
    let background = DeleteParams::background();
    match again(|| api.delete(&name, &background)).await {
        Ok(_) => screen.line(&format!("removed {kind} {name}{place}{note}")),
        Err(error) if gone(&error, &name) => {}
        Err(error) => {
            screen.line(&format!("can't remove {kind} {name}{place}: {}", Cause::kube(&error)));
            return Fate::Stayed;
        }
    }
    Fate::Removed
}

/// Why a namespace that a run made is not ours to delete any more.
async fn inhabited(client: &Client, namespace: &str) -> Option<String> {
    match tenants::of(client, namespace).await {
        Ok(others) if others.is_empty() => None,
        Ok(others) => {
            let more = others.len().saturating_sub(NAMED);
            let more = if more == 0 { String::new() } else { format!(", and {more} more") };
            let named: Vec<_> = others.into_iter().take(NAMED).collect();
            Some(format!("others have put things into it: {}{more}", named.join(", ")))
        }
        Err(cause) => Some(format!("can't see whether others have put things into it: {cause}")),
    }
}

#[cfg(test)]
#[path = "cleanup_tests.rs"]
mod tests;
