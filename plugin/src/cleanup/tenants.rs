//! Who else lives in a namespace that a run made: it would be deleted with all that is in it. Input: a namespace of ours.
//! Output: names of what nobody of us has made. Only metadata is asked for, of the kinds that people put into namespaces.

use eks_encrypt_job::contract::{APP, APP_LABEL, RUN_LABEL};
use kube::api::{ListParams, PartialObjectMeta};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client, ResourceExt as _};

use crate::cause::Cause;
use crate::kubernetes::again;

/// The kinds that are looked for, all of version v1. What is of another kind (a NetworkPolicy, a quota, a custom resource) is
/// about these, or is made by somebody's policy in every namespace.
const KINDS: [(&str, &str); 10] = [
    ("", "Pod"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("", "PersistentVolumeClaim"),
    ("", "Service"),
    ("", "Secret"),
    ("", "ConfigMap"),
];

/// Bundles that Kubernetes and Istio put into every namespace.
const EVERYWHERE: [&str; 2] = ["kube-root-ca.crt", "istio-ca-root-cert"];

/// What is in a namespace beside what runs have made.
pub(crate) async fn of(client: &Client, namespace: &str) -> Result<Vec<String>, Cause> {
    let mut others = Vec::new();
    for (group, kind) in KINDS {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let all: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        let params = ListParams::default();
        let list = match again(|| all.list_metadata(&params)).await {
            Ok(list) => list.items,
            // A 404 too: every API server has these kinds, so it comes from one that starts, or from a proxy.
            Err(error) => return Err(Cause::kube(&error)),
        };
        others.extend(list.iter().filter(|object| !ours(object)).map(|object| format!("{kind} {}", object.name_any())));
    }
    Ok(others)
}

/// A Pod of a run has the person's own labels too, which may have taken the place of the first.
fn ours(object: &PartialObjectMeta<DynamicObject>) -> bool {
    let labels = object.labels();
    labels.get(APP_LABEL).is_some_and(|app| app == APP)
        || labels.contains_key(RUN_LABEL)
        || EVERYWHERE.contains(&object.name_any().as_str())
}
