//! The command line of `sandbox`. Data goes to stdout, everything else to stderr.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::air_gap::AirGap;
use crate::aws::scenario::Scenario;
use crate::control_plane::Configuration;
use crate::folder::Folder;
use crate::node::registry;
use crate::options::{DEFAULT_API_SERVERS, Node, Options};
use crate::parts::Parts;
use crate::rights::Right;
use crate::sandbox::{Sandbox, end, running};
use crate::seed::{Seed, seed};
use crate::spec::Spec;
use crate::{janitor, supervisor};

/// A sandbox that behaves as an EKS cluster: real etcd, real kube-apiserver with KMS v2 encryption, a real node, and an AWS
/// endpoint whose AssociateEncryptionConfig really changes the key that the API server writes with.
#[derive(Debug, Parser)]
#[command(name = "sandbox", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a sandbox, and says what to source in order to use it.
    Up {
        #[command(flatten)]
        place: Place,
        /// The EKS cluster's name.
        #[arg(long, default_value = "sandbox")]
        cluster: String,
        /// The AWS region that the endpoint plays.
        #[arg(long, default_value = "us-west-2")]
        region: String,
        /// Nothing is encrypted until a key is associated, as on EKS up to Kubernetes 1.27. Without this, everything is
        /// encrypted with a key that AWS owns, as since 1.28.
        #[arg(long)]
        legacy: bool,
        /// The control plane alone: no Pods. A node needs root.
        #[arg(long)]
        no_node: bool,
        /// How many API servers stand behind the cluster's endpoint.
        #[arg(long, default_value_t = DEFAULT_API_SERVERS, value_parser = clap::value_parser!(u8).range(1..=5))]
        api_servers: u8,
    },
    /// Ends the sandbox and removes all it made but its logs.
    Down {
        #[command(flatten)]
        place: Place,
    },
    /// Says whether a sandbox runs and whether all its parts live, and names the API servers.
    Status {
        #[command(flatten)]
        place: Place,
    },
    /// Reads etcd: how many Secrets are stored how, and under which key each API server writes.
    Inspect {
        #[command(flatten)]
        place: Place,
        /// `json` lists every Secret's name, revision and kind of storage.
        #[arg(short, long, value_enum, default_value_t = Output::Table)]
        output: Output,
        /// Leave out the digest of all that re-encryption must not change (it reads every Secret).
        #[arg(long)]
        no_digest: bool,
    },
    /// Makes Secrets.
    Seed {
        #[command(flatten)]
        place: Place,
        /// How many.
        #[arg(long, default_value_t = 2000)]
        secrets: u32,
        /// Over how many namespaces.
        #[arg(long, default_value_t = 10)]
        namespaces: u32,
        /// Bytes of data in each.
        #[arg(long, default_value_t = 1024)]
        size: usize,
        /// Beside them, one of each awkward kind: immutable, 1 MiB, Helm, tokens, at the limits, half deleted.
        #[arg(long)]
        awkward: bool,
    },
    /// Makes the AWS endpoint misbehave, until the next call of this command.
    Scenario {
        #[command(flatten)]
        place: Place,
        /// As JSON, such as {"updateSeconds": 20, "throttle": 3}. Without it, the endpoint behaves again.
        #[arg(default_value = "{}")]
        scenario: String,
    },
    /// Adds, removes, kills or restarts API servers.
    ApiServers {
        #[command(flatten)]
        place: Place,
        #[command(subcommand)]
        change: ApiServers,
    },
    /// Sends every connection to one API server, also those that there are; without a name, spreads new ones over all.
    LoadBalancer {
        #[command(flatten)]
        place: Place,
        /// Such as `api-server-1`.
        server: Option<String>,
    },
    /// Updates every Secret with itself, as EKS's own storage migrator does.
    Migrate {
        #[command(flatten)]
        place: Place,
    },
    /// Takes rights from the cluster's creator and administrators; without one, gives all back.
    Forbid {
        #[command(flatten)]
        place: Place,
        /// The rights.
        rights: Vec<Right>,
    },
    /// Pushes an OCI archive into the sandbox's registry and prints the image's name.
    Push {
        #[command(flatten)]
        place: Place,
        /// The archive; `make image` builds ours.
        archive: PathBuf,
        /// The image's name and tag in the registry.
        #[arg(default_value = "eks-encrypt-job:dev")]
        name: String,
    },
    /// Runs a command in a network from which nothing can be reached but this sandbox, and names whatever else it tried to reach.
    AirGapped {
        #[command(flatten)]
        place: Place,
        /// The command and its arguments. AWS is behind TLS there, with an authority of its own, as a VPC endpoint is.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
        words: Vec<PathBuf>,
    },
    /// Cleans up after a sandbox; started by `up`.
    #[command(hide = true)]
    Janitor(Internal),
    /// Runs a sandbox's parts; started by the janitor.
    #[command(hide = true)]
    Supervise(Internal),
}

#[derive(Debug, Subcommand)]
enum ApiServers {
    /// Adds one, and prints its name.
    Add {
        /// Whether it writes under the cluster's key or under the one of before the association.
        #[arg(long, value_enum, default_value_t)]
        configuration: Configuration,
    },
    /// Ends one for good, gracefully.
    Remove { name: String },
    /// Ends one, or all, as a crash would.
    Kill { name: Option<String> },
    /// Ends one, or all in turn, and starts it again.
    Restart { name: Option<String> },
}

#[derive(Debug, Args)]
struct Place {
    /// The sandbox's folder [default: one below the folder for temporary files].
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
}

impl Place {
    fn folder(self) -> Folder {
        self.dir.map_or_else(|| Folder::default_of("default"), Folder::at)
    }
}

#[derive(Debug, Args)]
struct Internal {
    #[arg(long)]
    spec: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Runs the command line.
///
/// # Errors
/// What the command could not do.
pub async fn run() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Up { place, cluster, region, legacy, no_node, api_servers } => {
            let node = if no_node { Node::None } else { Node::WhereRoot };
            up(place.folder(), Options { cluster, region, legacy, node, api_servers, ..Options::default() })
        }
        Command::Down { place } => down(&place.folder()),
        Command::Status { place } => status(place.folder()).await,
        Command::Inspect { place, output, no_digest } => inspect(place.folder(), output, no_digest).await,
        Command::Seed { place, secrets, namespaces, size, awkward } => {
            let sandbox = Sandbox::attach(place.folder())?;
            let seeded = seed(&sandbox.admin().await?, Seed { secrets, namespaces, size, awkward }).await?;
            eprintln!("made {} Secrets in {:.1} s", seeded.secrets, seeded.took.as_secs_f64());
            Ok(())
        }
        Command::Scenario { place, scenario } => {
            let scenario: Scenario = serde_json::from_str(&scenario).context("the scenario is not as expected")?;
            Sandbox::attach(place.folder())?.set_scenario(&scenario).await
        }
        Command::ApiServers { place, change } => change_api_servers(&Sandbox::attach(place.folder())?, change).await,
        Command::LoadBalancer { place, server } => {
            Sandbox::attach(place.folder())?.send_all_to(server.as_deref()).await
        }
        Command::Migrate { place } => {
            eprintln!("updated {} Secrets", Sandbox::attach(place.folder())?.migrate().await?);
            Ok(())
        }
        Command::Forbid { place, rights } => Sandbox::attach(place.folder())?.forbid(&rights).await,
        Command::Push { place, archive, name } => {
            let sandbox = Sandbox::attach(place.folder())?;
            let node =
                sandbox.info().node.as_ref().context("this sandbox has no node, so it has no registry either")?;
            print(&registry::push(&Parts::of_this_checkout(), &node.registry, &archive, &name)?);
            Ok(())
        }
        Command::AirGapped { place, words } => air_gapped(place.folder(), &words),
        Command::Janitor(internal) => {
            let result = janitor::run(internal.spec()?).await;
            result.inspect_err(janitor::print_failure)
        }
        Command::Supervise(internal) => {
            let result = supervisor::run(internal.spec()?).await;
            result.inspect_err(janitor::print_failure)
        }
    }
}

impl Internal {
    fn spec(&self) -> anyhow::Result<Spec> {
        serde_json::from_str(&self.spec).context("the specification makes no sense")
    }
}

fn up(folder: Folder, options: Options) -> anyhow::Result<()> {
    let (wanted, program) = (options.node, std::env::current_exe().context("can't find this program")?);
    eprintln!("starting a sandbox in {}", folder.path().display());
    let started = std::time::Instant::now();
    let sandbox = Sandbox::start(&program, folder.clone(), options, |what| eprintln!("  {what} ..."))?;
    let info = sandbox.info();
    eprintln!(
        "EKS cluster {} with Kubernetes {} is up after {:.1} s",
        info.arn,
        info.kubernetes,
        started.elapsed().as_secs_f64()
    );
    match (&info.node, wanted) {
        (Some(node), _) => eprintln!("node {} is Ready; images: push to {}", node.name, node.registry),
        (None, Node::WhereRoot) => eprintln!("the control plane alone: a node needs root"),
        (None, Node::None) => eprintln!("the control plane alone, as asked for"),
    }
    eprintln!("logs: {}", folder.logs().display());
    // Who captures the line knows what it is for.
    if std::io::stdout().is_terminal() {
        eprintln!("to use it, with aws, kubectl or the plugin:");
    }
    print(&format!(". {}", folder.env().display()));
    sandbox.detach()
}

fn down(folder: &Folder) -> anyhow::Result<()> {
    let there_was = end(folder)?;
    eprintln!("{} {}", if there_was { "ended the sandbox in" } else { "no sandbox runs in" }, folder.path().display());
    Ok(())
}

async fn change_api_servers(sandbox: &Sandbox, change: ApiServers) -> anyhow::Result<()> {
    match change {
        ApiServers::Add { configuration } => print(&sandbox.add_api_server(configuration).await?),
        ApiServers::Remove { name } => sandbox.remove_api_server(&name).await?,
        ApiServers::Kill { name } => sandbox.kill_api_servers(name.as_deref()).await?,
        ApiServers::Restart { name } => sandbox.restart_api_servers(name.as_deref()).await?,
    }
    Ok(())
}

async fn status(folder: Folder) -> anyhow::Result<()> {
    if running(&folder)?.is_none() {
        print(&format!("no sandbox runs in {}", folder.path().display()));
        return Ok(());
    }
    let sandbox = Sandbox::attach(folder)?;
    let mut status = serde_json::to_value(sandbox.info())?;
    // The rest is of interest also where no API server answers.
    if let Ok(servers) = sandbox.api_servers().await {
        status["apiServers"] = serde_json::to_value(servers)?;
    }
    print(&serde_json::to_string_pretty(&status)?);
    match sandbox.failed_component() {
        Some(casualty) => Err(anyhow::anyhow!("{}", casualty.trim_end())),
        None => Ok(()),
    }
}

async fn inspect(folder: Folder, output: Output, no_digest: bool) -> anyhow::Result<()> {
    let sandbox = Sandbox::attach(folder)?;
    let mut inspection = sandbox.inspect().await?;
    if !no_digest {
        inspection.digest = Some(sandbox.digest().await?);
    }
    inspection.api_servers = sandbox.api_servers().await?;
    match output {
        Output::Table => print(inspection.table().trim_end()),
        Output::Json => print(&serde_json::to_string_pretty(&inspection)?),
    }
    Ok(())
}

fn air_gapped(folder: Folder, words: &[PathBuf]) -> anyhow::Result<()> {
    let (program, arguments) = words.split_first().context("no command")?;
    let sandbox = Sandbox::attach(folder)?;
    let gap = AirGap::around(&sandbox)?;
    let mut command = gap.command(sandbox.command(program)?.args(arguments));
    let status = gap.inside(move || command.status())?.context("setpriv can't be started (it is in util-linux)")?;
    let elsewhere = gap.outside_connections()?;
    ensure!(elsewhere.is_empty(), "it tried to reach:\n  {}", elsewhere.join("\n  "));
    ensure!(status.success(), "the command ended with {status}");
    Ok(())
}

/// The one place that writes data to stdout.
#[allow(clippy::print_stdout, reason = "this is that place")]
fn print(line: &str) {
    println!("{line}");
}
