//! The file is as CycloneDX has it, and the same each time.
use cyclonedx_bom::validation::Validate;

use super::*;

const TEXT: &str = "\
0plugin v0.1.0 (/home/me/plugin)|Apache-2.0
1serde v1.0.0|MIT/Apache-2.0
2derive v1.1.0 (proc-macro)|A licence of my own
";

#[test]
fn it_is_valid_and_says_neither_who_nor_where() {
    let json = sbom(TEXT, 1_700_000_000).unwrap();
    assert_eq!(json, sbom(TEXT, 1_700_000_000).unwrap());
    let bom = Bom::parse_from_json(json.as_slice()).unwrap();
    assert!(bom.validate_version(SpecVersion::V1_5).passed());
    let text = String::from_utf8(json).unwrap();
    assert!(!text.contains("/home") && !text.contains("serialNumber"), "{text}");
}

#[test]
fn crates_have_versions_licences_addresses_and_needs() {
    let json: serde_json::Value = serde_json::from_slice(&sbom(TEXT, 1_700_000_000).unwrap()).unwrap();
    let shown =
        [&json["metadata"]["timestamp"], &json["metadata"]["component"], &json["components"], &json["dependencies"]];
    insta::assert_snapshot!(shown.map(ToString::to_string).join("\n"), @r#"
    "2023-11-14T22:13:20Z"
    {"type":"application","bom-ref":"pkg:cargo/plugin@0.1.0","name":"plugin","version":"0.1.0","scope":"required","licenses":[{"expression":"Apache-2.0"}]}
    [{"type":"library","bom-ref":"pkg:cargo/derive@1.1.0","name":"derive","version":"1.1.0","scope":"excluded","licenses":[{"license":{"name":"A licence of my own"}}],"purl":"pkg:cargo/derive@1.1.0"},{"type":"library","bom-ref":"pkg:cargo/serde@1.0.0","name":"serde","version":"1.0.0","scope":"required","licenses":[{"expression":"MIT OR Apache-2.0"}],"purl":"pkg:cargo/serde@1.0.0"}]
    [{"ref":"pkg:cargo/derive@1.1.0"},{"ref":"pkg:cargo/plugin@0.1.0","dependsOn":["pkg:cargo/serde@1.0.0"]},{"ref":"pkg:cargo/serde@1.0.0","dependsOn":["pkg:cargo/derive@1.1.0"]}]
    "#);
}
