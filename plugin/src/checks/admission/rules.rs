//! Whether a rule of admission means the writes that we make. Input: rules of webhooks and policies. Output: yes or no,
//! and by what it is narrowed. A PATCH is an UPDATE to admission, of `secrets` in the core group's only version.
//!
//! `matchPolicy` makes no difference: Secrets are served in no other group or version that could be equivalent.

use k8s_openapi::api::admissionregistration::v1::{MatchResources, NamedRuleWithOperations, RuleWithOperations};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Which of the Secrets are meant: all, if nothing narrows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scope {
    /// The fields that narrow it, by name.
    pub(crate) by: Vec<&'static str>,
    /// The namespaces that a webhook picks.
    pub(crate) namespaces: LabelSelector,
    /// The Secrets that it picks.
    pub(crate) objects: LabelSelector,
}

impl Scope {
    /// Narrows it by a field, if that is set.
    pub(crate) fn restrict(&mut self, field: &'static str, set: bool) {
        if set && !self.by.contains(&field) {
            self.by.push(field);
        }
    }

    /// Narrows it by selectors, as they are written.
    pub(crate) fn select(&mut self, namespaces: Option<&LabelSelector>, objects: Option<&LabelSelector>) {
        self.namespaces = namespaces.cloned().unwrap_or_default();
        self.objects = objects.cloned().unwrap_or_default();
        self.restrict("namespaceSelector", is_restrictive(namespaces));
        self.restrict("objectSelector", is_restrictive(objects));
    }
}

fn is_restrictive(selector: Option<&LabelSelector>) -> bool {
    selector.is_some_and(|selector| {
        selector.match_labels.as_ref().is_some_and(|labels| !labels.is_empty())
            || selector.match_expressions.as_ref().is_some_and(|expressions| !expressions.is_empty())
    })
}

/// Whether a webhook's rule means our writes.
pub(crate) fn matches_secret_updates(rule: &RuleWithOperations) -> bool {
    contains_or_all(rule.api_groups.as_ref(), "")
        && contains_or_all(rule.api_versions.as_ref(), "v1")
        && contains_or_all(rule.operations.as_ref(), "UPDATE")
        && names_secrets(rule.resources.as_ref())
        && rule.scope.as_deref().is_none_or(|scope| scope == "*" || scope == "Namespaced")
}

/// Whether a policy's or a binding's match means our writes, and by what it is narrowed further.
pub(crate) fn match_resources(matches: &MatchResources, scope: &mut Scope) -> bool {
    let excluded = matches.exclude_resource_rules.iter().flatten().filter(|rule| matches_rule(rule));
    for rule in excluded {
        if matches_whole(rule) {
            return false;
        }
        scope.restrict("excludeResourceRules", true);
    }
    let rules: Vec<_> = matches.resource_rules.iter().flatten().collect();
    let ours: Vec<_> = rules.iter().filter(|rule| matches_rule(rule)).collect();
    // No rule at all narrows nothing: bindings usually have none.
    if !rules.is_empty() && ours.is_empty() {
        return false;
    }
    scope.restrict("resourceNames", !ours.is_empty() && !ours.iter().any(|rule| matches_whole(rule)));
    scope.select(matches.namespace_selector.as_ref(), matches.object_selector.as_ref());
    true
}

fn matches_rule(rule: &NamedRuleWithOperations) -> bool {
    matches_secret_updates(&RuleWithOperations {
        api_groups: rule.api_groups.clone(),
        api_versions: rule.api_versions.clone(),
        operations: rule.operations.clone(),
        resources: rule.resources.clone(),
        scope: rule.scope.clone(),
    })
}

fn matches_whole(rule: &NamedRuleWithOperations) -> bool {
    rule.resource_names.as_ref().is_none_or(Vec::is_empty)
}

fn contains_or_all(list: Option<&Vec<String>>, word: &str) -> bool {
    list.into_iter().flatten().any(|item| item == "*" || item == word)
}

/// `secrets` itself, not one of its subresources: `secrets/*` and `*/*` mean both, `*` means the resource alone.
fn names_secrets(list: Option<&Vec<String>>) -> bool {
    list.into_iter().flatten().any(|item| matches!(item.as_str(), "*" | "*/*" | "secrets" | "secrets/*"))
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
