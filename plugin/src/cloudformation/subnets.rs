//! Cuts the VPC's addresses into equal subnets, a public and a private one for each zone. Input: the VPC's range and how many
//! zones there are. Output: the ranges, the public ones first; or an error, where they would not be what EC2 and EKS take.

use eks_encrypt_job::wire::exit::ExitCode;

use crate::cluster_config::spec::Cidr;
use crate::error::HasExitCode;

/// Bits that number eight parts. So many are cut if they are enough, however few are needed: the same file then gives subnets
/// of the same size as with eksctl, and addresses are left over for what may come.
const BITS_FOR_EIGHT: u8 = 3;

/// Bits that number sixteen parts: enough for any region, and the most that leave a /24 anything.
const BITS_FOR_SIXTEEN: u8 = 4;

/// The ranges, in the order of the zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subnets {
    pub(crate) public: Vec<Cidr>,
    pub(crate) private: Vec<Cidr>,
}

/// Why it can't be cut.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// EC2's subnets are /28 at the smallest, and its VPCs /16 at the largest.
    #[error("vpc.cidr {cidr} can't be cut into subnets: it must be /16, /24 or anything between (nothing was created)")]
    Size { cidr: Cidr },
    /// There are not so many parts.
    #[error(
        "VPC {cidr} can't be cut for {zones} availability zones, only for up to {most}: name fewer in availabilityZones \
         (nothing was created)"
    )]
    Zones { cidr: Cidr, zones: usize, most: usize },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// Cuts.
pub(crate) fn divide(vpc: Cidr, zones: usize) -> Result<Subnets, Error> {
    if !(16..=24).contains(&vpc.prefix) {
        return Err(Error::Size { cidr: vpc });
    }
    let bits = if zones * 2 <= 1 << BITS_FOR_EIGHT { BITS_FOR_EIGHT } else { BITS_FOR_SIXTEEN };
    let most = (1 << bits) / 2;
    if zones > most {
        return Err(Error::Zones { cidr: vpc, zones, most });
    }
    let prefix = vpc.prefix + bits;
    // Whatever stands right of the prefix is no part of the range.
    let first = vpc.first.to_bits() & (u32::MAX << (32 - vpc.prefix));
    let mut parts = (0..1 << bits).map(|part: u32| Cidr { first: (first | part << (32 - prefix)).into(), prefix });
    let public = parts.by_ref().take(zones).collect();
    Ok(Subnets { public, private: parts.take(zones).collect() })
}

#[cfg(test)]
mod tests {
    //! Which ranges come out.
    use super::*;

    fn cidr(first: [u8; 4], prefix: u8) -> Cidr {
        Cidr { first: first.into(), prefix }
    }

    fn shown(vpc: Cidr, zones: usize) -> String {
        let Subnets { public, private } = divide(vpc, zones).unwrap();
        let row = |row: Vec<Cidr>| row.iter().map(Cidr::to_string).collect::<Vec<_>>().join(" ");
        format!("{}\n{}", row(public), row(private))
    }

    #[test]
    fn public_ones_come_first() {
        insta::assert_snapshot!(shown(cidr([192, 168, 0, 0], 16), 3), @r"
        192.168.0.0/19 192.168.32.0/19 192.168.64.0/19
        192.168.96.0/19 192.168.128.0/19 192.168.160.0/19
        ");
        insta::assert_snapshot!(shown(cidr([192, 168, 0, 0], 16), 4), @r"
        192.168.0.0/19 192.168.32.0/19 192.168.64.0/19 192.168.96.0/19
        192.168.128.0/19 192.168.160.0/19 192.168.192.0/19 192.168.224.0/19
        ");
    }

    #[test]
    fn more_zones_get_smaller_ones() {
        insta::assert_snapshot!(shown(cidr([10, 0, 0, 0], 24), 5), @r"
        10.0.0.0/28 10.0.0.16/28 10.0.0.32/28 10.0.0.48/28 10.0.0.64/28
        10.0.0.80/28 10.0.0.96/28 10.0.0.112/28 10.0.0.128/28 10.0.0.144/28
        ");
    }

    #[test]
    fn an_address_in_the_middle_stands_for_its_range() {
        assert_eq!(divide(cidr([10, 20, 30, 40], 16), 2).unwrap(), divide(cidr([10, 20, 0, 0], 16), 2).unwrap());
    }

    #[test]
    fn what_ec2_would_not_take_is_refused() {
        let refused = |vpc, zones| divide(vpc, zones).unwrap_err().to_string();
        insta::assert_snapshot!(refused(cidr([10, 0, 0, 0], 15), 2), @"vpc.cidr 10.0.0.0/15 can't be cut into subnets: it must be /16, /24 or anything between (nothing was created)");
        assert!(divide(cidr([10, 0, 0, 0], 25), 2).is_err());
        insta::assert_snapshot!(refused(cidr([10, 0, 0, 0], 16), 9), @"VPC 10.0.0.0/16 can't be cut for 9 availability zones, only for up to 8: name fewer in availabilityZones (nothing was created)");
    }
}
