//! EKS's own storage migrator, as far as it can be seen from outside: it updates each Secret with itself (PUT). EKS's has the
//! ClusterRole `eks:kms-storage-migrator`; when it works, and on what, AWS does not document.

use anyhow::Context;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};

/// Secrets a page.
const PAGE: u32 = 500;

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
