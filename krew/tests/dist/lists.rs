//! What lies beside the archives: sums, the SBOMs, the krew manifest.

use std::collections::BTreeSet;
use std::process::Command;

use cyclonedx_bom::models::bom::{Bom, SpecVersion};
use cyclonedx_bom::validation::Validate;

use crate::support::{ARCHES, VERSION, archive, dist, output, read};

#[test]
fn sha256sum_agrees_with_the_sums_and_every_file_has_one() {
    output(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(dist("")));
    let sums = String::from_utf8(read(&dist("SHA256SUMS"))).unwrap();
    let mut summed: BTreeSet<_> = sums.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect();
    summed.insert("SHA256SUMS".into());
    let files = std::fs::read_dir(dist("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), summed);
}

/// The crates of an SBOM that are in the binary.
fn crates(package: &str, arch: &str) -> BTreeSet<String> {
    let json = read(&dist(&format!("{package}-v{VERSION}-linux-{arch}.cdx.json")));
    let bom = Bom::parse_from_json(json.as_slice()).unwrap();
    assert!(bom.validate_version(SpecVersion::V1_5).passed(), "{package} of {arch}");
    assert_eq!(bom.serial_number, None);
    let root = bom.metadata.unwrap().component.unwrap();
    assert_eq!((root.name.to_string(), root.version.unwrap().to_string()), (package.to_owned(), VERSION.to_owned()));
    let shipped = |scope: String| scope == "required";
    let components = bom.components.unwrap().0.into_iter();
    components
        .filter(|one| one.scope.clone().is_some_and(|scope| shipped(scope.to_string())))
        .map(|one| one.name.to_string())
        .collect()
}

#[test]
fn each_sbom_names_what_is_in_its_binary_and_not_what_is_in_another() {
    for arch in ARCHES {
        let (plugin, job) = (crates("kubectl-eks-encrypt", arch), crates("eks-encrypt-job", arch));
        for name in ["aws-sdk-eks", "aws-sdk-kms", "clap", "eks-encrypt-job", "kube", "ring", "rustls", "tokio"] {
            assert!(plugin.contains(name), "{arch}: the plugin's SBOM does not name {name}");
        }
        assert!(job.contains("kube") && !job.iter().any(|name| name.starts_with("aws-")), "{arch}: {job:?}");
        // Tests' and macros' are in neither.
        assert!(!plugin.contains("insta") && !plugin.contains("syn"));
    }
}

#[test]
fn the_krew_manifest_names_the_archives_of_this_version() {
    let text = String::from_utf8(read(&dist("eks-encrypt.yaml"))).unwrap();
    let manifest: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(manifest["spec"]["version"], format!("v{VERSION}"));
    let sums = String::from_utf8(read(&dist("SHA256SUMS"))).unwrap();
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), ARCHES.len());
    for arch in ARCHES {
        let platform = platforms.iter().find(|one| one["selector"]["matchLabels"]["arch"] == arch).unwrap();
        assert!(platform["uri"].as_str().unwrap().ends_with(&format!("/{}", archive(arch))), "{platform}");
        let line = format!("{}  {}", platform["sha256"].as_str().unwrap(), archive(arch));
        assert!(sums.lines().any(|sum| sum == line), "{line} is not in SHA256SUMS");
    }
}
