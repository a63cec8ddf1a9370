//! The image archive that travels with the plugin: an OCI image layout (image-spec, image-layout.md) as one tar file, with an
//! index of one manifest for each architecture. Input: the file beside our own program, or the one that a person names. Output:
//! the image in memory, every digest and size of it checked, so that nothing damaged is ever sent.
//!
//! The file may be hostile, or another one by mistake: its size, its entries, its JSON and what that lists are bounded, and no error
//! quotes it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use eks_encrypt_job::wire::exit::ExitCode;
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::registry::file;

/// The file's name, beside the program.
pub(crate) const FILE: &str = "eks-encrypt-job.oci.tar";

/// The annotation with the version (image-spec, annotations.md).
const VERSION_ANNOTATION: &str = "org.opencontainers.image.ref.name";

/// A release's archive has a sixth of it, and all of it is held in memory.
const MAX_ARCHIVE_BYTES: u64 = 64 << 20;

/// An archive of ours has two entries for each blob, and three more.
const MAX_ENTRIES: usize = 1000;

/// An index or a manifest of ours has 2 KiB.
const MAX_JSON_BYTES: usize = 1 << 20;

/// How many architectures an image has at most. Each may name the same manifest, so the two limits are multiplied.
const MAX_MANIFESTS: usize = 32;

/// How many layers an image has at most.
const MAX_LAYERS: usize = 128;

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
    pub(crate) parts: Vec<PlatformImage>,
}

/// What a manifest lists.
#[derive(Clone, Debug)]
pub(crate) struct PlatformImage {
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

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// Where the archive is: where a person says, or beside this program. krew links to it from elsewhere, so links are followed.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, Error> {
    match named {
        Some(path) => Ok(path.to_owned()),
        None => next_to_program(std::env::current_exe().and_then(|program| program.canonicalize())),
    }
}

fn next_to_program(program: std::io::Result<PathBuf>) -> Result<PathBuf, Error> {
    let path = program.unwrap_or_default().with_file_name(FILE);
    if path.is_file() { Ok(path) } else { Err(Error::Nowhere { path }) }
}

/// Reads and checks it.
pub(crate) fn read(path: &Path) -> Result<Image, Error> {
    open(path).map(|(image, _)| image)
}

/// The same, and the file itself, at its beginning.
pub(crate) fn open(path: &Path) -> Result<(Image, File), Error> {
    let unreadable =
        |error: std::io::Error| Error::Unreadable { path: path.to_owned(), source: Cause::from_error(&error) };
    let mut file = file::open(path, MAX_ARCHIVE_BYTES).map_err(unreadable)?;
    let image = image(&file).map_err(|why| Error::Unusable { path: path.to_owned(), why })?;
    file.rewind().map_err(unreadable)?;
    Ok((image, file))
}

/// An image layout, unpacked.
struct Layout {
    index: Vec<u8>,
    blobs: BTreeMap<String, Bytes>,
}

fn image(file: &File) -> Result<Image, String> {
    let layout = unpack(file)?;
    let top: ImageIndex = json("index.json", &layout.index)?;
    let [root] = &top.manifests()[..] else {
        return Err(format!("index.json names {} images instead of one", top.manifests().len()));
    };
    if *root.media_type() != MediaType::ImageIndex {
        return Err("index.json names something else than an image index".to_owned());
    }
    let version = root.annotations().as_ref().and_then(|all| all.get(VERSION_ANNOTATION));
    let version = version.ok_or_else(|| format!("index.json does not say the version ({VERSION_ANNOTATION})"))?.clone();
    if !is_tag(&version) {
        return Err(format!("index.json has a version ({VERSION_ANNOTATION}) that can't be a tag"));
    }
    let blob = layout.blob(root)?;
    let index: ImageIndex = json("the image index", &blob.bytes)?;
    match index.manifests().len() {
        0 => return Err("the image index is empty".to_owned()),
        1..=MAX_MANIFESTS => {}
        more => return Err(format!("the image index lists {more} images, and at most {MAX_MANIFESTS} are read")),
    }
    let manifests = index.manifests().iter().map(|entry| manifest(&layout, entry));
    Ok(Image { version, manifests: manifests.collect::<Result<_, _>>()?, index: blob })
}

fn manifest(layout: &Layout, entry: &Descriptor) -> Result<Manifest, String> {
    let platform = entry.platform().as_ref().map(|platform| format!("{}/{}", platform.os(), platform.architecture()));
    let platform = platform.unwrap_or_else(|| "no platform".to_owned());
    if platform.len() > 64 || platform.chars().any(char::is_control) {
        return Err("the image index has a platform that is none".to_owned());
    }
    if *entry.media_type() != MediaType::ImageManifest {
        return Err(format!("the image index lists something else than an image for {platform}"));
    }
    let blob = layout.blob(entry)?;
    let manifest: ImageManifest = json("a manifest", &blob.bytes)?;
    if manifest.layers().len() > MAX_LAYERS {
        return Err(format!(
            "the image of {platform} has {} layers, and at most {MAX_LAYERS} are read",
            manifest.layers().len()
        ));
    }
    let layers = manifest.layers().iter().map(|layer| ("layer", layer));
    let parts = [("config", manifest.config())].into_iter().chain(layers);
    let parts = parts.map(|(what, part)| Ok(PlatformImage { what, blob: layout.blob(part)? }));
    Ok(Manifest { platform, blob, parts: parts.collect::<Result<_, String>>()? })
}

/// A tag, by the grammar of OCI's distribution-spec.
fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(word) && text.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn unpack(file: &File) -> Result<Layout, String> {
    // The crate's errors quote the file, which may be anything: a person's kubeconfig, by a slip.
    let unreadable = |error: std::io::Error| match error.raw_os_error() {
        Some(_) => error.to_string(),
        None => "it is no tar file, or not whole".to_owned(),
    };
    let length = file.metadata().map_err(unreadable)?.len();
    let mut layout = Layout { index: Vec::new(), blobs: BTreeMap::new() };
    let mut tar = tar::Archive::new(file.take(MAX_ARCHIVE_BYTES));
    // Raw, because a sparse entry would be filled up to whatever size it claims, and the extensions for long names go to memory:
    // none of our names is long.
    for (number, entry) in tar.entries().map_err(unreadable)?.raw(true).enumerate() {
        let mut entry = entry.map_err(unreadable)?;
        if number == MAX_ENTRIES {
            return Err(format!("it has more than {MAX_ENTRIES} entries"));
        }
        if entry.header().entry_type().is_gnu_sparse() {
            return Err("it has a sparse entry, as no image of this program has".to_owned());
        }
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        let hash = name.strip_prefix("blobs/sha256/").filter(|hash| !hash.is_empty());
        if name != "index.json" && hash.is_none() {
            continue;
        }
        // A header may claim any size; what is read is never more than the file has.
        let mut bytes = Vec::with_capacity(usize::try_from(entry.size().min(length)).unwrap_or_default());
        entry.read_to_end(&mut bytes).map_err(unreadable)?;
        let Some(hash) = hash else {
            layout.index = bytes;
            continue;
        };
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("a blob's name is no SHA-256".to_owned());
        }
        let real = hex::encode(Sha256::digest(&bytes));
        if real != hash {
            return Err(format!("blob sha256:{hash} has the digest sha256:{real}: the file is damaged"));
        }
        layout.blobs.insert(format!("sha256:{hash}"), bytes.into());
    }
    if layout.index.is_empty() {
        return Err("it has no index.json, so it is no OCI image layout".to_owned());
    }
    Ok(layout)
}

impl Layout {
    fn blob(&self, named: &Descriptor) -> Result<Blob, String> {
        let digest = named.digest().as_ref();
        let shown = digest.get(..71).unwrap_or(digest);
        let bytes = self.blobs.get(digest).ok_or_else(|| format!("blob {shown} is missing: the file is not whole"))?;
        if bytes.len() as u64 != named.size() {
            return Err(format!("blob {shown} has {} bytes instead of {}", bytes.len(), named.size()));
        }
        Ok(Blob { digest: digest.to_owned(), bytes: bytes.clone() })
    }
}

/// Parses a small part of the archive; the crate's error would quote it.
fn json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, String> {
    if bytes.len() > MAX_JSON_BYTES {
        return Err(format!("{what} has {} bytes, and at most {MAX_JSON_BYTES} are read", bytes.len()));
    }
    let damaged = |error: serde_json::Error| {
        format!("{what} is not what OCI's image-spec says, at line {} column {}", error.line(), error.column())
    };
    serde_json::from_slice(bytes).map_err(damaged)
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
