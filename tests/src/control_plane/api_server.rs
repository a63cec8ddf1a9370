//! kube-apiserver: how it is started, and started again when encryption changes, as EKS's rolling update does.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::crew::{Crew, READY};
use crate::folder::Folder;
use crate::parts::{Missing, Parts};
use crate::pki::{Authority, Certificate, PkiError, TokenKey};
use crate::process::{PartError, Start};

/// Service addresses, as EKS gives them to a VPC that does not use this range itself.
pub(crate) const SERVICES: &str = "172.20.0.0/16";

/// The address of the `kubernetes` Service: the first of [`SERVICES`].
const FIRST_SERVICE: [u8; 4] = [172, 20, 0, 1];

/// A graceful end waits for watches that never end by themselves; they are cut after this.
const GRACE: Duration = Duration::from_secs(3);

/// Everything that kube-apiserver is started with, each time.
pub(crate) struct ApiServer {
    program: PathBuf,
    folder: Folder,
    address: SocketAddr,
    etcd: String,
    serving: Certificate,
    kubelet_client: Certificate,
    ca_file: PathBuf,
    token_key: TokenKey,
    /// `NAME=VALUE`, after ours.
    more_flags: Vec<String>,
    /// `NAME=VALUE`, of its environment.
    variables: Vec<String>,
    /// It alone, while it is not ended on purpose.
    crew: Crew,
}

impl ApiServer {
    /// Makes its certificates; starts nothing.
    pub(crate) fn new(
        parts: &Parts,
        folder: &Folder,
        ca: &Authority,
        address: SocketAddr,
        etcd: &str,
    ) -> Result<Self, ApiServerError> {
        let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let addresses = [address.ip(), IpAddr::from([127, 0, 0, 1]), IpAddr::from(FIRST_SERVICE)];
        Ok(Self {
            program: parts.program("kube-apiserver")?,
            folder: folder.clone(),
            serving: ca.server("kube-apiserver", &names, &addresses)?,
            kubelet_client: ca.client("kubelet-client", "kube-apiserver", &["system:masters"])?,
            ca_file: ca.ca_file(),
            token_key: ca.token_key()?,
            address,
            etcd: etcd.to_owned(),
            more_flags: Vec::new(),
            variables: Vec::new(),
            crew: Crew::default(),
        })
    }

    /// The same with more flags, as `NAME=VALUE`.
    pub(crate) fn with_flags(mut self, flags: &[String]) -> Self {
        self.more_flags = flags.to_vec();
        self
    }

    /// The same with these variables, as `NAME=VALUE`.
    pub(crate) fn with_env(mut self, variables: &[String]) -> Self {
        self.variables = variables.to_vec();
        self
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The key that signs service account tokens; the controller manager signs with it too.
    pub(crate) fn token_key(&self) -> PathBuf {
        self.token_key.private.clone()
    }

    /// Starts it. It is not ready then.
    pub(crate) fn start(&mut self) -> Result<(), PartError> {
        let flags = self.flags();
        let log = self.folder.log("kube-apiserver");
        let start = Start::new("kube-apiserver", &self.program, log).args(flags);
        let variables = self.variables.iter().filter_map(|variable| variable.split_once('='));
        self.crew.start(variables.fold(start, |start, (name, value)| start.env(name, value)))
    }

    /// Waits until it answers that it is ready.
    pub(crate) async fn ready(&mut self, admin: &kube::Client) -> Result<(), PartError> {
        self.crew.ready(READY, || healthy(admin)).await
    }

    /// Ends it, waits until its port is free, and starts it with the encryption file as it is now.
    pub(crate) async fn restart(&mut self, admin: &kube::Client) -> Result<(), PartError> {
        self.crew.stop(GRACE).await;
        self.start()?;
        self.ready(admin).await
    }

    /// Ends it as a crash would, and leaves it so.
    pub(crate) async fn kill(&mut self) {
        self.crew.kill().await;
    }

    /// The crew that it is: of one, or of none when it was ended on purpose.
    pub(crate) fn crew(&mut self) -> &mut Crew {
        &mut self.crew
    }

    fn flags(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.display().to_string();
        [
            ("etcd-servers", self.etcd.clone()),
            ("bind-address", self.address.ip().to_string()),
            ("advertise-address", self.address.ip().to_string()),
            ("secure-port", self.address.port().to_string()),
            ("tls-cert-file", path(&self.serving.cert_file)),
            ("tls-private-key-file", path(&self.serving.key_file)),
            ("client-ca-file", path(&self.ca_file)),
            ("authentication-token-webhook-config-file", path(&self.folder.token_webhook())),
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
        .into_iter()
        .chain(self.more_flags.iter().map(|flag| format!("--{flag}")))
        .collect()
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

/// Whether the API server says that it is ready; the reason if not.
async fn healthy(client: &kube::Client) -> Result<(), String> {
    let request = http::Request::get("/readyz").body(Vec::new()).map_err(|error| error.to_string())?;
    match client.request_text(request).await {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(answer) => Err(answer),
        Err(error) => Err(format!("{error:#}")),
    }
}
