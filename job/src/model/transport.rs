//! The wire: a `kube::Client` whose requests the control plane answers, in tokio's paused time. What a client gave up is
//! still done, as on a real network.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use tower_test::mock::{self, SendResponse};

use super::control_plane::{ControlPlane, Look, Route};
use super::schedule::{Fault, Forbidden, Moment, Reach};
use super::store::{Refused, Write};
use crate::api_servers::{ConnectError, Connector};
use crate::wire::names::ANNOTATION;

/// A server's port.
const PORT: u16 = 6443;

/// The way to a control plane.
#[derive(Clone)]
pub(super) struct Network {
    plane: Arc<Mutex<ControlPlane>>,
    began: Instant,
}

/// A request as it is answered.
struct Call {
    method: String,
    path: String,
    query: String,
    body: Vec<u8>,
}

/// An answer.
struct Answer {
    code: u16,
    body: String,
    /// The header Date, which only the census reads.
    date: Option<String>,
    look: Option<Look>,
}

/// What comes of a request at the moment at which it arrives.
enum Arrival {
    Answered(Answer),
    /// No server listens.
    Refused,
    /// The server does nothing until this time.
    Frozen(i64),
}

/// All that a patch of ours may carry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    #[serde(default)]
    metadata: PatchMetadata,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PatchMetadata {
    resource_version: Option<String>,
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

impl Answer {
    fn ok(body: impl Into<String>) -> Self {
        Self { code: 200, body: body.into(), date: None, look: None }
    }

    fn refused(code: u16, reason: &str, message: &str, kind: &str, name: &str) -> Self {
        let body = format!(
            r#"{{"kind":"Status","status":"Failure","code":{code},"reason":"{reason}","message":"{message}","details":{{"kind":"{kind}","name":"{name}"}}}}"#
        );
        Self { code, body, date: None, look: None }
    }

    fn missing(kind: &str, name: &str) -> Self {
        Self::refused(404, "NotFound", "not found", kind, name)
    }

    fn forbidden(what: &str) -> Self {
        let message = format!("{what} is forbidden: User \\\"u\\\" cannot list resource at the cluster scope");
        Self::refused(403, "Forbidden", &message, what, "")
    }
}

impl Network {
    /// From now on: this moment is model time 0.
    pub(super) fn new(plane: ControlPlane) -> Self {
        Self { plane: Arc::new(Mutex::new(plane)), began: Instant::now() }
    }

    pub(super) fn plane(&self) -> MutexGuard<'_, ControlPlane> {
        self.plane.lock().unwrap()
    }

    /// Model time, in milliseconds.
    pub(super) fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    pub(super) fn reach(&self, moment: Moment) {
        self.plane().reach(moment, self.now());
    }

    /// A client of this control plane.
    pub(super) fn client(&self, route: Route) -> Client {
        let (service, mut handle) = mock::pair();
        let connection = self.plane().connect(route);
        let network = self.clone();
        tokio::spawn(async move {
            while let Some((request, send)) = handle.next_request().await {
                tokio::spawn(network.clone().exchange(connection, request, send));
            }
        });
        Client::new(service, "default")
    }

    async fn exchange(self, connection: usize, request: Request<Body>, send: SendResponse<Response<Body>>) {
        let (parts, body) = request.into_parts();
        let call = Call {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: body.collect_bytes().await.unwrap().to_vec(),
        };
        let is_continued = call.parameter("continue").is_some();
        let (before, after, fault) = {
            let mut plane = self.plane();
            plane.advance(self.now());
            if plane.is_exhausted() {
                return std::mem::forget(send);
            }
            plane.luck(&format!("{} {}", call.method, call.path), is_continued)
        };
        pass(before).await;
        if fault == Some(Fault::Broken) {
            return send.send_error("connection reset by peer");
        }
        let answer = loop {
            let arrival = self.plane().arrive(self.now(), connection, &call, fault);
            match arrival {
                Arrival::Answered(answer) => break answer,
                Arrival::Refused => return send.send_error("connection refused"),
                Arrival::Frozen(until) => pass(until - self.now()).await,
            }
        };
        pass(after).await;
        if fault == Some(Fault::LostAnswer) {
            return send.send_error("connection reset by peer");
        }
        if let Some(look) = answer.look.filter(|_| after < 9_000) {
            self.plane().note(look);
        }
        let mut response = Response::builder().status(answer.code);
        if let Some(date) = answer.date {
            response = response.header("Date", date);
        }
        if answer.code == 429 {
            response = response.header("Retry-After", "1");
        }
        send.send_response(response.body(Body::from(answer.body.into_bytes())).unwrap());
    }
}

async fn pass(time: i64) {
    sleep(Duration::from_millis(time.max(0).unsigned_abs())).await;
}

impl Call {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    }
}

impl ControlPlane {
    fn arrive(&mut self, now: i64, connection: usize, call: &Call, fault: Option<Fault>) -> Arrival {
        self.advance(now);
        let Some(server) = self.server_of(connection) else { return Arrival::Refused };
        let Some(process) = self.servers[server].process.clone() else { return Arrival::Refused };
        if process.frozen > now {
            return Arrival::Frozen(process.frozen);
        }
        let status = |code, message: &str| Answer::refused(code, "", message, "", "");
        let answer = match fault {
            Some(Fault::TooMany) => Answer {
                code: 429,
                body: "Too many requests, please try again later.\n".into(),
                date: None,
                look: None,
            },
            Some(Fault::Internal) => status(500, "Internal error occurred"),
            Some(Fault::Unavailable) => status(503, "the server is currently unable to handle the request"),
            Some(Fault::Expired) => status(410, "The provided continue parameter is too old"),
            _ if process.allows > now => {
                self.seen.insert("403 of a server that has just started");
                Answer::forbidden("it")
            }
            _ => {
                let answer = self.answer(server, connection, call);
                if fault == Some(Fault::TimedOut) {
                    status(504, "request did not complete within the allotted timeout")
                } else {
                    answer
                }
            }
        };
        self.tell(|| {
            let Call { method, path, query, body } = call;
            let code = answer.code;
            format!("server {server}: {method} {path}?{query} {} -> {code} {fault:?}", String::from_utf8_lossy(body))
        });
        Arrival::Answered(answer)
    }

    fn answer(&mut self, server: usize, connection: usize, call: &Call) -> Answer {
        let at = self.now;
        let is_forbidden = |right| self.schedule.forbidden.contains(&right);
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/version") => Answer::ok(
                r#"{"major":"1","minor":"34","gitVersion":"v1.34.4-eks-1","gitCommit":"","gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#,
            ),
            ("GET", "/metrics") if is_forbidden(Forbidden::Metrics) => {
                self.seen.insert("metrics forbidden");
                Answer::forbidden("/metrics")
            }
            ("GET", "/metrics") => match &self.servers[server].process {
                Some(process) => {
                    let text = self.servers[server].metrics(process, self.schedule.key_ids);
                    let date = Some(self.servers[server].date(at));
                    Answer { look: Some(Look::Metrics { server, at }), date, ..Answer::ok(text) }
                }
                None => Answer::ok(""),
            },
            ("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases") => {
                if is_forbidden(Forbidden::Leases) {
                    self.seen.insert("Leases forbidden");
                    return Answer::forbidden("leases");
                }
                let mut text = String::from(r#"{"items":["#);
                self.servers.iter().for_each(|server| server.lease_json(&mut text));
                text.push_str("]}");
                Answer { look: Some(Look::Leases { connection, at }), ..Answer::ok(text) }
            }
            ("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes") => {
                if is_forbidden(Forbidden::Slices) {
                    self.seen.insert("EndpointSlices forbidden");
                    return Answer::forbidden("endpointslices");
                }
                let listed = self.servers.iter().filter(|server| server.is_listed(at));
                let addresses: Vec<_> =
                    listed.map(|server| format!(r#"{{"addresses":["10.0.0.{}"]}}"#, server.index)).collect();
                Answer::ok(format!(r#"{{"endpoints":[{}],"ports":[{{"port":{PORT}}}]}}"#, addresses.join(",")))
            }
            ("GET", "/api/v1/secrets") => self.list(call),
            (method, path) if path.starts_with("/api/v1/namespaces/") && path.contains("/secrets") => {
                self.secret(server, call, method, path)
            }
            ("GET", path) if path.contains("/leases/") => Answer::missing("leases", crate::wire::names::LEASE),
            ("GET", path) if path.contains("/configmaps/") => Answer::missing("configmaps", crate::wire::names::RECORD),
            ("PATCH" | "POST", path) if path.contains("/leases") || path.contains("/configmaps") => {
                let revision = self.store_own(server);
                Answer::ok(format!(r#"{{"metadata":{{"resourceVersion":"{revision}"}}}}"#))
            }
            (method, path) => {
                self.violations.push(format!("no right covers {method} {path}"));
                Answer::forbidden("it")
            }
        }
    }

    fn list(&mut self, call: &Call) -> Answer {
        let limit = call.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
        let limit = self.schedule.page.min(limit);
        let Some(page) = self.store.page(limit, call.parameter("continue"), self.now) else {
            self.seen.insert("410");
            return Answer::refused(410, "Expired", "The provided continue parameter is too old", "", "");
        };
        let mut text = String::from(r#"{"kind":"PartialObjectMetadataList","items":["#);
        for (name, version) in &page.items {
            push_item(&mut text, name, *version);
        }
        write!(
            text,
            r#"],"metadata":{{"resourceVersion":"{}","continue":"{}","remainingItemCount":{}}}}}"#,
            page.version,
            page.token.unwrap_or_default(),
            page.remaining
        )
        .unwrap();
        Answer::ok(text)
    }

    /// A list of one, or a patch.
    fn secret(&mut self, server: usize, call: &Call, method: &str, path: &str) -> Answer {
        let mut parts = path.trim_start_matches("/api/v1/namespaces/").split('/');
        let (namespace, last) = (parts.next().unwrap_or_default(), parts.nth(1));
        match (method, last) {
            ("GET", None) => {
                let name = call.parameter("fieldSelector").and_then(|field| field.strip_prefix("metadata.name%3D"));
                let name = format!("{namespace}/{}", name.unwrap_or_default());
                let mut text = String::from(r#"{"items":["#);
                if let Some(secret) = self.store.secrets.get(&name) {
                    push_item(&mut text, &name, secret.version);
                }
                write!(text, r#"],"metadata":{{"resourceVersion":"{}"}}}}"#, self.store.revision).unwrap();
                Answer::ok(text)
            }
            ("PATCH", Some(last)) => match serde_json::from_slice::<Patch>(&call.body) {
                Ok(patch) => self.patch(server, &format!("{namespace}/{last}"), last, &patch),
                Err(error) => {
                    self.violations.push(format!("a patch of {path} changes more than it may: {error}"));
                    Answer::forbidden("it")
                }
            },
            _ => {
                self.violations.push(format!("no right covers {method} {path}"));
                Answer::forbidden("it")
            }
        }
    }

    fn patch(&mut self, server: usize, name: &str, last: &str, patch: &Patch) -> Answer {
        let Some(process) = &self.servers[server].process else { return Answer::forbidden("it") };
        let annotations = patch.metadata.annotations.iter().flatten();
        if let Some((other, _)) = annotations.clone().find(|(annotation, _)| *annotation != ANNOTATION) {
            self.violations.push(format!("annotation {other} of {name} is not ours"));
        }
        let annotation = annotations.map(|(_, value)| value.as_str()).next();
        let version = patch.metadata.resource_version.as_deref();
        let (process, key) = (process.number, process.key);
        let write = Write { server, process, key, now: self.now, version, data: None, annotation };
        match self.store.update(name, &write) {
            Ok((version, written)) => {
                if written {
                    self.stored(server);
                }
                let mut text = String::new();
                push_item(&mut text, name, version);
                Answer::ok(text)
            }
            Err(Refused::Missing) => Answer::missing("secrets", last),
            Err(Refused::Conflict) => {
                self.seen.insert("409");
                Answer::refused(409, "Conflict", "the object has been modified", "secrets", last)
            }
        }
    }
}

fn push_item(text: &mut String, name: &str, version: u64) {
    let (namespace, name) = name.split_once('/').unwrap_or_default();
    if text.ends_with('}') {
        text.push(',');
    }
    write!(text, r#"{{"metadata":{{"namespace":"{namespace}","name":"{name}","resourceVersion":"{version}"}}}}"#)
        .unwrap();
}

impl Connector for Network {
    fn fresh(&self) -> Result<Client, ConnectError> {
        Ok(self.client(Route::Balancer))
    }

    fn dials_addresses(&self) -> bool {
        self.plane().schedule.reach == Reach::Addresses
    }

    fn at(&self, server: SocketAddr) -> Result<Client, ConnectError> {
        let SocketAddr::V4(address) = server else { return Err("not IPv4".into()) };
        Ok(self.client(Route::Address(address.ip().octets()[3].into())))
    }
}
