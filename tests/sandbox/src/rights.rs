//! Who may do everything in the cluster: its creator and an administrators' role, as on EKS, by RBAC; and what may be kept
//! from them on request.

use anyhow::Context;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::discovery::Discovery;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const NAME: &str = "sandbox:cluster-admins";

/// A right that the administrators can be without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// To list Leases; one by its name can still be read and written.
    Leases,
    /// Any verb on EndpointSlices.
    EndpointSlices,
    /// To read `/metrics`.
    Metrics,
}

/// Binds principals to `cluster-admin`, as EKS's AmazonEKSClusterAdminPolicy does.
pub(crate) async fn grant(admin: &Client, arns: &[String]) -> anyhow::Result<()> {
    bind(admin, arns, "cluster-admin").await
}

/// Leaves principals every right but some.
pub(crate) async fn grant_all_but(admin: &Client, arns: &[String], forbidden: &[Right]) -> anyhow::Result<()> {
    if forbidden.is_empty() {
        return grant(admin, arns).await;
    }
    let discovery = Discovery::new(admin.clone()).run().await.context("can't list the API's resources")?;
    let missing = |right| forbidden.contains(&right);
    let mut rules: Vec<Value> = Vec::new();
    for group in discovery.groups() {
        let resources = group.recommended_resources().into_iter().flat_map(|(resource, _)| {
            let plural = resource.plural;
            let kept = match plural.as_str() {
                "leases" => !missing(Right::Leases),
                "endpointslices" => !missing(Right::EndpointSlices),
                _ => true,
            };
            kept.then(|| [format!("{plural}/*"), plural]).into_iter().flatten()
        });
        let resources: Vec<String> = resources.collect();
        if !resources.is_empty() {
            rules.push(json!({ "apiGroups": [group.name()], "resources": resources, "verbs": ["*"] }));
        }
    }
    if missing(Right::Leases) {
        let verbs = ["get", "create", "update", "patch", "delete"];
        rules.push(json!({ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs }));
    }
    // Discovery leaves these out: subresources of Pods, and what has no objects of its own.
    rules.push(json!({ "apiGroups": [""], "resources": ["pods/log", "pods/exec"], "verbs": ["*"] }));
    let paths = ["/api", "/api/*", "/apis", "/apis/*", "/openapi/*", "/version", "/healthz", "/livez", "/readyz"];
    let metrics = (!missing(Right::Metrics)).then_some("/metrics");
    let paths: Vec<&str> = paths.into_iter().chain(metrics).collect();
    rules.push(json!({ "nonResourceURLs": paths, "verbs": ["*"] }));
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": NAME },
        "rules": rules,
    });
    let patch = PatchParams::apply("sandbox").force();
    let applied = Api::<ClusterRole>::all(admin.clone()).patch(NAME, &patch, &Patch::Apply(&role)).await;
    applied.context("the administrators' role could not be made")?;
    bind(admin, arns, NAME).await
}

/// Binds principals to a role, and to no other.
async fn bind(admin: &Client, arns: &[String], role: &str) -> anyhow::Result<()> {
    let user = |arn| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": arn });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": NAME },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": arns.iter().map(user).collect::<Vec<_>>(),
    });
    let bindings: Api<ClusterRoleBinding> = Api::all(admin.clone());
    let bound = bindings.get_opt(NAME).await.context("the administrators' binding can't be read")?;
    if bound.is_some_and(|bound| bound.role_ref.name != role) {
        // The role of a binding can't be changed.
        bindings
            .delete(NAME, &DeleteParams::default())
            .await
            .context("the administrators' binding can't be deleted")?;
    }
    let patch = PatchParams::apply("sandbox");
    let applied = bindings.patch(NAME, &patch, &Patch::Apply(&binding)).await;
    applied.map(|_| ()).context("the cluster's administrators could not be given their rights")
}
