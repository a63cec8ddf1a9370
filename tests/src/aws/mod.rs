//! The AWS endpoint of a sandbox: one HTTP port for every service. What concerns the sandbox's cluster is answered here,
//! everything else by moto ([`moto`]). Any client may call: ours, `aws`, eksctl.

mod association;
mod cluster;
mod error;
mod identity;
pub(crate) mod keys;
pub(crate) mod moto;
mod presigned;
pub mod scenario;
pub mod token;
mod update;
mod versions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use cluster::Cluster;
use error::EksError;
use identity::Signer;
use moto::Moto;
use scenario::Scenario;

use crate::control_plane::ControlPlane;

/// What the calls share.
pub(crate) struct Eks {
    pub(crate) cluster: Mutex<Cluster>,
    pub(crate) scenario: Mutex<Scenario>,
    pub(crate) region: String,
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) control_plane: Arc<ControlPlane>,
    pub(crate) moto: Moto,
}

impl Eks {
    /// The cluster's status, or what the scenario puts in its place.
    fn status(&self) -> String {
        let wished = lock(&self.scenario).cluster_status.clone();
        wished.unwrap_or_else(|| lock(&self.cluster).status().to_owned())
    }

    fn is_ours(&self, name: &str) -> bool {
        lock(&self.cluster).name == name
    }
}

/// Nothing that holds these locks can leave a half-changed value behind, so a panic elsewhere poisons nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the cluster its Kubernetes version, once the API server has told it.
pub(crate) fn set_kubernetes(eks: &Eks, version: &str) {
    version.clone_into(&mut lock(&eks.cluster).kubernetes);
}

/// Every path that is answered here.
pub(crate) fn router(eks: Arc<Eks>) -> Router {
    let calls = Router::new()
        .route("/clusters", get(list_clusters).fallback(forward))
        .route("/clusters/{name}", get(describe_cluster).fallback(forward))
        .route("/clusters/{name}/encryption-config/associate", post(associate))
        .route("/clusters/{name}/updates", get(list_updates).fallback(forward))
        .route("/clusters/{name}/updates/{id}", get(describe_update))
        .route("/cluster-versions", get(describe_cluster_versions))
        .layer(middleware::from_fn_with_state(Arc::clone(&eks), gate));
    Router::new()
        .merge(calls)
        .route("/authenticate", post(authenticate))
        .route("/_sandbox/scenario", get(scenario_now).put(set_scenario))
        .route("/_sandbox/api-server/restart", post(restart_api_server))
        .route("/_sandbox/api-server/kill", post(kill_api_server))
        .fallback(others)
        .with_state(eks)
}

/// What each EKS call goes through first: a known signer, and throttling if the scenario asks for it.
async fn gate(State(eks): State<Arc<Eks>>, request: Request, next: Next) -> Response {
    match Signer::of(request.headers()) {
        None => return EksError::access_denied("Missing Authentication Token").into_response(),
        Some(signer) if !identity::known(signer.access_key) => return EksError::unknown_client().into_response(),
        Some(_) => {}
    }
    let throttled = {
        let mut scenario = lock(&eks.scenario);
        let throttled = scenario.throttle > 0;
        scenario.throttle = scenario.throttle.saturating_sub(1);
        throttled
    };
    if throttled { EksError::throttled().into_response() } else { next.run(request).await }
}

type Shared = State<Arc<Eks>>;
type Answer = Result<Json<Value>, EksError>;

async fn describe_cluster(State(eks): Shared, Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    if !eks.is_ours(&name) {
        return eks.moto.forward(Method::GET, &uri, headers, Bytes::new()).await;
    }
    let status = eks.status();
    let shown = lock(&eks.cluster).show(&status);
    Json(json!({ "cluster": shown })).into_response()
}

async fn list_clusters(State(eks): Shared, uri: Uri, headers: HeaderMap) -> Response {
    let others = eks.moto.forward(Method::GET, &uri, headers, Bytes::new()).await;
    let Ok(body) = axum::body::to_bytes(others.into_body(), usize::MAX).await else {
        return EksError::server("moto's list broke off").into_response();
    };
    let mut list: Value = serde_json::from_slice(&body).unwrap_or_else(|_| json!({ "clusters": [] }));
    // Ours stands on the first page.
    if let Some(names) = list["clusters"].as_array_mut()
        && !uri.query().unwrap_or_default().contains("nextToken")
    {
        names.insert(0, json!(lock(&eks.cluster).name));
    }
    Json(list).into_response()
}

async fn associate(State(eks): Shared, Path(name): Path<String>, Json(request): Json<Value>) -> Answer {
    ours(&eks, &name)?;
    association::begin(&eks, &name, &request).await.map(Json)
}

async fn list_updates(State(eks): Shared, Path(name): Path<String>, Query(page): Query<Page>) -> Answer {
    ours(&eks, &name)?;
    let cluster = lock(&eks.cluster);
    let from: usize = page.next_token.and_then(|token| token.parse().ok()).unwrap_or(0);
    let size = page.max_results.unwrap_or(100);
    let ids: Vec<&String> = cluster.updates.iter().skip(from).take(size).map(|update| &update.id).collect();
    let next = (from + size < cluster.updates.len()).then(|| (from + size).to_string());
    Ok(Json(json!({ "updateIds": ids, "nextToken": next })))
}

async fn describe_update(State(eks): Shared, Path((name, id)): Path<(String, String)>) -> Answer {
    ours(&eks, &name)?;
    let mut cluster = lock(&eks.cluster);
    match cluster.update(&id) {
        Some(update) => Ok(Json(json!({ "update": update.show(&name) }))),
        None => Err(EksError::not_found(format!("No update found for ID: {id}"))),
    }
}

async fn describe_cluster_versions() -> Json<Value> {
    Json(versions::describe(Timestamp::now()))
}

/// How a list is paged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// These calls are not in moto: of another cluster there is nothing to tell.
fn ours(eks: &Eks, name: &str) -> Result<(), EksError> {
    if eks.is_ours(name) { Ok(()) } else { Err(EksError::not_found(format!("No cluster found for name: {name}."))) }
}

async fn authenticate(State(eks): Shared, Json(review): Json<Value>) -> Json<Value> {
    let cluster = lock(&eks.cluster).name.clone();
    Json(token::review(&review, &cluster))
}

async fn scenario_now(State(eks): Shared) -> Json<Scenario> {
    Json(lock(&eks.scenario).clone())
}

async fn set_scenario(State(eks): Shared, Json(scenario): Json<Scenario>) {
    *lock(&eks.scenario) = scenario;
}

async fn restart_api_server(State(eks): Shared) -> Answer {
    match eks.control_plane.restart().await {
        Ok(()) => Ok(Json(json!({}))),
        Err(error) => Err(EksError::server(format!("{error:#}"))),
    }
}

async fn kill_api_server(State(eks): Shared) -> Json<Value> {
    eks.control_plane.kill().await;
    Json(json!({}))
}

/// STS's GetCallerIdentity of our own principals, so that it agrees with the tokens; moto has the rest.
async fn others(State(eks): Shared, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if method == Method::GET && uri.query().is_some_and(|query| query.contains("X-Amz-Signature")) {
        // The host is part of what was signed.
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        return identity::presigned(&format!("http://{host}{uri}"), &headers);
    }
    let signer = Signer::of(&headers);
    let asks_who = signer.as_ref().is_some_and(|signer| signer.service == "sts")
        && String::from_utf8_lossy(&body).contains("Action=GetCallerIdentity");
    match signer.and_then(|signer| identity::principal(signer.access_key)) {
        Some(principal) if asks_who => identity::caller_identity(principal),
        _ => eks.moto.forward(method, &uri, headers, body).await,
    }
}

async fn forward(State(eks): Shared, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    eks.moto.forward(method, &uri, headers, body).await
}
