//! Where each file of one sandbox lies, and whether a folder is one that a sandbox may use. Whoever needs a folder below it
//! makes it.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// The folder of one sandbox. Keep its path short: unix sockets in it may not exceed 107 bytes.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The sandbox folder at a path.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder that `sandbox up` uses when it is not told another.
    #[must_use]
    pub fn default_of(name: &str) -> Self {
        let user = nix::unistd::getuid();
        Self(std::env::temp_dir().join(format!("eks-encrypt-sandbox-{user}")).join(name))
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Locked by the janitor as long as the sandbox lives. A folder that has this file is ours to empty.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The number of the lane that the node is on.
    pub(crate) fn slot(&self) -> PathBuf {
        self.0.join("lane")
    }

    /// The part that died, if one did, with the last lines of its log.
    pub(crate) fn casualty(&self) -> PathBuf {
        self.0.join("casualty.txt")
    }

    /// The log of every part. They outlive the sandbox, for people to read.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// The log of one part.
    #[must_use]
    pub fn log(&self, part: &str) -> PathBuf {
        self.logs().join(format!("{part}.log"))
    }

    /// Everything that goes with the sandbox: all that follows is in it.
    pub(crate) fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// What a ready sandbox tells: [`crate::info::Info`] as JSON.
    #[must_use]
    pub fn info(&self) -> PathBuf {
        self.state().join("info.json")
    }

    /// The file to source.
    #[must_use]
    pub fn env(&self) -> PathBuf {
        self.state().join("env")
    }

    /// The kubeconfig as `aws eks update-kubeconfig` writes it.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.state().join("kubeconfig")
    }

    /// A kubeconfig with a client certificate of `system:masters`, for tests and the sandbox itself.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.component_kubeconfig("admin")
    }

    /// A kubeconfig of one component.
    pub(crate) fn component_kubeconfig(&self, component: &str) -> PathBuf {
        self.state().join(format!("{component}.kubeconfig"))
    }

    /// How kube-apiserver finds its token webhook.
    pub(crate) fn token_webhook(&self) -> PathBuf {
        self.component_kubeconfig("token-webhook")
    }

    /// Certificates and keys.
    pub(crate) fn pki(&self) -> PathBuf {
        self.state().join("pki")
    }

    /// etcd's data.
    pub(crate) fn etcd(&self) -> PathBuf {
        self.state().join("etcd")
    }

    /// What one kube-apiserver is told of encryption.
    pub(crate) fn encryption(&self, server: &str) -> PathBuf {
        self.state().join(format!("{server}.encryption.json"))
    }

    /// The socket of a key's KMS v2 plugin.
    pub(crate) fn kms_socket(&self, provider: &str) -> PathBuf {
        self.state().join(format!("{provider}.sock"))
    }

    /// Configuration and state of the node's parts.
    pub(crate) fn node(&self) -> PathBuf {
        self.state().join("node")
    }

    /// What the image registry stores.
    pub(crate) fn registry(&self) -> PathBuf {
        self.state().join("registry")
    }

    /// Makes the folder, for its user alone, or sees that it is one of ours.
    pub(crate) fn claim(&self) -> anyhow::Result<()> {
        let path = self.0.display();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.with_context(|| format!("can't make {path}"))?;
        // Not followed: below the folder for temporary files, somebody else could have put a link here.
        let metadata = std::fs::symlink_metadata(&self.0).with_context(|| format!("can't look at {path}"))?;
        ensure!(
            metadata.is_dir() && metadata.uid() == nix::unistd::geteuid().as_raw(),
            "{path} is not a folder of yours"
        );
        let empty = std::fs::read_dir(&self.0).with_context(|| format!("can't read {path}"))?.next().is_none();
        ensure!(empty || self.lock().exists(), "{path} holds something that is not a sandbox; name an empty folder");
        let marked = File::options().create(true).truncate(false).write(true).open(self.lock());
        marked.map(drop).with_context(|| format!("can't write into {path}"))
    }
}

#[cfg(test)]
mod tests {
    //! Whose folder it is.
    use super::*;

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("thesis.tex"), "").unwrap();
        let error = Folder::at(folder.path()).claim().unwrap_err().to_string();
        assert!(error.ends_with("holds something that is not a sandbox; name an empty folder"), "{error}");
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("target")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("target"), folder.path().join("link")).unwrap();
        let error = Folder::at(folder.path().join("link")).claim().unwrap_err().to_string();
        assert!(error.ends_with("is not a folder of yours"), "{error}");
    }

    #[test]
    fn nobody_else_may_look_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let ours = Folder::at(folder.path().join("new"));
        ours.claim().unwrap();
        assert_eq!(std::fs::metadata(ours.path()).unwrap().mode() & 0o777, 0o700);
        std::fs::create_dir(ours.logs()).unwrap();
        ours.claim().unwrap();
    }
}
