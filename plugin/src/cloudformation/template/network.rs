//! The VPC, and the ways in and out of it. Input: the network and its places. Output: resources.

use serde_json::json;

use crate::cloudformation::template::resources::{Resources, attribute, name, refer, tag};
use crate::cloudformation::template::zone_subnets::ZoneSubnets;
use crate::cluster_config::spec::Network;

/// The route by which all public subnets reach the internet.
pub(super) const PUBLIC_ROUTE: &str = "PublicSubnetRoute";

/// The gateway's place in the VPC: what has a public address can't be made before it, or be there after it.
const ATTACHMENT: &str = "VPCGatewayAttachment";

/// Everywhere.
const INTERNET: &str = "0.0.0.0/0";

/// Writes all of it down.
pub(super) fn add(resources: &mut Resources, network: &Network, places: &[ZoneSubnets]) {
    // Nodes can't register without both (EKS User Guide, "View Amazon EKS networking requirements for VPC and subnets").
    let vpc = json!({
        "CidrBlock": network.cidr.to_string(),
        "EnableDnsSupport": true,
        "EnableDnsHostnames": true,
        "Tags": [name("VPC")],
    });
    resources.add("VPC", "AWS::EC2::VPC", vpc);
    resources.add("InternetGateway", "AWS::EC2::InternetGateway", json!({"Tags": [name("InternetGateway")]}));
    let attachment = json!({"VpcId": refer("VPC"), "InternetGatewayId": refer("InternetGateway")});
    resources.add(ATTACHMENT, "AWS::EC2::VPCGatewayAttachment", attachment);
    route_table(resources, "PublicRouteTable");
    let out = json!({
        "RouteTableId": refer("PublicRouteTable"),
        "DestinationCidrBlock": INTERNET,
        "GatewayId": refer("InternetGateway"),
    });
    resources.add_after(&[ATTACHMENT.to_owned()], PUBLIC_ROUTE, "AWS::EC2::Route", out);
    for place in places {
        subnets(resources, place);
    }
    let mut made = Vec::new();
    for place in places {
        // One for all is in the first place.
        if let Some(nat) = place.nat().filter(|nat| !made.contains(nat)) {
            nat_gateway(resources, nat, place);
            made.push(nat);
        }
    }
}

/// A zone's two subnets and the private one's routes.
fn subnets(resources: &mut Resources, place: &ZoneSubnets) {
    let (public, private) = (place.public_subnet(), place.private_subnet());
    // The tags by which load balancers find their subnets (AWS Load Balancer Controller, "Subnet auto-discovery").
    let properties = json!({
        "VpcId": refer("VPC"),
        "AvailabilityZone": place.zone,
        "CidrBlock": place.public.to_string(),
        // Managed nodes get a public address from nowhere else.
        "MapPublicIpOnLaunch": true,
        "Tags": [tag("kubernetes.io/role/elb", "1"), name(&public)],
    });
    resources.add(&public, "AWS::EC2::Subnet", properties);
    let properties = json!({
        "VpcId": refer("VPC"),
        "AvailabilityZone": place.zone,
        "CidrBlock": place.private.to_string(),
        "Tags": [tag("kubernetes.io/role/internal-elb", "1"), name(&private)],
    });
    resources.add(&private, "AWS::EC2::Subnet", properties);
    route_table(resources, &place.private_routes());
    associate(resources, &place.public_association(), &public, "PublicRouteTable");
    associate(resources, &place.private_association(), &private, &place.private_routes());
    if let Some((route, nat)) = place.nat_route().zip(place.nat()) {
        let properties = json!({
            "RouteTableId": refer(&place.private_routes()),
            "DestinationCidrBlock": INTERNET,
            "NatGatewayId": refer(nat),
        });
        resources.add(&route, "AWS::EC2::Route", properties);
    }
}

fn route_table(resources: &mut Resources, id: &str) {
    resources.add(id, "AWS::EC2::RouteTable", json!({"VpcId": refer("VPC"), "Tags": [name(id)]}));
}

fn associate(resources: &mut Resources, id: &str, subnet: &str, table: &str) {
    let properties = json!({"SubnetId": refer(subnet), "RouteTableId": refer(table)});
    resources.add(id, "AWS::EC2::SubnetRouteTableAssociation", properties);
}

/// A NAT gateway and its address. It comes after its own way out: nodes that wait for a route through it wait for that too.
fn nat_gateway(resources: &mut Resources, id: &str, place: &ZoneSubnets) {
    let address = id.replace("NATGateway", "NATIP");
    let properties = json!({"Domain": "vpc", "Tags": [name(&address)]});
    resources.add_after(&[ATTACHMENT.to_owned()], &address, "AWS::EC2::EIP", properties);
    let properties = json!({
        "AllocationId": attribute(&address, "AllocationId"),
        "SubnetId": refer(&place.public_subnet()),
        "Tags": [name(id)],
    });
    let after = [PUBLIC_ROUTE.to_owned(), place.public_association()];
    resources.add_after(&after, id, "AWS::EC2::NatGateway", properties);
}
