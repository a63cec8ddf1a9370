//! An AWS account alone, for what needs no cluster: `create`. moto on a loopback port, and before it a front that writes
//! down every call and can play a stack's slow life ([`stack_script`]). Up in 2 s, and gone when dropped.
//!
//! A thread of its own lives as long as the value, and ends moto with it. When the whole program is killed, the kernel ends moto.

mod calls;
mod fork_server;
pub mod keys;
mod proxy;
mod refusal;
mod stack;
pub mod stack_script;
mod xml;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use anyhow::{Context, anyhow};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

use crate::aws::moto::{self, Moto};
use crate::folder::Folder;
use crate::info::{self, aws_env};
use crate::parts::{Missing, Parts};
use crate::ports::{self, Reservation};
use crate::process_group::{ProcessGroup, READY};
use keys::Kind;
use proxy::Proxy;
use stack_script::StackScript;

/// The region of the environment. Not that of any test's file: who forgets the file's region is found out.
const REGION: &str = "eu-north-1";

/// What moto's CloudFormation makes of `AWS::EKS::Cluster` and `AWS::EKS::Nodegroup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EksTypes {
    /// Clusters and node groups, by our own models (`parts/moto_eks`).
    Modelled,
    /// Nothing, and says CREATE_COMPLETE: moto as it is.
    Stock,
}

/// A running account.
#[derive(Debug)]
pub struct FakeAws {
    front: Arc<Proxy>,
    endpoint: String,
    runtime: Handle,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
    // After the thread, which writes into it.
    folder: TempDir,
}

/// What the thread tells once it is up.
struct RunningAccount {
    front: Arc<Proxy>,
    endpoint: String,
    runtime: Handle,
}

impl FakeAws {
    /// Starts an account and waits until it answers.
    ///
    /// # Errors
    /// moto was not installed, or does not start: with the last lines of its log.
    pub fn start(types: EksTypes) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("aws").tempdir()?;
        std::fs::create_dir(Folder::at(folder.path()).logs())?;
        let (stop, (tell, told)) = (CancellationToken::new(), mpsc::channel());
        let (at, token) = (Folder::at(folder.path()), stop.clone());
        let thread = std::thread::spawn(move || run(types, &at, &token, &tell));
        let up = told.recv().context("the account's thread has ended")?;
        let RunningAccount { front, endpoint, runtime } = match up {
            Ok(up) => up,
            Err(error) => {
                // It ends by itself, and moto's log goes with the folder.
                let _ = thread.join();
                return Err(error);
            }
        };
        Ok(Self { front, endpoint, runtime, stop, thread: Some(thread), folder })
    }

    /// A folder for the test's own files, which goes with the account.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The kubeconfig that the environment names; there is none at the start.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// A command in the account's environment: `aws`, `kubectl` or the plugin.
    ///
    /// # Errors
    /// A program was not built.
    pub fn command(&self, program: impl Into<PathBuf>) -> anyhow::Result<Command> {
        Ok(info::command(program.into(), self.env()?))
    }

    fn env(&self) -> Result<BTreeMap<String, String>, Missing> {
        let mut env = aws_env(&self.endpoint, REGION, &Parts::of_this_checkout())?;
        // Whatever else is written goes into the folder too.
        env.insert("HOME".to_owned(), self.folder.path().display().to_string());
        env.insert("KUBECONFIG".to_owned(), self.kubeconfig().display().to_string());
        Ok(env)
    }

    /// Makes a KMS key and answers its ARN.
    ///
    /// # Errors
    /// moto refuses.
    pub fn key(&self, region: &str, kind: Kind) -> anyhow::Result<String> {
        let kms = crate::aws::keys::client(self.front.moto().url(), region);
        self.block_on(async move { keys::make(&kms, kind).await })?
    }

    /// Gives a key an alias and answers the alias's ARN.
    ///
    /// # Errors
    /// moto refuses.
    pub fn alias(&self, region: &str, name: &str, key: &str) -> anyhow::Result<String> {
        let kms = crate::aws::keys::client(self.front.moto().url(), region);
        let (alias, of) = (name.to_owned(), key.to_owned());
        self.block_on(async move { keys::alias(&kms, &alias, &of).await })??;
        let account = key.rsplit_once(":key/").map_or(key, |(account, _)| account);
        Ok(format!("{account}:{name}"))
    }

    /// A cluster as DescribeCluster tells it, if it is there.
    ///
    /// # Errors
    /// moto does not answer.
    pub fn cluster(&self, region: &str, name: &str) -> anyhow::Result<Option<Value>> {
        let (moto, region, name) = (self.front.moto().clone(), region.to_owned(), name.to_owned());
        let answer = self.block_on(async move { moto.eks_cluster(&region, &name).await })??;
        Ok(answer.get("cluster").cloned())
    }

    /// From now on, CloudFormation tells of a stack as it is written here. What it does not concern is still moto's.
    pub fn run_script(&self, life: StackScript) {
        self.front.run_script(life);
    }

    /// Every call since the start, or since this was asked last: `kms:DescribeKey us-west-2`.
    pub fn calls(&self) -> Vec<String> {
        self.front.take_calls()
    }

    /// Runs something on the account's thread.
    fn block_on<T: Send + 'static>(&self, what: impl Future<Output = T> + Send + 'static) -> anyhow::Result<T> {
        let (tell, told) = mpsc::channel();
        self.runtime.spawn(async move {
            // Nobody hears it if the test has ended.
            let _ = tell.send(what.await);
        });
        told.recv().map_err(|_| anyhow!("the account has ended"))
    }
}

impl Drop for FakeAws {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed.
            let _ = thread.join();
        }
    }
}

/// The life of the thread.
fn run(
    types: EksTypes,
    folder: &Folder,
    stop: &CancellationToken,
    tell: &mpsc::Sender<anyhow::Result<RunningAccount>>,
) {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(tell.send(Err(error.into()))),
    };
    runtime.block_on(async {
        let mut processes = ProcessGroup::default();
        let (up, kept) = match start_servers(types, folder, &mut processes, stop).await {
            Ok((up, kept)) => (Ok(up), Some(kept)),
            Err(error) => (Err(error), None),
        };
        let is_up = up.is_ok();
        // Nobody hears it if the test has ended.
        let _ = tell.send(up);
        if is_up {
            stop.cancelled().await;
        }
        processes.kill().await;
        drop(kept);
    });
}

/// Lasts as long as the account: the server ends when it is dropped.
type Kept = (Option<fork_server::Server>, Reservation);

async fn start_servers(
    types: EksTypes,
    folder: &Folder,
    processes: &mut ProcessGroup,
    stop: &CancellationToken,
) -> anyhow::Result<(RunningAccount, Kept)> {
    let ([moto_port, port], reserved) = ports::reserve(Ipv4Addr::LOCALHOST.into())?;
    let server = match types {
        EksTypes::Modelled => Some(fork_server::server(moto_port, &folder.log("moto"))?),
        EksTypes::Stock => {
            processes.start(moto::start(&Parts::of_this_checkout(), folder, moto_port)?)?;
            None
        }
    };
    let moto = Moto::at(moto_port);
    processes.ready(READY, || moto.answers()).await.with_context(|| format!("see {}", folder.log("moto").display()))?;
    let front = Arc::new(Proxy::new(moto));
    proxy::serve(&front, port, stop).await?;
    Ok((
        RunningAccount { front, endpoint: format!("http://127.0.0.1:{port}"), runtime: Handle::current() },
        (server, reserved),
    ))
}
