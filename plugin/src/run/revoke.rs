//! Takes away what a run leaves: rights to Secrets above all. Input: a run that has ended. Output: a cluster without
//! them. The Job, its log and the run record stay: they are the evidence. What can't be deleted is said, with the command
//! that does it, and does not change the run's result.

use std::fmt::Debug;

use eks_encrypt_job::wire::names::{APP, APP_LABEL, RUN_LABEL};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::cause::Cause;
use crate::k8s::{Kubernetes, is_not_found, server_time, with_retry};
use crate::model::followup::kubectl;
use crate::model::options::KubeOptions;
use crate::model::run::{Run, job_end, own_namespace, with_run_label};
use crate::ui::terminal::Terminal;

/// Between a run's binding and its Job lie two calls.
const CREATION_GRACE: SignedDuration = SignedDuration::from_mins(2);

impl Run {
    /// The command that takes its right to all Secrets away, if it was given to it.
    pub(crate) fn revoke_command(&self, kube: &KubeOptions) -> Option<String> {
        self.manages_rbac.then(|| kubectl(kube, &format!("delete clusterrolebinding {}", self.rbac_name())))
    }
}

/// Deletes the rights that this run has given: the bindings first, so that whatever follows, no token can use them. What
/// does not carry the run's label is somebody else's: applied by hand, or another run's. Gives back what was applied by hand
/// and so stays.
pub(crate) async fn revoke_rbac(kubernetes: &Kubernetes, run: &Run, terminal: &Terminal) -> Vec<String> {
    if !run.manages_rbac {
        return Vec::new();
    }
    let (all, here) = (&kubernetes.client, &run.namespace);
    let flags = &kubernetes.flags;
    let stay = [
        delete_if_owned::<ClusterRoleBinding>(Api::all(all.clone()), run.rbac_name(), None, run, flags, terminal).await,
        delete_if_owned::<RoleBinding>(
            Api::namespaced(all.clone(), here),
            run.rbac_name(),
            Some(here),
            run,
            flags,
            terminal,
        )
        .await,
        delete_if_owned::<ClusterRole>(Api::all(all.clone()), run.rbac_name(), None, run, flags, terminal).await,
        delete_if_owned::<Role>(Api::namespaced(all.clone(), here), run.rbac_name(), Some(here), run, flags, terminal)
            .await,
        // Its tokens end with it, whoever has one.
        delete_if_owned::<ServiceAccount>(
            Api::namespaced(all.clone(), here),
            run.rbac_name(),
            Some(here),
            run,
            flags,
            terminal,
        )
        .await,
    ];
    stay.into_iter().flatten().collect()
}

/// Deletes the rights of earlier runs that no Job uses any more, in the namespace that a person names, or in those of the runs: a run
/// that was interrupted before it had made its Job, or whose Job somebody deleted, has nobody else to do it.
pub(crate) async fn revoke_stale(kubernetes: &Kubernetes, named: Option<&str>, terminal: &Terminal) {
    let client = &kubernetes.client;
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    let ours = with_run_label();
    let list = match with_retry(|| bindings.list(&ours)).await {
        Ok(list) => list,
        Err(error) => {
            let cause = Cause::kube(&error);
            return terminal.println(&format!("note: can't see whether earlier runs have left rights behind: {cause}"));
        }
    };
    if list.items.is_empty() {
        return;
    }
    // By the clock that stamped them: a laptop that is minutes ahead would take the rights of a run that is just being made.
    let now = server_time(client).await.unwrap_or_else(Timestamp::now);
    let ours = list.iter().filter_map(|binding| Some((binding, run_of_binding(binding, named)?)));
    for (binding, run) in ours {
        let jobs: Api<Job> = Api::namespaced(client.clone(), &run.namespace);
        let over = match with_retry(|| jobs.get(&run.job)).await {
            Ok(job) => job_end(&job).is_some(),
            Err(error) => is_not_found(&error, &run.job) && is_stale(binding, now),
        };
        if over {
            terminal.println(&format!("note: run {} has left its rights in the cluster: taking them away", run.id));
            revoke_rbac(kubernetes, &run, terminal).await;
        }
    }
}

/// Whether a binding is not just being made by another process, whose Job comes next.
fn is_stale(binding: &ClusterRoleBinding, now: Timestamp) -> bool {
    let made = binding.metadata.creation_timestamp.as_ref();
    made.is_some_and(|made| now.duration_since(made.0) >= CREATION_GRACE)
}

/// The run of a binding, if it is one of this namespace or of its own, and its name is one that the plugin gives.
fn run_of_binding(binding: &ClusterRoleBinding, named: Option<&str>) -> Option<Run> {
    let id = binding.labels().get(RUN_LABEL)?;
    let mut namespaces = binding.subjects.iter().flatten().filter_map(|cluster_ref| cluster_ref.namespace.as_deref());
    let namespace = namespaces.find(|namespace| named == Some(*namespace) || *namespace == own_namespace(id))?;
    Some(Run::from_id(id, namespace)).filter(|run| run.rbac_name() == binding.name_any())
}

/// Deletes a Job that never began, with its Pods: otherwise the next run would follow it.
pub(crate) async fn delete_job(kubernetes: &Kubernetes, run: &Run, terminal: &Terminal) {
    let jobs: Api<Job> = Api::namespaced(kubernetes.client.clone(), &run.namespace);
    delete(jobs, &run.job, Some(&run.namespace), run.uid.as_deref(), &kubernetes.flags, terminal).await;
}

/// Deletes an object that the run has made. Gives back its name if somebody applied it from manifests/ instead: that one
/// names no run.
async fn delete_if_owned<K>(
    api: Api<K>,
    name: &str,
    namespace: Option<&str>,
    run: &Run,
    flags: &KubeOptions,
    terminal: &Terminal,
) -> Option<String>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    match with_retry(|| api.get_metadata(name)).await {
        Ok(there) if there.labels().get(RUN_LABEL) != Some(&run.id) => {
            let labels = there.labels();
            let by_hand = !labels.contains_key(RUN_LABEL) && labels.get(APP_LABEL).is_some_and(|app| app == APP);
            return by_hand.then(|| format!("{} {name}", K::kind(&())));
        }
        Err(error) if is_not_found(&error, name) => {}
        // A name such as eks-encrypt may be that of somebody else's object.
        Err(error) if !run.is_named() => terminal.println(&format!(
            "warning: can't see whose {} {name} is, so it stays: {}",
            K::kind(&()),
            Cause::kube(&error)
        )),
        // Where it can't be looked at, the deletion says why.
        Ok(_) | Err(_) => delete(api, name, namespace, None, flags, terminal).await,
    }
    None
}

/// `uid`: of the only object of this name that is meant.
async fn delete<K>(
    api: Api<K>,
    name: &str,
    namespace: Option<&str>,
    uid: Option<&str>,
    flags: &KubeOptions,
    terminal: &Terminal,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let preconditions = uid.map(|uid| Preconditions { uid: Some(uid.to_owned()), resource_version: None });
    let is_another =
        |error: &kube::Error| uid.is_some() && matches!(error, kube::Error::Api(status) if status.code == 409);
    let background = DeleteParams { preconditions, ..DeleteParams::background() };
    match with_retry(|| api.delete(name, &background)).await {
        Ok(_) => {}
        Err(error) if is_another(&error) => {}
        Err(error) if is_not_found(&error, name) => {}
        Err(error) => {
            let kind = K::kind(&()).to_ascii_lowercase();
            let place = namespace.map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
            terminal.println(&format!(
                "warning: can't delete {kind} {name}: {}\n  do it by hand: {}",
                Cause::kube(&error),
                kubectl(flags, &format!("delete {kind} {name}{place}"))
            ));
        }
    }
}

#[cfg(test)]
#[path = "revoke_tests.rs"]
mod tests;
