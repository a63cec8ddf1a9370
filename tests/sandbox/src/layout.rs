//! The ground that a sandbox is built on: its folders, its node's namespaces, its addresses and ports. Input: what was asked
//! for. Output: where everything will be.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, ensure};

use crate::folder::Folder;
use crate::network_slot::Net;
use crate::options::{MORE_REGISTRIES, Options, RegistryAccess};
use crate::parts::Parts;
use crate::ports::Reservation;
use crate::spec::Spec;
use crate::{node, ports};

/// Where everything will be.
#[derive(Clone, Debug)]
pub(crate) struct SandboxLayout {
    pub(crate) options: Options,
    pub(crate) folder: Folder,
    pub(crate) programs: Parts,
    /// The node's network, if there will be a node.
    pub(crate) net: Option<Net>,
    /// Where the API server listens: the node has to reach it.
    pub(crate) api: SocketAddr,
    pub(crate) registry: SocketAddr,
    /// Those that were asked for besides.
    pub(crate) registries: Vec<(RegistryAccess, SocketAddr)>,
    pub(crate) etcd: [u16; 2],
    pub(crate) moto: u16,
    pub(crate) aws: u16,
    pub(crate) manager: u16,
    pub(crate) scheduler: u16,
    _reserved: Arc<[Reservation; 2]>,
}

impl SandboxLayout {
    /// Makes folders and namespaces, and finds ports.
    pub(crate) fn prepare(spec: &Spec) -> anyhow::Result<Self> {
        let folder = spec.folder();
        for made in [folder.pki(), folder.etcd(), folder.node()] {
            std::fs::create_dir_all(&made).with_context(|| format!("can't make {}", made.display()))?;
        }
        let net = spec.slot.map(Net);
        if let Some(net) = net {
            // Started by hand, outside the namespaces that the janitor makes, what follows would cover the machine's folders.
            ensure!(nix::unistd::getpid().as_raw() == 1, "the supervisor of a node is started by the janitor");
            let path = folder.path().canonicalize()?;
            let covered = node::network::COVERED.iter().find(|covered| path.starts_with(covered));
            ensure!(covered.is_none(), "a sandbox with a node can't be below {}", covered.unwrap_or(&""));
            node::network::own_folders()?;
            node::network::make(net)?;
            node::cgroup::make(&net.cgroup()).context("can't make the cgroup of the Pods")?;
        }
        let address = net.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |net| net.host().into());
        let ([client, peer, moto, aws, manager, scheduler], local) = ports::reserve(Ipv4Addr::LOCALHOST.into())?;
        let (ports, outer): ([u16; 2 + MORE_REGISTRIES], _) = ports::reserve(address)?;
        let [api, registry, more @ ..] = ports.map(|port| SocketAddr::new(address, port));
        let reserved = Arc::new([local, outer]);
        let registries = spec.options.registries.iter().copied().zip(more).collect();
        let (options, programs, etcd) = (spec.options.clone(), Parts::of_this_checkout(), [client, peer]);
        Ok(Self {
            options,
            folder,
            programs,
            net,
            api,
            registry,
            registries,
            etcd,
            moto,
            aws,
            manager,
            scheduler,
            _reserved: reserved,
        })
    }

    /// Every AWS service.
    pub(crate) fn aws_endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.aws)
    }
}
