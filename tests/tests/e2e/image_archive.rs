//! The image archive in the form in which it travels: an index of one manifest for each architecture. `make image` may have made
//! an image of one architecture without an index; then the index is added here.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The archive, in this folder.
pub(crate) fn archive(folder: &Path) -> PathBuf {
    let made = super::node::image();
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(std::fs::File::open(made).unwrap()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let (name, mut bytes) = (entry.path().unwrap().display().to_string(), Vec::new());
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(name, bytes);
    }
    let top: Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let mut root = top["manifests"][0].clone();
    if root["mediaType"] != "application/vnd.oci.image.manifest.v1+json" {
        return made.to_owned();
    }
    root["platform"] = json!({"os": "linux", "architecture": "amd64"});
    root.as_object_mut().unwrap().remove("annotations");
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [root]});
    let index = index.to_string().into_bytes();
    let hash = hex::encode(Sha256::digest(&index));
    let top = json!({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": format!("sha256:{hash}"), "size": index.len(),
        "annotations": {"org.opencontainers.image.ref.name": env!("CARGO_PKG_VERSION")}}]});
    files.insert(format!("blobs/sha256/{hash}"), index);
    files.insert("index.json".to_owned(), top.to_string().into_bytes());
    let path = folder.join("eks-encrypt-job.oci.tar");
    let mut tar = tar::Builder::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in files.iter().filter(|(name, _)| !name.ends_with('/')) {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    tar.finish().unwrap();
    path
}
