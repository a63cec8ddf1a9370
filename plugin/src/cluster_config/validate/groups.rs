//! The managed node groups. Input: `managedNodeGroups`, and what of the cluster bears on them. Output: groups with every
//! default filled in, by eksctl's rules.

use super::error::ValueError;
use super::field_path::{item, under};
use super::file;
use super::{tags, zones};
use crate::cluster_config::spec::{Group, Nat};

mod instances;
mod labels;
mod sizes;
mod taints;
mod update;
mod volume;

/// What of the cluster bears on its groups.
#[derive(Debug)]
pub(super) struct GroupContext<'a> {
    pub(super) region: &'a str,
    pub(super) zones: &'a [String],
    pub(super) nat: Nat,
    /// How many tags all resources get.
    pub(super) tags: usize,
}

pub(super) fn check(path: &str, written: Vec<file::Group>, ground: &GroupContext) -> Result<Vec<Group>, ValueError> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, group) in written.into_iter().enumerate() {
        let here = item(path, index);
        let group = check_group(&here, group, ground)?;
        if let Some(other) = groups.iter().position(|other| other.name == group.name) {
            let why =
                format!("is `{}`, as {} is named: each group needs a name of its own", group.name, item(path, other));
            return Err(ValueError::new(&under(&here, "name"), why));
        }
        groups.push(group);
    }
    Ok(groups)
}

fn check_group(path: &str, group: file::Group, ground: &GroupContext) -> Result<Group, ValueError> {
    let file::Group {
        name,
        instance_type,
        instance_types,
        desired_capacity,
        min_size,
        max_size,
        volume_size,
        volume_type,
        labels,
        tags,
        taints,
        private_networking,
        spot,
        ami_family,
        update_config,
        availability_zones,
    } = group;
    let name = self::name(&under(path, "name"), name)?;
    let family = ami_family.unwrap_or(file::AmiFamily::AmazonLinux2023);
    let (instance_types, ami_type) = instances::check(path, instance_type, instance_types, family)?;
    let sizes::Sizes { min, max, desired } = sizes::check(path, min_size, max_size, desired_capacity)?;
    if private_networking && ground.nat == Nat::Disable {
        let why = "is true, but vpc.nat.gateway is Disable: these nodes could load no images and reach no AWS service, and \
                   would never join; `create` makes no VPC endpoints that could stand in";
        return Err(ValueError::new(&under(path, "privateNetworking"), why));
    }
    Ok(Group {
        name,
        instance_types,
        ami_type,
        min,
        max,
        desired,
        volume: volume::check(path, volume_size, volume_type, family)?,
        labels: labels::check(&under(path, "labels"), labels)?,
        tags: tags::check(&under(path, "tags"), tags, ground.tags)?,
        taints: taints::check(&under(path, "taints"), taints)?,
        private: private_networking,
        spot,
        update: update_config.map(|config| update::check(&under(path, "updateConfig"), config)).transpose()?,
        zones: zones::of_group(&under(path, "availabilityZones"), availability_zones, ground.region, ground.zones)?,
    })
}

/// EKS's rule ("Create a managed node group for your cluster").
fn name(path: &str, name: String) -> Result<String, ValueError> {
    let letter = |c: char| c.is_ascii_alphanumeric();
    let good = name.chars().all(|c| letter(c) || c == '-' || c == '_') && name.starts_with(letter);
    if name.is_empty() {
        return Err(ValueError::new(path, "is empty"));
    }
    if !good {
        let why = "a group's name has letters, digits, dashes and underscores alone, the first a letter or a digit";
        return Err(ValueError::new(path, format!("is `{name}`; {why}")));
    }
    if name.len() > 63 {
        return Err(ValueError::new(path, format!("is {} characters long; EKS takes 63", name.len())));
    }
    Ok(name)
}
