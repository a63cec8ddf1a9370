//! Whether a webhook's Service can answer. Input: the Service and its EndpointSlices. Output: yes, no and why, or that
//! nobody knows. Nothing is sent to the webhook: only the API server holds what it trusts.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client};

use super::hook::{Address, Reachability};
use crate::cause::Cause;
use crate::k8s::{is_not_found, with_retry};

/// Looks at both.
pub(crate) async fn reachability(client: &Client, address: &Address) -> Reachability {
    match unreachable_reason(client, address).await {
        Ok(None) => Reachability::Yes,
        Ok(Some(why)) => Reachability::No(why),
        Err(error) => Reachability::Unknown(Cause::kube(&error).to_string()),
    }
}

/// Why it can't answer.
async fn unreachable_reason(client: &Client, address: &Address) -> Result<Option<String>, kube::Error> {
    let Address { namespace, name, port } = address;
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let service = match with_retry(|| services.get(name)).await {
        Ok(service) => service,
        Err(error) if is_not_found(&error, name) => return Ok(Some("is not there".to_owned())),
        Err(error) => return Err(error),
    };
    let spec = service.spec.unwrap_or_default();
    if spec.type_.as_deref() == Some("ExternalName") {
        return Ok(None);
    }
    if !spec.ports.iter().flatten().any(|known| known.port == *port) {
        return Ok(Some(format!("has no port {port}")));
    }
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let params = ListParams::default().labels(&format!("kubernetes.io/service-name={name}"));
    let all = with_retry(|| slices.list(&params)).await?;
    // Not said means ready: see EndpointConditions.
    let ready = all
        .iter()
        .flat_map(|slice| &slice.endpoints)
        .any(|endpoint| endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false));
    Ok((!ready).then(|| "has no ready Pod".to_owned()))
}
