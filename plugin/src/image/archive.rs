//! The image archive that travels with the plugin: an OCI image layout (image-spec, image-layout.md) as one tar file, with an
//! index of one manifest for each architecture. Input: the file beside our own program, or the one that a person names. Output:
//! the image in memory, every digest and size of it checked, so that nothing damaged is ever sent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use eks_encrypt_job::exit::ExitCode;
use oci_client::manifest::{OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciImageIndex, OciImageManifest};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::cause::Cause;
use crate::stop::Coded;

/// The file's name, beside the program.
pub(crate) const FILE: &str = "eks-encrypt-job.oci.tar";

/// The annotation with the version (image-spec, annotations.md).
const VERSION: &str = "org.opencontainers.image.ref.name";

/// More is not an image of ours, and would only fill the memory.
const LARGEST: u64 = 256 << 20;

/// The image.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// Its version, which is also its tag.
    pub(crate) version: String,
    /// Its name by content: that of the index.
    pub(crate) index: Blob,
    /// One for each architecture.
    pub(crate) manifests: Vec<Manifest>,
}

/// The image of one architecture.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// Such as `linux/arm64`.
    pub(crate) platform: String,
    /// The manifest.
    pub(crate) blob: Blob,
    /// Its config and its layers.
    pub(crate) parts: Vec<Part>,
}

/// What a manifest lists.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// `config` or `layer`.
    pub(crate) what: &'static str,
    /// It.
    pub(crate) blob: Blob,
}

/// Bytes and their digest.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    /// `sha256:…`
    pub(crate) digest: String,
    /// They.
    pub(crate) bytes: Bytes,
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It did not come with the plugin.
    #[error(
        "the image archive {FILE} is not beside this program (looked for {path}): name it with --archive FILE; the archive that krew \
         installs has it, and `make image` builds it",
        path = path.display()
    )]
    Nowhere { path: PathBuf },
    /// The file can't be read.
    #[error("can't read the image archive {path}", path = path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: Cause,
    },
    /// It is something else, or damaged.
    #[error("can't use the image archive {path}: {why}", path = path.display())]
    Unusable { path: PathBuf, why: String },
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// Where the archive is: where a person says, or beside this program. krew links to it from elsewhere, so links are followed.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, Error> {
    match named {
        Some(path) => Ok(path.to_owned()),
        None => beside(std::env::current_exe().and_then(|program| program.canonicalize())),
    }
}

fn beside(program: std::io::Result<PathBuf>) -> Result<PathBuf, Error> {
    let path = program.unwrap_or_default().with_file_name(FILE);
    if path.is_file() { Ok(path) } else { Err(Error::Nowhere { path }) }
}

/// Reads and checks it.
pub(crate) fn read(path: &Path) -> Result<Image, Error> {
    let unreadable = |error: &std::io::Error| Error::Unreadable { path: path.to_owned(), source: Cause::of(error) };
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let length = file.metadata().map_err(|error| unreadable(&error))?.len();
    let unusable = |why| Error::Unusable { path: path.to_owned(), why };
    if length > LARGEST {
        return Err(unusable(format!("{} MiB are more than an image of this program has", length >> 20)));
    }
    image(file).map_err(unusable)
}

/// An image layout, unpacked.
struct Layout {
    index: Vec<u8>,
    blobs: BTreeMap<String, Bytes>,
}

fn image(file: File) -> Result<Image, String> {
    let layout = unpack(file).map_err(|error| format!("{error}: it is no tar file, or not whole"))??;
    let top: OciImageIndex = json("index.json", &layout.index)?;
    let [root] = &top.manifests[..] else {
        return Err(format!("index.json names {} images instead of one", top.manifests.len()));
    };
    if root.media_type != OCI_IMAGE_INDEX_MEDIA_TYPE {
        return Err(format!("index.json names {} instead of an image index", root.media_type));
    }
    let version = root.annotations.as_ref().and_then(|all| all.get(VERSION));
    let version = version.ok_or_else(|| format!("index.json does not say the version ({VERSION})"))?.clone();
    let blob = layout.blob(&root.digest, root.size)?;
    let index: OciImageIndex = json("the image index", &blob.bytes)?;
    let manifests = index.manifests.iter().map(|entry| {
        let platform = entry.platform.as_ref().map(|platform| format!("{}/{}", platform.os, platform.architecture));
        if entry.media_type != OCI_IMAGE_MEDIA_TYPE {
            return Err(format!("the image index lists {} instead of an image", entry.media_type));
        }
        let blob = layout.blob(&entry.digest, entry.size)?;
        let manifest: OciImageManifest = json("a manifest", &blob.bytes)?;
        let layers = manifest.layers.iter().map(|layer| ("layer", layer));
        let parts = [("config", &manifest.config)].into_iter().chain(layers);
        let parts = parts.map(|(what, part)| Ok(Part { what, blob: layout.blob(&part.digest, part.size)? }));
        let platform = platform.unwrap_or_else(|| "no platform".to_owned());
        Ok(Manifest { platform, blob, parts: parts.collect::<Result<_, String>>()? })
    });
    let manifests = manifests.collect::<Result<Vec<_>, String>>()?;
    if manifests.is_empty() {
        return Err("the image index is empty".to_owned());
    }
    Ok(Image { version, index: blob, manifests })
}

/// The outer error is the file's, the inner one that of what it holds.
fn unpack(file: File) -> std::io::Result<Result<Layout, String>> {
    let mut layout = Layout { index: Vec::new(), blobs: BTreeMap::new() };
    for entry in tar::Archive::new(file).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        let mut bytes = Vec::new();
        // A header may claim any size; what is read is never more than the file has.
        entry.read_to_end(&mut bytes)?;
        if name == "index.json" {
            layout.index = bytes;
        } else if let Some(hash) = name.strip_prefix("blobs/sha256/").filter(|hash| !hash.is_empty()) {
            let real = hex::encode(Sha256::digest(&bytes));
            if real != hash {
                return Ok(Err(format!("blob sha256:{hash} has the digest sha256:{real}: the file is damaged")));
            }
            layout.blobs.insert(format!("sha256:{hash}"), bytes.into());
        }
    }
    if layout.index.is_empty() {
        return Ok(Err("it has no index.json, so it is no OCI image layout".to_owned()));
    }
    Ok(Ok(layout))
}

impl Layout {
    fn blob(&self, digest: &str, size: i64) -> Result<Blob, String> {
        let bytes = self.blobs.get(digest).ok_or_else(|| format!("blob {digest} is missing: the file is not whole"))?;
        if i64::try_from(bytes.len()) != Ok(size) {
            return Err(format!("blob {digest} has {} bytes instead of {size}", bytes.len()));
        }
        Ok(Blob { digest: digest.to_owned(), bytes: bytes.clone() })
    }
}

fn json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("{what} can't be read: {error}"))
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
