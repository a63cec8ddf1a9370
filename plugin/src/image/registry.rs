//! A registry that is pushed to: the crate oci-client, with our trust, our patience and our words for what goes wrong. Input: a
//! destination and a login. Output: what the registry has, and what it is given.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};

use crate::cause::Cause;
use crate::eks::pem;
use crate::image::archive::Blob;
use crate::image::docker::{Credentials, Known};
use crate::image::reference::Destination;
use crate::image::trouble::{self, Error};

/// The first pause before a registry is asked again.
const PAUSE: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_millis(500) };

/// How often it is asked again: after 7.5 s in all, and jitter.
const TIMES: usize = 4;

/// An answer that takes longer has been lost.
const SILENCE: Duration = Duration::from_secs(60);

/// What a slow line takes in a second: answers may take longer by as much as is sent. reqwest's own time-outs don't know of this:
/// they count from the request, however long its body takes (its issue 2784).
const SLOW: usize = 32 << 10;

/// A registry, and the repository in it.
pub(crate) struct Registry {
    client: Client,
    auth: RegistryAuth,
    login: Known,
    to: Destination,
    silence: Duration,
}

/// What the registry has under a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// An image of this digest.
    Is(String),
    /// Nothing.
    Free,
    /// It does not even know the repository. Most then make it.
    NoRepository,
}

/// How it is spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    /// HTTP without TLS.
    pub(crate) plain: bool,
    /// Whom TLS trusts beside the system's authorities.
    pub(crate) authority: Option<&'a Path>,
}

/// Whether a registry is spoken to without TLS. Docker and containerd do so with registries on this very machine; who names a
/// certificate authority expects TLS.
pub(crate) fn plain(typed: Option<bool>, registry: &str, authority: Option<&Path>) -> bool {
    typed.unwrap_or(loopback(registry) && authority.is_none())
}

/// Whether an address means the machine on which it is used.
pub(crate) fn loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Registry {
    /// Makes the client. Asks nothing yet.
    pub(crate) fn new(to: &Destination, way: Way<'_>, login: Known) -> Result<Self, Error> {
        let extra_root_certificates = match way.authority {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        // A proxy's loopback is another machine's. A proxy that is set takes the environment's place, and this list leaves it nothing.
        let (http_proxy, no_proxy) = match loopback(&to.registry) {
            true => (Some("http://localhost".to_owned()), Some("*,0.0.0.0/0,::/0".to_owned())),
            false => (None, None),
        };
        let config = ClientConfig {
            protocol: if way.plain { ClientProtocol::Http } else { ClientProtocol::Https },
            // One request for a blob, as containerd does: ECR takes no chunks of 4 MiB, which is this crate's way otherwise.
            use_monolithic_push: true,
            extra_root_certificates,
            http_proxy,
            no_proxy,
            connect_timeout: Some(Duration::from_secs(10)),
            user_agent: concat!("kubectl-eks-encrypt/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        ring();
        // The crate panics where no client can be made, so that is tried before.
        reqwest::Client::builder().build().map_err(|error| Error::System { source: Cause::of(&error) })?;
        // With the system's authorities that has just worked.
        let client = Client::try_from(config).map_err(|error| match (Cause::of(&error), way.authority) {
            (source, Some(path)) => Error::Authority { path: path.to_owned(), source },
            (source, None) => Error::System { source },
        })?;
        let auth = match &login.credentials {
            Some(Credentials { username, password, .. }) => RegistryAuth::Basic(username.clone(), password.clone()),
            None => RegistryAuth::Anonymous,
        };
        Ok(Self { client, auth, login, to: to.clone(), silence: SILENCE })
    }

    /// Logs in, where the registry has a token server; a plain password is shown with the next request. Anew each time: tokens
    /// live for a minute or so, and a person may have thought for longer. For what is read, too: the crate would log in for it by
    /// itself, and go on as nobody where that fails.
    pub(crate) async fn log_in(&self) -> Result<(), Error> {
        let to = &self.reference("latest");
        for operation in [RegistryOperation::Push, RegistryOperation::Pull] {
            self.patiently(async || self.client.auth(to, &self.auth, operation).await.map(|_| ())).await?;
        }
        Ok(())
    }

    /// What is under a tag.
    pub(crate) async fn tag(&self, tag: &str) -> Result<Tag, Error> {
        let to = &self.reference(tag);
        self.patiently(async || match self.client.fetch_manifest_digest(to, &self.auth).await {
            Ok(digest) => Ok(Tag::Is(digest)),
            Err(error) if trouble::codes(&error).contains(&OciErrorCode::NameUnknown) => Ok(Tag::NoRepository),
            Err(error) if trouble::status(&error) == Some(404) => Ok(Tag::Free),
            Err(error) => Err(error),
        })
        .await
    }

    /// Whether it has a blob.
    pub(crate) async fn has(&self, blob: &Blob) -> Result<bool, Error> {
        let to = &self.reference("latest");
        self.patiently(async || self.client.blob_exists(to, &blob.digest).await).await
    }

    /// Gives it a blob.
    pub(crate) async fn give(&self, blob: &Blob) -> Result<(), Error> {
        let to = &self.reference("latest");
        self.patiently_with(blob.bytes.len(), async || {
            // As a stream, because the crate's other way panics on an address that it can't read.
            let bytes = blob.bytes.clone();
            let size = Some(bytes.len() as u64);
            let stream = futures::stream::once(std::future::ready(Ok(bytes)));
            self.client.push_blob_stream(to, stream, &blob.digest, size).await.map(|_| ())
        })
        .await
    }

    /// Gives it a manifest or an index, under a tag or under its digest.
    pub(crate) async fn name(&self, name: &str, manifest: &Blob, media_type: &'static str) -> Result<(), Error> {
        // A digest goes as a tag, which makes the same address: ECR answers without `Location`, and the crate then cuts the tag
        // off the address, and panics where there is none.
        let to = &self.reference(name);
        let kind = http::HeaderValue::from_static(media_type);
        self.patiently(async || {
            self.client.push_manifest_raw(to, manifest.bytes.clone(), kind.clone()).await.map(|_| ())
        })
        .await
    }

    fn reference(&self, tag: &str) -> Reference {
        Reference::with_tag(self.to.registry.clone(), self.to.repository.clone(), tag.to_owned())
    }

    /// Asks again where that may help.
    async fn patiently<T>(&self, ask: impl AsyncFn() -> Result<T, OciDistributionError>) -> Result<T, Error> {
        self.patiently_with(0, ask).await
    }

    /// The same, where so many bytes are sent.
    async fn patiently_with<T>(
        &self,
        bytes: usize,
        ask: impl AsyncFn() -> Result<T, OciDistributionError>,
    ) -> Result<T, Error> {
        let limit = self.silence + Duration::from_secs((bytes / SLOW) as u64);
        let patience = ExponentialBuilder::default().with_min_delay(PAUSE).with_max_times(TIMES).with_jitter();
        let once = async || tokio::time::timeout(limit, ask()).await.unwrap_or_else(|_| Err(trouble::silence(limit)));
        let asked = (|| once()).retry(patience).when(trouble::passing).await;
        asked.map_err(|error| trouble::of(&error, &self.to, &self.login))
    }
}

/// The certificates of a file.
fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let failed = |source| Error::Authority { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(|error| failed(Cause::of(&error)))?;
    let unreadable = || failed(Cause::said("it holds no certificate in PEM, or one that can't be read".to_owned()));
    let all = pem::certificates(&text).ok_or_else(unreadable)?;
    Ok(all.into_iter().map(|data| Certificate { encoding: CertificateEncoding::Der, data }).collect())
}

/// rustls has no provider of cryptography by itself; the first to install one wins, and all of ours are ring.
pub(crate) fn ring() {
    rustls::crypto::ring::default_provider().install_default().ok();
}

#[cfg(test)]
mod tests {
    //! How a registry is spoken to.
    use super::*;
    use crate::image::fixture::{self, Fake, Playing};
    use crate::image::reference::destination;

    #[test]
    fn this_machines_own_registries_need_no_tls() {
        let of = |registry| plain(None, registry, None);
        assert!(of("localhost:5000") && of("127.0.0.1:5000") && of("127.1.2.3") && of("localhost"));
        assert!(!of("registry.example") && !of("10.0.0.1:5000") && !of("localhost.example:5000"));
        assert!(!plain(None, "localhost:5000", Some(Path::new("ca.pem"))), "who names an authority means TLS");
        assert!(!plain(Some(false), "localhost:5000", None) && plain(Some(true), "registry.example", None));
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_named_and_not_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let to = destination("registry.example/team/job").unwrap();
        for text in ["no PEM", "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&path, text).unwrap();
            let error =
                Registry::new(&to, Way { plain: false, authority: Some(&path) }, Known::default()).err().unwrap();
            assert!(matches!(error, Error::Authority { .. }), "{text}: {error:?}");
        }
    }

    #[tokio::test]
    async fn no_proxy_is_asked_for_this_machines_own_registries() {
        const PROXY: (&str, &str) = ("HTTP_PROXY", "http://127.0.0.1:1");
        if std::env::var(PROXY.0).as_deref() != Ok(PROXY.1) {
            // A test may not change its own environment: this one runs again in another.
            let name = "image::registry::tests::no_proxy_is_asked_for_this_machines_own_registries";
            let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
            let again = again.args(["--exact", name]).envs([PROXY]).output().await.unwrap();
            let said = String::from_utf8_lossy(&again.stdout);
            return assert!(again.status.success() && said.contains("1 passed"), "{said}");
        }
        let playing = Playing::start(Fake::default()).await;
        let to = destination(&format!("{}/team/job", playing.address)).unwrap();
        let registry = Registry::new(&to, Way { plain: true, authority: None }, Known::default()).unwrap();
        assert_eq!(registry.tag("1").await.unwrap(), Tag::Free);
    }

    #[tokio::test]
    async fn a_slow_line_takes_a_blob_and_a_silent_registry_is_given_up() {
        let takes_its_time = async |what, time| {
            let playing = Playing::start(Fake { slow: Some((what, time)), ..Fake::default() }).await;
            let to = destination(&format!("{}/team/job", playing.address)).unwrap();
            let registry = Registry::new(&to, Way { plain: true, authority: None }, Known::default()).unwrap();
            Registry { silence: Duration::from_millis(100), ..registry }
        };
        // At 32 KiB a second, 128 KiB may take 4 s longer.
        let bytes = bytes::Bytes::from_static(&[0; 128 << 10]);
        let blob = Blob { digest: fixture::digest(&bytes), bytes };
        let slow = takes_its_time("PUT /v2/team/job/blobs", Duration::from_millis(500)).await;
        slow.give(&blob).await.unwrap();
        let silent = takes_its_time("HEAD", Duration::from_secs(3600)).await;
        let told = crate::testing::told(silent.tag("1").await.unwrap_err());
        assert!(told.ends_with("did not take the image for team/job: it did not answer within 100ms"), "{told}");
    }
}
