//! EKS's own storage migrator, as far as it can be seen from outside: it updates each Secret with itself (PUT). EKS's has the
//! ClusterRole `eks:kms-storage-migrator`; when it works, and on what, AWS does not document.

use std::path::Path;

use anyhow::Context;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::client;

/// Its user, and its ClusterRole.
const MIGRATOR: &str = "eks:kms-storage-migrator";

/// Secrets a page.
const PAGE: u32 = 500;

/// A client with its name and its rights, which an administrator gives it.
pub(crate) async fn client_of(admin: &Path) -> anyhow::Result<Client> {
    let client = client::of(admin).await?;
    let (group, params) = ("rbac.authorization.k8s.io", PatchParams::apply("sandbox").force());
    let role = json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "ClusterRole",
        "metadata": { "name": MIGRATOR },
        "rules": [{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "update"] }],
    });
    let binding = json!({
        "apiVersion": format!("{group}/v1"),
        "kind": "ClusterRoleBinding",
        "metadata": { "name": MIGRATOR },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": MIGRATOR },
        "subjects": [{ "apiGroup": group, "kind": "User", "name": MIGRATOR }],
    });
    let failed = || format!("{MIGRATOR} could not be given its rights");
    let (roles, bindings) = (Api::<ClusterRole>::all(client.clone()), Api::<ClusterRoleBinding>::all(client));
    roles.patch(MIGRATOR, &params, &Patch::Apply(&role)).await.with_context(failed)?;
    bindings.patch(MIGRATOR, &params, &Patch::Apply(&binding)).await.with_context(failed)?;
    client::acting_as(admin, MIGRATOR).await
}

/// Updates every Secret once; gives how many were written. One that is changed or deleted meanwhile is left out.
pub(crate) async fn migrate(client: &Client) -> anyhow::Result<usize> {
    let all: Api<Secret> = Api::all(client.clone());
    let (mut written, mut from) = (0, None::<String>);
    loop {
        let mut params = ListParams::default().limit(PAGE);
        params.continue_token = from.take();
        let page = all.list(&params).await.context("the Secrets can't be listed")?;
        for secret in page.items {
            let name = secret.metadata.name.clone().unwrap_or_default();
            let namespace = secret.metadata.namespace.clone().unwrap_or_default();
            let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
            match secrets.replace(&name, &PostParams::default(), &secret).await {
                Ok(_) => written += 1,
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                Err(error) => return Err(error).with_context(|| format!("can't update {namespace}/{name}")),
            }
        }
        from = page.metadata.continue_.filter(|token| !token.is_empty());
        if from.is_none() {
            return Ok(written);
        }
    }
}
