//! Starts the parts of a sandbox in their order, watches over them, and lets all of them go at the end. Its reports go to
//! stdout ([`crate::report`]), its own troubles to `logs/supervisor.log`.
//!
//! It runs on one thread on purpose: the kernel ends a part when the *thread* that started it ends.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::aws::{self, Eks, keys, moto};
use crate::control_plane::ControlPlane;
use crate::control_plane::api_server::{self, ApiServer};
use crate::control_plane::controllers::{self, Controller};
use crate::control_plane::encryption::{AWS_OWNED, Encryption};
use crate::control_plane::etcd;
use crate::folder::Folder;
use crate::info::{CREATOR, Info, NodeInfo, shell};
use crate::kms::plugin;
use crate::kubeconfig::{Target, of_webhook};
use crate::lane::Net;
use crate::node;
use crate::parts::Parts;
use crate::pki::Authority;
use crate::process::{Part, PartError};
use crate::report::{Report, step};
use crate::spec::Spec;
use crate::truth::etcd::Etcd;
use crate::{ports, reap, rights};

/// The longest that any part but the API server takes, on 2 cores while something compiles beside it.
const READY: Duration = Duration::from_secs(60);

/// How soon a dead part is noticed.
const WATCH: Duration = Duration::from_millis(500);

/// Runs a sandbox until it is told to end.
pub(crate) async fn run(spec: Spec) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let folder = spec.folder();
    let mut sandbox = tokio::select! {
        started = start(&spec) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    Report::Ready.say();
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            () = tokio::time::sleep(WATCH) => sandbox.look_after(&folder).await,
        }
    }
}

/// A running sandbox. Dropped, its parts are killed: nothing in them is worth a graceful end.
struct Running {
    parts: Vec<Part>,
    controllers: [Controller; 2],
    control_plane: Arc<ControlPlane>,
    /// Ends the servers in this process.
    _stop: tokio_util::sync::DropGuard,
}

impl Running {
    /// Notes which part has died, once, and goes on: what is left may tell why.
    async fn look_after(&mut self, folder: &Folder) {
        let api_server = self.control_plane.api_server.lock().await.dead();
        let others = self.parts.iter_mut().filter_map(Part::dead);
        let controllers = self.controllers.iter_mut().filter_map(Controller::look_after);
        let dead: Vec<PartError> = others.chain(controllers).chain(api_server).collect();
        if let Some(error) = dead.first()
            && !folder.casualty().exists()
        {
            let _ = std::fs::write(folder.casualty(), format!("{error}\n"));
        }
        let api_server = self.control_plane.api_server.lock().await.id();
        let controllers = self.controllers.iter().filter_map(Controller::id);
        let ours: HashSet<u32> = self.parts.iter().filter_map(Part::id).chain(controllers).chain(api_server).collect();
        reap::orphans(&ours);
    }
}

async fn start(spec: &Spec) -> anyhow::Result<Running> {
    let (folder, options, programs) = (spec.folder(), &spec.options, Parts::of_this_checkout());
    let net = spec.options.node.wanted().then_some(Net(spec.lane.unwrap_or_default()));
    let _ = std::fs::remove_file(folder.casualty());
    for made in [folder.pki(), folder.etcd(), folder.node()] {
        std::fs::create_dir_all(&made).with_context(|| format!("can't make {}", made.display()))?;
    }
    if let Some(net) = net {
        node::network::own_folders()?;
        node::network::make(net)?;
        node::cgroup::make(&net.cgroup()).context("can't make the cgroup of the Pods")?;
    }
    let address = net.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |net| net.host().into());
    let [etcd_port, peers, moto_port, aws_port, manager_port, scheduler_port] =
        ports::free(Ipv4Addr::LOCALHOST.into())?;
    let [api_port, registry_port] = ports::free(address)?;

    step("etcd, moto and kube-apiserver");
    let mut etcd = etcd::start(&programs, &folder, [etcd_port, peers])?.spawn()?;
    let mut moto = moto::start(&programs, &folder, moto_port)?.spawn()?;
    let ca = Authority::new(&folder.pki())?;
    let config = api_server::Config { address, port: api_port, etcd: etcd::url(etcd_port) };
    let mut api_server = ApiServer::new(&programs, &folder, &ca, config)?;
    let (server, ca_pem) = (api_server.url(), ca.pem());
    let target = Target { server: &server, ca: &ca_pem };
    let admin = write_kubeconfigs(&folder, &ca, &target).await?;
    let aws_endpoint = format!("http://127.0.0.1:{aws_port}");
    let webhook = folder.path().join("token-webhook.kubeconfig");
    std::fs::write(webhook, of_webhook(&format!("{aws_endpoint}/authenticate")).to_string())?;

    let stop = CancellationToken::new();
    let behind = moto::Moto::at(moto_port);
    moto.ready(READY, || behind.answers()).await?;
    let kms = keys::client(behind.url(), &options.region);
    let mut key_arns = keys::make(&kms).await?;
    if !options.legacy {
        let aws = keys::aws_client(behind.url(), &options.region).await?;
        let key = keys::make_aws_owned(&aws).await?;
        plugin::serve(aws, key.clone(), &folder.kms_socket(AWS_OWNED), stop.clone())?;
        key_arns.aws_owned = Some(key);
    }
    let encryption = Encryption::at_birth(options.legacy);
    encryption.write(&folder)?;
    let etcd_client = Etcd::at(&etcd::url(etcd_port));
    etcd.ready(READY, || etcd_client.answers()).await?;
    api_server.start()?;
    let token_key = api_server.token_key();
    let control_plane = Arc::new(ControlPlane {
        api_server: tokio::sync::Mutex::new(api_server),
        encryption: tokio::sync::Mutex::new(encryption),
        admin: admin.clone(),
        etcd: etcd_client,
        folder: folder.clone(),
        stop: stop.clone(),
    });
    let cluster = aws::Cluster {
        name: options.cluster.clone(),
        region: options.region.clone(),
        endpoint: server.clone(),
        ca: ca_pem.clone(),
        kubernetes: String::new(),
        created_at: Timestamp::now(),
        key: None,
        updates: Vec::new(),
    };
    let arn = cluster.arn();
    let eks = Arc::new(Eks {
        cluster: Mutex::new(cluster),
        scenario: Mutex::default(),
        region: options.region.clone(),
        kms,
        control_plane: Arc::clone(&control_plane),
        moto: behind,
    });
    serve_aws(&eks, aws_port, &stop).await?;
    control_plane.api_server.lock().await.ready(&admin).await?;
    let kubernetes = admin.apiserver_version().await.context("kube-apiserver does not tell its version")?.git_version;
    aws::set_kubernetes(&eks, &kubernetes);
    rights::grant_creator(&admin, &CREATOR.arn()).await?;

    step("kube-controller-manager and kube-scheduler");
    let (at, its_folder, ca_file) = (programs.clone(), folder.clone(), ca.ca_file());
    let mut manager =
        Controller::start(move || controllers::manager(&at, &its_folder, &ca_file, &token_key, manager_port))?;
    let (at, its_folder) = (programs.clone(), folder.clone());
    let scheduler = Controller::start(move || controllers::scheduler(&at, &its_folder, scheduler_port))?;
    let mut parts = vec![etcd, moto];
    let mut node_info = None;
    if let Some(net) = net {
        let registry = SocketAddr::new(address, registry_port);
        parts.extend(node::start(&programs, &folder, net, &ca.ca_file(), registry).await?);
        step("the node");
        node::ready(&mut parts, &admin).await?;
        node_info = Some(NodeInfo { name: node::NAME.to_owned(), registry: registry.to_string() });
    }

    manager.ready(&admin).await?;

    let info = Info {
        cluster: options.cluster.clone(),
        region: options.region.clone(),
        arn: arn.clone(),
        kubernetes,
        endpoint: server.clone(),
        aws_endpoint,
        etcd: etcd::url(etcd_port),
        keys: key_arns,
        node: node_info,
    };
    std::fs::write(folder.kubeconfig(), target.of_eks(&arn, &options.cluster, &options.region).to_string())?;
    std::fs::write(folder.env(), shell(&info.env(&folder, &programs)?))?;
    std::fs::write(folder.info(), serde_json::to_string_pretty(&info)?)?;
    Ok(Running { parts, controllers: [manager, scheduler], control_plane, _stop: stop.drop_guard() })
}

/// Writes the kubeconfig of each component, and gives a client of the administrator's.
async fn write_kubeconfigs(folder: &Folder, ca: &Authority, target: &Target<'_>) -> anyhow::Result<kube::Client> {
    let node = format!("system:node:{}", node::NAME);
    let components: [(&str, &str, &[&str]); 4] = [
        ("kube-controller-manager", "system:kube-controller-manager", &[]),
        ("kube-scheduler", "system:kube-scheduler", &[]),
        ("kube-proxy", "system:kube-proxy", &[]),
        ("kubelet", &node, &["system:nodes"]),
    ];
    for (component, user, groups) in components {
        let certificate = ca.client(component, user, groups)?;
        std::fs::write(folder.component_kubeconfig(component), target.of_certificate(&certificate).to_string())?;
    }
    let admin = target.of_certificate(&ca.client("admin", "sandbox-admin", &["system:masters"])?);
    std::fs::write(folder.admin_kubeconfig(), admin.to_string())?;
    crate::client::of(&folder.admin_kubeconfig()).await
}

async fn serve_aws(eks: &Arc<Eks>, port: u16, stop: &CancellationToken) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("the AWS endpoint can't listen")?;
    let (router, stop) = (aws::router(Arc::clone(eks)), stop.clone());
    tokio::spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = serving.await {
            eprintln!("the AWS endpoint ended: {error}");
        }
    });
    Ok(())
}
