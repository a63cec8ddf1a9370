//! What a release ships: the filled manifest and its archives, of `make dist` or `make pack`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::home::MANIFEST;

/// The version of the workspace.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A file of this checkout.
fn checkout(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// A manifest and where its archives are.
#[derive(Clone)]
pub(crate) struct Shipped {
    /// The manifest.
    pub(crate) manifest: Value,
    /// The folder of the archives.
    pub(crate) folder: PathBuf,
}

/// The packed files. `EKS_ENCRYPT_DIST` names their folder, relative to the checkout.
pub(crate) fn shipped() -> Shipped {
    let dist = checkout(&std::env::var("EKS_ENCRYPT_DIST").unwrap_or_else(|_| "target/dist".to_owned()));
    let manifest = std::fs::read_to_string(dist.join(MANIFEST)).expect("`make dist` or `make pack` makes these files");
    Shipped { manifest: serde_saphyr::from_str(&manifest).unwrap(), folder: dist }
}

impl Shipped {
    /// The archive of a platform for Linux.
    pub(crate) fn archive(&self, arch: &str) -> PathBuf {
        let platforms = self.manifest["spec"]["platforms"].as_array().unwrap();
        let of =
            |platform: &&Value| platform["selector"]["matchLabels"] == serde_json::json!({"os": "linux", "arch": arch});
        self.folder.join(name(platforms.iter().find(of).unwrap()))
    }

    /// The same manifest, with its archives at another address.
    pub(crate) fn at(&self, address: &str) -> Value {
        let mut manifest = self.manifest.clone();
        for platform in manifest["spec"]["platforms"].as_array_mut().unwrap() {
            platform["uri"] = format!("{address}/{}", name(platform)).into();
        }
        manifest
    }
}

/// The name of a platform's archive: the end of its address.
fn name(platform: &Value) -> &str {
    platform["uri"].as_str().unwrap().rsplit('/').next().unwrap()
}

/// The template, filled for Linux with these sums.
pub(crate) fn filled(sum: impl Fn(&str) -> String) -> Value {
    let mut text = include_str!("../../../krew/eks-encrypt.yaml.in").replace("@VERSION@", VERSION);
    for arch in ["amd64", "arm64"] {
        let platform = format!("LINUX_{}", arch.to_uppercase());
        let address = format!("https://not-published.invalid/{}", archive(arch));
        text =
            text.replace(&format!("@URI_{platform}@"), &address).replace(&format!("@SHA256_{platform}@"), &sum(arch));
    }
    let mut manifest: Value = serde_saphyr::from_str(&text).unwrap();
    let platforms = manifest["spec"]["platforms"].as_array_mut().unwrap();
    platforms.retain(|platform| !platform["uri"].as_str().unwrap().starts_with('@'));
    manifest
}

fn archive(arch: &str) -> String {
    format!("kubectl-eks_encrypt-v{VERSION}-linux-{arch}.tar.gz")
}

/// The SHA-256 of a file, as a manifest has it.
pub(crate) fn sum(file: &Path) -> String {
    hex::encode(Sha256::digest(std::fs::read(file).unwrap()))
}
