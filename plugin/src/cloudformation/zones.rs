//! Chooses the availability zones. Input: what is to be created, and the zones that the account has in the region, as EC2
//! describes them. Output: the zones' names; or an error that names the zone, or says what is missing.
//!
//! No chance is in it, so that what `--dry-run` shows is what is created.

use std::collections::BTreeSet;

use eks_encrypt_job::wire::exit::ExitCode;

use crate::aws::ec2::Zone;
use crate::cluster_config::spec::Spec;
use crate::error::HasExitCode;

/// Where EKS makes no control plane (EKS User Guide, "View Amazon EKS networking requirements for VPC and subnets").
const WITHOUT_EKS: [&str; 3] = ["use1-az3", "usw1-az2", "cac1-az3"];

/// EKS wants two (the same page).
const MIN_ZONES: usize = 2;

/// Why there are no zones to use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// EC2 doesn't know it.
    #[error(
        "{zone} is not an availability zone that this account can use in {region}: it has {known} (nothing was created)"
    )]
    Unknown { zone: String, region: String, known: String },
    /// EKS doesn't have it.
    #[error("EKS makes no clusters in availability zone {zone} ({id}): name another one (nothing was created)")]
    WithoutEks { zone: String, id: String },
    /// Its subnets would be made twice.
    #[error(
        "availability zone {zone} stands twice in availabilityZones: name two different ones (nothing was created)"
    )]
    Twice { zone: String },
    /// The file names one.
    #[error("availabilityZones names {zone} alone, and EKS needs two: name another one (nothing was created)")]
    One { zone: String },
    /// The region has fewer than two for us.
    #[error(
        "EKS needs two availability zones; of those that this account has in {region}, it can use: {found} (nothing was created)"
    )]
    TooFew { region: String, found: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// Those that the file names, in its order; else the first ones by name. `known` may be empty where the file names zones:
/// then EC2 need not be asked, and CloudFormation is the one to refuse.
pub(crate) fn choose(spec: &Spec, known: &[Zone]) -> Result<Vec<String>, Error> {
    if spec.zones.is_empty() { first_zones(spec, known) } else { chosen_by_name(spec, known) }
}

fn chosen_by_name(spec: &Spec, known: &[Zone]) -> Result<Vec<String>, Error> {
    let mut seen = BTreeSet::new();
    for zone in &spec.zones {
        if !known.is_empty() {
            check(spec, known, zone)?;
        }
        if !seen.insert(zone) {
            return Err(Error::Twice { zone: zone.clone() });
        }
    }
    match spec.zones.as_slice() {
        [zone] => Err(Error::One { zone: zone.clone() }),
        zones => Ok(zones.to_vec()),
    }
}

/// Three, as eksctl takes; two in us-east-1, where it takes two because single zones have been full. Zones that node groups
/// name are always among them: nobody should have to write them down twice.
fn first_zones(spec: &Spec, known: &[Zone]) -> Result<Vec<String>, Error> {
    let most = if spec.region == "us-east-1" { 2 } else { 3 };
    let mut chosen: BTreeSet<&str> = spec.groups.iter().flat_map(|group| &group.zones).map(String::as_str).collect();
    for zone in &chosen {
        check(spec, known, zone)?;
    }
    let usable: BTreeSet<&str> = known.iter().filter(|zone| has_eks(zone)).map(|zone| zone.name.as_str()).collect();
    for zone in &usable {
        if chosen.len() < most {
            chosen.insert(zone);
        }
    }
    if chosen.len() < MIN_ZONES {
        return Err(Error::TooFew { region: spec.region.clone(), found: list(&usable) });
    }
    Ok(chosen.into_iter().map(str::to_owned).collect())
}

/// Refuses a zone that is not there, or where EKS isn't.
fn check(spec: &Spec, known: &[Zone], zone: &str) -> Result<(), Error> {
    match known.iter().find(|known| known.name == zone) {
        Some(known) if has_eks(known) => Ok(()),
        Some(known) => Err(Error::WithoutEks { zone: zone.to_owned(), id: known.id.clone() }),
        None => {
            let known = known.iter().filter(|zone| has_eks(zone)).map(|zone| zone.name.as_str()).collect();
            Err(Error::Unknown { zone: zone.to_owned(), region: spec.region.clone(), known: list(&known) })
        }
    }
}

fn has_eks(zone: &Zone) -> bool {
    !WITHOUT_EKS.contains(&zone.id.as_str())
}

fn list(zones: &BTreeSet<&str>) -> String {
    if zones.is_empty() { "none".to_owned() } else { zones.iter().copied().collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
#[path = "zones_tests.rs"]
mod tests;
