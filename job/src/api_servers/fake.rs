//! Several API servers behind a load balancer, for tests. Each client is one connection, to one of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock;

use super::key_hash::{KeyHash, sha256};
use super::{ConnectError, Connector};

/// What the clocks of all servers show at first.
const NOW: &str = "2026-01-02T03:04:05Z";

pub(super) fn key(name: &str) -> KeyHash {
    KeyHash::of_arn(name)
}

/// One API server.
#[derive(Clone)]
pub(super) struct FakeServer {
    pub(super) name: &'static str,
    pub(super) holder: Option<String>,
    /// The age of the Lease's renewal, in seconds.
    pub(super) renewed: i64,
    /// The age of the process, in seconds.
    pub(super) age: i64,
    /// The ages of what it has stored, in seconds.
    pub(super) stored: Vec<(KeyHash, f64)>,
    /// Whether connections to it work.
    pub(super) up: bool,
}

/// A server that stored its Lease 3 s ago.
pub(super) fn server(name: &'static str, write_key: &str) -> FakeServer {
    FakeServer {
        name,
        holder: Some(format!("{name}_uuid-of-{name}")),
        renewed: 3,
        age: 86_400,
        stored: vec![(key(write_key), 3.0)],
        up: true,
    }
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) servers: Vec<FakeServer>,
    /// All fresh connections go to this one.
    pub(super) pinned: Option<usize>,
    pub(super) dials: bool,
    pub(super) leases: u16,
    pub(super) slices: u16,
    pub(super) metrics: u16,
    /// Joins when the first server has answered for its metrics.
    pub(super) joins: Option<FakeServer>,
    /// The metrics never end after what is needed.
    pub(super) endless: bool,
    /// Clients made, and requests as `GET /metrics by a`.
    pub(super) fresh: usize,
    pub(super) log: Vec<String>,
}

#[derive(Clone)]
pub(super) struct Fake(Arc<Mutex<World>>);

impl Fake {
    pub(super) fn new(servers: impl IntoIterator<Item = FakeServer>) -> Self {
        Self(Arc::new(Mutex::new(World {
            now: NOW.parse().unwrap(),
            servers: servers.into_iter().collect(),
            pinned: None,
            dials: false,
            leases: 200,
            slices: 200,
            metrics: 200,
            joins: None,
            endless: false,
            fresh: 0,
            log: Vec::new(),
        })))
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// How many requests have this in their line.
    pub(super) fn count(&self, part: &str) -> usize {
        self.world().log.iter().filter(|line| line.contains(part)).count()
    }

    /// Time passes: the live servers renew their Leases.
    pub(super) fn pass(&self, seconds: i64) {
        let mut world = self.world();
        world.now += SignedDuration::from_secs(seconds);
        for server in &mut world.servers {
            server.age += seconds;
            if !server.up {
                server.renewed += seconds;
            }
        }
    }

    fn connect(&self, index: usize) -> Client {
        let (service, mut handle) = mock::pair::<Request<Body>, _>();
        let fake = self.clone();
        tokio::spawn(async move {
            while let Some((request, send)) = handle.next_request().await {
                let up = fake.world().servers.get(index).is_some_and(|server| server.up);
                if !up {
                    send.send_error("connection refused");
                    continue;
                }
                let (code, text) = fake.world().answer(index, request.method().as_str(), request.uri().path());
                let date = fake.world().now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                let body = Full::from(text.into_bytes());
                let body = if fake.world().endless {
                    body.with_trailers(std::future::pending()).boxed_unsync()
                } else {
                    body.boxed_unsync()
                };
                send.send_response(Response::builder().status(code).header("Date", date).body(body).unwrap());
            }
        });
        Client::new(service, "default")
    }
}

impl World {
    fn answer(&mut self, index: usize, method: &str, path: &str) -> (u16, String) {
        let line = format!("{method} {path} by {}", self.servers[index].name);
        self.log.push(line);
        let (code, body) = match path {
            "/metrics" if self.metrics != 200 => (self.metrics, json!({})),
            "/metrics" => {
                let text = self.text(index);
                self.servers.extend(self.joins.take());
                return (200, text);
            }
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases" => (self.leases, self.lease_list()),
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes" => (self.slices, self.slice()),
            other => panic!("no answer for {other}"),
        };
        let refused = json!({ "kind": "Status", "code": code, "message": "x is forbidden: User \"u\" cannot do it" });
        (code, if code == 200 { body } else { refused }.to_string())
    }

    fn lease_list(&self) -> Value {
        let lease = |server: &FakeServer| {
            let renewed = self.now - SignedDuration::from_secs(server.renewed);
            json!({
                "metadata": { "name": server.name, "labels": { "kubernetes.io/hostname": format!("host-{}", server.name) } },
                "spec": { "holderIdentity": server.holder, "renewTime": renewed.to_string(), "leaseDurationSeconds": 3600 },
            })
        };
        json!({ "items": self.servers.iter().map(lease).collect::<Vec<_>>() })
    }

    fn slice(&self) -> Value {
        let endpoint = |index: usize| json!({ "addresses": [format!("10.0.0.{index}")] });
        let endpoints: Vec<_> = (0..self.servers.len()).map(endpoint).collect();
        json!({ "endpoints": endpoints, "ports": [{ "name": "https", "port": 6443 }] })
    }

    fn text(&self, index: usize) -> String {
        use std::fmt::Write as _;
        let server = &self.servers[index];
        let now = self.now.as_duration().as_secs_f64();
        let name = "apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds";
        let id = sha256(server.name);
        let mut text = format!(
            "# HELP apiserver_audit_event_total [ALPHA] Events.\n# TYPE apiserver_audit_event_total counter\n\
             apiserver_audit_event_total 0\n# HELP {name} [ALPHA] The last time.\n# TYPE {name} gauge\n\
             {name}{{apiserver_id_hash=\"{id}\",key_id_hash=\"{}\",provider_name=\"p\",transformation_type=\"from_storage\"}} {:e}\n",
            key("read"),
            now
        );
        for (key, age) in &server.stored {
            writeln!(
                text,
                "{name}{{apiserver_id_hash=\"{id}\",key_id_hash=\"{key}\",provider_name=\"p\",transformation_type=\"to_storage\"}} {:e}",
                now - age
            )
            .unwrap();
        }
        let started = self.now - SignedDuration::from_secs(server.age);
        write!(
            text,
            "# HELP apiserver_flowcontrol x\n# HELP process_start_time_seconds x\nprocess_start_time_seconds {:e}\n\
             # HELP process_virtual_memory_bytes x\n",
            started.as_duration().as_secs_f64()
        )
        .unwrap();
        text
    }
}

impl Connector for Fake {
    fn fresh(&self) -> Result<Client, ConnectError> {
        let mut world = self.world();
        // The load balancer opens no connection to a server that is down.
        let up: Vec<_> = (0..world.servers.len()).filter(|index| world.servers[*index].up).collect();
        let index = world.pinned.unwrap_or(up[world.fresh % up.len()]);
        world.fresh += 1;
        drop(world);
        Ok(self.connect(index))
    }

    fn dials_addresses(&self) -> bool {
        self.world().dials
    }

    fn at(&self, server: SocketAddr) -> Result<Client, ConnectError> {
        assert_eq!(server.port(), 6443);
        let SocketAddr::V4(address) = server else { return Err("not IPv4".into()) };
        Ok(self.connect(address.ip().octets()[3].into()))
    }
}
