//! Who may do everything in the cluster: its creator and an administrators' role, as on EKS, by RBAC.

use anyhow::Context;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

const NAME: &str = "sandbox:cluster-admins";

/// Binds principals to `cluster-admin`, as EKS's AmazonEKSClusterAdminPolicy does.
pub(crate) async fn grant(admin: &kube::Client, arns: &[String]) -> anyhow::Result<()> {
    let user = |arn| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": arn });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": NAME },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": arns.iter().map(user).collect::<Vec<_>>(),
    });
    let bindings: Api<ClusterRoleBinding> = Api::all(admin.clone());
    let patch = PatchParams::apply("sandbox");
    let applied = bindings.patch(NAME, &patch, &Patch::Apply(&binding)).await;
    applied.map(|_| ()).context("the cluster's administrators could not be given their rights")
}
