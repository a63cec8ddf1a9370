//! The home of a person who has kubectl and krew and nothing else: a folder that goes with the test. Input: manifests and
//! archives. Output: what kubectl, krew and its validator say.

use std::path::{Path, PathBuf};
use std::process::Command;

use eks_encrypt_sandbox::parts::Parts;
use serde_json::Value;
use tempfile::TempDir;

use super::support::{CommandOutput, run, sandbox_program};

/// A manifest has to be in a file of the plugin's name.
pub(crate) const MANIFEST: &str = "eks-encrypt.yaml";

/// The plugin, as this checkout has built it.
pub(crate) fn plugin() -> PathBuf {
    let plugin = sandbox_program().with_file_name("kubectl-eks_encrypt");
    assert!(plugin.exists(), "{} is not there: `make build` builds it", plugin.display());
    plugin
}

/// The home.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// One in which krew has installed nothing.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tmp", "krew/bin"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// One in which the plugin is on PATH, as krew would link it.
    pub(crate) fn with_plugin() -> Self {
        let home = Self::new();
        std::os::unix::fs::symlink(plugin(), home.bin().join("kubectl-eks_encrypt")).unwrap();
        home
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that krew links plugins into, and that people have on PATH.
    pub(crate) fn bin(&self) -> PathBuf {
        self.path("krew/bin")
    }

    /// Writes a manifest; JSON is YAML too.
    pub(crate) fn write(&self, name: &str, manifest: &Value) -> PathBuf {
        let file = self.path(name);
        std::fs::write(&file, format!("{manifest:#}")).unwrap();
        file
    }

    /// A command of this home.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let parts = Parts::of_this_checkout();
        let folders =
            [self.bin(), parts.krew_bin().unwrap(), parts.kubectl_bin().unwrap(), "/usr/bin".into(), "/bin".into()];
        let mut command = Command::new(program.as_ref());
        command.env_clear().current_dir(self.folder.path());
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command.env("HOME", self.folder.path()).env("TMPDIR", self.path("tmp")).env("KREW_ROOT", self.path("krew"));
        command
    }

    /// The real kubectl.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> CommandOutput {
        run(self.command(Parts::of_this_checkout().program("kubectl").unwrap()).args(arguments))
    }

    /// `kubectl krew install`, with files that are here.
    pub(crate) fn install(&self, manifest: &Value, archive: &Path) -> CommandOutput {
        let manifest = format!("--manifest={}", self.write(MANIFEST, manifest).display());
        self.kubectl(&["krew", "install", &manifest, &format!("--archive={}", archive.display())])
    }

    /// What krew's validator says of the form of a manifest.
    pub(crate) fn validate(&self, name: &str, manifest: &Value) -> CommandOutput {
        let file = self.write(name, manifest);
        self.validator(&file, &["-skip-install"])
    }

    /// What it says when it also installs every platform, from the addresses that the manifest names.
    pub(crate) fn validate_installed(&self, manifest: &Value) -> CommandOutput {
        let file = self.write(MANIFEST, manifest);
        self.validator(&file, &[])
    }

    fn validator(&self, manifest: &Path, more: &[&str]) -> CommandOutput {
        let validator = Parts::of_this_checkout().krew_bin().unwrap().join("validate-krew-manifest");
        run(self.command(validator).arg("-manifest").arg(manifest).args(more))
    }
}
