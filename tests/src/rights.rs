//! What the cluster's creator may do in it: everything, as on EKS, by RBAC.

use anyhow::Context;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

/// Binds a principal to `cluster-admin`, as EKS's AmazonEKSClusterAdminPolicy does.
pub(crate) async fn grant_creator(admin: &kube::Client, arn: &str) -> anyhow::Result<()> {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "sandbox:cluster-creator" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": arn }],
    });
    let bindings: Api<ClusterRoleBinding> = Api::all(admin.clone());
    let patch = PatchParams::apply("sandbox");
    let applied = bindings.patch("sandbox:cluster-creator", &patch, &Patch::Apply(&binding)).await;
    applied.map(|_| ()).context("the cluster's creator could not be given its rights")
}
