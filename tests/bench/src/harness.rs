//! What every measurement stands on: one sandbox, the Job's ServiceAccount with exactly the rights of manifests/rbac.yaml,
//! and the programs that are measured.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use eks_encrypt_job::wire::names::{APP, NAMESPACE};
use eks_encrypt_sandbox::folder::Folder;
use eks_encrypt_sandbox::options::{Node, Options};
use eks_encrypt_sandbox::sandbox::{Sandbox, built_program};
use eks_encrypt_sandbox::seed::{Seed, seed};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, WatchEvent, WatchParams};
use kube::core::PartialObjectMeta;
use kube::{Api, ResourceExt as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Over how many namespaces Secrets are spread.
pub(crate) const NAMESPACES: u32 = 10;

/// The client that is no part of the run: it may see what everybody's workloads look at.
const OTHER_CLIENT: &str = "other-client";

/// The API server's Go collects its garbage when it holds this much, and when [`Harness::collect`] says so; and it keeps the memory
/// that it had. Otherwise some of it is given back between two measurements, and whichever needs more than the one before pays
/// for it: tens of thousands of page faults a second, 5 us each in a virtual machine.
const WITHOUT_GO_GC: [&str; 3] = ["GOGC=off", "GOMEMLIMIT=8GiB", "GODEBUG=madvdontneed=0"];

/// The sandbox, and what is needed to run things against it.
pub(crate) struct Harness {
    // Dropped in this order: first the sandbox, then its folder.
    pub(crate) sandbox: Sandbox,
    pub(crate) runtime: Runtime,
    pub(crate) admin: kube::Client,
    server: SocketAddr,
    /// The folder that a Pod would find below /var/run/secrets.
    pub(crate) account: PathBuf,
    /// The token of the Job's ServiceAccount, and that of somebody else.
    pub(crate) token: String,
    pub(crate) other_token: String,
    pub(crate) work: TempDir,
    /// How many Secrets were made.
    made: Cell<u32>,
}

impl Harness {
    /// A sandbox whose API server collects its garbage between measurements. On two cores each collection keeps one of
    /// them busy for half a second, which anybody's GET feels, however little is written; no limiter changes that.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let api_server_env = WITHOUT_GO_GC.map(str::to_owned).to_vec();
        let harness = Self::with(Options { api_server_env, api_servers: 1, ..Options::default() })?;
        ensure!(harness.sandbox.info().node.is_some(), "make bench needs root: one measurement needs a node");
        Ok(harness)
    }

    /// A control plane whose API server collects its garbage as Go does by itself.
    pub(crate) fn with_go_gc() -> anyhow::Result<Self> {
        Self::with(Options { node: Node::None, api_servers: 1, ..Options::default() })
    }

    /// A control plane of two API servers, as EKS has at least: what a proof costs is measured there.
    pub(crate) fn of_two_api_servers() -> anyhow::Result<Self> {
        Self::with(Options { node: Node::None, ..Options::default() })
    }

    fn with(options: Options) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        // Its path is short, for unix sockets' sake.
        let work = tempfile::Builder::new().prefix("eks").tempdir()?;
        let folder = Folder::at(work.path().join("s"));
        let sandbox = Sandbox::start(&built_program()?, folder, options, |_| ())?;
        let admin = runtime.block_on(sandbox.admin())?;
        let servers = runtime.block_on(sandbox.api_servers())?;
        let server = servers.first().context("the sandbox has no API server")?.address;
        let mut harness = Self {
            sandbox,
            runtime,
            admin,
            server,
            account: work.path().join("account"),
            token: String::new(),
            other_token: String::new(),
            work,
            made: Cell::new(0),
        };
        harness.accounts()?;
        Ok(harness)
    }

    fn accounts(&mut self) -> anyhow::Result<()> {
        for file in ["namespace.yaml", "rbac.yaml"] {
            self.kubectl(&["apply", "--filename", &checkout(&format!("manifests/{file}")).display().to_string()])?;
        }
        self.kubectl(&["create", "serviceaccount", OTHER_CLIENT])?;
        let who = format!("--serviceaccount=default:{OTHER_CLIENT}");
        self.kubectl(&["create", "clusterrolebinding", OTHER_CLIENT, "--clusterrole=view", &who])?;
        // Longer than the whole thing takes.
        let token = |namespace: &str, name: &str| {
            let arguments = ["create", "token", "--namespace", namespace, name, "--duration=2h"];
            self.kubectl(&arguments).map(|token| token.trim().to_owned())
        };
        (self.token, self.other_token) = (token(NAMESPACE, APP)?, token("default", OTHER_CLIENT)?);
        let ca = ["get", "configmap", "kube-root-ca.crt", "--output=jsonpath={.data.ca\\.crt}"];
        let ca = self.kubectl(&ca)?;
        std::fs::create_dir(&self.account)?;
        for (name, text) in [("token", self.token.as_str()), ("namespace", NAMESPACE), ("ca.crt", &ca)] {
            std::fs::write(self.account.join(name), text)?;
        }
        Ok(())
    }

    /// The first API server, past the load balancer, which is no part of what is measured.
    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }

    /// kubectl with a client certificate and every right: no token has to be fetched first.
    pub(crate) fn kubectl_command(&self) -> anyhow::Result<Command> {
        let mut command = self.sandbox.command("kubectl")?;
        command.env("KUBECONFIG", self.sandbox.folder().admin_kubeconfig());
        Ok(command)
    }

    /// What kubectl prints.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        output(self.kubectl_command()?.args(arguments))
    }

    /// Has the API server collect its garbage now: its profile of the heap does so first.
    pub(crate) fn collect(&self) -> anyhow::Result<()> {
        output(self.kubectl_command()?.args(["get", "--raw", "/debug/pprof/heap?gc=1&debug=1"])).map(|_| ())
    }

    /// Makes Secrets, up to so many in all.
    pub(crate) fn seed(&self, secrets: u32, size: usize) -> anyhow::Result<()> {
        if self.made.get() >= secrets {
            return Ok(());
        }
        let wanted = Seed { secrets, namespaces: NAMESPACES, size, awkward: false };
        let seeded = self.runtime.block_on(seed(&self.admin, wanted))?;
        self.made.set(secrets);
        eprintln!("  (now {secrets} Secrets of {size} bytes, after {:.0} s)", seeded.took.as_secs_f64());
        Ok(())
    }

    /// What becomes of Secrets from now on.
    pub(crate) async fn watch_secrets(&self) -> anyhow::Result<Changes> {
        let secrets: Api<Secret> = Api::all(self.admin.clone());
        let list = secrets.list_metadata(&ListParams::default()).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        Ok(secrets.watch_metadata(&WatchParams::default(), &version).await?.boxed())
    }

    /// Removes all Secrets that were made.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            for number in 0..NAMESPACES {
                let secrets: Api<Secret> = Api::namespaced(self.admin.clone(), &format!("seed-{number}"));
                secrets.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
            }
            anyhow::Ok(())
        })?;
        self.made.set(0);
        Ok(())
    }
}

/// A watch of Secrets.
pub(crate) type Changes = BoxStream<'static, kube::Result<WatchEvent<PartialObjectMeta<Secret>>>>;

/// When one of the Secrets that were made is changed first.
pub(crate) async fn first_change(mut changes: Changes) -> anyhow::Result<Instant> {
    while let Some(change) = changes.next().await {
        if let WatchEvent::Modified(secret) = change?
            && secret.namespace().is_some_and(|namespace| namespace.starts_with("seed-"))
        {
            return Ok(Instant::now());
        }
    }
    anyhow::bail!("the watch of Secrets ended")
}

/// What a program prints, which must succeed.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("can't start {}", command.get_program().display()))?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "{command:?} failed: {}{}", text(&output.stdout), text(&output.stderr));
    Ok(text(&output.stdout))
}

/// A file of this checkout.
pub(crate) fn checkout(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)
}

/// A file that is built before.
pub(crate) fn built(file: &str) -> anyhow::Result<PathBuf> {
    let path = checkout(file);
    ensure!(path.exists(), "{} is not there: `make bench` builds it", path.display());
    Ok(path)
}
