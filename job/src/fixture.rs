//! A scripted API server for tests: requests come out of a `kube::Client`, answers go in. No network, no clock of its own.

use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock::{self, Handle, SendResponse};

use crate::api::list::Secret;
use crate::api::retry::LastError;
use crate::api::write::Writer;
use crate::engine::attempt::Attempt;
use crate::engine::patch::Patcher;
use crate::engine::spec::RunSpec;
use crate::limiter::limit::Limit;
use crate::wire::event::{Event, Method};
use crate::wire::outcome::Outcome;

/// One request, not yet answered.
pub(crate) struct Call {
    /// `PATCH /api/v1/namespaces/a/secrets/b`, without the query.
    pub(crate) line: String,
    pub(crate) query: String,
    pub(crate) accept: String,
    pub(crate) body: Value,
    send: SendResponse<Response<Body>>,
}

/// What to answer.
pub(crate) enum Reply {
    Json(u16, Value),
    /// As API Priority and Fairness does it.
    PlainText(u16, &'static str, Option<u64>),
    /// The connection breaks.
    Broken,
    /// No answer, ever.
    Never,
}

/// The other end of the client.
pub(crate) struct Server(Handle<Request<Body>, Response<Body>>);

/// A client, and the server it speaks to.
pub(crate) fn pair() -> (Client, Server) {
    let (service, handle) = mock::pair();
    (Client::new(service, "default"), Server(handle))
}

impl Server {
    /// The next request.
    pub(crate) async fn next(&mut self) -> Call {
        self.poll().await.expect("the client is gone")
    }

    async fn poll(&mut self) -> Option<Call> {
        let (request, send) = self.0.next_request().await?;
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap();
        Some(Call {
            line: format!("{} {}", parts.method, parts.uri.path()),
            query: parts.uri.query().unwrap_or_default().trim_start_matches('&').to_owned(),
            accept: parts.headers.get("accept").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            send,
        })
    }

    /// The next request about Secrets; the others get the usual answers.
    pub(crate) async fn next_about_secrets(&mut self) -> Call {
        loop {
            let call = self.next().await;
            match usual(&call) {
                Some(reply) => call.reply(reply),
                None => return call,
            }
        }
    }

    /// Answers everything by `script`, in the background; the requests are collected. Where it has no answer, the usual
    /// one is given: a version, no run record, and a record that can be written.
    pub(crate) fn serve(mut self, mut script: impl FnMut(&Call) -> Option<Reply> + Send + 'static) -> Log {
        let log = Log::default();
        let seen = log.clone();
        tokio::spawn(async move {
            let mut unanswered = Vec::new();
            while let Some(call) = self.poll().await {
                seen.0.lock().unwrap().push((format!("{}?{}", call.line, call.query), call.body.clone()));
                match script(&call).or_else(|| usual(&call)).unwrap_or_else(|| panic!("no answer for {}", call.line)) {
                    Reply::Never => unanswered.push(call),
                    reply => call.reply(reply),
                }
            }
        });
        log
    }
}

impl Call {
    pub(crate) fn reply(self, reply: Reply) {
        let response = Response::builder();
        let response = match reply {
            Reply::Json(code, body) => response.status(code).body(Body::from(body.to_string().into_bytes())),
            Reply::PlainText(code, text, retry_after) => retry_after
                .map_or(Response::builder(), |seconds| Response::builder().header("Retry-After", seconds))
                .status(code)
                .body(Body::from(text.as_bytes().to_vec())),
            Reply::Broken => return self.send.send_error("connection reset by peer"),
            Reply::Never => return std::mem::forget(self),
        };
        self.send.send_response(response.unwrap());
    }

    pub(crate) fn is_list(&self) -> bool {
        self.line == "GET /api/v1/secrets"
    }

    /// `a/b` of a patch of Secret b in namespace a.
    pub(crate) fn patched(&self) -> Option<String> {
        let (namespace, name) = self.line.strip_prefix("PATCH /api/v1/namespaces/")?.split_once("/secrets/")?;
        Some(format!("{namespace}/{name}"))
    }
}

/// The requests that came.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<(String, Value)>>>);

impl Log {
    /// Those whose line has this in it, with their bodies.
    pub(crate) fn of(&self, part: &str) -> Vec<(String, Value)> {
        self.0.lock().unwrap().iter().filter(|(line, _)| line.contains(part)).cloned().collect()
    }
}

fn usual(call: &Call) -> Option<Reply> {
    match call.line.split_once(' ')? {
        ("GET", "/version") => {
            let version = json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.4-eks-1", "gitCommit": "",
                "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": "" });
            Some(Reply::Json(200, version))
        }
        ("GET", path) if path.contains("/configmaps/") => Some(not_found("configmaps", "eks-encrypt-run")),
        ("GET", path) if path.contains("/leases/") => Some(not_found("leases", "eks-encrypt")),
        (_, path) if path.contains("/leases") => {
            Some(Reply::Json(200, json!({ "metadata": { "resourceVersion": "1" } })))
        }
        (_, path) if path.contains("/configmaps") => Some(Reply::Json(200, json!({ "metadata": {} }))),
        _ => None,
    }
}

/// A page of Secrets given as (namespace/name, resourceVersion).
pub(crate) fn page(list_version: &str, secrets: &[(&str, &str)], token: &str, remaining: u64) -> Reply {
    let items: Vec<_> = secrets.iter().map(|(key, version)| metadata(key, version)).collect();
    let metadata = json!({ "resourceVersion": list_version, "continue": token, "remainingItemCount": remaining });
    Reply::Json(200, json!({ "kind": "PartialObjectMetadataList", "metadata": metadata, "items": items }))
}

/// The answer to a patch of Secret `key` (namespace/name).
pub(crate) fn patched(key: &str, version: &str) -> Reply {
    Reply::Json(200, metadata(key, version))
}

fn metadata(key: &str, version: &str) -> Value {
    let (namespace, name) = key.split_once('/').unwrap();
    json!({ "kind": "PartialObjectMetadata", "metadata": {
        "namespace": namespace, "name": name, "resourceVersion": version, "annotations": { "other": "x" } } })
}

/// A refusal in the API server's form, about a Secret.
pub(crate) fn status(code: u16, reason: &str, name: &str, message: &str) -> Reply {
    status_of("secrets", code, reason, name, message)
}

/// The API server's 404 about one object.
pub(crate) fn not_found(kind: &str, name: &str) -> Reply {
    status_of(kind, 404, "NotFound", name, &format!("{kind} {name:?} not found"))
}

/// A refusal in the API server's form.
pub(crate) fn status_of(kind: &str, code: u16, reason: &str, name: &str, message: &str) -> Reply {
    let details = json!({ "name": name, "kind": kind });
    Reply::Json(
        code,
        json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message,
            "details": details }),
    )
}

/// A run called `r1` of a Job, with as many patches in flight as asked for.
pub(crate) fn spec(method: Method, concurrency: usize) -> RunSpec {
    RunSpec {
        run: "r1".into(),
        job_uid: "5f2b8c1e-0000-4000-8000-000000000001".into(),
        holder: "r1/pod-a".into(),
        namespace: "eks-encrypt".into(),
        method,
        prove: false,
        key_arn: "arn:aws:kms:eu-west-1:111122223333:key/k".into(),
        time: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        limit: Limit::fixed(concurrency.try_into().unwrap()),
        api_servers: None,
        cluster_role_binding: None,
    }
}

/// What a run said: a sink for it, and a look at it.
#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Vec<Event>>>);

impl Said {
    pub(crate) fn sink(&self) -> impl FnMut(Event) + Send + 'static {
        let said = self.clone();
        move |event| said.0.lock().unwrap().push(event)
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// The notes alone.
    pub(crate) fn notes(&self) -> Vec<String> {
        let note = |event| if let Event::Note { message } = event { Some(message) } else { None };
        self.events().into_iter().filter_map(note).collect()
    }
}

/// Secret a/`name`, listed at resourceVersion 5.
pub(crate) fn secret(name: &str) -> Secret {
    Secret { namespace: "a".into(), name: name.into(), resource_version: "5".into(), unanswered: false }
}

/// What a turn came to: an outcome, or the words of the refusal.
pub(crate) fn came_to(attempt: Attempt) -> Result<Outcome, String> {
    match attempt {
        Attempt::Done(outcome) => Ok(outcome),
        Attempt::Rejected(api_error) => Err(api_error.to_string()),
        Attempt::Cancelled => panic!("stopped"),
    }
}

/// Patches Secret a/s against `script`.
pub(crate) async fn patch_one(
    method: Method,
    mut script: impl FnMut(&Call) -> Reply + Send + 'static,
) -> (Result<Outcome, String>, Log) {
    let (client, server) = pair();
    let log = server.serve(move |call| Some(script(call)));
    let (spec, last_error) = (spec(method, 1), LastError::default());
    let writer = Writer::new(&client, &spec.limit, &last_error);
    (came_to(Patcher::new(&writer, method, spec.time).patch(&secret("s")).await), log)
}
