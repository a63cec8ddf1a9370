//! Which rules mean the writes that we make.
use super::*;
use serde_json::{Value, json};

/// A rule for every write of everything, but for one field.
fn rule(field: &str, value: Value) -> Value {
    let mut rule = json!({"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]});
    rule[field] = value;
    rule
}

#[test]
fn webhooks_rules() {
    let cases = [
        ("apiGroups", json!([""]), true),
        ("apiGroups", json!(["apps", ""]), true),
        ("apiGroups", json!(["apps"]), false),
        ("apiVersions", json!(["v1"]), true),
        ("apiVersions", json!(["v1beta1"]), false),
        ("operations", json!(["CREATE", "UPDATE"]), true),
        ("operations", json!(["CREATE", "DELETE", "CONNECT"]), false),
        ("resources", json!(["secrets"]), true),
        ("resources", json!(["secrets/*"]), true),
        ("resources", json!(["*"]), true),
        ("resources", json!(["pods", "configmaps"]), false),
        ("resources", json!(["*/status"]), false),
        ("resources", json!(["secrets/status"]), false),
        ("resources", json!([]), false),
        ("scope", json!("Namespaced"), true),
        ("scope", json!("*"), true),
        ("scope", json!("Cluster"), false),
        ("scope", json!(null), true),
    ];
    for (field, value, expected) in cases {
        let rule = rule(field, value);
        assert_eq!(matches_secret_updates(&serde_json::from_value(rule.clone()).unwrap()), expected, "{rule}");
    }
}

/// Whether it matches, and what narrows it.
fn scope_of(matches: Value) -> Option<Vec<&'static str>> {
    let mut scope = Scope::default();
    match_resources(&serde_json::from_value(matches).unwrap(), &mut scope).then_some(scope.by)
}

#[test]
fn policies_matches() {
    let (all, pods) = (rule("scope", json!("*")), rule("resources", json!(["pods"])));
    let one = rule("resourceNames", json!(["db"]));
    assert_eq!(scope_of(json!({})), Some(vec![]));
    assert_eq!(scope_of(json!({"resourceRules": [all]})), Some(vec![]));
    assert_eq!(scope_of(json!({"resourceRules": [pods]})), None);
    assert_eq!(scope_of(json!({"resourceRules": [one]})), Some(vec!["resourceNames"]));
    assert_eq!(scope_of(json!({"resourceRules": [one, all]})), Some(vec![]));
    assert_eq!(scope_of(json!({"resourceRules": [all], "excludeResourceRules": [pods]})), Some(vec![]));
    assert_eq!(scope_of(json!({"resourceRules": [all], "excludeResourceRules": [all]})), None);
    assert_eq!(
        scope_of(json!({"resourceRules": [all], "excludeResourceRules": [one]})),
        Some(vec!["excludeResourceRules"])
    );
    let selectors = json!({"namespaceSelector": {"matchLabels": {"a": "b"}},
        "objectSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}});
    assert_eq!(scope_of(selectors), Some(vec!["namespaceSelector", "objectSelector"]));
    assert_eq!(scope_of(json!({"namespaceSelector": {}, "objectSelector": {"matchLabels": {}}})), Some(vec![]));
}
