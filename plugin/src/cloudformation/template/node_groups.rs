//! The managed node groups. Input: what is to be created, and its places. Output: two resources for each group; or an error,
//! where a group is to be in a zone without subnets.

use serde_json::{Map, Value, json};

use crate::cloudformation::template::resources::{Resources, attribute, refer, refer_all};
use crate::cloudformation::template::zone_subnets::ZoneSubnets;
use crate::cloudformation::template::{Error, control_plane, launch_template, network, roles};
use crate::cluster_config::spec::{Group, Spec, Taint, Update};

/// Writes them down. Logical ids are by number: two names may differ only in what ids can't have (`a-b`, `ab`).
pub(super) fn add(resources: &mut Resources, spec: &Spec, places: &[ZoneSubnets]) -> Result<(), Error> {
    for (number, group) in spec.groups.iter().enumerate() {
        let places = group_zones(group, places)?;
        let (id, template) = (format!("NodeGroup{number}"), format!("NodeGroup{number}LaunchTemplate"));
        launch_template::add(resources, &template, spec, group);
        let mut properties = properties(group, &template);
        properties["Subnets"] = refer_all(&subnets(group, &places));
        resources.add_after(&egress_routes(group, &places), &id, "AWS::EKS::Nodegroup", properties);
    }
    Ok(())
}

/// The places of its zones, in the cluster's order; all, where it names none.
fn group_zones<'a>(group: &Group, places: &'a [ZoneSubnets]) -> Result<Vec<&'a ZoneSubnets>, Error> {
    if let Some(zone) = group.zones.iter().find(|zone| places.iter().all(|place| place.zone != **zone)) {
        let zones: Vec<&str> = places.iter().map(|place| place.zone.as_str()).collect();
        return Err(Error::GroupZone { group: group.name.clone(), zone: zone.clone(), zones: zones.join(", ") });
    }
    let its = |place: &&ZoneSubnets| group.zones.is_empty() || group.zones.contains(&place.zone);
    Ok(places.iter().filter(its).collect())
}

fn subnets(group: &Group, places: &[&ZoneSubnets]) -> Vec<String> {
    places.iter().map(|place| if group.private { place.private_subnet() } else { place.public_subnet() }).collect()
}

/// What must be there before its nodes: without a way to the API server and to images they never join, and the stack fails
/// after half an hour. And it must be there until they are gone.
fn egress_routes(group: &Group, places: &[&ZoneSubnets]) -> Vec<String> {
    if group.private {
        let routes = places.iter().filter_map(|place| place.nat_route());
        return routes.chain(places.iter().map(|place| place.private_association())).collect();
    }
    let associations = places.iter().map(|place| place.public_association());
    std::iter::once(network::PUBLIC_ROUTE.to_owned()).chain(associations).collect()
}

/// All but the subnets.
fn properties(group: &Group, template: &str) -> Value {
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    set("ClusterName", refer(control_plane::ID));
    set("NodegroupName", json!(group.name));
    set("NodeRole", attribute(roles::NODES, "Arn"));
    set("AmiType", json!(group.ami_type));
    set("InstanceTypes", json!(group.instance_types));
    if group.spot {
        set("CapacityType", json!("SPOT"));
    }
    set("ScalingConfig", json!({"MinSize": group.min, "MaxSize": group.max, "DesiredSize": group.desired}));
    // The number, not `$Latest`: so an update of the stack that changes the launch template replaces the nodes.
    let version = attribute(template, "LatestVersionNumber");
    set("LaunchTemplate", json!({"Id": refer(template), "Version": version}));
    match group.update {
        Some(Update::Nodes(nodes)) => _ = set("UpdateConfig", json!({"MaxUnavailable": nodes})),
        Some(Update::Percent(percent)) => _ = set("UpdateConfig", json!({"MaxUnavailablePercentage": percent})),
        None => {}
    }
    if !group.labels.is_empty() {
        set("Labels", json!(group.labels));
    }
    if !group.taints.is_empty() {
        set("Taints", group.taints.iter().map(taint).collect());
    }
    if !group.tags.is_empty() {
        set("Tags", json!(group.tags));
    }
    Value::Object(properties)
}

fn taint(taint: &Taint) -> Value {
    let mut told = json!({"Key": taint.key, "Effect": taint.effect});
    if let Some(value) = &taint.value {
        told["Value"] = json!(value);
    }
    told
}
