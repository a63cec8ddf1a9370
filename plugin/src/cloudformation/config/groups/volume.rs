//! The volume of each node.

use super::file::{AmiFamily, VolumeType};
use super::{Bad, under};
use crate::cloudformation::spec::Volume;

/// eksctl's default.
const GIB: u32 = 80;

/// An image does not fit into less: AL2023's needs 20 GiB ("Create a managed node group for your cluster", disk size).
const AL2023: u32 = 20;

/// What every kind of volume takes ("Amazon EBS volume types").
const LEAST: u32 = 4;
const MOST: u32 = 16_384;

pub(super) fn check(path: &str, size: Option<u32>, kind: Option<VolumeType>, family: AmiFamily) -> Result<Volume, Bad> {
    let gib = size.unwrap_or(GIB);
    let least = if family == AmiFamily::AmazonLinux2023 { AL2023 } else { LEAST };
    if !(least..=MOST).contains(&gib) {
        let why = format!("is {gib}; a node's volume has from {least} to {MOST} GiB");
        return Err(Bad::new(&under(path, "volumeSize"), why));
    }
    let kind = match kind.unwrap_or(VolumeType::Gp3) {
        VolumeType::Gp2 => "gp2",
        VolumeType::Gp3 => "gp3",
        VolumeType::Io1 => "io1",
        VolumeType::Io2 => "io2",
    };
    Ok(Volume { gib, kind: kind.to_owned() })
}
