//! The manifest by krew's own rules: what `validate-krew-manifest` refuses (krew, `internal/index/validation/validate.go` and
//! `cmd/validate-krew-manifest`), a test for each rule with an example that breaks it, and that it lets ours pass.
//!
//! It has no rule for the length of texts, for what a description says, or for the names of Windows programs. krew's reviewers look at those.

use serde_json::{Value, json};

use super::home::{Home, MANIFEST};
use super::release_files::{filled, shipped};
use super::serve::serve;

/// Our manifest, with sums of nothing.
fn ours() -> Value {
    filled(|_| "0".repeat(64))
}

/// What the validator says of ours, changed so.
fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut manifest = ours();
    change(&mut manifest);
    Home::new().validate(MANIFEST, &manifest).error()
}

/// Removes a field of an object.
fn without(object: &mut Value, field: &str) {
    object.as_object_mut().unwrap().remove(field).unwrap();
}

/// The first platform of a manifest.
fn first(manifest: &mut Value) -> &mut Value {
    &mut manifest["spec"]["platforms"][0]
}

/// Tests of the form: name, what is changed, why it is refused.
macro_rules! rules {
    ($($name:ident: |$manifest:ident| $change:expr => $why:literal;)*) => {$(
        #[test]
        fn $name() {
            let output = refused(|$manifest| $change);
            assert!(output.contains($why), "{output}");
        }
    )*};
}

rules! {
    the_api_version_is_v1alpha2: |m| m["apiVersion"] = json!("krew.googlecontainertools.github.com/v1") =>
        "not supported in this version of krew";
    the_kind_is_plugin: |m| m["kind"] = json!("Plugins") => r#"but only "Plugin" is supported"#;
    a_name_has_no_spaces: |m| m["metadata"]["name"] = json!("eks encrypt") => r#"the plugin name "eks encrypt" is not allowed"#;
    a_name_is_no_device_of_windows: |m| m["metadata"]["name"] = json!("nul") => r#"the plugin name "nul" is not allowed"#;
    there_is_a_version: |m| without(&mut m["spec"], "version") => "should have a version specified";
    a_version_begins_with_v: |m| m["spec"]["version"] = json!("0.1.0") => "failed to parse plugin version";
    a_version_is_semantic: |m| m["spec"]["version"] = json!("v0.1") => "failed to parse plugin version";
    there_is_a_short_description: |m| without(&mut m["spec"], "shortDescription") => "should have a short description";
    a_short_description_is_one_line: |m| m["spec"]["shortDescription"] = json!("Put\nSecrets") =>
        "should not have line breaks in short description";
    there_is_a_platform: |m| m["spec"]["platforms"] = json!([]) => "should have a platform specified";
    a_platform_has_an_address: |m| without(first(m), "uri") => "`uri` has to be set";
    a_platform_has_a_sum: |m| without(first(m), "sha256") => "`sha256` sum has to be set";
    a_sum_is_in_lower_case: |m| first(m)["sha256"] = json!("A".repeat(64)) => "must match pattern ^[a-f0-9]{64}$";
    a_sum_has_64_digits: |m| first(m)["sha256"] = json!("a".repeat(63)) => "must match pattern ^[a-f0-9]{64}$";
    a_platform_has_a_program: |m| without(first(m), "bin") => "`bin` has to be set";
    a_platform_has_a_selector: |m| without(first(m), "selector") => "nil selector is not supported";
    a_selector_selects: |m| first(m)["selector"] = json!({}) => "empty selector is not supported";
    a_selector_has_labels: |m| first(m)["selector"]["matchLabels"] = json!({}) => "`matchLabels` specified but empty";
    a_selector_has_expressions: |m| first(m)["selector"]["matchExpressions"] = json!([]) => "`matchExpressions` specified but empty";
    a_selector_knows_os_and_arch_alone: |m| first(m)["selector"]["matchLabels"]["cpu"] = json!("fast") => r#"key "cpu" not supported"#;
    a_platform_is_one_that_krew_knows: |m| first(m)["selector"]["matchLabels"]["arch"] = json!("s390x") =>
        "doesn't match any supported platforms";
    a_platform_is_there_once: |m| first(m)["selector"]["matchLabels"]["arch"] = json!("arm64") =>
        "overlapping selectors that select linux/arm64";
    files_are_left_out_or_some: |m| first(m)["files"] = json!([]) => "`files` has to be unspecified or non-empty";
    files_come_from_somewhere: |m| first(m)["files"] = json!([{"to": "."}]) => "`from` field has to be set";
    files_go_somewhere: |m| first(m)["files"] = json!([{"from": "*"}]) => "`to` field has to be set";
}

#[test]
fn the_file_has_the_plugins_name() {
    let output = Home::new().validate("encrypt.yaml", &ours()).error();
    assert!(output.contains(r#"plugin should be named "encrypt", not "eks-encrypt""#), "{output}");
    let output = Home::new().validate("eks-encrypt.yml", &ours()).error();
    assert!(output.contains(r#"expected manifest extension ".yaml" but found ".yml""#), "{output}");
}

#[test]
fn ours_passes() {
    Home::new().validate(MANIFEST, &ours()).ok();
    Home::new().validate(MANIFEST, &shipped().manifest).ok();
}

/// As the index's CI does it, from addresses: of the loopback here.
#[test]
fn ours_passes_with_every_platform_downloaded_and_installed() {
    let shipped = shipped();
    let output = Home::new().validate_installed(&shipped.at(&serve(&shipped.folder)));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let platforms = shipped.manifest["spec"]["platforms"].as_array().unwrap().len();
    assert!(output.stderr.contains(&format!("all {platforms} spec.platforms installed fine")), "{}", output.stderr);
}
