//! The golden templates of `create`, checked by cfn-lint with AWS's own schemas of each resource. It needs no network, and knows
//! what a region has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use eks_encrypt_sandbox::parts::Parts;
use serde_json::Value;

use super::support::{CommandOutput, run};

/// Where a test beside `render` keeps them true.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/src/cloudformation/golden");

/// Zones written out are advised against (W3010), because a template should fit any account. Ours is made for one, and the
/// usual `Fn::GetAZs` would also give zones in which EKS makes no clusters.
const ADVICE: &str = "W3010";

/// Whatever else it says, a mere warning included, is a failure.
fn lint(region: &str, templates: &[PathBuf]) -> CommandOutput {
    let cfn_lint = Parts::of_this_checkout().python("cfn-lint").unwrap();
    run(Command::new(cfn_lint).args(["--ignore-checks", ADVICE, "--regions", region, "--"]).args(templates))
}

/// The templates of each region, by the files' names: `minimal-us-west-2.json`.
fn golden() -> BTreeMap<String, Vec<PathBuf>> {
    let mut golden = BTreeMap::<String, Vec<PathBuf>>::new();
    for entry in std::fs::read_dir(GOLDEN).unwrap() {
        let file = entry.unwrap().path();
        let (_, region) = file.file_stem().unwrap().to_str().unwrap().split_once('-').unwrap();
        golden.entry(region.to_owned()).or_default().push(file);
    }
    golden
}

#[test]
fn cloudformation_takes_every_golden_template() {
    let golden = golden();
    let partitions: Vec<&str> = golden.keys().map(String::as_str).collect();
    assert_eq!(partitions, ["cn-north-1", "us-gov-west-1", "us-west-2"]);
    for (region, templates) in golden {
        assert_eq!(templates.len(), 2, "{templates:?}");
        let output = lint(&region, &templates);
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    }
}

/// If it could not fail, the test above would show nothing.
#[test]
fn a_spoiled_template_is_found_out() {
    let text = std::fs::read_to_string(format!("{GOLDEN}/minimal-us-west-2.json")).unwrap();
    let mut template: Value = serde_json::from_str(&text).unwrap();
    let encryption = &mut template["Resources"]["ControlPlane"]["Properties"]["EncryptionConfig"][0];
    // As eksctl spells it.
    encryption["Provider"] = serde_json::json!({"KeyARN": encryption["Provider"]["KeyArn"]});
    let folder = tempfile::tempdir().unwrap();
    let spoiled = folder.path().join("spoiled.json");
    std::fs::write(&spoiled, template.to_string()).unwrap();
    let output = lint("us-west-2", &[spoiled]);
    assert_ne!(output.code, Some(0), "{}", output.stdout);
    assert!(output.stdout.contains("E3002") && output.stdout.contains("KeyARN"), "{}{}", output.stdout, output.stderr);
}
