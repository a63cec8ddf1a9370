//! The kinds of object that can be in a namespace, custom resources included, as the API server lists them: two requests, in the
//! aggregated form (`k8s.io/api/apidiscovery/v2`, served since Kubernetes 1.27).

use std::collections::HashSet;

use kube::Client;
use kube::core::discovery::v2::APIGroupDiscovery;
use kube::core::{ApiResource, GroupVersionKind};

use crate::cause::Cause;
use crate::k8s::with_retry;

/// Kinds that are no objects of anybody: group, and plural where it is not all of the group.
const LEFT_OUT: [(&str, Option<&str>); 4] = [
    // Reports about other objects, which expire.
    ("", Some("events")),
    ("events.k8s.io", None),
    // Computed for each request, and stored nowhere.
    ("metrics.k8s.io", None),
    // A catalog that is the same in every namespace.
    ("packages.operators.coreos.com", None),
];

/// Fails where some kinds are not known: a namespace can hold objects of them, and Kubernetes can't delete a namespace before it
/// knows them. The cause ends with the command that shows why.
pub(crate) async fn kinds(client: &Client, show: impl Fn(&str) -> String) -> Result<Vec<ApiResource>, Cause> {
    let mut all = Vec::new();
    for core in [true, false] {
        let groups = with_retry(|| async {
            if core {
                client.list_core_api_versions_aggregated().await
            } else {
                client.list_api_groups_aggregated().await
            }
        });
        let groups = groups.await.map_err(|error| Cause::kube(&error))?.items;
        // An API server that does not know the aggregated form answers in another one, without items.
        if groups.is_empty() {
            return Err(Cause::message("the API server does not list its kinds in the aggregated form".to_owned()));
        }
        all.extend(groups);
    }
    listable(all).map_err(|broken| {
        let command = show(&format!("get apiservice {}", broken.join(" ")));
        Cause::message(format!("the API server can't list the kinds of {}\n  see why: {command}", broken.join(", ")))
    })
}

/// The namespaced kinds whose objects are stored and can be listed, each once; or the names of the APIServices that don't answer.
fn listable(groups: Vec<APIGroupDiscovery>) -> Result<Vec<ApiResource>, Vec<String>> {
    let (mut kinds, mut seen, mut broken) = (Vec::new(), HashSet::new(), Vec::new());
    for group in groups {
        let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
        // The preferred version comes first.
        for version in group.versions {
            let number = version.version.unwrap_or_default();
            if version.freshness.as_deref() == Some("Stale") {
                broken.push(format!("{number}.{name}"));
            }
            for resource in version.resources {
                let plural = resource.resource.unwrap_or_default();
                let known =
                    LEFT_OUT.iter().any(|(group, only)| *group == name && only.is_none_or(|only| only == plural));
                let listable =
                    resource.scope.as_deref() == Some("Namespaced") && resource.verbs.iter().any(|verb| verb == "list");
                if listable && !known && seen.insert((name.clone(), plural.clone())) {
                    let kind = resource.response_kind.and_then(|kind| kind.kind).unwrap_or_default();
                    let kind = GroupVersionKind::gvk(&name, &number, &kind);
                    kinds.push(ApiResource::from_gvk_with_plural(&kind, &plural));
                }
            }
        }
    }
    if broken.is_empty() { Ok(kinds) } else { Err(broken) }
}

#[cfg(test)]
mod tests {
    //! Discovery documents as an API server writes them.
    use super::*;
    use serde_json::{Value, json};

    fn resource(plural: &str, scope: &str, verbs: &[&str]) -> Value {
        json!({"resource": plural, "responseKind": {"kind": plural}, "scope": scope, "verbs": verbs})
    }

    fn read(groups: &Value) -> Result<Vec<String>, Vec<String>> {
        let kinds = listable(serde_json::from_value(groups.clone()).unwrap())?;
        Ok(kinds.iter().map(|kind| format!("{}/{}", kind.api_version, kind.plural)).collect())
    }

    #[test]
    fn kinds_of_every_version_are_listed_once_and_in_the_preferred_one() {
        let both = resource("widgets", "Namespaced", &["get", "list"]);
        let groups = json!([
            {"metadata": {}, "versions": [{"version": "v1", "resources": [
                resource("pods", "Namespaced", &["list"]), resource("events", "Namespaced", &["list"]),
                resource("bindings", "Namespaced", &["create"]), resource("nodes", "Cluster", &["list"])]}]},
            {"metadata": {"name": "example.com"}, "versions": [
                {"version": "v1", "freshness": "Current", "resources": [both]},
                {"version": "v1beta1", "resources": [both, resource("gadgets", "Namespaced", &["list"])]}]},
            {"metadata": {"name": "metrics.k8s.io"}, "versions": [
                {"version": "v1beta1", "resources": [resource("pods", "Namespaced", &["list"])]}]},
        ]);
        assert_eq!(read(&groups).unwrap(), ["v1/pods", "example.com/v1/widgets", "example.com/v1beta1/gadgets"]);
    }

    #[test]
    fn an_api_service_that_does_not_answer_is_named() {
        let groups = json!([
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "freshness": "Current"}]},
            {"metadata": {"name": "example.com"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
        ]);
        assert_eq!(read(&groups).unwrap_err(), ["v1.example.com"]);
    }
}
