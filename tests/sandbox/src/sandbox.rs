//! A sandbox as a value: started, asked, and gone when dropped. Tests and `sandbox` use it alike.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::aws::identity::authorization;
use crate::aws::scenario::Scenario;
use crate::control_plane::{ApiServerStatus, Configuration};
use crate::etcd_oracle::digest;
use crate::etcd_oracle::etcd::Etcd;
use crate::etcd_oracle::inspect::Inspection;
use crate::folder::Folder;
use crate::info::{self, ADMIN_ROLE, CREATOR, Info};
use crate::janitor::{self, DETACH};
use crate::lock;
use crate::loopback;
use crate::migrator;
use crate::options::Options;
use crate::parts::Parts;
use crate::report::Report;
use crate::rights::{self, Right};
use crate::spec::Spec;

/// How long a sandbox may take to go; its parts are killed, so this is generous.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an association may take, on 2 cores with other sandboxes beside it.
const ASSOCIATION_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a wait looks; each look is a system call.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A running sandbox.
#[derive(Debug)]
pub struct Sandbox {
    folder: Folder,
    info: Info,
    /// There if this value started the sandbox and ends it.
    janitor: Option<Janitor>,
}

/// The janitor's process, and the pipe that keeps it alive.
#[derive(Debug)]
struct Janitor {
    log: PathBuf,
    child: Child,
    leash: Option<ChildStdin>,
}

/// The program `sandbox` in the folder of cargo's build that the test or benchmark that asks is from.
pub fn built_program() -> anyhow::Result<PathBuf> {
    let asking = std::env::current_exe()?;
    // Cargo puts tests and benchmarks into `deps`, and programs into the folder above.
    let program = asking.ancestors().nth(2).unwrap_or(&asking).join("sandbox");
    ensure!(program.exists(), "{} is not there: `make build` builds it", program.display());
    Ok(program)
}

impl Sandbox {
    /// Starts a sandbox in a folder and waits until it is ready. `program` is the binary `sandbox`; `watch` is told what
    /// is being waited for.
    ///
    /// # Errors
    /// One runs there already, or a part did not start: named, with the last lines of its log.
    pub fn start(program: &Path, folder: Folder, options: Options, watch: impl Fn(&str)) -> anyhow::Result<Self> {
        let spec = serde_json::to_string(&Spec::new(options, &folder))?;
        if let Some(pid) = running(&folder)? {
            bail!("a sandbox runs in {} already (process {pid})", folder.path().display());
        }
        folder.claim()?;
        std::fs::create_dir_all(folder.logs()).with_context(|| format!("can't make {}", folder.logs().display()))?;
        // Its own log: a pipe of the starter's would stay open as long as the sandbox lives.
        let log = std::fs::File::create(folder.log("janitor"))?;
        let mut command = Command::new(program);
        command.stderr(log);
        command.args(["janitor", "--spec", &spec]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C goes to the starter alone, which then lets go of the leash.
        let child = command.process_group(0).spawn();
        let mut child = child.with_context(|| format!("can't start {}", program.display()))?;
        let (leash, reports) = (child.stdin.take(), child.stdout.take());
        let janitor = Janitor { log: folder.log("janitor"), child, leash };
        let mut ended = None;
        for line in reports.map(BufReader::new).into_iter().flat_map(BufReader::lines) {
            match serde_json::from_str(&line?).context("the janitor speaks another language")? {
                Report::Step { what } => watch(&what),
                // The first reason; what follows comes of it.
                Report::Failed { why } => ended = ended.or(Some(why)),
                Report::Ready => {
                    let info = read_info(&folder)?;
                    return Ok(Self { folder, info, janitor: Some(janitor) });
                }
            }
        }
        drop(janitor);
        let ended = ended.unwrap_or_else(|| format!("see {}", folder.log("janitor").display()));
        bail!("the sandbox in {} did not start: {ended}", folder.path().display())
    }

    /// The sandbox that runs in a folder. Dropping this value leaves it running.
    ///
    /// # Errors
    /// None runs there.
    pub fn attach(folder: Folder) -> anyhow::Result<Self> {
        if running(&folder)?.is_none() {
            bail!("no sandbox runs in {}; `sandbox up` starts one", folder.path().display());
        }
        let info = read_info(&folder).context("the sandbox is not ready yet")?;
        Ok(Self { folder, info, janitor: None })
    }

    /// Lets the sandbox live on after this value.
    ///
    /// # Errors
    /// It is gone.
    pub fn detach(mut self) -> anyhow::Result<()> {
        let Some(mut janitor) = self.janitor.take() else { return Ok(()) };
        let leash = janitor.leash.as_mut().context("the sandbox was let go already")?;
        writeln!(leash, "{DETACH}").context("the sandbox is gone")?;
        // Not dropped, for that would end it.
        std::mem::forget(janitor);
        Ok(())
    }

    /// What it tells about itself.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The janitor's process id, for a test that kills it.
    ///
    /// # Errors
    /// The sandbox is gone.
    pub fn janitor_pid(&self) -> anyhow::Result<u32> {
        running(&self.folder)?.context("the sandbox is gone")
    }

    /// A command in the sandbox's environment: `aws`, `kubectl` or the plugin, which then use this sandbox alone.
    ///
    /// # Errors
    /// A program was not built.
    pub fn command(&self, program: impl Into<PathBuf>) -> anyhow::Result<Command> {
        let env = self.info.env(&self.folder, &Parts::of_this_checkout())?;
        Ok(info::command(program.into(), env))
    }

    /// A client with every right, which goes around EKS's tokens.
    ///
    /// # Errors
    /// The kubeconfig makes no client.
    pub async fn admin(&self) -> anyhow::Result<kube::Client> {
        crate::client::of(&self.folder.admin_kubeconfig()).await
    }

    /// How etcd holds every Secret.
    ///
    /// # Errors
    /// etcd does not answer.
    pub async fn inspect(&self) -> anyhow::Result<Inspection> {
        Ok(Inspection::read(&self.etcd(), &self.info.keys).await?)
    }

    /// The cluster's etcd, past its API server.
    #[must_use]
    pub fn etcd(&self) -> Etcd {
        Etcd::at(&self.info.etcd)
    }

    /// The digest of all that re-encryption must not change.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn digest(&self) -> anyhow::Result<String> {
        digest::of_all(&self.admin().await?).await.context("the API server does not list the Secrets")
    }

    /// Associates a key, by its ARN or alias, and waits until EKS calls that Successful. As `aws` does it, but without the second
    /// that each call of `aws` takes.
    ///
    /// # Errors
    /// EKS refuses, or the update fails.
    pub async fn associate(&self, key: &str) -> anyhow::Result<()> {
        let path = format!("/clusters/{}/encryption-config/associate", self.info.cluster);
        let config = json!({ "encryptionConfig": [{ "resources": ["secrets"], "provider": { "keyArn": key } }] });
        let begun = self.eks(|client, url| client.post(format!("{url}{path}")).json(&config)).await?;
        let id = begun["update"]["id"].as_str().context("EKS began no update")?;
        let path = format!("/clusters/{}/updates/{id}", self.info.cluster);
        let deadline = Instant::now() + ASSOCIATION_TIMEOUT;
        loop {
            let update = self.eks(|client, url| client.get(format!("{url}{path}"))).await?["update"].take();
            match update["status"].as_str() {
                Some("Successful") => return Ok(()),
                Some("InProgress") if Instant::now() < deadline => tokio::time::sleep(POLL_INTERVAL).await,
                _ => bail!("{key} is not associated: {update}"),
            }
        }
    }

    /// The ARN of the key that EKS says the cluster has.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn key(&self) -> anyhow::Result<Option<String>> {
        let path = format!("/clusters/{}", self.info.cluster);
        let answer = self.eks(|client, url| client.get(format!("{url}{path}"))).await?;
        Ok(answer["cluster"]["encryptionConfig"][0]["provider"]["keyArn"].as_str().map(str::to_owned))
    }

    /// Makes a call of EKS's.
    async fn eks(
        &self,
        request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> anyhow::Result<Value> {
        let signed = authorization("eks", &self.info.region);
        let request = request(&loopback::http(), &self.info.aws_endpoint).header(AUTHORIZATION, signed);
        let answer = request.send().await.context("the sandbox does not answer")?;
        let (status, answer) = (answer.status(), answer.json::<Value>().await?);
        ensure!(status.is_success(), "EKS refused: {answer}");
        Ok(answer)
    }

    /// Makes the AWS endpoint behave in a certain way.
    ///
    /// # Errors
    /// The endpoint does not answer.
    pub async fn set_scenario(&self, scenario: &Scenario) -> anyhow::Result<()> {
        self.control_request(|client, url| client.put(format!("{url}/_sandbox/scenario")).json(scenario))
            .await
            .map(drop)
    }

    /// The API servers and the key that each writes under, seen by writing a Secret through each.
    ///
    /// # Errors
    /// The sandbox does not answer.
    pub async fn api_servers(&self) -> anyhow::Result<Vec<ApiServerStatus>> {
        Ok(self.control_request(|client, url| client.get(format!("{url}/_sandbox/api-servers"))).await?.json().await?)
    }

    /// Adds an API server and waits until it is ready; gives its name.
    ///
    /// # Errors
    /// It does not get ready, or there have been too many.
    pub async fn add_api_server(&self, configuration: Configuration) -> anyhow::Result<String> {
        let path = "/_sandbox/api-servers";
        Ok(self
            .control_request(|client, url| client.post(format!("{url}{path}")).json(&configuration))
            .await?
            .json()
            .await?)
    }

    /// Ends an API server for good, gracefully. Its identity Lease stays.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn remove_api_server(&self, name: &str) -> anyhow::Result<()> {
        let path = "/_sandbox/api-servers/remove";
        self.control_request(|client, url| client.post(format!("{url}{path}")).query(&[("name", name)])).await.map(drop)
    }

    /// Ends each API server and starts it again, one after the other, or only the one of this name; answers when they are ready.
    ///
    /// # Errors
    /// One does not get ready.
    pub async fn restart_api_servers(&self, only: Option<&str>) -> anyhow::Result<()> {
        let path = "/_sandbox/api-servers/restart";
        self.control_request(|client, url| client.post(format!("{url}{path}")).query(&named(only))).await.map(drop)
    }

    /// Ends all API servers, or only the one of this name, as a crash would, and leaves them so.
    ///
    /// # Errors
    /// The sandbox does not answer.
    pub async fn kill_api_servers(&self, only: Option<&str>) -> anyhow::Result<()> {
        let path = "/_sandbox/api-servers/kill";
        self.control_request(|client, url| client.post(format!("{url}{path}")).query(&named(only))).await.map(drop)
    }

    /// Has the load balancer send every connection to one API server, and end those that others have; or spread new ones again.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn send_all_to(&self, only: Option<&str>) -> anyhow::Result<()> {
        let path = "/_sandbox/load-balancer";
        self.control_request(|client, url| client.put(format!("{url}{path}")).query(&named(only))).await.map(drop)
    }

    /// Does what EKS's own storage migrator does: updates every Secret with itself; gives how many were written.
    ///
    /// # Errors
    /// The API server does not let it.
    pub async fn migrate(&self) -> anyhow::Result<usize> {
        migrator::migrate(&migrator::client_of(&self.folder().admin_kubeconfig()).await?).await
    }

    /// Takes rights from the cluster's creator and administrators, who have every other one; none gives all back.
    ///
    /// # Errors
    /// The API server does not answer.
    pub async fn forbid(&self, rights: &[Right]) -> anyhow::Result<()> {
        rights::grant_all_but(&self.admin().await?, &[CREATOR.arn(), ADMIN_ROLE.arn()], rights).await
    }

    /// The part that died, if one did, with its last words.
    #[must_use]
    pub fn failed_component(&self) -> Option<String> {
        std::fs::read_to_string(self.folder.casualty()).ok()
    }

    async fn control_request(
        &self,
        request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> anyhow::Result<reqwest::Response> {
        let answer =
            request(&loopback::http(), &self.info.aws_endpoint).send().await.context("the sandbox does not answer")?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(anyhow!("{}", answer.text().await.unwrap_or_default())).context("the sandbox refused")
    }
}

/// The query that names one API server.
fn named(only: Option<&str>) -> Vec<(&'static str, &str)> {
    only.map(|name| ("name", name)).into_iter().collect()
}

impl Drop for Janitor {
    fn drop(&mut self) {
        if !self.end().is_some_and(|status| status.success()) {
            eprintln!("the sandbox may have left something behind: see {}", self.log.display());
        }
    }
}

impl Janitor {
    /// Lets go of the leash and waits until everything is gone.
    fn end(&mut self) -> Option<ExitStatus> {
        drop(self.leash.take());
        let deadline = Instant::now() + END_TIMEOUT;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        // The kernel then ends the supervisor and all below it.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

/// The janitor's process id, if a sandbox runs in a folder.
///
/// # Errors
/// The folder can't be read.
pub fn running(folder: &Folder) -> anyhow::Result<Option<u32>> {
    let holder = lock::owner(&folder.lock()).with_context(|| format!("can't look at {}", folder.lock().display()))?;
    Ok(holder.and_then(|pid| u32::try_from(pid.as_raw()).ok()))
}

/// Ends the sandbox in a folder and waits until it is gone, or removes what a killed one left. Whether one ran.
///
/// # Errors
/// It does not go, or leaves something.
pub fn end(folder: &Folder) -> anyhow::Result<bool> {
    let Some(pid) = running(folder)? else {
        ensure!(janitor::clean_if_dead(folder)?, "a sandbox starts in {} just now", folder.path().display());
        return Ok(false);
    };
    match kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM) {
        // It has gone by itself meanwhile.
        Ok(()) | Err(nix::Error::ESRCH) => {}
        Err(error) => return Err(error).context("the sandbox can't be ended"),
    }
    let deadline = Instant::now() + END_TIMEOUT;
    while running(folder)?.is_some() {
        let path = folder.path().display();
        ensure!(Instant::now() < deadline, "the sandbox in {path} did not end within {} s", END_TIMEOUT.as_secs());
        std::thread::sleep(POLL_INTERVAL);
    }
    ensure!(!folder.state().exists(), "the sandbox left something behind: see {}", folder.log("janitor").display());
    Ok(true)
}

fn read_info(folder: &Folder) -> anyhow::Result<Info> {
    let file = folder.info();
    let text = std::fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} makes no sense", file.display()))
}
