//! The namespaces in which runs are looked for: the one that a person names, or all that runs have created for themselves, and
//! that of manifests/.

use eks_encrypt_job::wire::names::{NAMESPACE, RUN_LABEL};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PartialObjectMeta;
use kube::{Api, Client, ResourceExt as _};

use crate::cause::Cause;
use crate::k8s::with_retry;
use crate::model::run::{own_namespace, with_app_label};

/// Those namespaces, oldest first. With a name, no right to list namespaces is needed.
pub(crate) async fn list_namespaces_of_runs(client: &Client, named: Option<&str>) -> Result<Vec<String>, Cause> {
    if let Some(name) = named {
        return Ok(vec![name.to_owned()]);
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let ours = with_app_label();
    let mut list = with_retry(|| namespaces.list_metadata(&ours)).await.map_err(|error| Cause::kube(&error))?.items;
    list.sort_by_key(|namespace| namespace.metadata.creation_timestamp.clone());
    Ok(list.iter().filter(|namespace| is_namespace_of_run(namespace)).map(|namespace| namespace.name_any()).collect())
}

/// Whether the name of a namespace with our label is one that a run or manifests/ gives. Labels alone can stand on any namespace.
fn is_namespace_of_run(namespace: &PartialObjectMeta<Namespace>) -> bool {
    let name = namespace.name_any();
    name == NAMESPACE || namespace.labels().get(RUN_LABEL).is_some_and(|run| name == own_namespace(run))
}

/// The newest of what is read from each namespace, with the namespace.
pub(crate) async fn newest<'a, T>(
    namespaces: &'a [String],
    read: impl AsyncFn(&'a str) -> Result<Option<T>, Cause>,
    time: impl Fn(&T) -> Timestamp,
) -> Result<Option<(&'a str, T)>, Cause> {
    let mut all = Vec::new();
    for namespace in namespaces {
        all.extend(read(namespace).await?.map(|found| (namespace.as_str(), found)));
    }
    Ok(all.into_iter().max_by_key(|(_, found)| time(found)))
}

#[cfg(test)]
mod tests {
    //! Which namespaces count.
    use serde_json::json;

    use super::*;
    use crate::testing::kubernetes;

    fn namespace(name: &str, run: &str, created: &str) -> serde_json::Value {
        let labels = json!({ "app.kubernetes.io/name": "eks-encrypt", "eks-encrypt/run": run });
        json!({ "metadata": { "name": name, "labels": labels, "creationTimestamp": created } })
    }

    #[tokio::test]
    async fn labelled_namespaces_of_other_names_do_not_count() {
        let items = [
            namespace("eks-encrypt-r2", "r2", "2026-11-24T08:00:00Z"),
            namespace("eks-encrypt-r1", "r1", "2026-11-24T07:00:00Z"),
            namespace("tenant", "r3", "2026-11-24T09:00:00Z"),
            namespace("eks-encrypt-r4", "r5", "2026-11-24T09:00:00Z"),
            namespace("eks-encrypt", "", "2026-11-24T06:00:00Z"),
        ];
        let list = json!({ "metadata": {}, "items": items }).to_string();
        let client = kubernetes(move |_, path| match path.split('?').next() {
            Some("/api/v1/namespaces") => (200, list.clone()),
            _ => panic!("asked {path}"),
        });
        let found = list_namespaces_of_runs(&client, None).await.unwrap();
        assert_eq!(found, ["eks-encrypt", "eks-encrypt-r1", "eks-encrypt-r2"]);
        assert_eq!(
            list_namespaces_of_runs(&kubernetes(|_, path| panic!("asked {path}")), Some("ops")).await.unwrap(),
            ["ops"]
        );
    }
}
