//! Takes the census: lists the identity Leases, asks the servers, and lists the Leases again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::discovery::v1::EndpointSlice as EndpointSliceKind;
use kube::api::GetParams;
use kube::{Client, Resource};
use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use super::identity::{self, Identities, Identity};
use super::key_hash::{KeyHash, sha256};
use super::metrics::{self, Answer, Depth, MetricsError, WriteKey};
use crate::api::request::{ApiError, ask};
use crate::api::retry::{LastError, PATIENCE};

/// So many connections in a row that reach no new server: the others are not reached now. A load balancer that picks at random
/// leaves out one of two servers so once in a million times, and one of five once in a hundred. Who is left out is asked by the
/// next census.
const CONNECTIONS_IN_VAIN: usize = 20;

/// Lists of Leases after the first one. The second round asks what joined in the first. What joins in the second remains
/// for the next census.
const ROUNDS: usize = 2;

/// Before the next connection after one that failed, so that a server in trouble is not asked 20 times a second.
const PAUSE: Duration = Duration::from_secs(1);

/// How long after the deadline a list of Leases may still be answered. Without the last list the answers say nothing.
const LIST_GRACE: Duration = Duration::from_secs(10);

/// Why there is no client.
pub type ConnectError = Box<dyn std::error::Error + Send + Sync>;

/// Makes clients with a connection of their own.
pub trait Connector: Send + Sync {
    /// A client whose first request opens a new connection, to whichever API server the load balancer or the Service picks.
    ///
    /// # Errors
    /// The client can't be built.
    fn fresh(&self) -> Result<Client, ConnectError>;

    /// Whether [`Connector::at`] can be used. From outside the cluster it can't, and the EndpointSlice is not asked for.
    fn dials_addresses(&self) -> bool;

    /// A client for the API server at one address of EndpointSlice `default/kubernetes`. It must check that the server's
    /// certificate is for `kubernetes.default.svc`.
    ///
    /// # Errors
    /// The client can't be built.
    fn at(&self, server: SocketAddr) -> Result<Client, ConnectError>;
}

/// How a census is taken.
#[derive(Clone, Copy)]
pub struct Options {
    /// No server is asked after it. The last list of Leases may take 10 s more.
    pub deadline: Instant,
    /// Whether the start time of each process is read: [`Census::only_processes_of`] needs it of both censuses. It makes
    /// each answer about 20 times as long.
    pub start_times: bool,
}

/// A right that the census needs and its caller does not have. Shown as `kubectl auth can-i` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MissingRight {
    /// Without it no server is known.
    ListLeases,
    /// Without it, or without the object, only fresh connections reach servers.
    GetEndpointSlices,
    /// Without it no key is known.
    GetMetrics,
}

impl fmt::Display for MissingRight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ListLeases => "list leases.coordination.k8s.io in namespace kube-system",
            Self::GetEndpointSlices => "get endpointslices.discovery.k8s.io in namespace default",
            Self::GetMetrics => "get /metrics",
        })
    }
}

/// Why there is no census. Fits after "failed to ...".
#[derive(Debug, Error)]
pub enum CensusError {
    /// There is no client to list with.
    #[error("connect to the API server")]
    Connect(#[source] ConnectError),
    /// The list of Leases failed for another reason than a missing right.
    #[error("list the API servers' identity Leases")]
    Leases(#[source] ApiError),
    /// The list of Leases was not answered before the deadline.
    #[error("list the API servers' identity Leases before the deadline")]
    Late,
}

/// One live server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiServer {
    /// Its Lease, in the last list.
    pub identity: Identity,
    /// Its answer about the key.
    pub write_key: WriteKey,
    /// When the process that answered was started. Exact to a second or two. None unless [`Options::start_times`].
    pub started: Option<Timestamp>,
    /// When it answered, by its own clock, in whole seconds.
    pub answered: Option<Timestamp>,
    /// When it last stored an object under each key, by the same clock.
    pub stored: BTreeMap<KeyHash, Timestamp>,
}

/// The API servers of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// The live ones, by the name of their Lease: those with a renewal within 60 s of the newest one, those that answered,
    /// and those with a malformed Lease.
    pub servers: Vec<ApiServer>,
    /// Those whose Lease is left. Kubernetes deletes it an hour after the last renewal, or up to an hour later.
    pub ended: Vec<Identity>,
    /// Rights that were refused.
    pub missing: Vec<MissingRight>,
    /// Clients made, the one that lists included.
    pub connections: usize,
    /// Bytes of metrics read.
    pub metrics_bytes: u64,
    /// Servers that answered and have no identity Lease, or do not name themselves: before Kubernetes 1.29 none does.
    pub strangers: usize,
    /// The list of Leases was not answered, so that nothing is known of any server.
    pub not_listed: bool,
    /// The last failure on the way, where a server could not be asked.
    pub last_error: Option<String>,
}

impl Census {
    /// One that could not be taken.
    #[must_use]
    pub fn not_taken(error: CensusError) -> Self {
        let last_error = Some(format!("failed to {:#}", anyhow::Error::new(error)));
        Self { not_listed: true, last_error, ..Self::default() }
    }

    /// The newest renewal of all Leases, by the clock of the server that made it.
    #[must_use]
    pub fn newest_renewal(&self) -> Option<Timestamp> {
        self.identities().filter_map(|identity| identity.renewed).max()
    }

    /// All Leases, those of live servers first.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.servers.iter().map(|server| &server.identity).chain(&self.ended)
    }
}

/// Takes a census. One connection is open at a time. While the list of Leases is asked for again, `last_error` has the words of
/// the last refusal.
///
/// # Errors
/// The Leases could not be listed, for another reason than a missing right.
pub async fn take(connector: &dyn Connector, options: Options, last_error: &LastError) -> Result<Census, CensusError> {
    let lister = connector.fresh().map_err(CensusError::Connect)?;
    let mut inquiry = Inquiry::new(connector, options);
    let mut listed = match inquiry.list(&lister, false, last_error).await {
        Ok(listed) => listed,
        Err(CensusError::Leases(api_error)) if api_error.code() == Some(403) && api_error.is_permission() => {
            inquiry.missing.insert(MissingRight::ListLeases);
            return Ok(inquiry.census(&Identities::default()));
        }
        Err(error) => return Err(error),
    };
    let addresses = inquiry.addresses(&lister).await;
    for _ in 0..ROUNDS {
        inquiry.ask_all(&addresses, &listed).await;
        let before = std::mem::replace(&mut listed, inquiry.list(&lister, true, last_error).await?);
        let is_new =
            |identity: &&Identity| before.0.get(&identity.lease).map(|old| &old.process) != Some(&identity.process);
        if !inquiry.unmet(&listed).any(|identity| is_new(&identity)) {
            break;
        }
    }
    Ok(inquiry.census(&listed))
}

/// What is known of one server.
struct Met {
    process: Option<String>,
    write_key: WriteKey,
    started: Option<Timestamp>,
    answered: Option<Timestamp>,
    stored: BTreeMap<KeyHash, Timestamp>,
}

/// The census while it is taken.
struct Inquiry<'a> {
    connector: &'a dyn Connector,
    options: Options,
    depth: Depth,
    /// By the Lease's name.
    met: BTreeMap<String, Met>,
    missing: BTreeSet<MissingRight>,
    connections: usize,
    metrics_bytes: u64,
    /// The names that answers carry for which there was no Lease.
    strangers: BTreeSet<Option<String>>,
    last_error: Option<String>,
}

impl<'a> Inquiry<'a> {
    fn new(connector: &'a dyn Connector, options: Options) -> Self {
        Self {
            connector,
            options,
            depth: if options.start_times { Depth::StartTime } else { Depth::Keys },
            met: BTreeMap::new(),
            missing: BTreeSet::new(),
            connections: 1,
            metrics_bytes: 0,
            strangers: BTreeSet::new(),
            last_error: None,
        }
    }

    async fn list(
        &self,
        client: &Client,
        was_authorized: bool,
        last_error: &LastError,
    ) -> Result<Identities, CensusError> {
        let end = self.options.deadline.max(Instant::now()) + LIST_GRACE;
        let patience = PATIENCE.min(end - Instant::now());
        let list = timeout_at(end, identity::list(client, patience, was_authorized, last_error)).await;
        list.map_err(|_| CensusError::Late)?.map_err(CensusError::Leases)
    }

    /// The servers' addresses, where they can be used.
    async fn addresses(&mut self, client: &Client) -> BTreeSet<SocketAddr> {
        if !self.connector.dials_addresses() {
            return BTreeSet::new();
        }
        let url = EndpointSliceKind::url_path(&(), Some("default"));
        let request = kube::core::Request::new(url).get("kubernetes", &GetParams::default());
        match timeout_at(self.options.deadline, ask::<EndpointSlice>(client, request)).await {
            Ok(Ok(slice)) => return slice.addresses(),
            Ok(Err(api_error)) if matches!(api_error.code(), Some(403 | 404)) => {
                self.missing.insert(MissingRight::GetEndpointSlices);
            }
            Ok(Err(api_error)) => self.last_error = Some(api_error.to_string()),
            Err(_) => self.last_error = Some("EndpointSlice default/kubernetes was not answered in time".into()),
        }
        BTreeSet::new()
    }

    /// Asks by address, and then by fresh connections until every live server was met.
    async fn ask_all(&mut self, addresses: &BTreeSet<SocketAddr>, listed: &Identities) {
        for address in addresses {
            if self.is_over() {
                return;
            }
            let client = self.connector.at(*address);
            self.ask(client, listed).await;
        }
        let mut repeats = 0;
        while repeats < CONNECTIONS_IN_VAIN && !self.is_over() && self.unmet(listed).next().is_some() {
            let met = self.met.len();
            let client = self.connector.fresh();
            if !self.ask(client, listed).await {
                sleep(PAUSE).await;
            }
            repeats = if self.met.len() > met { 0 } else { repeats + 1 };
        }
    }

    fn is_over(&self) -> bool {
        self.missing.contains(&MissingRight::GetMetrics) || Instant::now() >= self.options.deadline
    }

    /// The live servers that are worth another connection.
    fn unmet<'l>(&'l self, listed: &'l Identities) -> impl Iterator<Item = &'l Identity> {
        listed.live().filter(|identity| self.met(identity).is_none() && !identity.is_malformed())
    }

    fn met(&self, identity: &Identity) -> Option<&Met> {
        self.met.get(&identity.lease).filter(|met| !identity.is_malformed() && met.process == identity.process)
    }

    /// Asks over one connection. Whether there was an answer.
    async fn ask(&mut self, client: Result<Client, ConnectError>, listed: &Identities) -> bool {
        self.connections += 1;
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                self.last_error = Some(error.to_string());
                return false;
            }
        };
        let Some(answer) = self.read(&client).await else { return false };
        self.note(&answer, listed);
        true
    }

    async fn read(&mut self, client: &Client) -> Option<Answer> {
        let end = self.options.deadline.min(Instant::now() + self.depth.time_limit());
        match timeout_at(end, metrics::read(client, self.depth, &mut self.metrics_bytes)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => {
                // A server that has just started forbids everything until it has read its roles. Where another one has
                // answered, the right is there.
                if matches!(error, MetricsError::Forbidden(_)) && self.met.is_empty() {
                    self.missing.insert(MissingRight::GetMetrics);
                }
                self.last_error = Some(format!("/metrics: {error}"));
            }
            Err(_) => self.last_error = Some("/metrics was not answered in time".into()),
        }
        None
    }

    fn note(&mut self, answer: &Answer, listed: &Identities) {
        let names_it = |identity: &&Identity| answer.server.as_ref() == Some(&sha256(&identity.lease));
        let Some(identity) = listed.0.values().find(names_it) else {
            self.strangers.insert(answer.server.clone());
            return;
        };
        let met = Met {
            process: identity.process.clone(),
            write_key: answer.write_key(),
            started: answer.started,
            answered: answer.date,
            stored: answer.stored(),
        };
        // The later answer counts, unless it only says that the server has stored nothing since.
        let known =
            self.met(identity).is_some_and(|met| met.write_key != WriteKey::Idle && met.started == answer.started);
        if !(known && met.write_key == WriteKey::Idle) {
            self.met.insert(identity.lease.clone(), met);
        }
    }

    fn census(&self, listed: &Identities) -> Census {
        let mut census = Census {
            missing: self.missing.iter().copied().collect(),
            connections: self.connections,
            metrics_bytes: self.metrics_bytes,
            strangers: self.strangers.iter().filter(|name| !has_lease(listed, name.as_ref())).count(),
            last_error: self.last_error.clone(),
            ..Census::default()
        };
        for identity in listed.0.values() {
            let met = self.met(identity);
            // A clock that is behind makes a Lease look ended. Its server has answered all the same.
            if met.is_none() && !listed.is_live(identity) {
                census.ended.push(identity.clone());
                continue;
            }
            census.servers.push(ApiServer {
                identity: identity.clone(),
                write_key: met.map_or(WriteKey::NotAsked, |met| met.write_key.clone()),
                started: met.and_then(|met| met.started),
                answered: met.and_then(|met| met.answered),
                stored: met.map(|met| met.stored.clone()).unwrap_or_default(),
            });
        }
        census
    }
}

/// Whether the server of this name has a Lease by now.
fn has_lease(listed: &Identities, name: Option<&String>) -> bool {
    listed.0.keys().any(|lease| name == Some(&sha256(lease)))
}

/// As much of an EndpointSlice as is read.
#[derive(Deserialize)]
struct EndpointSlice {
    #[serde(default)]
    endpoints: Option<Vec<Endpoint>>,
    #[serde(default)]
    ports: Option<Vec<Port>>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(default)]
    addresses: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct Port {
    port: Option<u16>,
}

impl EndpointSlice {
    fn addresses(self) -> BTreeSet<SocketAddr> {
        // It has one port, `https`.
        let port = self.ports.into_iter().flatten().find_map(|port| port.port).unwrap_or(443);
        let addresses = self.endpoints.into_iter().flatten().flat_map(|endpoint| endpoint.addresses);
        addresses.map(|address| SocketAddr::new(address, port)).collect()
    }
}

#[cfg(test)]
#[path = "census_tests.rs"]
mod tests;
