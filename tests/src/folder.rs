//! Where each file of one sandbox lies. Paths only; whoever needs a folder makes it.

use std::path::{Path, PathBuf};

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

    /// Locked by the janitor as long as the sandbox lives.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The janitor's process id, to be believed only while [`Self::lock`] is held.
    pub(crate) fn janitor_pid(&self) -> PathBuf {
        self.0.join("janitor.pid")
    }

    /// What a ready sandbox tells: [`crate::info::Info`] as JSON.
    #[must_use]
    pub fn info(&self) -> PathBuf {
        self.0.join("info.json")
    }

    /// The part that died, if one did, with the last lines of its log.
    pub(crate) fn casualty(&self) -> PathBuf {
        self.0.join("casualty.txt")
    }

    /// The file to source: `. FOLDER/env`.
    #[must_use]
    pub fn env(&self) -> PathBuf {
        self.0.join("env")
    }

    /// The kubeconfig as `aws eks update-kubeconfig` writes it.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    /// A kubeconfig with a client certificate of `system:masters`, for tests and the sandbox itself.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.0.join("admin.kubeconfig")
    }

    /// A kubeconfig of one component.
    pub(crate) fn component_kubeconfig(&self, component: &str) -> PathBuf {
        self.0.join(format!("{component}.kubeconfig"))
    }

    /// The log of every part.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// The log of one part.
    #[must_use]
    pub fn log(&self, part: &str) -> PathBuf {
        self.logs().join(format!("{part}.log"))
    }

    /// Certificates and keys.
    pub(crate) fn pki(&self) -> PathBuf {
        self.0.join("pki")
    }

    /// etcd's data.
    pub(crate) fn etcd(&self) -> PathBuf {
        self.0.join("etcd")
    }

    /// What kube-apiserver is told of encryption.
    pub(crate) fn encryption(&self) -> PathBuf {
        self.0.join("encryption.json")
    }

    /// The socket of a key's KMS v2 plugin.
    pub(crate) fn kms_socket(&self, provider: &str) -> PathBuf {
        self.0.join(format!("{provider}.sock"))
    }

    /// Configuration and state of the node's parts.
    pub(crate) fn node(&self) -> PathBuf {
        self.0.join("node")
    }

    /// What the image registry stores.
    pub(crate) fn registry(&self) -> PathBuf {
        self.0.join("registry")
    }
}
