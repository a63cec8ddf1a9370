//! The kube-apiservers: how one is started, and started again when encryption changes, as EKS's rolling update does. Each has
//! an address, a hostname (its identity Lease is named after that), a log and an encryption file of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::encryption::Encryption;
use crate::folder::Folder;
use crate::network_slot::Net;
use crate::node::network;
use crate::parts::{Missing, Parts};
use crate::pki::{Authority, Certificate, PkiError, TokenKey};
use crate::process::Start;
use crate::process_group::ProcessGroup;

/// Service addresses, as EKS gives them to a VPC that does not use this range itself.
pub(crate) const SERVICES: &str = "172.20.0.0/16";

/// The address of the `kubernetes` Service: the first of [`SERVICES`].
const FIRST_SERVICE: [u8; 4] = [172, 20, 0, 1];

/// A graceful end waits for watches that never end by themselves; they are cut after this.
const GRACE: Duration = Duration::from_secs(3);

/// How many API servers a sandbox can have in its life: each has an address in the certificate.
pub(crate) const MAX_SERVERS: u8 = 20;

/// What all API servers of a sandbox are started with.
pub(crate) struct ApiServerSettings {
    program: PathBuf,
    folder: Folder,
    net: Option<Net>,
    port: u16,
    etcd: String,
    serving: Certificate,
    kubelet_client: Certificate,
    ca_file: PathBuf,
    token_key: TokenKey,
    /// `NAME=VALUE`, after ours.
    more_flags: Vec<String>,
    /// `NAME=VALUE`, of its environment.
    variables: Vec<String>,
}

impl ApiServerSettings {
    /// Makes the certificates. `endpoint` is where the load balancer listens; the servers listen on the same port.
    pub(crate) fn new(
        parts: &Parts,
        folder: &Folder,
        ca: &Authority,
        net: Option<Net>,
        endpoint: SocketAddr,
        etcd: &str,
    ) -> Result<Self, ApiServerError> {
        let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let fixed = [endpoint.ip(), IpAddr::from([127, 0, 0, 1]), IpAddr::from(FIRST_SERVICE)];
        let addresses: Vec<IpAddr> = fixed.into_iter().chain((1..=MAX_SERVERS).map(|n| address(net, n))).collect();
        Ok(Self {
            program: parts.program("kube-apiserver")?,
            folder: folder.clone(),
            net,
            port: endpoint.port(),
            etcd: etcd.to_owned(),
            serving: ca.server("kube-apiserver", &names, &addresses)?,
            kubelet_client: ca.client("kubelet-client", "kube-apiserver", &["system:masters"])?,
            ca_file: ca.ca_file(),
            token_key: ca.token_key()?,
            more_flags: Vec::new(),
            variables: Vec::new(),
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

    /// The key that signs service account tokens; the controller manager signs with it too.
    pub(crate) fn token_key(&self) -> PathBuf {
        self.token_key.private.clone()
    }

    /// The server with a number, from 1, and its address. Starts nothing.
    pub(crate) async fn server(&self, number: u8) -> anyhow::Result<ApiServer> {
        if let Some(net) = self.net {
            network::add_server(net, number)?;
        }
        let address = SocketAddr::new(address(self.net, number), self.port);
        let client = crate::client::at(&self.folder.admin_kubeconfig(), address).await?;
        Ok(ApiServer {
            number,
            name: format!("api-server-{number}"),
            address,
            client,
            processes: ProcessGroup::default(),
            encryption: None,
        })
    }

    fn flags(&self, server: &ApiServer) -> Vec<String> {
        let path = |path: &PathBuf| path.display().to_string();
        [
            ("etcd-servers", self.etcd.clone()),
            ("bind-address", server.address.ip().to_string()),
            ("advertise-address", server.address.ip().to_string()),
            ("secure-port", self.port.to_string()),
            ("tls-cert-file", path(&self.serving.cert_file)),
            ("tls-private-key-file", path(&self.serving.key_file)),
            ("client-ca-file", path(&self.ca_file)),
            ("authentication-token-webhook-config-file", path(&self.folder.token_webhook())),
            ("authentication-token-webhook-version", "v1".to_owned()),
            // A token that has run out must not live on in a cache: tests look at that very moment.
            ("authentication-token-webhook-cache-ttl", "1s".to_owned()),
            ("authorization-mode", "Node,RBAC".to_owned()),
            ("enable-admission-plugins", "NodeRestriction".to_owned()),
            ("encryption-provider-config", path(&self.folder.encryption(&server.name))),
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

/// One kube-apiserver.
pub(crate) struct ApiServer {
    number: u8,
    /// Also its hostname.
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// With every right, past the load balancer.
    pub(crate) client: kube::Client,
    /// What it was last started with.
    pub(crate) encryption: Option<Encryption>,
    /// It alone, while it is not ended on purpose.
    processes: ProcessGroup,
}

impl ApiServer {
    /// Starts it. It is not ready then.
    pub(crate) fn start(&mut self, settings: &ApiServerSettings, encryption: &Encryption) -> anyhow::Result<()> {
        encryption.write(&settings.folder, &self.name)?;
        let part = format!("kube-apiserver-{}", self.number);
        let log = settings.folder.log(&part);
        let wrapper = own_hostname(self.number, &self.name);
        let start = Start::wrapped(&part, &wrapper, &settings.program, log).args(settings.flags(self));
        let variables = settings.variables.iter().filter_map(|variable| variable.split_once('='));
        self.processes.start(variables.fold(start, |start, (name, value)| start.env(name, value)))?;
        self.encryption = Some(encryption.clone());
        Ok(())
    }

    /// Asks it to end, and ends it when that takes too long.
    pub(crate) async fn stop(&mut self) {
        self.processes.stop(GRACE).await;
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(&mut self) {
        self.processes.kill().await;
    }

    /// The process that it is, or none when it was ended on purpose.
    pub(crate) fn processes(&mut self) -> &mut ProcessGroup {
        &mut self.processes
    }
}

/// Where the server with a number listens: a sandbox without a node has loopback alone, which kube-apiserver does not put into
/// `default/kubernetes`.
fn address(net: Option<Net>, number: u8) -> IpAddr {
    net.map_or(Ipv4Addr::new(127, 0, 0, 1 + number), |net| net.server(number)).into()
}

/// Gives a program a hostname of its own. Without root that takes a user namespace, which not every machine allows: there the
/// first server keeps the machine's. `setpriv` stands last, because the kernel forgets the signal at the parent's death when a
/// process gains rights in a namespace.
fn own_hostname(number: u8, name: &str) -> Vec<String> {
    let namespaces: &[&str] = match (nix::unistd::geteuid().is_root(), number) {
        (true, _) => &["--uts"],
        (false, 1) => return Vec::new(),
        (false, _) => &["--uts", "--user", "--map-root-user"],
    };
    let script = r#"hostname "$0" && exec setpriv --pdeathsig KILL -- "$@""#;
    [&["unshare"], namespaces, &["--", "sh", "-c", script, name]].concat().into_iter().map(str::to_owned).collect()
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
