//! The Job's image: a static binary for each architecture and nothing else, so that there is nothing else to patch or to scan.
//! Input: binaries. Output: an OCI image layout as a tar (opencontainers/image-spec, `image-layout.md`), which `buildah pull
//! oci-archive:` and the plugin's `image push` read.
//!
//! ```text
//! index.json -> an image index -> a manifest for each architecture -> a config and one layer
//! ```
//!
//! The image's digest is that of the image index. The same binaries, time and labels give the same image.

mod blobs;

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;
use oci_spec::image::{
    ANNOTATION_DESCRIPTION, ANNOTATION_LICENSES, ANNOTATION_REF_NAME, ANNOTATION_REVISION, ANNOTATION_SOURCE,
    ANNOTATION_TITLE, ANNOTATION_VERSION, Arch, ConfigBuilder, Descriptor, HistoryBuilder, ImageConfiguration,
    ImageConfigurationBuilder, ImageIndex, ImageIndexBuilder, ImageManifest, ImageManifestBuilder, MediaType, Os,
    PlatformBuilder, RootFsBuilder,
};

use self::blobs::Blobs;
use crate::digest::sha256;
use crate::tarball::{EXECUTABLE, Tarball, gzip};
use crate::{VERSION, file};

/// The image's only file, and what runs in it.
const PROGRAM: &str = "eks-encrypt-job";

/// A number: there is no /etc/passwd in the image, and `runAsNonRoot` can only judge numbers.
const USER: &str = "65532:65532";

/// A binary and what it runs on.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    arch: Arch,
    path: PathBuf,
}

impl FromStr for Binary {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (arch, path) = text.split_once('=').ok_or("this is not of the form ARCH=FILE")?;
        match Arch::from(arch) {
            Arch::Other(_) => Err(format!("`{arch}` is no architecture as Go names them, such as amd64")),
            arch => Ok(Self { arch, path: path.into() }),
        }
    }
}

/// What is to be made.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    /// One for each architecture.
    pub(crate) binaries: &'a [Binary],
    /// When it was made.
    pub(crate) time: u32,
    /// The commit.
    pub(crate) revision: Option<&'a str>,
    /// Where its source is published.
    pub(crate) source: Option<&'a str>,
}

impl Image<'_> {
    /// The archive.
    pub(crate) fn archive(&self) -> anyhow::Result<Vec<u8>> {
        let mut blobs = Blobs::default();
        let mut manifests = Vec::new();
        for binary in self.binaries {
            let manifest = self.manifest(binary, &mut blobs)?;
            let mut descriptor = blobs.json(MediaType::ImageManifest, &manifest)?;
            let platform = PlatformBuilder::default().os(Os::Linux).architecture(binary.arch.clone()).build()?;
            descriptor.set_platform(Some(platform));
            manifests.push(descriptor);
        }
        let mut image = blobs.json(MediaType::ImageIndex, &index(manifests)?)?;
        image.set_annotations(Some(HashMap::from([(ANNOTATION_REF_NAME.to_owned(), VERSION.to_owned())])));
        blobs.layout(&index(vec![image])?, self.time)
    }

    fn manifest(&self, binary: &Binary, blobs: &mut Blobs) -> anyhow::Result<ImageManifest> {
        let mut tar = Tarball::new(Vec::new(), self.time);
        tar.file(PROGRAM, EXECUTABLE, &file::read(&binary.path)?)?;
        let tar = tar.finish()?;
        let mut layer = gzip(Vec::new());
        std::io::Write::write_all(&mut layer, &tar)?;
        let config = self.config(binary, format!("sha256:{}", sha256(&tar)))?;
        let manifest = ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageManifest)
            .config(blobs.json(MediaType::ImageConfig, &config)?)
            .layers(vec![blobs.bytes(MediaType::ImageLayerGzip, layer.finish()?)?]);
        Ok(manifest.build()?)
    }

    fn config(&self, binary: &Binary, layer: String) -> anyhow::Result<ImageConfiguration> {
        let created = Timestamp::from_second(self.time.into())?.to_string();
        let config = ConfigBuilder::default()
            .user(USER)
            .entrypoint(vec![format!("/{PROGRAM}")])
            .labels(self.labels())
            .build()?;
        // Some tools want a line of history for each layer.
        let history =
            HistoryBuilder::default().created(created.as_str()).created_by(format!("COPY {PROGRAM} /{PROGRAM}"));
        let configuration = ImageConfigurationBuilder::default()
            .created(created.as_str())
            .os(Os::Linux)
            .architecture(binary.arch.clone())
            .config(config)
            .rootfs(RootFsBuilder::default().typ("layers").diff_ids(vec![layer]).build()?)
            .history(vec![history.build()?]);
        Ok(configuration.build()?)
    }

    /// Those of opencontainers/image-spec, `annotations.md`.
    fn labels(&self) -> HashMap<String, String> {
        let labels = [
            (ANNOTATION_TITLE, Some(PROGRAM)),
            (
                ANNOTATION_DESCRIPTION,
                Some("Re-encrypts every Secret of an EKS cluster under its customer managed KMS key"),
            ),
            (ANNOTATION_LICENSES, Some(env!("CARGO_PKG_LICENSE"))),
            (ANNOTATION_VERSION, Some(VERSION)),
            (ANNOTATION_REVISION, self.revision),
            (ANNOTATION_SOURCE, self.source),
        ];
        let given = labels.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        given.collect()
    }
}

fn index(manifests: Vec<Descriptor>) -> anyhow::Result<ImageIndex> {
    let index = ImageIndexBuilder::default().schema_version(2_u32).media_type(MediaType::ImageIndex);
    Ok(index.manifests(manifests).build()?)
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
