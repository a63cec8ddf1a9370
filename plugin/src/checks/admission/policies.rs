//! Reads the policies that the API server judges itself (CEL). Input: policies and their bindings: a policy without a
//! binding does nothing. Output: the gates among them.
//!
//! Validating policies are in v1 since Kubernetes 1.30; mutating ones since 1.36, and in v1beta1 before where somebody
//! has turned them on. What a version does not serve, it does not apply.

use k8s_openapi::api::admissionregistration::v1::{MatchCondition, MatchResources};
use kube::api::{ApiResource, GroupVersionKind, ListParams};
use kube::core::{NotUsed, Object};
use kube::{Api, Client, ResourceExt as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::hook::{AdmissionHook, Backend};
use super::rules::{Scope, match_resources};
use crate::k8s::get_if_served;

/// A kind of policy.
pub(crate) struct Kind {
    shown: &'static str,
    changes: bool,
    policy: (&'static str, &'static str),
    binding: (&'static str, &'static str),
    versions: &'static [&'static str],
}

/// Those that validate.
pub(crate) const VALIDATING: Kind = Kind {
    shown: "validating policy",
    changes: false,
    policy: ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    binding: ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
    versions: &["v1"],
};

/// Those that change what is written.
pub(crate) const MUTATING: Kind = Kind {
    shown: "mutating policy",
    changes: true,
    policy: ("MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
    binding: ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings"),
    versions: &["v1", "v1beta1"],
};

/// What is read of a policy, the same for both kinds and all versions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    match_constraints: Option<MatchResources>,
    match_conditions: Option<Vec<MatchCondition>>,
    failure_policy: Option<String>,
}

/// What is read of a binding.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    policy_name: Option<String>,
    match_resources: Option<MatchResources>,
    /// Mutating ones have none.
    validation_actions: Option<Vec<String>>,
}

/// Reads one kind.
pub(crate) async fn read(client: &Client, kind: &Kind) -> Result<Vec<AdmissionHook>, kube::Error> {
    for version in kind.versions {
        let Some(policies) = list::<Policy>(client, version, kind.policy).await? else { continue };
        if policies.is_empty() {
            return Ok(Vec::new());
        }
        let bindings = list::<Binding>(client, version, kind.binding).await?.unwrap_or_default();
        let gates = policies.iter().filter_map(|policy| {
            let name = policy.name_any();
            // The least narrowed binding says how far the policy goes.
            let scopes = bindings.iter().filter_map(|binding| reach(&policy.spec, &name, &binding.spec));
            let scope = scopes.min_by_key(|scope| scope.by.len())?;
            let strict = policy.spec.failure_policy.as_deref().is_none_or(|policy| policy == "Fail");
            Some(AdmissionHook { kind: kind.shown, name, changes: kind.changes, strict, scope, asks: Backend::Nobody })
        });
        return Ok(gates.collect());
    }
    Ok(Vec::new())
}

/// Which Secrets a policy means by a binding, if any.
fn reach(policy: &Policy, name: &str, binding: &Binding) -> Option<Scope> {
    // One that only warns or writes audit events denies nothing.
    let denies =
        binding.validation_actions.as_ref().is_none_or(|actions| actions.iter().any(|action| action == "Deny"));
    if binding.policy_name.as_deref() != Some(name) || !denies {
        return None;
    }
    let mut scope = Scope::default();
    let conditions = policy.match_conditions.as_ref().is_some_and(|conditions| !conditions.is_empty());
    scope.restrict("matchConditions", conditions);
    let of_policy = policy.match_constraints.as_ref().is_some_and(|matches| match_resources(matches, &mut scope));
    let of_binding = binding.match_resources.as_ref().is_none_or(|matches| match_resources(matches, &mut scope));
    (of_policy && of_binding).then_some(scope)
}

type Read<T> = Object<T, NotUsed>;

/// All of a resource; nothing, where it is not served.
async fn list<T>(
    client: &Client,
    version: &str,
    (kind, plural): (&str, &str),
) -> Result<Option<Vec<Read<T>>>, kube::Error>
where
    T: Clone + std::fmt::Debug + DeserializeOwned,
{
    let named = GroupVersionKind::gvk("admissionregistration.k8s.io", version, kind);
    let api: Api<Read<T>> = Api::all_with(client.clone(), &ApiResource::from_gvk_with_plural(&named, plural));
    let params = ListParams::default();
    Ok(get_if_served(|| api.list(&params)).await?.map(|list| list.items))
}
