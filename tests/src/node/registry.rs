//! The image registry that containerd pulls from: Debian's docker-registry, without TLS and without a password, at the
//! host's end of the cable to the node.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use thiserror::Error;

use crate::folder::Folder;
use crate::loopback;
use crate::parts::{Missing, Parts};
use crate::process::Start;

/// An image could not be pushed.
#[derive(Debug, Error)]
pub(crate) enum PushError {
    /// buildah is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// buildah could not be started.
    #[error("buildah could not be started")]
    Start(#[source] std::io::Error),
    /// buildah said no.
    #[error("{image} could not be pushed: {said}")]
    Failed {
        /// The image.
        image: String,
        /// What buildah printed.
        said: String,
    },
}

/// What the registry is started with.
pub(crate) fn start(parts: &Parts, folder: &Folder, address: SocketAddr) -> anyhow::Result<Start> {
    std::fs::create_dir_all(folder.registry())?;
    let config = json!({
        "version": "0.1",
        "log": { "level": "warn" },
        "storage": { "filesystem": { "rootdirectory": folder.registry() } },
        "http": { "addr": address.to_string() },
    });
    let file = folder.node().join("registry.json");
    std::fs::write(&file, config.to_string())?;
    let program = parts.system("docker-registry")?;
    Ok(Start::new("registry", &program, folder.log("registry")).arg("serve").arg(file))
}

/// Whether it answers.
pub(crate) async fn answers(address: SocketAddr) -> Result<(), String> {
    let answer = loopback::http().get(format!("http://{address}/v2/")).send().await;
    answer.map(|_| ()).map_err(|error| format!("no answer from {address}: {error}"))
}

/// Pushes an OCI archive (`make image` builds ours) and gives the image's full name.
///
/// # Errors
/// buildah is missing, or the archive or the registry is not as it should be.
pub(crate) fn push(parts: &Parts, registry: &str, archive: &Path, name: &str) -> Result<String, PushError> {
    let image = format!("{registry}/{name}");
    let buildah = parts.system("buildah")?;
    let storage = tempfile::tempdir().map_err(PushError::Start)?;
    let run = |arguments: &[&str]| {
        let output = Command::new(&buildah)
            .args(["--storage-driver", "vfs", "--root"])
            .arg(storage.path().join("root"))
            .arg("--runroot")
            .arg(storage.path().join("run"))
            .args(arguments)
            .output()
            .map_err(PushError::Start)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(PushError::Failed { image: image.clone(), said })
    };
    let id = run(&["pull", "--quiet", &format!("oci-archive:{}", archive.display())])?;
    run(&["push", "--quiet", "--tls-verify=false", &id, &format!("docker://{image}")])?;
    Ok(image)
}
