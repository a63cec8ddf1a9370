//! Starts the parts of a sandbox in their order, watches over them, and lets all of them go at the end. Its reports go to
//! stdout ([`crate::report`]), its own troubles to `logs/supervisor.log`.
//!
//! It runs on one thread on purpose: the kernel ends a part when the *thread* that started it ends.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::aws::{self, Cluster, Eks, keys, moto};
use crate::control_plane::api_server::ApiServerSettings;
use crate::control_plane::controllers::{self, Controller};
use crate::control_plane::encryption::{AWS_OWNED, Encryption};
use crate::control_plane::{ControlPlane, etcd};
use crate::etcd_oracle::etcd::Etcd;
use crate::folder::Folder;
use crate::info::{ADMIN_ROLE, CREATOR, Info, Keys, shell};
use crate::kms::plugin;
use crate::kubeconfig::{Target, of_webhook, write_components};
use crate::layout::SandboxLayout;
use crate::pki::Authority;
use crate::process_group::{ProcessGroup, READY};
use crate::report::{Report, step};
use crate::spec::Spec;
use crate::{client, node, reap, rights};

/// How soon a dead part is noticed.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Runs a sandbox until it is told to end.
pub(crate) async fn run(spec: Spec) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut processes = ProcessGroup::default();
    let started = tokio::select! {
        started = start(&spec, &mut processes) => started,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    // Where a part has died, that is the reason, whatever was being waited for.
    let mut sandbox = started.map_err(|error| processes.dead().map_or(error, Into::into))?;
    Report::Ready.print();
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            () = tokio::time::sleep(WATCH_INTERVAL) => sandbox.restart_failed(&mut processes, &spec.folder()).await,
        }
    }
}

/// A running sandbox. Dropped, its parts are killed: nothing in them is worth a graceful end.
struct Running {
    controllers: [Controller; 2],
    control_plane: Arc<ControlPlane>,
    /// Ends the servers in this process.
    _stop: DropGuard,
}

impl Running {
    /// Writes down which part has died first, and goes on: what is left may tell why.
    async fn restart_failed(&mut self, processes: &mut ProcessGroup, folder: &Folder) {
        // Where somebody is at them, it is they who notice.
        let Ok(mut servers) = self.control_plane.servers.try_lock() else { return };
        let controllers = self.controllers.iter_mut().find_map(Controller::restart_if_failed);
        let servers_dead = servers.iter_mut().find_map(|server| server.processes().dead());
        let dead = processes.dead().or(servers_dead).or(controllers);
        if let Some(error) = dead {
            eprintln!("{error}");
            if !folder.casualty().exists() {
                let _ = std::fs::write(folder.casualty(), format!("{error}\n"));
            }
        }
        let controllers = self.controllers.iter().flat_map(Controller::ids);
        let servers = servers.iter_mut().flat_map(|server| server.processes().ids().collect::<Vec<_>>());
        let ours: HashSet<u32> = processes.ids().chain(controllers).chain(servers).collect();
        reap::orphans(&ours);
    }
}

/// Starts everything, each part as soon as what it needs is there.
async fn start(spec: &Spec, processes: &mut ProcessGroup) -> anyhow::Result<Running> {
    let layout = SandboxLayout::prepare(spec)?;
    let SandboxLayout { options, folder, programs, .. } = &layout;

    step("etcd, moto and the kube-apiservers");
    let stop = CancellationToken::new();
    processes.start(etcd::start(programs, folder, layout.etcd)?)?;
    processes.start(moto::start(programs, folder, layout.moto)?)?;
    let ca = Authority::new(&folder.pki())?;
    let settings = ApiServerSettings::new(programs, folder, &ca, layout.net, layout.api, &etcd::url(layout.etcd[0]))?
        .with_flags(&options.api_server)
        .with_env(&options.api_server_env);
    let (server, ca_pem, token_key) = (format!("https://{}", layout.api), ca.pem(), settings.token_key());
    let target = Target { server: &server, ca: &ca_pem };
    write_components(folder, &ca, &target)?;
    std::fs::write(folder.token_webhook(), of_webhook(&format!("{}/authenticate", layout.aws_endpoint())).to_string())?;
    let admin = client::of(&folder.admin_kubeconfig()).await?;

    let etcd_client = Etcd::at(&etcd::url(layout.etcd[0]));
    let moto = moto::Moto::at(layout.moto);
    processes.ready(READY, || etcd_client.answers()).await?;
    processes.ready(READY, || moto.answers()).await?;
    let kms = keys::client(moto.url(), &options.region);
    let keys = make_keys(&layout, &kms, &moto, &stop).await?;
    let control_plane = ControlPlane::start(
        settings,
        layout.api,
        options.api_servers,
        Encryption::at_birth(options.legacy),
        etcd_client,
        (folder.clone(), stop.clone()),
    )
    .await?;
    let cluster = Cluster::new(options, &server, &ca_pem);
    let arn = cluster.arn();
    let eks = Arc::new(Eks::new(cluster, kms, Arc::clone(&control_plane), moto));
    aws::serve(&eks, layout.aws, &stop).await?;
    control_plane.ready().await?;
    let kubernetes = admin.apiserver_version().await.context("kube-apiserver does not tell its version")?.git_version;
    aws::set_kubernetes(&eks, &kubernetes);
    rights::grant(&admin, &[CREATOR.arn(), ADMIN_ROLE.arn()]).await?;

    step("kube-controller-manager and kube-scheduler");
    let (at, ca_file) = (layout.clone(), ca.ca_file());
    let mut manager =
        Controller::start(move || controllers::manager(&at.programs, &at.folder, &ca_file, &token_key, at.manager))?;
    let at = layout.clone();
    let scheduler = Controller::start(move || controllers::scheduler(&at.programs, &at.folder, at.scheduler))?;
    if layout.net.is_some() {
        step("the node");
    }
    let node = node::start(processes, &layout, &ca, &admin).await?;
    manager.ready(&admin).await?;
    control_plane.all_ready().await?;

    let info = Info {
        cluster: options.cluster.clone(),
        region: options.region.clone(),
        endpoint: server.clone(),
        aws_endpoint: layout.aws_endpoint(),
        etcd: etcd::url(layout.etcd[0]),
        arn,
        kubernetes,
        keys,
        node,
    };
    std::fs::write(folder.kubeconfig(), target.of_eks(&info.arn, &info.cluster, &info.region).to_string())?;
    std::fs::write(folder.env(), shell(&info.env(folder, programs)?))?;
    std::fs::write(folder.info(), serde_json::to_string_pretty(&info)?)?;
    Ok(Running { controllers: [manager, scheduler], control_plane, _stop: stop.drop_guard() })
}

/// Makes the keys in KMS, and serves the KMS v2 plugin of AWS's own where the cluster is born with it.
async fn make_keys(
    layout: &SandboxLayout,
    kms: &aws_sdk_kms::Client,
    moto: &moto::Moto,
    stop: &CancellationToken,
) -> anyhow::Result<Keys> {
    let mut keys = keys::make(kms).await?;
    if !layout.options.legacy {
        let (aws, key) = keys::make_aws_owned(moto.url(), &layout.options.region).await?;
        plugin::serve(aws, key.clone(), &layout.folder.kms_socket(AWS_OWNED), stop.clone())?;
        keys.aws_owned = Some(key);
    }
    Ok(keys)
}
