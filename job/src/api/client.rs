//! The client that the Job's Pod speaks to the API server with. Input: what the kubelet mounts and sets. Output: a
//! `kube::Client` for `rewrite`; or a kubeconfig's, where the run is in the plugin's process.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::client::ClientBuilder;
use kube::{Client, Config};
use thiserror::Error;

use crate::api::bounds;
use crate::api_servers::{ConnectError, Connector};

/// A connection inside the cluster takes milliseconds; one that takes seconds goes to an API server that is gone.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Not in a Pod, or in one without a token.
    #[error("not in a Pod with a ServiceAccount token")]
    NotInCluster(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The CA or the token can't be used.
    #[error("can't speak TLS to the API server")]
    Build(#[source] kube::Error),
}

/// Makes the configuration ours.
fn settle(config: &mut Config) {
    config.connect_timeout = Some(CONNECT_WITHIN);
    // We ask again ourselves: kube's own retries would hide the 429s that say how much the API server can take, and
    // would go on through a stop.
    config.default_retry = false;
    // What the audit log shows beside our writes.
    config.headers.push((USER_AGENT, HeaderValue::from_static(concat!("eks-encrypt/", env!("CARGO_PKG_VERSION")))));
}

/// The Pod's client. The API server's address comes from the environment, so that no DNS is needed.
pub fn in_cluster() -> Result<Client, ClientError> {
    of(Config::incluster().map_err(|error| ClientError::NotInCluster(error.into()))?)
}

/// Reaches each API server from a Pod: by its address, which EndpointSlice `default/kubernetes` has, or by the Service.
pub struct InCluster;

/// The name that every API server's certificate has (`k8s.io/kubernetes`, `pkg/controlplane`).
const SERVER_NAME: &str = "kubernetes.default.svc";

impl Connector for InCluster {
    fn fresh(&self) -> Result<Client, ConnectError> {
        Ok(in_cluster()?)
    }

    fn dials_addresses(&self) -> bool {
        true
    }

    fn at(&self, server: SocketAddr) -> Result<Client, ConnectError> {
        let mut config = Config::incluster()?;
        config.cluster_url = format!("https://{server}").parse()?;
        config.tls_server_name = Some(SERVER_NAME.to_owned());
        Ok(of(config)?)
    }
}

/// A client of any configuration: for a run elsewhere than in a Pod.
pub fn of(mut config: Config) -> Result<Client, ClientError> {
    settle(&mut config);
    Ok(bounds::client(ClientBuilder::try_from(config).map_err(ClientError::Build)?))
}
