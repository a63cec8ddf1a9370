//! The volume of each node.

use super::file::{AmiFamily, VolumeType};
use super::{ValueError, under};
use crate::cluster_config::spec::Volume;

/// eksctl's default.
const GIB: u32 = 80;

/// An image does not fit into less: AL2023's needs 20 GiB ("Create a managed node group for your cluster", disk size).
const AL2023: u32 = 20;

/// What every kind of volume takes ("Amazon EBS volume types").
const MIN_GIB: u32 = 4;
const MAX_GIB: u32 = 16_384;

pub(super) fn check(
    path: &str,
    size: Option<u32>,
    kind: Option<VolumeType>,
    family: AmiFamily,
) -> Result<Volume, ValueError> {
    let gib = size.unwrap_or(GIB);
    let least = if family == AmiFamily::AmazonLinux2023 { AL2023 } else { MIN_GIB };
    if !(least..=MAX_GIB).contains(&gib) {
        let why = format!("is {gib}; a node's volume has from {least} to {MAX_GIB} GiB");
        return Err(ValueError::new(&under(path, "volumeSize"), why));
    }
    let kind = match kind.unwrap_or(VolumeType::Gp3) {
        VolumeType::Gp2 => "gp2",
        VolumeType::Gp3 => "gp3",
        VolumeType::Io1 => "io1",
        VolumeType::Io2 => "io2",
    };
    Ok(Volume { gib, kind: kind.to_owned() })
}
