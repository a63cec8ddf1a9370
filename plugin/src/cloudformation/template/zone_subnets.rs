//! One zone in the template: its two ranges of addresses, and the logical ids of what is made there. Input: the zones and the
//! VPC's range. Output: a `Place` for each zone, for all that refer to subnets and routes.

use crate::cloudformation::subnets::{self, Subnets};
use crate::cluster_config::spec::{Cidr, Nat, Network};

/// A zone.
pub(super) struct ZoneSubnets {
    /// Its name: `us-west-2a`.
    pub(super) zone: String,
    pub(super) public: Cidr,
    pub(super) private: Cidr,
    /// The zone's name as CloudFormation's logical ids take it, which are of letters and digits: `USWEST2A`.
    suffix: String,
    /// The NAT gateway that its private subnet uses.
    nat: Option<String>,
}

/// All of them, in the order of the zones.
pub(super) fn zone_subnets(network: &Network, zones: &[String]) -> Result<Vec<ZoneSubnets>, subnets::Error> {
    let Subnets { public, private } = subnets::divide(network.cidr, zones.len())?;
    let places = zones.iter().zip(public.into_iter().zip(private)).map(|(zone, (public, private))| {
        let suffix: String = zone.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        let nat = match network.nat {
            Nat::Disable => None,
            Nat::Single => Some("NATGateway".to_owned()),
            Nat::HighlyAvailable => Some(format!("NATGateway{suffix}")),
        };
        ZoneSubnets { zone: zone.clone(), public, private, suffix, nat }
    });
    Ok(places.collect())
}

impl ZoneSubnets {
    pub(super) fn public_subnet(&self) -> String {
        format!("SubnetPublic{}", self.suffix)
    }

    pub(super) fn private_subnet(&self) -> String {
        format!("SubnetPrivate{}", self.suffix)
    }

    pub(super) fn private_routes(&self) -> String {
        format!("PrivateRouteTable{}", self.suffix)
    }

    pub(super) fn public_association(&self) -> String {
        format!("RouteTableAssociationPublic{}", self.suffix)
    }

    pub(super) fn private_association(&self) -> String {
        format!("RouteTableAssociationPrivate{}", self.suffix)
    }

    /// The NAT gateway that its private subnet uses.
    pub(super) fn nat(&self) -> Option<&str> {
        self.nat.as_deref()
    }

    /// The private subnet's way out, where it has one.
    pub(super) fn nat_route(&self) -> Option<String> {
        self.nat.as_ref().map(|_| format!("NATPrivateSubnetRoute{}", self.suffix))
    }
}
