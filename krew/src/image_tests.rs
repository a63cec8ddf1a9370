//! The archive is an OCI image layout in which every digest is right. The real one is looked at after `make dist`.
use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;

use super::*;

fn binaries(folder: &tempfile::TempDir) -> Vec<Binary> {
    let binary = |arch: &str| {
        let path = folder.path().join(arch);
        std::fs::write(&path, format!("\x7fELF of {arch}")).unwrap();
        format!("{arch}={}", path.display()).parse().unwrap()
    };
    ["amd64", "arm64"].map(binary).into()
}

fn image(revision: Option<&str>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let image = Image { binaries: &binaries(&folder), time: 1_700_000_000, revision, source: None };
    image.archive().unwrap()
}

/// Each file of a tar.
fn files(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(entry.path().unwrap().display().to_string(), content);
    }
    files
}

/// What a descriptor points to.
fn blob<'a>(files: &'a BTreeMap<String, Vec<u8>>, descriptor: &Value) -> &'a [u8] {
    let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let content = &files[&format!("blobs/sha256/{digest}")];
    assert_eq!((sha256(content).as_str(), content.len() as u64), (digest, descriptor["size"].as_u64().unwrap()));
    content
}

fn json(files: &BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Value {
    serde_json::from_slice(blob(files, descriptor)).unwrap()
}

#[test]
fn it_leads_from_one_descriptor_to_a_binary_for_each_architecture() {
    let files = files(&image(Some("abc")));
    assert_eq!(files["oci-layout"], br#"{"imageLayoutVersion":"1.0.0"}"#);
    let top: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let [descriptor] = top["manifests"].as_array().unwrap().as_slice() else { panic!("{top}") };
    assert_eq!(descriptor["mediaType"], "application/vnd.oci.image.index.v1+json");
    assert_eq!(descriptor["annotations"]["org.opencontainers.image.ref.name"], VERSION);
    let index = json(&files, descriptor);
    for (arch, descriptor) in ["amd64", "arm64"].into_iter().zip(index["manifests"].as_array().unwrap()) {
        assert_eq!(descriptor["platform"], serde_json::json!({ "architecture": arch, "os": "linux" }));
        let manifest = json(&files, descriptor);
        let layer = &manifest["layers"][0];
        assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(blob(&files, layer)).read_to_end(&mut tar).unwrap();
        assert_eq!(self::files(&tar)[PROGRAM], format!("\x7fELF of {arch}").as_bytes());
        let config = json(&files, &manifest["config"]);
        assert_eq!(
            (&config["architecture"], &config["rootfs"]["diff_ids"][0]),
            (&arch.into(), &format!("sha256:{}", sha256(&tar)).into())
        );
    }
}

#[test]
fn the_config_is_as_the_pod_needs_it() {
    let files = files(&image(Some("abc")));
    let top: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let manifest = json(&files, &json(&files, &top["manifests"][0])["manifests"][1]);
    let text = serde_json::to_string_pretty(&json(&files, &manifest["config"])).unwrap();
    insta::assert_snapshot!(text.replace(VERSION, "1.2.3"), @r#"
    {
      "architecture": "arm64",
      "config": {
        "Entrypoint": [
          "/eks-encrypt-job"
        ],
        "Labels": {
          "org.opencontainers.image.description": "Re-encrypts every Secret of an EKS cluster under its customer managed KMS key",
          "org.opencontainers.image.licenses": "Apache-2.0",
          "org.opencontainers.image.revision": "abc",
          "org.opencontainers.image.title": "eks-encrypt-job",
          "org.opencontainers.image.version": "1.2.3"
        },
        "User": "65532:65532"
      },
      "created": "2023-11-14T22:13:20Z",
      "history": [
        {
          "created": "2023-11-14T22:13:20Z",
          "created_by": "COPY eks-encrypt-job /eks-encrypt-job"
        }
      ],
      "os": "linux",
      "rootfs": {
        "diff_ids": [
          "sha256:653f813df589dfebd856bb3cbf31716461f3df97b0ea8b456115d5a55c55f161"
        ],
        "type": "layers"
      }
    }
    "#);
}

#[test]
fn it_is_the_same_each_time_and_another_with_another_label() {
    let first = image(Some("abc"));
    // Labels are kept in a hash map, whose order differs from one to the next.
    for _ in 0..8 {
        assert_eq!(first, image(Some("abc")));
    }
    assert_ne!(first, image(None));
}

#[test]
fn an_architecture_that_go_does_not_know_is_refused() {
    let error = |text: &str| text.parse::<Binary>().unwrap_err();
    insta::assert_snapshot!(error("x86_64=file"), @"`x86_64` is no architecture as Go names them, such as amd64");
    insta::assert_snapshot!(error("file"), @"this is not of the form ARCH=FILE");
}
