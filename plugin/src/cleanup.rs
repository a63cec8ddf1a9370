//! `cleanup`: everything that runs have made, found by its label and removed. Input: the cluster. Output: a line for each object,
//! and an exit code. The order is that of danger: rights first, evidence last.

use eks_encrypt_job::contract::{APP, APP_LABEL};
use eks_encrypt_job::exit::ExitCode;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, ListParams, PartialObjectMeta};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, ResourceExt as _};

use crate::cause::Cause;
use crate::cli::Cleanup;
use crate::kubernetes::{self, again, gone};
use crate::run::ended;
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

/// Why it was not all removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What there is can't be seen.
    #[error("can't list {kind}: nothing of that kind was removed")]
    List {
        kind: String,
        #[source]
        source: Cause,
    },
    /// A run is at work.
    #[error(
        "Job {job} is at work in namespace {namespace}: nothing was removed\n  \
         watch it: kubectl eks-encrypt attach -n {namespace}\n  or stop it: kubectl eks-encrypt cleanup --force (Secrets that it has not reached stay as they are)"
    )]
    AtWork { job: String, namespace: String },
    /// Something stayed.
    #[error("{0} of these could not be removed")]
    Stayed(usize),
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::AtWork { .. } => ExitCode::Refused,
            Self::List { .. } | Self::Stayed(_) => ExitCode::Error,
        }
    }
}

/// Removes it all.
pub(crate) async fn cleanup(args: &Cleanup, screen: &Screen) -> Result<ExitCode, Stop> {
    let kubernetes = kubernetes::connect(args.kube.kubeconfig.as_deref(), args.kube.context.as_deref()).await?;
    let client = &kubernetes.client;
    screen.line(&format!("Cluster: kubeconfig context {}, {}", kubernetes.context, kubernetes.server));
    if !args.force {
        refuse_at_work(client).await?;
    }
    let (mut found, mut stayed) = (0, 0);
    for (group, kind, note) in KINDS {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        for object in list(client, &resource).await? {
            found += 1;
            stayed += usize::from(!remove(client, &resource, &object, note, args.dry_run, screen).await);
        }
    }
    match (found, stayed, args.dry_run) {
        (0, ..) => screen.line("There is nothing of ours in this cluster."),
        (_, _, true) => screen.line("This was a dry run: nothing was removed."),
        (_, 0, false) => screen.line("Removed. The key stays associated, and the Secrets stay as they are."),
        (_, stayed, false) => return Err(Error::Stayed(stayed).into()),
    }
    Ok(ExitCode::Done)
}

fn ours() -> ListParams {
    ListParams::default().labels(&format!("{APP_LABEL}={APP}"))
}

/// A run that is at work loses its rights first, and its log and record after that: nobody should do that by accident.
async fn refuse_at_work(client: &Client) -> Result<(), Error> {
    let (jobs, ours): (Api<Job>, _) = (Api::all(client.clone()), ours());
    let list = again(|| jobs.list(&ours))
        .await
        .map_err(|error| Error::List { kind: "Jobs".to_owned(), source: Cause::kube(&error) })?;
    match list.iter().find(|job| ended(job).is_none() && job.metadata.deletion_timestamp.is_none()) {
        Some(job) => Err(Error::AtWork { job: job.name_any(), namespace: job.namespace().unwrap_or_default() }),
        None => Ok(()),
    }
}

/// All objects of a kind that runs have made.
async fn list(client: &Client, resource: &ApiResource) -> Result<Vec<PartialObjectMeta<DynamicObject>>, Error> {
    let (all, ours): (Api<DynamicObject>, _) = (Api::all_with(client.clone(), resource), ours());
    let list = again(|| all.list_metadata(&ours)).await;
    let list = list.map_err(|error| Error::List { kind: resource.plural.clone(), source: Cause::kube(&error) })?;
    Ok(list.items)
}

/// Removes one object. Gives back whether it is gone, or would be.
async fn remove(
    client: &Client,
    resource: &ApiResource,
    object: &PartialObjectMeta<DynamicObject>,
    note: &str,
    dry_run: bool,
    screen: &Screen,
) -> bool {
    let (kind, name) = (&resource.kind, object.name_any());
    let place = object.namespace().map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
    if dry_run {
        screen.line(&format!("would remove {kind} {name}{place}{note}"));
        return true;
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
            return false;
        }
    }
    true
}

#[cfg(test)]
#[path = "cleanup_tests.rs"]
mod tests;
