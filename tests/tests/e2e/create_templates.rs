//! The golden templates of `create`, checked by cfn-lint with AWS's own schemas of each resource. It needs no network, and knows
//! what a region has.

use std::path::{Path, PathBuf};
use std::process::Command;

use eks_encrypt_tests::parts::Parts;
use serde_json::Value;

use super::support::{Said, run};

/// Where a test beside `render` keeps them true.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugin/src/create/golden");

/// Zones written out are advised against (W3010), because a template should fit any account. Ours is made for one, and the
/// usual `Fn::GetAZs` would also give zones in which EKS makes no clusters.
const ADVICE: &str = "W3010";

/// Whatever else it says, a mere warning included, is a failure.
fn lint(region: &str, template: &Path) -> Said {
    let cfn_lint = Parts::of_this_checkout().python("cfn-lint").unwrap();
    run(Command::new(cfn_lint).args(["--ignore-checks", ADVICE, "--regions", region, "--"]).arg(template))
}

/// A region and a template for it, by the file's name: `minimal-us-west-2.json`.
fn golden() -> Vec<(String, PathBuf)> {
    let files = std::fs::read_dir(GOLDEN).unwrap().map(|entry| entry.unwrap().path());
    let with_region = |file: PathBuf| {
        let (_, region) = file.file_stem().unwrap().to_str().unwrap().split_once('-').unwrap();
        (region.to_owned(), file)
    };
    files.map(with_region).collect()
}

#[test]
fn cloudformation_takes_every_golden_template() {
    let golden = golden();
    assert_eq!(golden.len(), 6, "{golden:?}");
    for (region, template) in golden {
        let said = lint(&region, &template);
        assert_eq!(said.code, Some(0), "{}\n{}{}", template.display(), said.stdout, said.stderr);
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
    let said = lint("us-west-2", &spoiled);
    assert_ne!(said.code, Some(0), "{}", said.stdout);
    assert!(said.stdout.contains("E3002") && said.stdout.contains("KeyARN"), "{}{}", said.stdout, said.stderr);
}
