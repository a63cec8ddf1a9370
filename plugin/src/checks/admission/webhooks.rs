//! Reads the webhooks. Input: both kinds of webhook configuration. Output: the gates among them.

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhook, MutatingWebhookConfiguration, ValidatingWebhook, ValidatingWebhookConfiguration,
};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use super::hook::{Address, AdmissionHook, Backend};
use super::rules::{Scope, matches_secret_updates};
use crate::k8s::with_retry;

/// Those that validate.
pub(crate) async fn validating(client: &Client) -> Result<Vec<AdmissionHook>, kube::Error> {
    let (api, params) = (Api::<ValidatingWebhookConfiguration>::all(client.clone()), ListParams::default());
    let all = with_retry(|| api.list(&params)).await?;
    let gate = |config: &str, webhook: &ValidatingWebhook| gate("validating webhook", config, webhook);
    Ok(all
        .iter()
        .flat_map(|config| config.webhooks.iter().flatten().filter_map(|webhook| gate(&config.name_any(), webhook)))
        .collect())
}

/// Those that change what is written.
pub(crate) async fn mutating(client: &Client) -> Result<Vec<AdmissionHook>, kube::Error> {
    let (api, params) = (Api::<MutatingWebhookConfiguration>::all(client.clone()), ListParams::default());
    let all = with_retry(|| api.list(&params)).await?;
    let gate = |config: &str, webhook: &MutatingWebhook| {
        let gate = gate("mutating webhook", config, &common(webhook.clone()))?;
        Some(AdmissionHook { changes: true, ..gate })
    };
    Ok(all
        .iter()
        .flat_map(|config| config.webhooks.iter().flatten().filter_map(|webhook| gate(&config.name_any(), webhook)))
        .collect())
}

/// The kinds differ in their type, and in a field that says nothing here.
fn common(webhook: MutatingWebhook) -> ValidatingWebhook {
    ValidatingWebhook {
        admission_review_versions: webhook.admission_review_versions,
        client_config: webhook.client_config,
        failure_policy: webhook.failure_policy,
        match_conditions: webhook.match_conditions,
        match_policy: webhook.match_policy,
        name: webhook.name,
        namespace_selector: webhook.namespace_selector,
        object_selector: webhook.object_selector,
        rules: webhook.rules,
        side_effects: webhook.side_effects,
        timeout_seconds: webhook.timeout_seconds,
    }
}

/// The gate, if the webhook means Secrets. The defaults are the API server's.
fn gate(kind: &'static str, config: &str, webhook: &ValidatingWebhook) -> Option<AdmissionHook> {
    webhook.rules.iter().flatten().find(|rule| matches_secret_updates(rule))?;
    let mut scope = Scope::default();
    scope.select(webhook.namespace_selector.as_ref(), webhook.object_selector.as_ref());
    scope.restrict("matchConditions", webhook.match_conditions.as_ref().is_some_and(|all| !all.is_empty()));
    let asks = match (&webhook.client_config.service, &webhook.client_config.url) {
        (Some(service), _) => {
            let (namespace, name) = (service.namespace.clone(), service.name.clone());
            let address = Address { namespace, name, port: service.port.unwrap_or(443) };
            Backend::Service { address, seconds: webhook.timeout_seconds.unwrap_or(10) }
        }
        (None, url) => Backend::Url(url.clone().unwrap_or_default()),
    };
    let strict = webhook.failure_policy.as_deref().is_none_or(|policy| policy == "Fail");
    Some(AdmissionHook { kind, name: format!("{config}/{}", webhook.name), changes: false, strict, scope, asks })
}
