//! Availability zones' names. Input: `availabilityZones` of the cluster or of a group. Output: the same.

use super::error::ValueError;
use super::field_path::item;

/// EKS wants subnets in two zones at least ("VPC and subnet requirements").
pub(super) fn of_cluster(path: &str, zones: Vec<String>, region: &str) -> Result<Vec<String>, ValueError> {
    names(path, &zones, region)?;
    match &zones[..] {
        [only] => Err(ValueError::new(
            path,
            format!("has only {only}; EKS needs two zones at least: add one, or take all away"),
        )),
        _ => Ok(zones),
    }
}

/// Those of a group: some of the cluster's.
pub(super) fn of_group(
    path: &str,
    zones: Vec<String>,
    region: &str,
    cluster: &[String],
) -> Result<Vec<String>, ValueError> {
    names(path, &zones, region)?;
    if zones.is_empty() || cluster.is_empty() {
        return Ok(zones);
    }
    match zones.iter().position(|zone| !cluster.contains(zone)) {
        None => Ok(zones),
        Some(index) => {
            let why = format!("is {}, which is none of the cluster's zones, {}", zones[index], cluster.join(", "));
            Err(ValueError::new(&item(path, index), why))
        }
    }
}

fn names(path: &str, zones: &[String], region: &str) -> Result<(), ValueError> {
    for (index, zone) in zones.iter().enumerate() {
        let refused = |why: String| Err(ValueError::new(&item(path, index), why));
        let letter = zone.strip_prefix(region).unwrap_or_default();
        if letter.starts_with('-') {
            return refused(format!("is `{zone}`, a local or Wavelength zone, where `create` makes nothing"));
        }
        if letter.len() != 1 || !letter.starts_with(|c: char| c.is_ascii_lowercase()) {
            return refused(format!("is `{zone}`; the zones of {region} are named {region}a, {region}b and so on"));
        }
        if zones[..index].contains(zone) {
            return refused(format!("is {zone} a second time"));
        }
    }
    Ok(())
}
