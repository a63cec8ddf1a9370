//! Finds objects of other people in a namespace that a run made, because it would be deleted with all that is in it. Only metadata
//! are asked for.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::ListParams;
use kube::core::ApiResource;
use kube::{Api, Client};
use tokio::time::timeout;

use crate::cause::Cause;
use crate::commands::cleanup::discovery::kinds;
use crate::commands::cleanup::listing::{Listed, list};
use crate::commands::cleanup::{KINDS, ownership};

/// The most lists that are asked for at once: each holds a page of up to 13 MiB.
const MAX_CONCURRENT_LISTS: usize = 4;

/// How long one namespace may take: some 60 lists, and one more for each custom resource.
const LIST_TIMEOUT: Duration = Duration::from_secs(60);

/// What Kubernetes and Istio put into every namespace: group, kind, name.
const IN_EVERY_NAMESPACE: [(&str, &str, &str); 4] = [
    ("", "ConfigMap", "kube-root-ca.crt"),
    ("", "ConfigMap", "istio-ca-root-cert"),
    ("", "ConfigMap", "istio-ca-crl"),
    ("", "ServiceAccount", "default"),
];

/// The names of other people's objects, such as `widgets.example.com/a`. `ours` are the UIDs of objects that runs have made; those
/// of what Kubernetes has derived from them are added.
pub(crate) async fn find_other_objects(
    client: &Client,
    namespace: &str,
    ours: &mut HashSet<String>,
    show: impl Fn(&str) -> String,
) -> Result<Vec<String>, Cause> {
    let scan = async {
        let lists = futures::stream::iter(kinds(client, show).await?.into_iter().map(|kind| async move {
            let objects = list(&Api::namespaced_with(client.clone(), namespace, &kind), ListParams::default()).await;
            // A 404 too: the kind was just discovered, so it comes from an API server that starts, or from a proxy.
            objects.map(|(objects, more)| (kind, objects, more)).map_err(|error| Cause::kube(&error))
        }));
        lists.buffered(MAX_CONCURRENT_LISTS).try_collect::<Vec<_>>().await
    };
    let silent =
        |_| Cause::message(format!("listing all kinds of object took longer than {} s", LIST_TIMEOUT.as_secs()));
    let lists = timeout(LIST_TIMEOUT, scan).await.map_err(silent)??;
    let (here, mut found, mut endless) = (HashSet::from([namespace.to_owned()]), Vec::new(), Vec::new());
    for (kind, objects, more) in lists {
        endless.extend(more.then(|| format!("more than {} {}", objects.len(), display_name(&kind))));
        for object in objects {
            if made_by_run(&kind, &object, &here) {
                ours.insert(object.uid.clone());
            } else if !is_in_every_namespace(&kind, &object) {
                found.push((format!("{}/{}", display_name(&kind), object.name), object));
            }
        }
    }
    Ok(names_of_others(found, ours).into_iter().chain(endless).collect())
}

/// A kind as kubectl takes it.
fn display_name(kind: &ApiResource) -> String {
    if kind.group.is_empty() { kind.plural.clone() } else { format!("{}.{}", kind.plural, kind.group) }
}

/// Whether a run has made it, or a person from manifests/.
fn made_by_run(kind: &ApiResource, object: &Listed, here: &HashSet<String>) -> bool {
    let policy = ("networking.k8s.io", "NetworkPolicy");
    let kinds = KINDS.iter().map(|(group, kind, _)| (*group, *kind)).chain([policy]);
    kinds.into_iter().any(|known| known == (kind.group.as_str(), kind.kind.as_str()))
        && ownership::check(&kind.kind, object, here).is_ok()
}

fn is_in_every_namespace(kind: &ApiResource, object: &Listed) -> bool {
    IN_EVERY_NAMESPACE.contains(&(kind.group.as_str(), kind.kind.as_str(), object.name.as_str()))
}

/// The names of objects that are not derived from others: of a Deployment, ReplicaSet and Pod, the Deployment. What is derived from
/// `ours` alone goes there: Pods of our Jobs, and reports of scanners about these.
fn names_of_others(mut objects: Vec<(String, Listed)>, ours: &mut HashSet<String>) -> Vec<String> {
    loop {
        let before = objects.len();
        objects.retain(|(_, object)| {
            let derived = !object.owners.is_empty() && object.owners.iter().all(|owner| ours.contains(owner));
            if derived {
                ours.insert(object.uid.clone());
            }
            !derived
        });
        if objects.len() == before {
            break;
        }
    }
    let uids: HashSet<&str> = objects.iter().map(|(_, object)| object.uid.as_str()).collect();
    let root = |object: &Listed| !object.owners.iter().any(|owner| uids.contains(owner.as_str()));
    let roots: Vec<String> = objects.iter().filter(|(_, object)| root(object)).map(|(name, _)| name.clone()).collect();
    // Objects that own one another have no root, and are there all the same.
    if roots.is_empty() { objects.into_iter().map(|(name, _)| name).collect() } else { roots }
}

#[cfg(test)]
mod tests {
    //! Whose an object is, by its owners.
    use super::*;

    /// `name < owner owner`, each with its name as UID.
    fn judged(objects: &[&str]) -> Vec<String> {
        let object = |text: &&str| {
            let (name, owners) = text.split_once(" < ").unwrap_or((text, ""));
            let owners = owners.split_whitespace().map(str::to_owned).collect();
            (name.to_owned(), Listed { uid: name.to_owned(), owners, ..Listed::default() })
        };
        names_of_others(objects.iter().map(object).collect(), &mut HashSet::from(["our-job".to_owned()]))
    }

    #[test]
    fn pods_and_reports_of_our_jobs_are_ours() {
        assert_eq!(judged(&["report < our-pod", "our-pod < our-job"]), [""; 0]);
    }

    #[test]
    fn of_a_workload_the_root_is_named() {
        assert_eq!(judged(&["pod < set", "set < web", "web", "our-pod < our-job"]), ["web"]);
    }

    #[test]
    fn an_object_with_another_owner_beside_ours_is_foreign() {
        assert_eq!(judged(&["shared < our-job elsewhere"]), ["shared"]);
    }

    #[test]
    fn objects_that_own_one_another_are_foreign() {
        assert_eq!(judged(&["a < b", "b < a"]), ["a", "b"]);
    }
}
