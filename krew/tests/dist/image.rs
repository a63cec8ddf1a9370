//! The image archive: an OCI layout whose every digest is right, with both architectures, that a registry's tools read.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{ARCHES, Entry, IMAGE, JOB, VERSION, dist, entries, gunzip, output, read, unpacked};

type Entries = BTreeMap<String, Entry>;

/// What a descriptor points to.
fn blob<'a>(entries: &'a Entries, descriptor: &Value) -> &'a [u8] {
    let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let content = &entries[&format!("blobs/sha256/{digest}")].content;
    assert_eq!(descriptor["size"].as_u64().unwrap(), content.len() as u64);
    content
}

fn object(entries: &Entries, descriptor: &Value) -> Value {
    serde_json::from_slice(blob(entries, descriptor)).unwrap()
}

/// The image's index, and the one descriptor that names it.
fn index(entries: &Entries) -> (Value, Value) {
    let top: Value = serde_json::from_slice(&entries["index.json"].content).unwrap();
    assert_eq!(top["manifests"].as_array().unwrap().len(), 1);
    (object(entries, &top["manifests"][0]), top["manifests"][0].clone())
}

/// The manifest of an architecture.
pub(crate) fn manifest(entries: &Entries, arch: &str) -> Value {
    let (index, _) = index(entries);
    let wanted = json!({ "architecture": arch, "os": "linux" });
    let all = index["manifests"].as_array().unwrap();
    object(entries, all.iter().find(|descriptor| descriptor["platform"] == wanted).unwrap())
}

/// The Job's program.
pub(crate) fn binary(arch: &str) -> Vec<u8> {
    let entries = entries(&read(&dist(IMAGE)));
    let layer = gunzip(blob(&entries, &manifest(&entries, arch)["layers"][0]));
    let mut files = crate::support::entries(&layer);
    assert_eq!(files.keys().collect::<Vec<_>>(), [JOB]);
    assert_eq!((files[JOB].mode, files[JOB].owner), (0o755, (0, 0)));
    files.remove(JOB).unwrap().content
}

/// What names the image: the digest of its index.
pub(crate) fn digest() -> String {
    let (_, image) = index(&entries(&read(&dist(IMAGE))));
    image["digest"].as_str().unwrap().to_owned()
}

/// The commit that it is of.
pub(crate) fn revision() -> Option<String> {
    let entries = entries(&read(&dist(IMAGE)));
    let config = object(&entries, &manifest(&entries, "amd64")["config"]);
    config["config"]["Labels"]["org.opencontainers.image.revision"].as_str().map(str::to_owned)
}

#[test]
fn every_blob_has_the_digest_that_it_is_named_after_and_is_pointed_to() {
    let entries = entries(&read(&dist(IMAGE)));
    let (index, image) = index(&entries);
    let mut pointed = vec![image["digest"].clone()];
    for descriptor in index["manifests"].as_array().unwrap() {
        let manifest = object(&entries, descriptor);
        pointed.extend(
            [&descriptor["digest"], &manifest["config"]["digest"], &manifest["layers"][0]["digest"]].map(Clone::clone),
        );
    }
    let mut blobs = 0;
    for (name, entry) in &entries {
        if let Some(digest) = name.strip_prefix("blobs/sha256/").filter(|digest| !digest.is_empty()) {
            assert_eq!(hex::encode(Sha256::digest(&entry.content)), digest);
            assert!(pointed.contains(&json!(format!("sha256:{digest}"))), "nothing points to {digest}");
            blobs += 1;
        }
    }
    assert_eq!(blobs, 1 + 3 * ARCHES.len());
}

#[test]
fn it_holds_the_static_binary_of_each_architecture_and_runs_it_as_nobody() {
    let entries = entries(&read(&dist(IMAGE)));
    let (index, image) = index(&entries);
    assert_eq!(image["mediaType"], "application/vnd.oci.image.index.v1+json");
    assert_eq!(image["annotations"], json!({ "org.opencontainers.image.ref.name": VERSION }));
    assert_eq!(index["manifests"].as_array().unwrap().len(), ARCHES.len());
    for arch in ARCHES {
        let manifest = manifest(&entries, arch);
        let config = object(&entries, &manifest["config"]);
        assert_eq!((&config["architecture"], &config["os"]), (&json!(arch), &json!("linux")));
        let layer = gunzip(blob(&entries, &manifest["layers"][0]));
        assert_eq!(config["rootfs"]["diff_ids"], json!([format!("sha256:{}", hex::encode(Sha256::digest(&layer)))]));
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], json!([format!("/{JOB}")]));
        let labels = config["config"]["Labels"].as_object().unwrap();
        for label in ["title", "description", "licenses", "version"] {
            assert!(labels.contains_key(&format!("org.opencontainers.image.{label}")), "{label} is not in {labels:?}");
        }
        assert_eq!(labels["org.opencontainers.image.version"], VERSION);
        assert!(binary(arch) == read(&unpacked(JOB, arch)), "{arch}");
    }
}

/// As the sandbox pushes it to its registry.
#[test]
fn buildah_takes_either_architecture_from_it() {
    for arch in ARCHES {
        let store = tempfile::tempdir().unwrap();
        let buildah = |arguments: &[&str]| {
            let mut command = Command::new("buildah");
            command.args(["--storage-driver", "vfs", "--root"]).arg(store.path().join("root"));
            output(command.arg("--runroot").arg(store.path().join("run")).args(arguments))
        };
        let archive = format!("oci-archive:{}", dist(IMAGE).display());
        let id = buildah(&["pull", "--quiet", "--arch", arch, &archive]);
        let found = buildah(&["inspect", "--type", "image", "--format", "{{.OCIv1.Architecture}}", id.trim()]);
        assert_eq!(found.trim(), arch);
    }
}
