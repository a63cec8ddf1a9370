//! What keeps sandboxes that run side by side apart: each takes a lane, a small number that gives its node an address
//! range and its cgroups a name of their own. A lane is held by a file lock, which the kernel lets go with its holder.

use std::fs::{File, TryLockError};
use std::net::Ipv4Addr;
use std::path::PathBuf;

use thiserror::Error;

/// How many sandboxes may run at once.
const LANES: u8 = 64;

/// No lane could be taken.
#[derive(Debug, Error)]
pub(crate) enum LaneError {
    /// The folder of locks can't be used.
    #[error("{} can't be used", .0.display())]
    Locks(PathBuf, #[source] std::io::Error),
    /// All are taken.
    #[error("{LANES} sandboxes run already; `sandbox down` ends one")]
    Full,
}

/// A lane, held as long as this value lives.
#[derive(Debug)]
pub(crate) struct Lane {
    number: u8,
    _lock: File,
}

impl Lane {
    /// Takes the first free lane.
    pub(crate) fn take() -> Result<Self, LaneError> {
        let folder = std::env::temp_dir().join(format!("eks-encrypt-sandbox-{}", nix::unistd::getuid())).join(".lanes");
        let failed = |error| LaneError::Locks(folder.clone(), error);
        std::fs::create_dir_all(&folder).map_err(failed)?;
        for number in 0..LANES {
            let file = folder.join(number.to_string());
            let lock = File::options().create(true).truncate(false).write(true).open(file).map_err(failed)?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { number, _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        Err(LaneError::Full)
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
    /// The host's end of the cable to the node: API server and image registry listen here.
    pub(crate) fn host(self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.0, 1)
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

    /// The cgroup below which all Pods are.
    pub(crate) fn cgroup(self) -> String {
        format!("eks-encrypt-sandbox-{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    //! That two sandboxes never share a lane.
    use super::*;

    #[test]
    fn a_lane_is_taken_once_and_free_again() {
        let (one, two) = (Lane::take().unwrap(), Lane::take().unwrap());
        assert_ne!(one.number, two.number);
        assert_ne!(one.net().host(), two.net().host());
    }
}
