//! What tests of pushes share: a small image archive in the form in which it travels, and a registry on loopback that is a
//! script, with TLS or without. Input: what a test wants to go wrong. Output: what the registry heard and has.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A digest as OCI writes it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The files of an archive, by name; tests change them before they are packed.
pub(crate) fn files(architectures: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::from([("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())]);
    let mut put = |kind: &str, bytes: Vec<u8>| {
        let (digest, size) = (digest(&bytes), bytes.len());
        files.insert(format!("blobs/{}", digest.replace(':', "/")), bytes);
        json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": size})
    };
    let mut manifests = Vec::new();
    for architecture in architectures {
        let config =
            put("config.v1+json", json!({"architecture": architecture, "os": "linux"}).to_string().into_bytes());
        let layer = put("layer.v1.tar+gzip", format!("the layer of {architecture}").into_bytes());
        let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": [layer]});
        let mut entry = put("manifest.v1+json", manifest.to_string().into_bytes());
        entry["platform"] = json!({"architecture": architecture, "os": "linux"});
        manifests.push(entry);
    }
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests});
    let mut root = put("index.v1+json", index.to_string().into_bytes());
    root["annotations"] = json!({"org.opencontainers.image.ref.name": "0.1.0"});
    let top = json!({"schemaVersion": 2, "manifests": [root]});
    files.insert("index.json".to_owned(), top.to_string().into_bytes());
    files
}

/// Packs files into an archive.
pub(crate) fn pack(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> PathBuf {
    let path = folder.join(super::archive::FILE);
    let mut tar = tar::Builder::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    tar.finish().unwrap();
    path
}

/// An archive with two architectures.
pub(crate) fn archive(folder: &Path) -> PathBuf {
    pack(folder, &files(&["amd64", "arm64"]))
}

/// How the registry knows people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    #[default]
    Open,
    /// It wants `alice` and `secret`.
    Basic,
    /// It sends people to a token server, which wants the same.
    Token,
}

/// The registry's state.
#[derive(Debug, Default)]
pub(crate) struct FakeRegistry {
    pub(crate) door: Access,
    /// Its token server, if that is not itself.
    pub(crate) realm: Option<String>,
    /// Whether it answers without `Location`, as ECR does.
    pub(crate) no_location: bool,
    /// Where it wants blobs, if that is not here.
    pub(crate) upload: Option<String>,
    /// What it redirects, by the beginning of `METHOD /path`, and to which host.
    pub(crate) redirect: Option<(&'static str, String)>,
    /// What it answers with [`ENDLESS`] MiB, by the beginning of `METHOD /path`, and the status.
    pub(crate) endless: Option<(&'static str, u16)>,
    /// How many of those MiB were taken.
    pub(crate) taken: Arc<AtomicUsize>,
    /// The digests of its blobs.
    pub(crate) blobs: BTreeSet<String>,
    /// The digests of its manifests, by tag and by digest.
    pub(crate) manifests: BTreeMap<String, String>,
    /// What it answers instead, once for each: the beginning of `METHOD /path`, status and body.
    pub(crate) instead: Vec<(&'static str, u16, &'static str)>,
    /// What takes time, by the beginning of `METHOD /path`.
    pub(crate) slow: Option<(&'static str, Duration)>,
    /// What it heard: `METHOD /path`, without uploads' numbers.
    pub(crate) heard: Vec<String>,
    /// The logins that it was sent: `METHOD /path` and the header.
    pub(crate) logins: Vec<String>,
}

/// How many MiB an answer has that has no end.
pub(crate) const ENDLESS: usize = 600;

/// A registry that listens; gone with the test's runtime.
pub(crate) struct RunningRegistry {
    /// `127.0.0.1:port`.
    pub(crate) address: String,
    pub(crate) state: Arc<Mutex<FakeRegistry>>,
}

impl RunningRegistry {
    pub(crate) async fn start(fake: FakeRegistry) -> Self {
        let (listener, address) = listen().await;
        let (playing, app) = Self::new(fake, address, "http");
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        playing
    }

    /// The same with TLS; and the certificate of its authority, PEM.
    pub(crate) async fn start_tls(fake: FakeRegistry) -> (Self, String) {
        let (tcp, address) = listen().await;
        let (playing, app) = Self::new(fake, address, "https");
        let (config, authority) = tls();
        let listener = Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(config)) };
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (playing, authority)
    }

    fn new(fake: FakeRegistry, address: String, scheme: &'static str) -> (Self, axum::Router) {
        let state = Arc::new(Mutex::new(fake));
        let (at, shared) = (format!("{scheme}://{address}"), state.clone());
        let app = axum::Router::new().fallback(move |request: Request<Body>| {
            let (at, shared) = (at.clone(), shared.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let slow = shared.lock().unwrap().slow;
                if let Some((begins, time)) = slow
                    && format!("{} {}", head.method, head.uri.path()).starts_with(begins)
                {
                    tokio::time::sleep(time).await;
                }
                let mut fake = shared.lock().unwrap();
                answer(&mut fake, &at, &head, &body)
            }
        });
        (Self { address, state }, app)
    }

    pub(crate) fn logins(&self) -> Vec<String> {
        self.state.lock().unwrap().logins.clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().heard.clone()
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            // Whoever does not trust us has said so.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// A server of this machine, and its authority.
fn tls() -> (ServerConfig, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    (config, authority.pem())
}

/// An answer of [`ENDLESS`] MiB, of which each is counted.
fn endless(status: u16, taken: Arc<AtomicUsize>) -> Response<Body> {
    static MIB: [u8; 1 << 20] = [b'a'; 1 << 20];
    let one = move |_| {
        taken.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(Bytes::from_static(&MIB))
    };
    let stream = futures::stream::iter((0..ENDLESS).map(one));
    Response::builder().status(status).body(Body::from_stream(stream)).unwrap()
}

fn answer(fake: &mut FakeRegistry, address: &str, head: &axum::http::request::Parts, body: &[u8]) -> Response<Body> {
    let path = head.uri.path().to_owned();
    let line = format!("{} {path}", head.method);
    fake.heard.push(line.clone());
    if let Some(login) = head.headers.get(header::AUTHORIZATION) {
        fake.logins.push(format!("{line} {}", login.to_str().unwrap()));
    }
    if let Some((begins, to)) = &fake.redirect
        && line.starts_with(begins)
    {
        return reply(307, &[("location", &format!("http://{to}{}", head.uri))], "");
    }
    if let Some((begins, status)) = fake.endless
        && line.starts_with(begins)
    {
        return endless(status, fake.taken.clone());
    }
    if let Some(at) = fake.instead.iter().position(|(begins, ..)| line.starts_with(begins)) {
        let (_, status, body) = fake.instead.remove(at);
        return reply(status, &[], body);
    }
    if let Some(refused) = refused(fake, address, head, &path) {
        return refused;
    }
    let digest = digest(body);
    let last = path.rsplit('/').next().unwrap_or_default().to_owned();
    match (&head.method, path.as_str()) {
        (_, "/v2/") => reply(200, &[], "{}"),
        (_, "/token") => reply(200, &[], r#"{"token":"let-in"}"#),
        (&Method::POST, path) if path.ends_with("/blobs/uploads/") => {
            let here = path.replace("uploads/", "upload-1");
            reply(202, &[("location", fake.upload.as_ref().unwrap_or(&here))], "")
        }
        (&Method::PUT, path) if path.contains("/blobs/upload-1") => {
            let asked = head.uri.query().unwrap_or_default().replace("digest=", "").replace("%3A", ":");
            if asked != digest {
                return reply(400, &[], &error("DIGEST_INVALID", &format!("{asked} is {digest}")));
            }
            fake.blobs.insert(digest);
            reply(201, &[("location", "/v2/x")], "")
        }
        (&Method::HEAD, path) if path.contains("/blobs/") => {
            reply(if fake.blobs.contains(&last) { 200 } else { 404 }, &[], "")
        }
        (&Method::PUT, path) if path.contains("/manifests/") => {
            let value: Value = serde_json::from_slice(body).unwrap();
            let listed = value["layers"].as_array().into_iter().flatten().chain([&value["config"]]);
            let blob = listed.filter_map(|part| part["digest"].as_str()).find(|digest| !fake.blobs.contains(*digest));
            let listed = value["manifests"].as_array().into_iter().flatten();
            let manifest =
                listed.filter_map(|one| one["digest"].as_str()).find(|one| !fake.manifests.contains_key(*one));
            if let Some(missing) = blob.or(manifest) {
                return reply(400, &[], &error("MANIFEST_BLOB_UNKNOWN", missing));
            }
            fake.manifests.insert(last, digest.clone());
            fake.manifests.insert(digest.clone(), digest);
            let location: &[(&str, &str)] = if fake.no_location { &[] } else { &[("location", "/v2/x")] };
            reply(201, location, "")
        }
        (_, path) if path.contains("/manifests/") => match fake.manifests.get(&last) {
            Some(digest) => reply(200, &[("docker-content-digest", digest)], ""),
            None => reply(404, &[], &error("MANIFEST_UNKNOWN", "manifest unknown")),
        },
        _ => reply(404, &[], ""),
    }
}

/// The answer to who may not come in.
fn refused(
    fake: &FakeRegistry,
    address: &str,
    head: &axum::http::request::Parts,
    path: &str,
) -> Option<Response<Body>> {
    let shown = head.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    let basic = format!("Basic {}", STANDARD.encode("alice:secret"));
    let (wanted, challenge) = match (fake.door, path) {
        (Access::Open, _) => return None,
        (Access::Token, "/token") | (Access::Basic, _) => (basic, r#"Basic realm="registry""#.to_owned()),
        (Access::Token, _) => {
            let realm = fake.realm.clone().unwrap_or_else(|| format!("{address}/token"));
            ("Bearer let-in".to_owned(), format!(r#"Bearer realm="{realm}",service="registry""#))
        }
    };
    if shown.as_ref() == Some(&wanted) {
        return None;
    }
    Some(reply(401, &[("www-authenticate", &challenge)], &error("UNAUTHORIZED", "authentication required")))
}

/// An error as registries send it.
pub(crate) fn error(code: &str, message: &str) -> String {
    json!({"errors": [{"code": code, "message": message}]}).to_string()
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(Body::from(body.to_owned())).unwrap()
}
