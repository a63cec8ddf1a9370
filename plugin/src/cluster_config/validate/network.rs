//! The VPC, and who reaches the API server. Input: `vpc`. Output: the network to be made.

use std::net::Ipv4Addr;

use super::error::ValueError;
use super::field_path::item;
use super::file::{ClusterEndpoints, Gateway, Vpc};
use crate::cluster_config::spec::{Cidr, Nat, Network};

/// eksctl's default.
const CIDR: Cidr = Cidr { first: Ipv4Addr::new(192, 168, 0, 0), prefix: 16 };

/// What EKS takes of `publicAccessCIDRs` ("View and manage Amazon EKS service quotas").
const MAX_SOURCES: usize = 40;

/// Addresses that nobody has on the internet: RFC 1918, and RFC 6598, which EKS takes for VPCs too.
const PRIVATE: [Cidr; 4] = [
    Cidr { first: Ipv4Addr::new(10, 0, 0, 0), prefix: 8 },
    Cidr { first: Ipv4Addr::new(172, 16, 0, 0), prefix: 12 },
    Cidr { first: Ipv4Addr::new(192, 168, 0, 0), prefix: 16 },
    Cidr { first: Ipv4Addr::new(100, 64, 0, 0), prefix: 10 },
];

pub(super) fn check(vpc: Vpc, nodes: bool) -> Result<Network, ValueError> {
    let Vpc {
        cidr,
        nat: super::file::Nat { gateway },
        cluster_endpoints: ClusterEndpoints { public_access, private_access: private },
        public_access_cidrs,
    } = vpc;
    let public = public_access.unwrap_or(true);
    if !public && !private {
        let why = "has both publicAccess and privateAccess off: nobody could reach the API server; turn one of them on";
        return Err(ValueError::new("vpc.clusterEndpoints", why));
    }
    let cidr = cidr.map_or(Ok(CIDR), |cidr| vpc_range("vpc.cidr", &cidr))?;
    let nat = match gateway {
        Some(Gateway::Disable) => Nat::Disable,
        Some(Gateway::Single) | None => Nat::Single,
        Some(Gateway::HighlyAvailable) => Nat::HighlyAvailable,
    };
    let public_from = sources("vpc.publicAccessCIDRs", public_access_cidrs, public, private || !nodes)?;
    Ok(Network { cidr, nat, public, private, public_from })
}

/// A range that subnets for all zones fit into, as eksctl has it.
fn vpc_range(path: &str, written: &str) -> Result<Cidr, ValueError> {
    let cidr = parse_cidr(path, written)?;
    if !(16..=24).contains(&cidr.prefix) {
        return Err(ValueError::new(path, format!("is {cidr}; the VPC that `create` makes is from /16 to /24")));
    }
    if !PRIVATE.iter().any(|private| contains(*private, cidr)) {
        let all = PRIVATE.map(|private| private.to_string()).join(", ");
        let why = format!(
            "is {cidr}, addresses that others have on the internet, and that Pods then could not reach; take some of {all}"
        );
        return Err(ValueError::new(path, why));
    }
    Ok(cidr)
}

fn sources(path: &str, written: Vec<String>, public: bool, nodes_inside: bool) -> Result<Vec<String>, ValueError> {
    if written.is_empty() {
        return Ok(written);
    }
    if !public {
        let why = "is there, but vpc.clusterEndpoints.publicAccess is false: there is no public endpoint to restrict";
        return Err(ValueError::new(path, why));
    }
    if written.len() > MAX_SOURCES {
        return Err(ValueError::new(path, format!("has {} ranges; EKS takes {MAX_SOURCES}", written.len())));
    }
    let mut everywhere = false;
    for (index, written) in written.iter().enumerate() {
        if let Ok(address) = written.parse::<Ipv4Addr>() {
            let why = format!("is `{written}`, one address, where a range is wanted: {address}/32");
            return Err(ValueError::new(&item(path, index), why));
        }
        let cidr = parse_cidr(&item(path, index), written)?;
        everywhere |= cidr.prefix == 0;
        if PRIVATE.iter().any(|private| contains(*private, cidr)) {
            let why = format!("is {cidr}, private addresses, which the public endpoint never sees; EKS refuses them");
            return Err(ValueError::new(&item(path, index), why));
        }
    }
    // Nodes come from addresses that nobody knows before: a NAT gateway's, or their own.
    if !everywhere && !nodes_inside {
        let why = "would keep out the nodes, which reach the API server by its public endpoint as long as there is no \
                   other: set vpc.clusterEndpoints.privateAccess to true";
        return Err(ValueError::new(path, why));
    }
    Ok(written)
}

/// A range, written from its first address.
fn parse_cidr(path: &str, written: &str) -> Result<Cidr, ValueError> {
    let parts = written.split_once('/').and_then(|(first, prefix)| Some((first.parse().ok()?, prefix.parse().ok()?)));
    let Some((address, prefix)) = parts.filter(|(_, prefix)| *prefix <= 32) else {
        return Err(ValueError::new(
            path,
            format!("is `{written}`, which is no range of IPv4 addresses, such as {CIDR}"),
        ));
    };
    let cidr = Cidr { first: network_address(address, prefix), prefix };
    if cidr.first != address {
        return Err(ValueError::new(path, format!("is `{written}`, but that range begins earlier: write {cidr}")));
    }
    Ok(cidr)
}

fn network_address(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

/// Whether one range is all in another.
fn contains(outer: Cidr, inner: Cidr) -> bool {
    inner.prefix >= outer.prefix && network_address(inner.first, outer.prefix) == outer.first
}
