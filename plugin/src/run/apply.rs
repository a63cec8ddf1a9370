//! Puts a run's objects into the cluster by server-side apply. Input: `manifests`. Output: objects that exist, or an
//! error that names the one that does not.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};

use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::names::FIELD_MANAGER;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::k8s;
use crate::run::manifests::Object;
use crate::ui::terminal::Terminal;

/// What could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API server refused an object.
    #[error(
        "can't apply {kind} {name}: {}, and it has been taken back; run the same command again when this is mended", failure_effect(.kind)
    )]
    Apply {
        kind: String,
        name: String,
        #[source]
        source: Cause,
    },
}

/// What of a run that was not made may be done all the same: a Job may be made though its answer got lost.
fn failure_effect(kind: &str) -> &'static str {
    if kind == "Job" {
        "if it was made all the same, it may have re-encrypted some Secrets"
    } else {
        "no Secret has been re-encrypted by this run"
    }
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Incomplete
    }
}

/// Applies all objects, in their order. Gives back the Job's UID.
pub(crate) async fn apply(client: &Client, objects: &[Object], terminal: &Terminal) -> Result<Option<String>, Error> {
    let mut job = None;
    for object in objects {
        job = apply_object(client, object, terminal).await?.or(job);
    }
    Ok(job)
}

/// Applies what gives a running Job its rights. A failure is reported, because the object may exist already, and the Job is
/// followed. Its ServiceAccount is not created again: the token of its Pod would be that of the old one.
pub(crate) async fn apply_rbac(client: &Client, objects: &[Object], terminal: &Terminal) {
    let gives_rights =
        |object: &&Object| !matches!(object, Object::Namespace(_) | Object::ServiceAccount(_) | Object::Job(_));
    for object in objects.iter().filter(gives_rights) {
        if let Err(Error::Apply { kind, name, source }) = apply_object(client, object, terminal).await {
            terminal.println(&format!("note: can't apply {kind} {name} again: {source}"));
        }
    }
}

/// Applies one object. Gives back the UID, if it is the Job.
async fn apply_object(client: &Client, object: &Object, terminal: &Terminal) -> Result<Option<String>, Error> {
    match object {
        Object::Job(object) => return Ok(apply_namespaced(client, object.as_ref()).await?.uid()),
        Object::Namespace(object) => create_namespace(client, object, terminal).await,
        Object::ClusterRole(object) => apply_cluster_scoped(client, object).await.map(drop),
        Object::ClusterRoleBinding(object) => apply_cluster_scoped(client, object).await.map(drop),
        Object::ServiceAccount(object) => {
            create_object(Api::namespaced(client.clone(), &object.namespace().unwrap_or_default()), object).await
        }
        Object::Role(object) => apply_namespaced(client, object).await.map(drop),
        Object::RoleBinding(object) => apply_namespaced(client, object).await.map(drop),
    }
    .map(|()| None)
}

/// Whose a namespace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamespaceState {
    /// It does not exist: the run creates it.
    Absent,
    /// It exists. Whoever created it may have given rights in it, whatever labels it has.
    Exists,
}

/// Looks whose a namespace is.
pub(crate) async fn namespace_state(client: &Client, name: &str) -> Result<NamespaceState, kube::Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    match k8s::with_retry(|| api.get(name)).await {
        Ok(_) => Ok(NamespaceState::Exists),
        Err(error) if k8s::is_not_found(&error, name) => Ok(NamespaceState::Absent),
        Err(error) => Err(error),
    }
}

/// What it means to run in somebody else's namespace: before the confirmation, and when it is done.
pub(crate) fn unmanaged_namespace_warning(namespace: &str) -> String {
    format!(
        "namespace {namespace} exists already and is used as it is. While the run lasts, whoever may create Pods, Secrets or \
         ServiceAccount tokens there can use the Job's right to list every Secret of the cluster with its data"
    )
}

/// An existing namespace stays as it is: our Pod Security labels on, say, kube-system would stop its Pods. One that is created
/// between the look and this call is refused.
async fn create_namespace(client: &Client, object: &Namespace, terminal: &Terminal) -> Result<(), Error> {
    let name = object.name_any();
    match namespace_state(client, &name).await {
        Ok(NamespaceState::Exists) => {
            terminal.println(&format!("note: {}", unmanaged_namespace_warning(&name)));
            Ok(())
        }
        Ok(NamespaceState::Absent) => create_object(Api::all(client.clone()), object).await,
        Err(error) => Err(apply_error(object, &error)),
    }
}

/// Has the API server say whether it would take an object that gives rights; nothing is changed.
pub(crate) async fn dry_run(client: &Client, object: &Object) -> Result<(), kube::Error> {
    let params = PatchParams::apply(FIELD_MANAGER).force().dry_run();
    match object {
        Object::ClusterRole(object) => server_side_apply(Api::all(client.clone()), object, &params).await.map(drop),
        Object::ClusterRoleBinding(object) => {
            server_side_apply(Api::all(client.clone()), object, &params).await.map(drop)
        }
        Object::Role(object) => {
            let roles = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
            server_side_apply(roles, object, &params).await.map(drop)
        }
        _ => Ok(()),
    }
}

async fn apply_cluster_scoped<K>(client: &Client, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
{
    apply_patch(Api::all(client.clone()), object).await
}

async fn apply_namespaced<K>(client: &Client, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
{
    apply_patch(Api::namespaced(client.clone(), &object.namespace().unwrap_or_default()), object).await
}

/// Creates one object that must not exist: an existing one may have been prepared by somebody. But one that exists after an earlier
/// attempt had no answer is ours, for it has the run's id in its name, and nobody knew that before.
async fn create_object<K>(api: Api<K>, object: &K) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let unanswered = AtomicBool::new(false);
    let attempt = || async {
        let answer = api.create(&params, object).await;
        let is_lost = |error: &kube::Error| !matches!(error, kube::Error::Api(status) if status.code < 500);
        unanswered.fetch_or(answer.as_ref().is_err_and(is_lost), Ordering::Relaxed);
        answer
    };
    match k8s::with_retry(attempt).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() && unanswered.into_inner() => Ok(()),
        answer => answer.map(drop).map_err(|error| apply_error(object, &error)),
    }
}

/// Applies one object.
async fn apply_patch<K>(api: Api<K>, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    server_side_apply(api, object, &PatchParams::apply(FIELD_MANAGER).force())
        .await
        .map_err(|error| apply_error(object, &error))
}

async fn server_side_apply<K>(api: Api<K>, object: &K, params: &PatchParams) -> Result<K, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let (name, patch) = (object.name_any(), Patch::Apply(object));
    k8s::with_retry(|| api.patch(&name, params, &patch)).await
}

fn apply_error<K: Resource<DynamicType = ()>>(object: &K, error: &kube::Error) -> Error {
    Error::Apply { kind: K::kind(&()).into_owned(), name: object.name_any(), source: Cause::kube(error) }
}
