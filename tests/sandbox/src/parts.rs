//! Finds the programs that a sandbox is made of: those that `make parts` built, those of `KUBEBUILDER_ASSETS`, and those
//! of Debian's packages.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A program is missing.
#[derive(Debug, Error)]
#[error("{program} is not there ({looked}); `make parts` builds or installs it")]
pub struct Missing {
    program: String,
    looked: String,
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Parts {
    built: PathBuf,
    assets: Option<PathBuf>,
}

impl Parts {
    /// Those that this checkout is linked to (`tests/sandbox/parts/build.sh`); `KUBEBUILDER_ASSETS` comes first where it has the program.
    #[must_use]
    pub fn of_this_checkout() -> Self {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("parts/.built");
        Self { built, assets: std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) }
    }

    /// A program of Kubernetes or etcd.
    ///
    /// # Errors
    /// It was not built.
    pub fn program(&self, name: &str) -> Result<PathBuf, Missing> {
        let places = self.assets.iter().cloned().chain([self.built.join("kubernetes")]);
        self.first(name, places)
    }

    /// A program of the Python environment (`moto_server`, `aws`).
    ///
    /// # Errors
    /// The environment was not made.
    pub fn python(&self, name: &str) -> Result<PathBuf, Missing> {
        self.first(name, [self.built.join("python/bin")])
    }

    /// The folder with our own Python package `moto_eks`, for PYTHONPATH.
    pub(crate) fn python_path(&self) -> Result<PathBuf, Missing> {
        let folder = self.built.parent().map(Path::to_path_buf).unwrap_or_default();
        self.first("moto_eks", [folder.clone()]).map(|_| folder)
    }

    /// The folder with `aws` in it, for PATH: not that of the whole Python environment, whose `python3` and `pip` would
    /// come before the user's.
    ///
    /// # Errors
    /// It was not made.
    pub fn aws_bin(&self) -> Result<PathBuf, Missing> {
        let folder = self.built.join("python/aws");
        self.first("aws", [folder.clone()]).map(|_| folder)
    }

    /// The folder with kubectl in it, for PATH.
    ///
    /// # Errors
    /// kubectl was not built.
    pub fn kubectl_bin(&self) -> Result<PathBuf, Missing> {
        let kubectl = self.program("kubectl")?;
        Ok(kubectl.parent().map(Path::to_path_buf).unwrap_or_default())
    }

    /// The folder with krew, as the plugin of kubectl that it is, and its validator.
    ///
    /// # Errors
    /// They were not built.
    pub fn krew_bin(&self) -> Result<PathBuf, Missing> {
        let folder = self.built.join("krew");
        self.first("validate-krew-manifest", [folder.clone()]).map(|_| folder)
    }

    /// The archive of the image that holds each Pod's namespaces.
    ///
    /// # Errors
    /// It was not built.
    pub fn pause_image(&self) -> Result<PathBuf, Missing> {
        self.first("pause.oci.tar", [self.built.join("images")])
    }

    /// The archive of the image whose program writes to the log of its Pod what its arguments say.
    ///
    /// # Errors
    /// It was not built.
    pub fn echo_image(&self) -> Result<PathBuf, Missing> {
        self.first("echo.oci.tar", [self.built.join("images")])
    }

    /// A program of a Debian package.
    ///
    /// # Errors
    /// The package is not installed.
    pub fn system(&self, name: &str) -> Result<PathBuf, Missing> {
        self.first(name, ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from))
    }

    fn first(&self, name: &str, places: impl IntoIterator<Item = PathBuf>) -> Result<PathBuf, Missing> {
        let mut looked = Vec::new();
        for place in places {
            let file = place.join(name);
            if file.exists() {
                return Ok(file);
            }
            looked.push(place.display().to_string());
        }
        Err(Missing { program: name.to_owned(), looked: format!("looked in {}", looked.join(" and ")) })
    }
}

#[cfg(test)]
mod tests {
    //! The order of the places.
    use super::*;

    #[test]
    fn kubebuilder_assets_come_before_our_own() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(ours.path().join("kubernetes")).unwrap();
        for file in
            [ours.path().join("kubernetes/etcd"), ours.path().join("kubernetes/kubelet"), theirs.path().join("etcd")]
        {
            std::fs::write(file, "").unwrap();
        }
        let parts = Parts { built: ours.path().into(), assets: Some(theirs.path().into()) };
        assert_eq!(parts.program("etcd").unwrap(), theirs.path().join("etcd"));
        assert_eq!(parts.program("kubelet").unwrap(), ours.path().join("kubernetes/kubelet"));
    }

    #[test]
    fn a_missing_program_is_named_with_the_cure() {
        let parts = Parts { built: "/nowhere".into(), assets: None };
        let error = parts.program("kubelet").unwrap_err().to_string();
        insta::assert_snapshot!(error, @"kubelet is not there (looked in /nowhere/kubernetes); `make parts` builds or installs it");
    }
}
