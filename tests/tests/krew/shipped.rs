//! What a release ships: the filled manifest and its archives. Input: `target/dist`, or, where `make dist` has not run, what this
//! checkout has built. Output: a manifest, and the archive of each platform.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::home::{MANIFEST, plugin};
use super::support::run;

/// The version of the workspace.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A file of this checkout.
fn checkout(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// A manifest and where its archives are.
#[derive(Clone)]
pub(crate) struct Shipped {
    /// The manifest.
    pub(crate) manifest: Value,
    /// The folder of the archives.
    pub(crate) folder: PathBuf,
}

/// What `make dist` has made; where it has not run, the same form of it. THIS IS THE PLACE to say that it must have run.
pub(crate) fn shipped() -> Shipped {
    let dist = checkout("target/dist");
    match std::fs::read_to_string(dist.join(MANIFEST)) {
        Ok(manifest) => Shipped { manifest: serde_saphyr::from_str(&manifest).unwrap(), folder: dist },
        Err(_) => made().clone(),
    }
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

/// An archive of this machine's build, under the names of both architectures, made once for all tests.
fn made() -> &'static Shipped {
    static MADE: OnceLock<Shipped> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("krew");
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(folder.join("files")).unwrap();
        let files = folder.join("files");
        // Without its debugging information, which is most of it.
        run(Command::new("strip").arg("-o").arg(files.join("kubectl-eks_encrypt")).arg(plugin())).ok();
        for file in ["LICENSE", "README.md", "krew/kubectl_complete-eks_encrypt"] {
            std::fs::copy(checkout(file), files.join(Path::new(file).file_name().unwrap())).unwrap();
        }
        for arch in ["amd64", "arm64"] {
            run(Command::new("tar").arg("-czf").arg(folder.join(archive(arch))).arg("-C").arg(&files).arg(".")).ok();
        }
        Shipped { manifest: filled(|arch| sum(&folder.join(archive(arch)))), folder }
    })
}

/// The SHA-256 of a file, as a manifest has it.
pub(crate) fn sum(file: &Path) -> String {
    hex::encode(Sha256::digest(std::fs::read(file).unwrap()))
}
