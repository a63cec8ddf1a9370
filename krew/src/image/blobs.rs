//! What an image consists of, each under its own digest. Input: bytes and JSON. Output: their descriptors, and in the end the
//! layout as a tar.

use std::collections::BTreeMap;
use std::str::FromStr;

use oci_spec::image::{Descriptor, ImageIndex, MediaType, OciLayoutBuilder, Sha256Digest};
use serde::Serialize;

use crate::digest::sha256;
use crate::tarball::{PLAIN, Tarball};

/// The blobs, by SHA-256.
#[derive(Debug, Default)]
pub(crate) struct Blobs(BTreeMap<String, Vec<u8>>);

impl Blobs {
    /// Takes a blob.
    pub(crate) fn bytes(&mut self, kind: MediaType, content: Vec<u8>) -> anyhow::Result<Descriptor> {
        let digest = sha256(&content);
        let descriptor = Descriptor::new(kind, content.len() as u64, Sha256Digest::from_str(&digest)?);
        self.0.insert(digest, content);
        Ok(descriptor)
    }

    /// Takes an object.
    pub(crate) fn json(&mut self, kind: MediaType, object: &impl Serialize) -> anyhow::Result<Descriptor> {
        self.bytes(kind, json(object)?)
    }

    /// The layout.
    pub(crate) fn layout(self, index: &ImageIndex, time: u32) -> anyhow::Result<Vec<u8>> {
        let version = OciLayoutBuilder::default().image_layout_version("1.0.0").build()?;
        let mut tar = Tarball::new(Vec::new(), time);
        tar.folder("blobs")?;
        tar.folder("blobs/sha256")?;
        for (digest, content) in &self.0 {
            tar.file(&format!("blobs/sha256/{digest}"), PLAIN, content)?;
        }
        tar.file("index.json", PLAIN, &json(index)?)?;
        tar.file("oci-layout", PLAIN, &json(&version)?)?;
        Ok(tar.finish()?)
    }
}

/// JSON with its names in their order: the types keep labels in hash maps, which have none.
fn json(object: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut value = serde_json::to_value(object)?;
    value.sort_all_objects();
    Ok(serde_json::to_vec(&value)?)
}
