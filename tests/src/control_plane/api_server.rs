//! kube-apiserver: how it is started, and started again when encryption changes, as EKS's rolling update does.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::folder::Folder;
use crate::parts::{Missing, Parts};
use crate::pki::{Authority, Certificate, PkiError, TokenKey};
use crate::process::{Part, PartError, Start};

/// Service addresses, as EKS gives them to a VPC that does not use this range itself.
pub(crate) const SERVICES: &str = "172.20.0.0/16";

/// The address of the `kubernetes` Service: the first of [`SERVICES`].
const FIRST_SERVICE: [u8; 4] = [172, 20, 0, 1];

/// A graceful end waits for watches that never end by themselves; they are cut after this.
const GRACE: Duration = Duration::from_secs(3);

/// It needs 3 s on 2 idle cores, and much longer while something compiles beside it.
const READY: Duration = Duration::from_secs(60);

/// Where kube-apiserver listens, and whom it talks to.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) etcd: String,
}

/// Everything that kube-apiserver is started with, each time.
pub(crate) struct ApiServer {
    program: PathBuf,
    folder: Folder,
    config: Config,
    serving: Certificate,
    kubelet_client: Certificate,
    ca_file: PathBuf,
    token_key: TokenKey,
    part: Option<Part>,
}

impl ApiServer {
    /// Makes its certificates; starts nothing.
    pub(crate) fn new(parts: &Parts, folder: &Folder, ca: &Authority, config: Config) -> Result<Self, ApiServerError> {
        let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let addresses = [config.address, IpAddr::from([127, 0, 0, 1]), IpAddr::from(FIRST_SERVICE)];
        Ok(Self {
            program: parts.program("kube-apiserver")?,
            folder: folder.clone(),
            serving: ca.server("kube-apiserver", &names, &addresses)?,
            kubelet_client: ca.client("kubelet-client", "kube-apiserver", &["system:masters"])?,
            ca_file: ca.ca_file(),
            token_key: ca.token_key()?,
            config,
            part: None,
        })
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("https://{}:{}", self.config.address, self.config.port)
    }

    /// The key that signs service account tokens; the controller manager signs with it too.
    pub(crate) fn token_key(&self) -> PathBuf {
        self.token_key.private.clone()
    }

    /// Starts it. It is not ready then.
    pub(crate) fn start(&mut self) -> Result<(), PartError> {
        let flags = self.flags();
        let log = self.folder.log("kube-apiserver");
        self.part = Some(Start::new("kube-apiserver", &self.program, log).args(flags).spawn()?);
        Ok(())
    }

    /// Waits until it answers that it is ready.
    pub(crate) async fn ready(&mut self, admin: &kube::Client) -> Result<(), PartError> {
        let Some(part) = &mut self.part else { return Ok(()) };
        part.ready(READY, || crate::control_plane::healthy(admin, "/readyz")).await
    }

    /// Ends it, waits until its port is free, and starts it with the encryption file as it is now.
    pub(crate) async fn restart(&mut self, admin: &kube::Client) -> Result<(), PartError> {
        if let Some(mut part) = self.part.take() {
            part.stop(GRACE).await;
        }
        self.start()?;
        self.ready(admin).await
    }

    /// Ends it as a crash would, and leaves it so.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut part) = self.part.take() {
            part.kill().await;
        }
    }

    /// Whether it has ended by itself. Ended on purpose, it is not dead.
    pub(crate) fn dead(&mut self) -> Option<PartError> {
        self.part.as_mut().and_then(Part::dead)
    }

    /// Its process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.part.as_ref().and_then(Part::id)
    }

    fn flags(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.display().to_string();
        let file = |name: &str| path(&self.folder.path().join(name));
        [
            ("etcd-servers", self.config.etcd.clone()),
            ("bind-address", self.config.address.to_string()),
            ("advertise-address", self.config.address.to_string()),
            ("secure-port", self.config.port.to_string()),
            ("tls-cert-file", path(&self.serving.cert_file)),
            ("tls-private-key-file", path(&self.serving.key_file)),
            ("client-ca-file", path(&self.ca_file)),
            ("authentication-token-webhook-config-file", file("token-webhook.kubeconfig")),
            ("authentication-token-webhook-version", "v1".to_owned()),
            // A token that has run out must not live on in a cache: tests look at that very moment.
            ("authentication-token-webhook-cache-ttl", "1s".to_owned()),
            ("authorization-mode", "Node,RBAC".to_owned()),
            ("enable-admission-plugins", "NodeRestriction".to_owned()),
            ("encryption-provider-config", path(&self.folder.encryption())),
            ("service-account-issuer", "https://kubernetes.default.svc".to_owned()),
            ("service-account-key-file", path(&self.token_key.public)),
            ("service-account-signing-key-file", path(&self.token_key.private)),
            ("service-cluster-ip-range", SERVICES.to_owned()),
            ("kubelet-client-certificate", path(&self.kubelet_client.cert_file)),
            ("kubelet-client-key", path(&self.kubelet_client.key_file)),
            ("kubelet-preferred-address-types", "InternalIP".to_owned()),
            ("allow-privileged", "true".to_owned()),
        ]
        .map(|(flag, value)| format!("--{flag}={value}"))
        .to_vec()
    }
}

/// The API server could not be prepared.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) enum ApiServerError {
    /// It was not built.
    Missing(#[from] Missing),
    /// It has no certificate.
    Pki(#[from] PkiError),
}
