//! Finds out with which key an API server writes: writes a Secret through it, looks at it in etcd, and deletes it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use tokio::time::Instant;

use crate::etcd_oracle::etcd::Etcd;
use crate::etcd_oracle::storage::Stored;

const NAMESPACE: &str = "kube-system";
/// Each look costs the API server a write and a delete.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until a fresh Secret is stored under a key; why not, when that does not come.
pub(super) async fn until_written_under(
    client: &kube::Client,
    etcd: &Etcd,
    server: &str,
    key: &str,
    limit: Duration,
) -> Result<(), String> {
    let deadline = Instant::now() + limit;
    loop {
        match stored_by(client, etcd, server).await {
            Ok(Stored::Kms { key_id, .. }) if key_id == key => return Ok(()),
            seen if Instant::now() > deadline => {
                return Err(seen.map_or_else(|error| error, |stored| format!("a fresh Secret is stored as {stored}")));
            }
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}

/// How a Secret is stored that the API server of this name writes, to whom the client speaks.
pub(super) async fn stored_by(client: &kube::Client, etcd: &Etcd, server: &str) -> Result<Stored, String> {
    let (name, secrets) = (format!("sandbox-probe-{server}"), Api::<Secret>::namespaced(client.clone(), NAMESPACE));
    // One that an earlier look could not delete.
    let _ = secrets.delete(&name, &DeleteParams::default()).await;
    let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
    let probe = Secret { metadata, ..Secret::default() };
    secrets.create(&PostParams::default(), &probe).await.map_err(|error| format!("{error:#}"))?;
    let stored = etcd.secret(NAMESPACE, &name).await.map_err(|error| format!("{error:#}"));
    secrets.delete(&name, &DeleteParams::default()).await.map_err(|error| format!("{error:#}"))?;
    Ok(stored?.stored)
}
