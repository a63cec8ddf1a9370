//! A registry that is pushed to: the requests of OCI's distribution-spec, with our trust, our patience and our words for what goes
//! wrong. Input: a destination and a login. Output: what the registry has, and what it is given.
//!
//! Each answer is read up to a bound. The registry names its token server, so a password goes there only over TLS or to loopback, and
//! only after `log_in`.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, Method};
use oci_spec::image::{Digest, MediaType};
use reqwest::{Certificate, Client, RequestBuilder, Response, Url};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cause::Cause;
use crate::model::pem;
use crate::model::reference::Destination;
use crate::registry::archive::Blob;
use crate::registry::docker::{Credentials, FoundCredentials};
use crate::registry::errors::{self, Error, RequestError, RequestKind};
use crate::registry::file;
use crate::ui::terminal::shorten;

/// The first pause before a registry is asked again.
const FIRST_RETRY_DELAY: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_millis(500) };

/// How often it is asked again: after 7.5 s in all, and jitter.
const MAX_RETRIES: usize = 4;

/// An answer that takes longer has been lost.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// What a slow line takes in a second: answers may take longer by as much as is sent. reqwest's own time-outs don't know of this:
/// they count from the request, however long its body takes (its issue 2784).
const MIN_BYTES_PER_SECOND: usize = 32 << 10;

/// A token lives for a minute at least (distribution's token specification).
const TOKEN_MAX_AGE: Duration = Duration::from_secs(45);

/// The largest manifest that a registry has to take (distribution-spec).
const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// More is no token, and no registry takes it in a header.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// How much of a refusal is read.
const MAX_ERROR_BYTES: usize = 8 << 10;

/// More is no address of a token server.
const MAX_REALM_CHARS: usize = 512;

/// What a file of certificate authorities has at most; the system's bundle has 200 KiB.
const MAX_CA_BYTES: u64 = 4 << 20;

/// The kinds of manifest that a tag may name.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// A registry, and the repository in it.
pub(crate) struct Registry {
    client: Client,
    /// `https://REGISTRY/v2/`, or without TLS.
    base: Url,
    plain: bool,
    known: FoundCredentials,
    to: Destination,
    silence: Duration,
    session: Mutex<Session>,
}

/// The login of the requests.
struct Session {
    challenge: Challenge,
    /// Who is logged in.
    login: FoundCredentials,
    /// What a token is asked for.
    actions: &'static str,
    /// The token, and since when.
    token: Option<(Instant, HeaderValue)>,
}

/// How clients log in (distribution-spec, "Token Authentication").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Without a login.
    Nothing,
    /// Name and password with each request.
    Basic,
    /// A token, which this server gives for name and password.
    Token { realm: Url, service: Option<String> },
}

/// What the registry has under a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TagDigest {
    /// An image of this digest.
    Is(String),
    /// Nothing.
    Free,
    /// It does not even know the repository. Most then make it.
    NoRepository,
}

/// How it is spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transport<'a> {
    /// HTTP without TLS.
    pub(crate) plain: bool,
    /// Whom TLS trusts beside the system's authorities.
    pub(crate) authority: Option<&'a Path>,
}

/// Whether a registry is spoken to without TLS. Docker and containerd do so with registries on this very machine; who names a
/// certificate authority expects TLS.
pub(crate) fn uses_plain_http(typed: Option<bool>, registry: &str, authority: Option<&Path>) -> bool {
    typed.unwrap_or(is_loopback_registry(registry) && authority.is_none())
}

/// Whether an address means the machine on which it is used.
pub(crate) fn is_loopback_registry(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_registry)
}

impl Registry {
    /// Makes the client. Asks nothing yet.
    pub(crate) fn new(to: &Destination, way: Transport<'_>, known: FoundCredentials) -> Result<Self, Error> {
        let certificates = match way.authority {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        // Docker Hub's registry has another name than its images.
        let host = if to.registry == "docker.io" { "index.docker.io" } else { &to.registry };
        let scheme = if way.plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{host}/v2/")).map_err(|error| Error::Unreachable {
            registry: to.registry.clone(),
            hint: "",
            source: Cause::from_error(&error),
        })?;
        install_crypto_provider();
        // Made once without the file, to know whose fault it is.
        Client::builder().build().map_err(|error| Error::System { source: Cause::from_error(&error) })?;
        // Where there is TLS, neither a redirect nor an upload's address leads out of it.
        let client = Client::builder()
            .user_agent(concat!("kubectl-eks-encrypt/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .https_only(!way.plain)
            .tls_certs_merge(certificates);
        // A proxy's loopback is another machine's.
        let client = if is_loopback_registry(&to.registry) { client.no_proxy() } else { client };
        let client = client.build().map_err(|error| match (Cause::from_error(&error), way.authority) {
            (source, Some(path)) => Error::Authority { path: path.to_owned(), source },
            (source, None) => Error::System { source },
        })?;
        let session =
            Session { challenge: Challenge::Nothing, login: FoundCredentials::default(), actions: "pull", token: None };
        let (to, session) = (to.clone(), Mutex::new(session));
        Ok(Self { client, base, plain: way.plain, known, to, silence: READ_TIMEOUT, session })
    }

    /// Asks how clients log in. Sends no login.
    pub(crate) async fn challenge(&self) -> Result<Challenge, Error> {
        let challenged = self.with_retry(async || {
            let answer = self.client.get(self.base.clone()).send().await.map_err(RequestError::NoAnswer)?;
            let status = answer.status().as_u16();
            // Any other refusal is repeated by the request for the image.
            if status == 429 || status >= 500 { self.check_status(answer, RequestKind::Read).await } else { Ok(answer) }
        });
        self.parse_challenge(challenged.await?.headers())
    }

    fn parse_challenge(&self, headers: &HeaderMap) -> Result<Challenge, Error> {
        let all = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let all: Vec<_> = all.filter_map(|value| http_auth::parse_challenges(value).ok()).flatten().collect();
        let of = |scheme: &str| all.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case(scheme));
        let Some(bearer) = of("Bearer") else {
            return Ok(if of("Basic").is_some() { Challenge::Basic } else { Challenge::Nothing });
        };
        let value = |name: &str| {
            let found = bearer.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        let realm = value("realm").unwrap_or_default();
        let refused = |why| Error::TokenServer { registry: self.to.registry.clone(), realm: shorten(&realm), why };
        let url = Url::parse(&realm).map_err(|_| refused("which is not a URL"))?;
        if realm.len() > MAX_REALM_CHARS || !url.username().is_empty() || url.password().is_some() {
            return Err(refused("which is not the URL of a token server"));
        }
        let same_host = |one: &Url, two: &Url| one.host() == two.host() || (is_loopback(one) && is_loopback(two));
        match url.scheme() {
            "https" => Ok(Challenge::Token { realm: url, service: value("service") }),
            "http" if !self.plain => Err(refused("which has no TLS")),
            "http" if same_host(&url, &self.base) => Ok(Challenge::Token { realm: url, service: value("service") }),
            _ => Err(refused("which is on another host and has no TLS")),
        }
    }

    /// Where a login is sent, as people see it.
    pub(crate) fn recipient(&self, challenge: &Challenge) -> Option<String> {
        match challenge {
            Challenge::Nothing => None,
            Challenge::Basic => Some(self.to.registry.clone()),
            Challenge::Token { realm, .. } => {
                let mut shown = realm.clone();
                shown.set_query(None);
                shown.set_fragment(None);
                Some(format!("{shown}, the token server of {}", self.to.registry))
            }
        }
    }

    /// Makes the next requests without a login.
    pub(crate) async fn stay_anonymous(&self, challenge: Challenge) -> Result<(), Error> {
        self.start_session(challenge, FoundCredentials { credentials: None, ..self.known.clone() }, "pull").await
    }

    /// Whether a password may go there.
    pub(crate) fn may_log_in(&self, challenge: &Challenge) -> Result<(), Error> {
        let readable = self.plain && !is_loopback_registry(&self.to.registry);
        match self.known.credentials {
            Some(_) if readable && *challenge != Challenge::Nothing => {
                Err(Error::NoTls { registry: self.to.registry.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Logs in as who is known. A password is sent here, or with the next request.
    pub(crate) async fn log_in(&self, challenge: Challenge) -> Result<(), Error> {
        self.may_log_in(&challenge)?;
        self.start_session(challenge, self.known.clone(), "pull,push").await
    }

    async fn start_session(
        &self,
        challenge: Challenge,
        login: FoundCredentials,
        actions: &'static str,
    ) -> Result<(), Error> {
        *self.session.lock().await = Session { challenge, login, actions, token: None };
        self.with_retry(async || self.authorization().await.map(|_| ())).await
    }

    /// What is under a tag.
    pub(crate) async fn tag(&self, tag: &str) -> Result<TagDigest, Error> {
        let url = self.url(&format!("manifests/{tag}"));
        self.with_retry(async || {
            let head = self.request(Method::HEAD, url.clone()).await?.header(ACCEPT, MANIFEST_TYPES);
            // A refusal of HEAD has no body, and some registries return no digest.
            if let Ok(answer) = self.send(head, RequestKind::Read).await
                && let Some(digest) = digest(answer.headers())?
            {
                return Ok(TagDigest::Is(digest));
            }
            let get = self.request(Method::GET, url.clone()).await?.header(ACCEPT, MANIFEST_TYPES);
            match self.send(get, RequestKind::Read).await {
                Ok(answer) => manifest(answer).await.map(TagDigest::Is),
                Err(error) if error.has_code("NAME_UNKNOWN") => Ok(TagDigest::NoRepository),
                Err(error) if error.status() == Some(404) => Ok(TagDigest::Free),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Whether it has a blob.
    pub(crate) async fn has_blob(&self, blob: &Blob) -> Result<bool, Error> {
        let url = self.url(&format!("blobs/{}", blob.digest));
        self.with_retry(async || {
            let head = self.request(Method::HEAD, url.clone()).await?;
            match self.send(head, RequestKind::Read).await {
                Ok(_) => Ok(true),
                Err(error) if error.status() == Some(404) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Gives it a blob. In one request, as containerd does: ECR takes no chunks of less than 5 MiB.
    pub(crate) async fn push_blob(&self, blob: &Blob) -> Result<(), Error> {
        self.with_retry_if(blob.bytes.len(), async || {
            let post = self.request(Method::POST, self.url("blobs/uploads/")).await?.header(CONTENT_LENGTH, 0);
            let answer = self.send(post, RequestKind::Write).await?;
            let mut url = self.upload_url(&answer)?;
            url.query_pairs_mut().append_pair("digest", &blob.digest);
            let put = self.request(Method::PUT, url).await?.header(CONTENT_TYPE, "application/octet-stream");
            self.send(put.body(blob.bytes.clone()), RequestKind::Write).await.map(|_| ())
        })
        .await
    }

    /// The address for an upload. It may be another host, such as a cloud's storage.
    fn upload_url(&self, answer: &Response) -> Result<Url, RequestError> {
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location =
            location.ok_or_else(|| RequestError::Invalid("it returned no address for an upload".to_owned()))?;
        let url = answer.url().join(location).ok();
        let url = url.filter(|url| url.scheme() == "https" || (self.plain && url.scheme() == "http"));
        url.ok_or_else(|| {
            RequestError::Invalid("it returned an address for an upload that has no TLS, or is not a URL".to_owned())
        })
    }

    /// Gives it a manifest or an index, under a tag or under its digest.
    pub(crate) async fn push_manifest(&self, name: &str, manifest: &Blob, kind: &MediaType) -> Result<(), Error> {
        let url = self.url(&format!("manifests/{name}"));
        self.with_retry(async || {
            let put = self.request(Method::PUT, url.clone()).await?.header(CONTENT_TYPE, kind.to_string());
            self.send(put.body(manifest.bytes.clone()), RequestKind::Write).await.map(|_| ())
        })
        .await
    }

    fn url(&self, rest: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{rest}", self.to.repository));
        url
    }

    /// A request, with the login if it goes to the registry itself.
    async fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, RequestError> {
        let ours = url.origin() == self.base.origin();
        let request = self.client.request(method, url);
        Ok(match self.authorization().await? {
            Some(login) if ours => request.header(AUTHORIZATION, login),
            _ => request,
        })
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, RequestError> {
        let mut session = self.session.lock().await;
        let credentials = session.login.credentials.as_ref();
        match &session.challenge {
            Challenge::Nothing => Ok(None),
            Challenge::Basic => credentials.map(basic_header).transpose(),
            Challenge::Token { realm, service } => {
                if let Some((since, token)) = &session.token
                    && since.elapsed() < TOKEN_MAX_AGE
                {
                    return Ok(Some(token.clone()));
                }
                let token = self.token(realm, service.as_deref(), credentials, session.actions).await?;
                session.token = Some((Instant::now(), token.clone()));
                Ok(Some(token))
            }
        }
    }

    async fn token(
        &self,
        realm: &Url,
        service: Option<&str>,
        credentials: Option<&Credentials>,
        actions: &str,
    ) -> Result<HeaderValue, RequestError> {
        let scope = format!("repository:{}:{actions}", self.to.repository);
        let query: Vec<_> =
            service.map(|service| ("service", service)).into_iter().chain([("scope", &*scope)]).collect();
        let request = self.client.get(realm.clone()).query(&query);
        let request = match credentials {
            Some(credentials) => request.header(AUTHORIZATION, basic_header(credentials)?),
            None => request,
        };
        let answer = self.send(request, RequestKind::Token).await?;
        let none = || RequestError::Invalid("its token server returned no token".to_owned());
        let (bytes, whole) = read(answer, MAX_TOKEN_BYTES).await?;
        let Token { token, access_token } = serde_json::from_slice(&bytes).map_err(|_| none())?;
        let token = token.or(access_token).filter(|token| whole && !token.is_empty()).ok_or_else(none)?;
        sensitive_header(&format!("Bearer {token}")).ok_or_else(none)
    }

    async fn send(&self, request: RequestBuilder, kind: RequestKind) -> Result<Response, RequestError> {
        self.check_status(request.send().await.map_err(RequestError::NoAnswer)?, kind).await
    }

    async fn check_status(&self, answer: Response, kind: RequestKind) -> Result<Response, RequestError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let (body, _) = read(answer, MAX_ERROR_BYTES).await.unwrap_or_default();
        let body = String::from_utf8_lossy(&body).into_owned();
        Err(RequestError::Status { status: status.as_u16(), body, kind })
    }

    /// Asks again where that may help.
    async fn with_retry<T>(&self, ask: impl AsyncFn() -> Result<T, RequestError>) -> Result<T, Error> {
        self.with_retry_if(0, ask).await
    }

    /// The same, where so many bytes are sent.
    async fn with_retry_if<T>(&self, bytes: usize, ask: impl AsyncFn() -> Result<T, RequestError>) -> Result<T, Error> {
        let limit = self.silence + Duration::from_secs((bytes / MIN_BYTES_PER_SECOND) as u64);
        let response_deadline =
            ExponentialBuilder::default().with_min_delay(FIRST_RETRY_DELAY).with_max_times(MAX_RETRIES).with_jitter();
        let once = async || tokio::time::timeout(limit, ask()).await.unwrap_or(Err(RequestError::Timeout(limit)));
        match (|| once()).retry(response_deadline).when(RequestError::is_retryable).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(errors::lookup_error(&error, &self.to, &self.session.lock().await.login)),
        }
    }
}

/// A token server's answer.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

fn basic_header(Credentials { username, password, .. }: &Credentials) -> Result<HeaderValue, RequestError> {
    let pair = STANDARD.encode(format!("{username}:{password}"));
    sensitive_header(&format!("Basic {pair}"))
        .ok_or_else(|| RequestError::Invalid("the login can't be sent".to_owned()))
}

fn sensitive_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// At most so many bytes of an answer, and whether that is all of it.
async fn read(mut answer: Response, most: usize) -> Result<(Vec<u8>, bool), RequestError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(RequestError::NoAnswer)? {
        let room = most - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((bytes, false));
        }
    }
    Ok((bytes, true))
}

/// The digest in the headers of an answer.
fn digest(headers: &HeaderMap) -> Result<Option<String>, RequestError> {
    let Some(value) = headers.get("docker-content-digest") else { return Ok(None) };
    let digest = value.to_str().ok().filter(|text| text.len() <= 200 && text.parse::<Digest>().is_ok());
    let digest = digest.ok_or_else(|| RequestError::Invalid("it returned an invalid digest".to_owned()))?;
    Ok(Some(digest.to_owned()))
}

/// The digest of a manifest.
async fn manifest(answer: Response) -> Result<String, RequestError> {
    let named = digest(answer.headers())?;
    let (bytes, whole) = read(answer, MAX_MANIFEST_BYTES).await?;
    if !whole {
        return Err(RequestError::Invalid(format!("its manifest has more than {} MiB", MAX_MANIFEST_BYTES >> 20)));
    }
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
    match named {
        Some(named) if named.starts_with("sha256:") && named != digest => {
            Err(RequestError::Invalid(format!("it returned digest {named} for a manifest of digest {digest}")))
        }
        named => Ok(named.unwrap_or(digest)),
    }
}

/// The certificates of a file.
fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let failed = |source| Error::Authority { path: path.to_owned(), source };
    let text = file::read(path, MAX_CA_BYTES).map_err(|error| failed(Cause::from_error(&error)))?;
    let unreadable = || failed(Cause::message("it holds no certificate in PEM, or one that can't be read".to_owned()));
    let all = pem::certificates(&String::from_utf8_lossy(&text)).ok_or_else(unreadable)?;
    all.iter().map(|der| Certificate::from_der(der).map_err(|_| unreadable())).collect()
}

/// rustls has no provider of cryptography by itself; the first to install one wins, and all of ours are ring.
pub(crate) fn install_crypto_provider() {
    rustls::crypto::ring::default_provider().install_default().ok();
}

#[cfg(test)]
mod tests {
    //! How a registry is spoken to.
    use super::*;
    use crate::model::reference::parse_destination;
    use crate::registry::fixture::{self, FakeRegistry, RunningRegistry};

    #[test]
    fn this_machines_own_registries_need_no_tls() {
        let of = |registry| uses_plain_http(None, registry, None);
        assert!(of("localhost:5000") && of("127.0.0.1:5000") && of("127.1.2.3") && of("localhost"));
        assert!(!of("registry.example") && !of("10.0.0.1:5000") && !of("localhost.example:5000"));
        assert!(
            !uses_plain_http(None, "localhost:5000", Some(Path::new("ca.pem"))),
            "who names an authority means TLS"
        );
        assert!(
            !uses_plain_http(Some(false), "localhost:5000", None)
                && uses_plain_http(Some(true), "registry.example", None)
        );
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_named_and_not_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let to = parse_destination("registry.example/team/job").unwrap();
        for text in ["no PEM", "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&path, text).unwrap();
            let error =
                Registry::new(&to, Transport { plain: false, authority: Some(&path) }, FoundCredentials::default())
                    .err()
                    .unwrap();
            assert!(matches!(error, Error::Authority { .. }), "{text}: {error:?}");
        }
    }

    #[test]
    fn fuzz_reads_any_challenge() {
        let to = parse_destination("registry.example/team/job").unwrap();
        let registry =
            Registry::new(&to, Transport { plain: false, authority: None }, FoundCredentials::default()).unwrap();
        let corpus: [&[u8]; 3] = [
            br#"Bearer realm="https://auth.example/token?a=b#c",service="registry.example",scope="repository:team/job:pull""#,
            br#"Basic realm="x", Bearer realm="http://user:secret@auth.example/", charset=UTF-8"#,
            b"Negotiate abc==, Digest qop=\"auth, auth-int\"",
        ];
        crate::fuzz_tests::mutate::fuzz(&corpus, |bytes| {
            let value = HeaderValue::from_bytes(bytes).map(|value| (WWW_AUTHENTICATE, value));
            match registry.parse_challenge(&value.into_iter().collect()) {
                Ok(Challenge::Token { realm, service }) => {
                    assert!(realm.scheme() == "https" && realm.password().is_none(), "{realm}");
                    _ = registry.recipient(&Challenge::Token { realm, service });
                }
                Ok(_) => {}
                Err(error) => assert!(error.to_string().len() < 4 << 10, "{error}"),
            }
        });
    }

    #[tokio::test]
    async fn no_proxy_is_asked_for_this_machines_own_registries() {
        const PROXY: (&str, &str) = ("HTTP_PROXY", "http://127.0.0.1:1");
        if std::env::var(PROXY.0).as_deref() != Ok(PROXY.1) {
            // A test may not change its own environment: this one runs again in another.
            let name = "registry::client::tests::no_proxy_is_asked_for_this_machines_own_registries";
            let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
            let again = again.args(["--exact", name]).envs([PROXY]).output().await.unwrap();
            let said = String::from_utf8_lossy(&again.stdout);
            return assert!(again.status.success() && said.contains("1 passed"), "{said}");
        }
        let playing = RunningRegistry::start(FakeRegistry::default()).await;
        let to = parse_destination(&format!("{}/team/job", playing.address)).unwrap();
        let registry =
            Registry::new(&to, Transport { plain: true, authority: None }, FoundCredentials::default()).unwrap();
        assert_eq!(registry.tag("1").await.unwrap(), TagDigest::Free);
    }

    #[tokio::test]
    async fn a_slow_line_takes_a_blob_and_a_silent_registry_is_given_up() {
        let takes_its_time = async |what, time| {
            let playing =
                RunningRegistry::start(FakeRegistry { slow: Some((what, time)), ..FakeRegistry::default() }).await;
            let to = parse_destination(&format!("{}/team/job", playing.address)).unwrap();
            let registry =
                Registry::new(&to, Transport { plain: true, authority: None }, FoundCredentials::default()).unwrap();
            Registry { silence: Duration::from_millis(100), ..registry }
        };
        // At 32 KiB a second, 128 KiB may take 4 s longer.
        let bytes = bytes::Bytes::from_static(&[0; 128 << 10]);
        let blob = Blob { digest: fixture::digest(&bytes), bytes };
        let slow = takes_its_time("PUT /v2/team/job/blobs", Duration::from_millis(500)).await;
        slow.push_blob(&blob).await.unwrap();
        let silent = takes_its_time("HEAD", Duration::from_secs(3600)).await;
        let told = crate::testing::error_text(silent.tag("1").await.unwrap_err());
        assert!(told.ends_with("did not take the image for team/job: it did not answer within 100ms"), "{told}");
    }
}
