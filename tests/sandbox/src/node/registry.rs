//! The image registries that containerd pulls from: Debian's docker-registry, with and without TLS and a password, at the
//! host's end of the cable to the node. The first has neither.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use thiserror::Error;

use crate::folder::Folder;
use crate::info::{ECR, REGISTRY_USER, Registry};
use crate::options::RegistryAccess;
use crate::parts::{Missing, Parts};
use crate::pki::Authority;
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
    #[error("{image} could not be pushed: {output}")]
    Failed {
        /// The image.
        image: String,
        /// What buildah printed.
        output: String,
    },
}

/// What a registry is started with, and how it is entered.
pub(crate) fn start(
    parts: &Parts,
    folder: &Folder,
    ca: &Authority,
    number: usize,
    door: RegistryAccess,
    address: SocketAddr,
) -> anyhow::Result<(Start, Registry)> {
    let name = if number == 0 { "registry".to_owned() } else { format!("registry-{number}") };
    let root = folder.registry().join(&name);
    std::fs::create_dir_all(&root)?;
    let mut config = json!({
        "version": "0.1",
        "log": { "level": "warn" },
        "storage": { "filesystem": { "rootdirectory": root } },
        "http": { "addr": address.to_string() },
    });
    let mut registry = Registry { address: address.to_string(), authority: None, password: None };
    if door.tls {
        let certificate = ca.server(&name, &[ECR], &[address.ip()])?;
        config["http"]["tls"] = json!({ "certificate": certificate.cert_file, "key": certificate.key_file });
        registry.authority = Some(ca.ca_file());
    }
    if door.password {
        let (password, file) = (uuid::Uuid::new_v4().to_string(), folder.node().join(format!("{name}.htpasswd")));
        // The cheapest cost: nobody has the time to guess a sandbox's password, and every request is checked.
        std::fs::write(&file, format!("{REGISTRY_USER}:{}\n", bcrypt::hash(&password, 4)?))?;
        config["auth"] = json!({ "htpasswd": { "realm": "sandbox", "path": file } });
        registry.password = Some(password);
    }
    let file = folder.node().join(format!("{name}.json"));
    std::fs::write(&file, config.to_string())?;
    let program = parts.system("docker-registry")?;
    Ok((Start::new(&name, &program, folder.log(&name)).arg("serve").arg(file), registry))
}

/// Whether it listens.
pub(crate) async fn answers(address: SocketAddr) -> Result<(), String> {
    let connected = tokio::net::TcpStream::connect(address).await;
    connected.map(|_| ()).map_err(|error| format!("no answer from {address}: {error}"))
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
        let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(PushError::Failed { image: image.clone(), output })
    };
    let id = run(&["pull", "--quiet", &format!("oci-archive:{}", archive.display())])?;
    run(&["push", "--quiet", "--tls-verify=false", &id, &format!("docker://{image}")])?;
    Ok(image)
}
