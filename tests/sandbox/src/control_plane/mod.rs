//! The control plane: etcd, the kube-apiservers behind their load balancer, kube-controller-manager and kube-scheduler.

pub(crate) mod api_server;
pub(crate) mod controllers;
pub(crate) mod encryption;
pub(crate) mod etcd;
mod load_balancer;
mod probe;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::aws::scenario::Delay;
use crate::etcd_oracle::etcd::Etcd;
use crate::folder::Folder;
use crate::kms::plugin;
use crate::process::ComponentError;
use crate::process_group::READY;
use api_server::{ApiServer, ApiServerSettings, MAX_SERVERS};
use encryption::{Encryption, provider_of};
use load_balancer::LoadBalancer;

/// A draining server keeps its connections for so long. Watches would keep it from ending.
const DRAIN: Duration = Duration::from_millis(500);

/// When a server that is not ready is looked at more closely. Most take 2 s.
const STUCK_AFTER: Duration = Duration::from_secs(15);

/// Whether a server waits for nothing but the ClusterIP of Service `kubernetes`. It tries that once. Where another server that starts at
/// the same time was faster, it gives up, and ends a minute later, to be started again
/// (`pkg/registry/core/service/ipallocator/controller/repairip.go`, `RunUntil`).
fn is_stuck(readyz: &str) -> bool {
    // The client's error has the answer twice.
    let mut failed = readyz.split("[-]").skip(1).peekable();
    failed.peek().is_some() && failed.all(|hook| hook.starts_with("poststarthook/start-service-ip-repair-controllers"))
}

/// The part of the control plane that changes while a sandbox runs: the API servers and what they encrypt with.
pub(crate) struct ControlPlane {
    settings: ApiServerSettings,
    pub(crate) servers: Mutex<Vec<ApiServer>>,
    encryption: Mutex<Configurations>,
    load_balancer: LoadBalancer,
    etcd: Etcd,
    folder: Folder,
    stop: CancellationToken,
}

/// What the API servers are configured with.
struct Configurations {
    /// Most of them, or all.
    current: Encryption,
    /// Before the association: those that lag behind it. They can read what is written under the key.
    old: Encryption,
    /// How many servers there have been.
    servers_made: u8,
}

/// Which configuration an API server gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Configuration {
    /// What the cluster is meant to have.
    #[default]
    Current,
    /// What it had before the association: the server can read what is written under the key, and writes under the one before.
    Old,
}

/// When an association comes into force, beside the usual: everywhere, before it is called Successful.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rollout {
    /// So long after it is called Successful.
    pub(crate) in_force_after: Option<Delay>,
    /// On one server, so long after it is called Successful.
    pub(crate) one_server_old: Option<Delay>,
}

/// One API server, for people and tests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiServerStatus {
    /// Also its hostname.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether the load balancer sends it connections.
    pub healthy: bool,
    /// The key that a Secret written through it is stored under, or why that can't be told.
    pub writes_under: String,
}

impl ControlPlane {
    /// Listens at the cluster's endpoint, and starts the API servers. None is ready then.
    pub(crate) async fn start(
        settings: ApiServerSettings,
        endpoint: SocketAddr,
        servers: u8,
        encryption: Encryption,
        etcd: Etcd,
        (folder, stop): (Folder, CancellationToken),
    ) -> anyhow::Result<Arc<Self>> {
        ensure!((1..=5).contains(&servers), "a sandbox has 1 to 5 API servers");
        let configurations = Configurations { current: encryption.clone(), old: encryption, servers_made: 0 };
        let plane = Self {
            settings,
            servers: Mutex::default(),
            encryption: Mutex::new(configurations),
            load_balancer: LoadBalancer::listen(endpoint)?,
            etcd,
            folder,
            stop,
        };
        for _ in 0..servers {
            plane.start_server(Configuration::Current).await?;
        }
        Ok(Arc::new(plane))
    }

    /// Starts one more API server. It is not ready then.
    async fn start_server(&self, configuration: Configuration) -> anyhow::Result<String> {
        let mut configurations = self.encryption.lock().await;
        ensure!(
            configurations.servers_made < MAX_SERVERS,
            "a sandbox has {MAX_SERVERS} API servers in its life at most"
        );
        configurations.servers_made += 1;
        let encryption = match configuration {
            Configuration::Current => &configurations.current,
            Configuration::Old => &configurations.old,
        };
        let mut server = self.settings.server(configurations.servers_made).await?;
        server.start(&self.settings, encryption)?;
        let name = server.name.clone();
        self.load_balancer.add(&name, server.address, server.client.clone());
        self.servers.lock().await.push(server);
        Ok(name)
    }

    /// Waits until the first API server is ready.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        let mut servers = self.servers.lock().await;
        self.server_ready(servers.first_mut().context("there is no API server")?).await
    }

    /// Waits until all API servers are ready.
    pub(crate) async fn all_ready(&self) -> anyhow::Result<()> {
        for server in self.servers.lock().await.iter_mut() {
            self.server_ready(server).await?;
        }
        Ok(())
    }

    async fn server_ready(&self, server: &mut ApiServer) -> anyhow::Result<()> {
        let name = server.name.clone();
        let health = || async { self.load_balancer.health(&name) };
        match server.processes().ready(STUCK_AFTER, health).await {
            Err(ComponentError::NotReady { reason, .. }) if is_stuck(&reason) => {
                let encryption = server.encryption.clone().context("it was never started")?;
                server.kill().await;
                server.start(&self.settings, &encryption)?;
            }
            Err(ComponentError::NotReady { .. }) => {}
            ended => return Ok(ended?),
        }
        Ok(server.processes().ready(READY, health).await?)
    }

    /// Adds an API server, and waits until it is ready.
    pub(crate) async fn add(&self, configuration: Configuration) -> anyhow::Result<String> {
        let name = self.start_server(configuration).await?;
        self.server_ready(find(&mut self.servers.lock().await, &name)?).await?;
        Ok(name)
    }

    /// Drains an API server, ends it, and forgets it. Its identity Lease stays, as on EKS.
    pub(crate) async fn remove(&self, name: &str) -> anyhow::Result<()> {
        let mut servers = self.servers.lock().await;
        self.stop_server(find(&mut servers, name)?).await;
        self.load_balancer.remove(name);
        servers.retain(|server| server.name != name);
        Ok(())
    }

    /// Ends API servers as a crash would, and leaves them so.
    pub(crate) async fn kill(&self, only: Option<&str>) {
        let mut servers = self.servers.lock().await;
        for server in servers.iter_mut().filter(|server| only.is_none_or(|only| server.name == only)) {
            server.kill().await;
        }
    }

    /// Starts API servers again, one by one, with the configuration that they had.
    pub(crate) async fn restart(&self, only: Option<&str>) -> anyhow::Result<()> {
        for name in self.names().await.iter().filter(|name| only.is_none_or(|only| *name == only)) {
            self.restart_with(name, None).await?;
        }
        Ok(())
    }

    /// Sends all connections to one API server, or spreads them again.
    pub(crate) fn send_all_to(&self, only: Option<String>) -> anyhow::Result<()> {
        self.load_balancer.send_all_to(only)
    }

    /// The API servers. Writes a Secret through each, to see what it is stored under, and deletes it.
    pub(crate) async fn status(&self) -> Vec<ApiServerStatus> {
        let mut all = Vec::new();
        for server in self.servers.lock().await.iter() {
            let stored = probe::stored_by(&server.client, &self.etcd, &server.name).await;
            all.push(ApiServerStatus {
                name: server.name.clone(),
                address: server.address,
                healthy: self.load_balancer.health(&server.name).is_ok(),
                writes_under: stored.map_or_else(|error| error, |stored| stored.to_string()),
            });
        }
        all
    }

    /// Makes the API servers write with a customer's key, one after the other, and looks into etcd to see that they do. When
    /// they do not, they write again as before.
    pub(crate) async fn write_with(
        self: &Arc<Self>,
        kms: aws_sdk_kms::Client,
        key: &str,
        rollout: Rollout,
    ) -> anyhow::Result<()> {
        let provider = provider_of(key);
        let socket = self.folder.kms_socket(&provider);
        plugin::serve(kms, key.to_owned(), &socket, self.stop.clone())
            .context("the KMS plugin of the key could not listen")?;
        let (old, with_key) = {
            let mut configurations = self.encryption.lock().await;
            let before = configurations.current.clone();
            configurations.old = before.read_by(&provider);
            configurations.current = before.written_by(&provider);
            (configurations.old.clone(), configurations.current.clone())
        };
        let (plane, all) = (Arc::clone(self), self.names().await);
        let key = key.to_owned();
        if let Some(delay) = rollout.in_force_after {
            self.later(delay, async move { plane.roll(&all, &old, &with_key, &key).await });
            return Ok(());
        }
        let lagging = rollout.one_server_old.and_then(|delay| Some((delay, all.first()?.clone())));
        let at_once: Vec<String> =
            all.iter().filter(|name| lagging.as_ref().is_none_or(|(_, old)| old != *name)).cloned().collect();
        let rolled = async {
            if let Some((_, name)) = &lagging {
                self.restart_with(name, Some(&old)).await?;
            }
            self.roll(&at_once, &old, &with_key, &key).await
        };
        if let Err(error) = rolled.await {
            self.fall_back(with_key.fall_back()).await?;
            return Err(error);
        }
        if let Some((delay, name)) = lagging {
            self.later(delay, async move { plane.switch(&name, &with_key, &key).await });
        }
        Ok(())
    }

    /// Rolls an association through API servers: first all can read what is written under the key, then they write under it.
    /// The last one does both at once, because by then all others can read.
    async fn roll(&self, names: &[String], old: &Encryption, new: &Encryption, key: &str) -> anyhow::Result<()> {
        let Some((last, others)) = names.split_last() else { return Ok(()) };
        for name in others {
            self.restart_with(name, Some(old)).await?;
        }
        for name in [last].into_iter().chain(others) {
            self.switch(name, new, key).await?;
        }
        Ok(())
    }

    /// Has one API server write with a key, and sees that it does.
    async fn switch(&self, name: &str, encryption: &Encryption, key: &str) -> anyhow::Result<()> {
        self.restart_with(name, Some(encryption)).await?;
        let client = find(&mut self.servers.lock().await, name)?.client.clone();
        probe::until_written_under(&client, &self.etcd, name, key, READY)
            .await
            .map_err(|reason| anyhow::anyhow!("{name} still does not write with {key}: {reason}"))
    }

    async fn fall_back(&self, encryption: Encryption) -> anyhow::Result<()> {
        {
            let mut configurations = self.encryption.lock().await;
            configurations.old = encryption.clone();
            configurations.current = encryption.clone();
        }
        for name in self.names().await {
            self.restart_with(&name, Some(&encryption)).await?;
        }
        Ok(())
    }

    /// Drains an API server, ends it, and starts it again; answers when it is ready.
    async fn restart_with(&self, name: &str, encryption: Option<&Encryption>) -> anyhow::Result<()> {
        let mut servers = self.servers.lock().await;
        let server = find(&mut servers, name)?;
        self.stop_server(server).await;
        let encryption = encryption.or(server.encryption.as_ref()).cloned().context("it was never started")?;
        server.start(&self.settings, &encryption)?;
        self.load_balancer.admit(name);
        self.server_ready(server).await
    }

    async fn stop_server(&self, server: &mut ApiServer) {
        let name = server.name.clone();
        self.load_balancer.drain(&name);
        let cut = async {
            tokio::time::sleep(DRAIN).await;
            self.load_balancer.cut(&name);
            std::future::pending().await
        };
        tokio::select! {
            () = server.stop() => {}
            () = cut => {}
        }
    }

    /// Does something after a delay, unless the sandbox ends.
    fn later(&self, delay: Delay, work: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        let stop = self.stop.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            delay.passed().await;
            if let Err(error) = work.await {
                eprintln!("the association could not be carried out: {error:#}");
            }
        }));
    }

    async fn names(&self) -> Vec<String> {
        self.servers.lock().await.iter().map(|server| server.name.clone()).collect()
    }
}

fn find<'a>(servers: &'a mut [ApiServer], name: &str) -> anyhow::Result<&'a mut ApiServer> {
    servers.iter_mut().find(|server| server.name == name).with_context(|| format!("there is no API server {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of two servers that started on an empty etcd was never ready.
    #[test]
    fn a_server_that_gave_up_its_first_repair_of_service_ips_is_stuck() {
        let answer = |failed: &[&str]| {
            let hooks = ["rbac/bootstrap-roles", "start-service-ip-repair-controllers", "bootstrap-controller"];
            let line = |hook: &&str| match failed.contains(hook) {
                true => format!("[-]poststarthook/{hook} failed: reason withheld\n"),
                false => format!("[+]poststarthook/{hook} ok\n"),
            };
            let lines: String = hooks.iter().map(line).collect();
            format!("ApiError: [+]ping ok\n{lines}readyz check failed: Status {{ message: {lines:?} }}")
        };
        assert!(is_stuck(&answer(&["start-service-ip-repair-controllers"])));
        for failed in
            [&[][..], &["rbac/bootstrap-roles"], &["rbac/bootstrap-roles", "start-service-ip-repair-controllers"]]
        {
            assert!(!is_stuck(&answer(failed)), "{failed:?}");
        }
    }
}
