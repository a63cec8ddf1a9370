//! What krew's validator lets pass, and the reviewers of its index do not (krew, `docs/NAMING_GUIDE.md` and the index's checklist
//! for new plugins): a rule for each, with an example that breaks it.

use serde_json::{Value, json};

use super::release_files::{VERSION, filled, shipped};

/// What a reviewer would say of a manifest.
fn complaints(manifest: &Value) -> Vec<&'static str> {
    let spec = &manifest["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (name, short) = (text(&manifest["metadata"]["name"]), text(&spec["shortDescription"]));
    let (description, caveats) = (text(&spec["description"]), text(&spec["caveats"]));
    let word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let long = |text: &str| text.lines().any(|line| line.chars().count() > 80);
    // Usage is what `--help` is for: commands and flags.
    let usage = |text: &str| text.contains("kubectl ") || text.split_whitespace().any(|word| word.starts_with('-'));
    let platforms = spec["platforms"].as_array().cloned().unwrap_or_default();
    let of_windows = |platform: &Value| platform["selector"]["matchLabels"]["os"] == "windows";
    let exe = |platform: &Value| text(&platform["bin"]).ends_with(".exe");
    let rules = [
        (!name.split('-').all(word), "the name is not in lower case with dashes"),
        (name.starts_with("kube"), "the name begins with kube"),
        (text(&spec["version"]) != format!("v{VERSION}"), "the version is not the workspace's"),
        (short.chars().count() > 50, "the short description is longer than 50 characters"),
        (short.ends_with('.'), "the short description ends with a full stop"),
        (description.is_empty(), "there is no description"),
        (long(&description), "the description is not wrapped at 80 characters"),
        (long(&caveats), "the caveats are not wrapped at 80 characters"),
        (usage(&description) || usage(&caveats), "a text explains usage"),
        (spec.get("homepage").is_some_and(|page| !text(page).starts_with("https://")), "the homepage is no address"),
        (
            platforms.iter().any(|platform| of_windows(platform) != exe(platform)),
            "a program's .exe does not fit its system",
        ),
        (
            platforms.iter().any(|platform| !text(&platform["uri"]).starts_with("https://")),
            "an archive comes without TLS",
        ),
    ];
    rules.into_iter().filter_map(|(broken, complaint)| broken.then_some(complaint)).collect()
}

#[test]
fn ours_passes() {
    assert_eq!(complaints(&shipped().manifest), [""; 0]);
    // The template with every platform that a release may have.
    let text = include_str!("../../../krew/eks-encrypt.yaml.in").replace("@VERSION@", VERSION);
    let mut whole: Value = serde_saphyr::from_str(&text).unwrap();
    for platform in whole["spec"]["platforms"].as_array_mut().unwrap() {
        platform["uri"] = format!("https://not-published.invalid/{}", platform["uri"].as_str().unwrap()).into();
    }
    assert_eq!(complaints(&whole), [""; 0]);
}

#[test]
fn each_rule_has_an_example_that_breaks_it() {
    let broken = |change: fn(&mut Value)| {
        let mut manifest = filled(|_| "0".repeat(64));
        change(&mut manifest);
        complaints(&manifest)
    };
    let of = |complaint: &'static str| vec![complaint];
    assert_eq!(
        broken(|m| m["metadata"]["name"] = json!("EKS_encrypt")),
        of("the name is not in lower case with dashes")
    );
    assert_eq!(broken(|m| m["metadata"]["name"] = json!("kube-encrypt")), of("the name begins with kube"));
    assert_eq!(broken(|m| m["spec"]["version"] = json!("v9.9.9")), of("the version is not the workspace's"));
    let short = |text: &str| {
        let mut manifest = filled(|_| "0".repeat(64));
        manifest["spec"]["shortDescription"] = text.into();
        complaints(&manifest)
    };
    assert_eq!(short(&"x".repeat(51)), of("the short description is longer than 50 characters"));
    assert_eq!(short("Does it."), of("the short description ends with a full stop"));
    assert_eq!(broken(|m| m["spec"]["description"] = json!("")), of("there is no description"));
    let long = |m: &mut Value| m["spec"]["description"] = json!("x".repeat(81));
    assert_eq!(broken(long), of("the description is not wrapped at 80 characters"));
    assert_eq!(
        broken(|m| m["spec"]["caveats"] = json!("x".repeat(81))),
        of("the caveats are not wrapped at 80 characters")
    );
    assert_eq!(
        broken(|m| m["spec"]["description"] = json!("Use it:\nkubectl eks-encrypt status")),
        of("a text explains usage")
    );
    assert_eq!(broken(|m| m["spec"]["caveats"] = json!("Pass --yes.")), of("a text explains usage"));
    assert_eq!(broken(|m| m["spec"]["homepage"] = json!("somewhere")), of("the homepage is no address"));
    let exe = |m: &mut Value| m["spec"]["platforms"][0]["selector"]["matchLabels"]["os"] = json!("windows");
    assert_eq!(broken(exe), of("a program's .exe does not fit its system"));
    assert_eq!(
        broken(|m| m["spec"]["platforms"][0]["uri"] = json!("http://x/a.tar.gz")),
        of("an archive comes without TLS")
    );
}
