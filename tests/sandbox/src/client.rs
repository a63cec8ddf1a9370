//! A Kubernetes client of a kubeconfig file.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use kube::config::{KubeConfigOptions, Kubeconfig};

/// A client of the file's current context.
///
/// # Errors
/// The file can't be read or makes no sense.
pub async fn of(kubeconfig: &Path) -> anyhow::Result<kube::Client> {
    build(kubeconfig, |_| Ok(())).await
}

/// The same, but of the API server at one address, past the load balancer.
pub async fn at(kubeconfig: &Path, server: SocketAddr) -> anyhow::Result<kube::Client> {
    build(kubeconfig, |config| {
        config.cluster_url = format!("https://{server}").parse()?;
        Ok(())
    })
    .await
}

/// The same as of the first, but as somebody else: its user has to be allowed to impersonate.
///
/// # Errors
/// The file can't be read or makes no sense.
pub(crate) async fn acting_as(kubeconfig: &Path, user: &str) -> anyhow::Result<kube::Client> {
    build(kubeconfig, |config| {
        config.auth_info.impersonate = Some(user.to_owned());
        Ok(())
    })
    .await
}

async fn build(
    kubeconfig: &Path,
    change: impl FnOnce(&mut kube::Config) -> anyhow::Result<()>,
) -> anyhow::Result<kube::Client> {
    let read = || format!("{} makes no client", kubeconfig.display());
    let parsed = Kubeconfig::read_from(kubeconfig).with_context(read)?;
    let mut config =
        kube::Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await.with_context(read)?;
    change(&mut config).with_context(read)?;
    kube::Client::try_from(config).with_context(read)
}
