//! What keeps sandboxes that run side by side apart: each takes a lane, a small number that gives its node an address
//! range and its cgroups a name of their own.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::lock::{self, Lock};

/// Where the lanes' locks are. One place for the machine, for that is what lanes divide; only root makes nodes.
const LOCKS: &str = "/run/eks-encrypt-sandbox";

/// How many sandboxes may run at once.
const MAX_SLOTS: u8 = 64;

/// No lane could be taken.
#[derive(Debug, Error)]
pub(crate) enum NetworkSlotError {
    /// The folder of locks can't be used.
    #[error("{} can't be used", .0.display())]
    Locks(PathBuf, #[source] std::io::Error),
    /// All are taken.
    #[error("{MAX_SLOTS} sandboxes run already; `sandbox down` ends one")]
    Full,
}

/// A lane, held as long as this value lives.
#[derive(Debug)]
pub(crate) struct NetworkSlot {
    number: u8,
    _lock: Lock,
}

impl NetworkSlot {
    /// Takes the first free lane.
    pub(crate) fn take() -> Result<Self, NetworkSlotError> {
        for number in 0..MAX_SLOTS {
            if let Some(slot) = Self::take_number(number)? {
                return Ok(slot);
            }
        }
        Err(NetworkSlotError::Full)
    }

    /// Takes one lane, if it is free.
    pub(crate) fn take_number(number: u8) -> Result<Option<Self>, NetworkSlotError> {
        let failed = |error| NetworkSlotError::Locks(LOCKS.into(), error);
        std::fs::create_dir_all(LOCKS).map_err(failed)?;
        let lock = lock::take(&Path::new(LOCKS).join(number.to_string())).map_err(failed)?;
        Ok(lock.map(|lock| Self { number, _lock: lock }))
    }

    pub(crate) fn net(&self) -> Net {
        Net(self.number)
    }
}

/// The addresses and names of one lane. They lie in 198.18.0.0/15, the range that RFC 2544 sets aside for measuring
/// networks, so that no VPC, VPN or home network is shadowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Net(pub(crate) u8);

impl Net {
    /// The host's end of the cable to the node: the cluster's endpoint and the image registry are here.
    pub(crate) fn host(self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.0, 1)
    }

    /// The API server with this number, from 1.
    pub(crate) fn server(self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.0, 10 + number)
    }

    /// The node's end.
    pub(crate) fn node(self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.0, 2)
    }

    /// The node's Pods; known inside the node's network namespace alone.
    pub(crate) fn pods(self) -> String {
        format!("198.19.{}.0/24", self.0)
    }

    /// The network interface at the host's end.
    pub(crate) fn interface(self) -> String {
        format!("eksbox{}", self.0)
    }

    /// The lane of an API server's address, `https://198.18.LANE.1:PORT`.
    pub(crate) fn of(endpoint: &str) -> Option<Self> {
        let (number, _) = endpoint.strip_prefix("https://198.18.")?.split_once(".1:")?;
        number.parse().ok().map(Self)
    }

    /// The host's end of the cable to an air gap: the AWS endpoint as a VPC endpoint listens here. The cable is a small net of
    /// its own at the end of the lane's.
    pub(crate) fn air_gap_host(self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.0, 253)
    }

    /// The air gap's end.
    pub(crate) fn air_gap(self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.0, 254)
    }

    /// The network interface at the host's end of that cable.
    pub(crate) fn air_gap_interface(self) -> String {
        format!("eksgap{}", self.0)
    }

    /// The cgroup below which all Pods are.
    pub(crate) fn cgroup(self) -> String {
        format!("eks-encrypt-sandbox-{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    //! That lanes don't overlap.
    use super::*;

    #[test]
    fn two_lanes_share_no_address_and_no_name() {
        let (one, two) = (Net(0), Net(1));
        assert_ne!((one.host(), one.node(), one.pods()), (two.host(), two.node(), two.pods()));
        assert_ne!(one.interface(), two.interface());
        assert_ne!(one.cgroup(), two.cgroup());
        assert_eq!(Net::of("https://198.18.7.1:20443"), Some(Net(7)));
        assert_eq!(Net::of("https://127.0.0.1:20443"), None);
        // Linux' limit for the name of an interface.
        assert!(Net(MAX_SLOTS - 1).interface().len() < 16);
    }
}
