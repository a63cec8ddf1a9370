//! Puts a run's objects into the cluster by server-side apply. Input: `manifests`. Output: objects that exist, or an
//! error that names the one that does not.

use std::fmt::Debug;

use eks_encrypt_job::contract::{APP, APP_LABEL, FIELD_MANAGER};
use eks_encrypt_job::exit::ExitCode;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cause::Cause;
use crate::kubernetes;
use crate::manifests::Object;
use crate::screen::Screen;
use crate::stop::Coded;

/// What could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API server refused an object.
    #[error(
        "can't apply {kind} {name}: the key is associated, but this run has been taken back; run the same command again when this is mended"
    )]
    Apply {
        kind: String,
        name: String,
        #[source]
        source: Cause,
    },
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Incomplete
    }
}

/// Applies all objects, in their order.
pub(crate) async fn apply(client: &Client, objects: &[Object], screen: &Screen) -> Result<(), Error> {
    for object in objects {
        one(client, object, screen).await?;
    }
    Ok(())
}

/// Applies what gives a Job its rights, for one that is at work. What can't be applied may be there already: it is said,
/// and the Job is followed.
pub(crate) async fn rights(client: &Client, objects: &[Object], screen: &Screen) {
    for object in objects.iter().filter(|object| !matches!(object, Object::Namespace(_) | Object::Job(_))) {
        if let Err(Error::Apply { kind, name, source }) = one(client, object, screen).await {
            screen.line(&format!("note: can't apply {kind} {name} again: {source}"));
        }
    }
}

async fn one(client: &Client, object: &Object, screen: &Screen) -> Result<(), Error> {
    match object {
        Object::Namespace(object) => namespace(client, object, screen).await,
        Object::ClusterRole(object) => everywhere(client, object).await,
        Object::ClusterRoleBinding(object) => everywhere(client, object).await,
        Object::ServiceAccount(object) => within(client, object).await,
        Object::Role(object) => within(client, object).await,
        Object::RoleBinding(object) => within(client, object).await,
        Object::Job(object) => within(client, object.as_ref()).await,
    }
}

/// A namespace that somebody else made stays as it is: our Pod Security labels on, say, kube-system would stop its Pods.
async fn namespace(client: &Client, object: &Namespace, screen: &Screen) -> Result<(), Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    let name = object.name_any();
    match kubernetes::again(|| api.get(&name)).await {
        Ok(there) if there.labels().get(APP_LABEL).is_none_or(|app| app != APP) => {
            screen.line(&format!("note: namespace {} exists and is not ours: used as it is", object.name_any()));
            Ok(())
        }
        Err(error) if !kubernetes::gone(&error, &name) => Err(failed(object, &error)),
        _ => patch(api, object).await,
    }
}

async fn everywhere<K>(client: &Client, object: &K) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
{
    patch(Api::all(client.clone()), object).await
}

async fn within<K>(client: &Client, object: &K) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
{
    patch(Api::namespaced(client.clone(), &object.namespace().unwrap_or_default()), object).await
}

/// Applies one object.
async fn patch<K>(api: Api<K>, object: &K) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let name = object.name_any();
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let patch = Patch::Apply(object);
    let applied = kubernetes::again(|| api.patch(&name, &params, &patch)).await;
    applied.map(|_| ()).map_err(|error| failed(object, &error))
}

fn failed<K: Resource<DynamicType = ()>>(object: &K, error: &kube::Error) -> Error {
    Error::Apply { kind: K::kind(&()).into_owned(), name: object.name_any(), source: Cause::kube(error) }
}
