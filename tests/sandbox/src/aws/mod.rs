//! The AWS endpoint of a sandbox: one HTTP port for every service. What concerns the sandbox's cluster is answered here,
//! everything else by moto (`moto.rs`). Any client may call: ours, `aws`, eksctl.

mod association;
mod cluster;
mod error;
pub(crate) mod identity;
pub(crate) mod keys;
pub mod moto;
mod presigned;
pub mod scenario;
pub mod token;
mod update;
mod versions;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use cluster::Cluster;
use error::EksError;
use identity::Signer;
use moto::Moto;
use scenario::Scenario;

use crate::control_plane::{ApiServerStatus, Configuration, ControlPlane};

/// What the calls share.
pub(crate) struct Eks {
    cluster: Mutex<Cluster>,
    scenario: Mutex<Scenario>,
    region: String,
    kms: aws_sdk_kms::Client,
    control_plane: Arc<ControlPlane>,
    moto: Moto,
}

impl Eks {
    /// The calls of one cluster.
    pub(crate) fn new(
        cluster: Cluster,
        kms: aws_sdk_kms::Client,
        control_plane: Arc<ControlPlane>,
        moto: Moto,
    ) -> Self {
        let region = cluster.region.clone();
        Self { cluster: Mutex::new(cluster), scenario: Mutex::default(), region, kms, control_plane, moto }
    }

    /// The cluster's status, or what the scenario puts in its place.
    fn status(&self) -> String {
        let wished = lock(&self.scenario).cluster_status.clone();
        wished.unwrap_or_else(|| lock(&self.cluster).status().to_owned())
    }

    /// Whether the sandbox's cluster is meant: in another region, the same name is another cluster.
    fn is_ours(&self, name: &str, headers: &HeaderMap) -> bool {
        let region = Signer::of(headers).map(|signer| signer.region);
        region == Some(&self.region) && lock(&self.cluster).name == name
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

/// Listens on a loopback port until it is told to stop.
pub(crate) async fn serve(eks: &Arc<Eks>, port: u16, stop: &CancellationToken) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("the AWS endpoint can't listen")?;
    let serving = axum::serve(listener, router(Arc::clone(eks))).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            eprintln!("the AWS endpoint ended: {error}");
        }
    });
    Ok(())
}

/// Every path that is answered here.
fn router(eks: Arc<Eks>) -> Router {
    let calls = Router::new()
        .route("/clusters", get(list_clusters).fallback(forward))
        .route("/clusters/{name}", get(describe_cluster).fallback(forward))
        .route("/clusters/{name}/encryption-config/associate", post(associate))
        .route("/clusters/{name}/updates", get(list_updates).fallback(forward))
        .route("/clusters/{name}/updates/{id}", get(describe_update))
        .route("/cluster-versions", get(describe_cluster_versions))
        .layer(middleware::from_fn_with_state(Arc::clone(&eks), apply_scenario));
    Router::new()
        .merge(calls)
        .route("/authenticate", post(authenticate))
        .route("/_sandbox/scenario", put(set_scenario))
        .route("/_sandbox/api-servers", get(api_servers).post(add_api_server))
        .route("/_sandbox/api-servers/restart", post(restart_api_servers))
        .route("/_sandbox/api-servers/kill", post(kill_api_servers))
        .route("/_sandbox/api-servers/remove", post(remove_api_server))
        .route("/_sandbox/load-balancer", put(steer_load_balancer))
        .fallback(forward_or_refuse)
        .with_state(eks)
}

/// What each EKS call goes through first: a known signer, and throttling if the scenario asks for it.
async fn apply_scenario(State(eks): State<Arc<Eks>>, request: Request, next: Next) -> Response {
    match Signer::of(request.headers()) {
        None => return EksError::access_denied("Missing Authentication Token").into_response(),
        Some(signer) if identity::principal(signer.access_key).is_none() => {
            return EksError::unknown_client().into_response();
        }
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
    if !eks.is_ours(&name, &headers) {
        return eks.moto.forward(Method::GET, &uri, headers, Bytes::new()).await;
    }
    let status = eks.status();
    let shown = lock(&eks.cluster).to_json(&status);
    Json(json!({ "cluster": shown })).into_response()
}

async fn list_clusters(State(eks): Shared, uri: Uri, headers: HeaderMap) -> Response {
    let in_our_region = Signer::of(&headers).is_some_and(|signer| signer.region == eks.region);
    let others = eks.moto.forward(Method::GET, &uri, headers, Bytes::new()).await;
    // Ours stands on the first page.
    let first_page = !uri.query().unwrap_or_default().contains("nextToken");
    if !in_our_region || !first_page || !others.status().is_success() {
        return others;
    }
    let Ok(body) = axum::body::to_bytes(others.into_body(), usize::MAX).await else {
        return EksError::server("moto's list broke off").into_response();
    };
    let mut list: Value = serde_json::from_slice(&body).unwrap_or_else(|_| json!({ "clusters": [] }));
    if let Some(names) = list["clusters"].as_array_mut() {
        names.insert(0, json!(lock(&eks.cluster).name));
    }
    Json(list).into_response()
}

async fn associate(State(eks): Shared, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Answer {
    ours(&eks, &name, &headers)?;
    let request = serde_json::from_slice(&body).map_err(|error| EksError::invalid_parameter(error.to_string()))?;
    association::start(&eks, &name, &request).await.map(Json)
}

async fn list_updates(State(eks): Shared, Path(name): Path<String>, headers: HeaderMap, query: Query<Page>) -> Answer {
    ours(&eks, &name, &headers)?;
    // Updates of a node group or of an add-on: there are none.
    if query.nodegroup_name.is_some() || query.addon_name.is_some() {
        return Ok(Json(json!({ "updateIds": [] })));
    }
    lock(&eks.cluster).list_updates(query.max_results.as_deref(), query.next_token.as_deref()).map(Json)
}

async fn describe_update(State(eks): Shared, Path((name, id)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    ours(&eks, &name, &headers)?;
    let mut cluster = lock(&eks.cluster);
    match cluster.update(&id) {
        Some(update) => Ok(Json(json!({ "update": update.to_json(&name) }))),
        None => Err(EksError::not_found(format!("No update found for ID: {id}"))),
    }
}

async fn describe_cluster_versions(uri: Uri) -> Json<Value> {
    Json(versions::describe(Timestamp::now(), uri.query().unwrap_or_default()))
}

/// How ListUpdates is paged and narrowed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    max_results: Option<String>,
    next_token: Option<String>,
    nodegroup_name: Option<String>,
    addon_name: Option<String>,
}

/// These calls are not in moto: of another cluster there is nothing to tell.
fn ours(eks: &Eks, name: &str, headers: &HeaderMap) -> Result<(), EksError> {
    if eks.is_ours(name, headers) {
        Ok(())
    } else {
        Err(EksError::not_found(format!("No cluster found for name: {name}.")))
    }
}

async fn authenticate(State(eks): Shared, Json(review): Json<Value>) -> Json<Value> {
    let cluster = lock(&eks.cluster).name.clone();
    Json(token::review(&review, &cluster))
}

async fn set_scenario(State(eks): Shared, Json(scenario): Json<Scenario>) {
    *lock(&eks.scenario) = scenario;
}

/// Which API server is meant; all, if none.
#[derive(Deserialize)]
struct Which {
    name: Option<String>,
}

async fn api_servers(State(eks): Shared) -> Json<Vec<ApiServerStatus>> {
    Json(eks.control_plane.status().await)
}

async fn add_api_server(State(eks): Shared, Json(configuration): Json<Configuration>) -> Answer {
    json_result(eks.control_plane.add(configuration).await)
}

async fn restart_api_servers(State(eks): Shared, which: Query<Which>) -> Answer {
    json_result(eks.control_plane.restart(which.name.as_deref()).await)
}

async fn kill_api_servers(State(eks): Shared, which: Query<Which>) -> Answer {
    eks.control_plane.kill(which.name.as_deref()).await;
    json_result(Ok(()))
}

async fn remove_api_server(State(eks): Shared, which: Query<Which>) -> Answer {
    json_result(eks.control_plane.remove(which.name.as_deref().unwrap_or_default()).await)
}

async fn steer_load_balancer(State(eks): Shared, which: Query<Which>) -> Answer {
    json_result(eks.control_plane.send_all_to(which.0.name))
}

fn json_result<T: Serialize>(result: anyhow::Result<T>) -> Answer {
    match result {
        Ok(value) => Ok(Json(json!(value))),
        Err(error) => Err(EksError::server(format!("{error:#}"))),
    }
}

/// STS's GetCallerIdentity of our own principals, so that it agrees with the tokens; moto has the rest.
async fn forward_or_refuse(State(eks): Shared, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
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
