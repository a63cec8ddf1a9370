//! What each node of a group is launched with: its volume, its metadata service, its tags. Input: the group. Output: one
//! resource.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cloudformation::template::resources::{Resources, tag};
use crate::cluster_config::spec::{Group, Spec};

/// What a gp3 volume has in any case; said, so that the template shows it.
const GP3: (u32, u32) = (3_000, 125);

/// What must be said of volumes whose operations are paid for one by one: the least that EC2 takes, as with eksctl.
pub(crate) const PROVISIONED_FROM_GIB: u32 = 100;

/// Writes it down. It has no name of its own: those of the file may be longer together than EC2 takes, and another template
/// of that name may be there.
pub(super) fn add(resources: &mut Resources, id: &str, spec: &Spec, group: &Group) {
    let tags = tags(spec, group);
    // CloudFormation passes the stack's tags on to what it makes; these are made by the group.
    let made = ["instance", "volume", "network-interface"].map(|kind| json!({"ResourceType": kind, "Tags": tags}));
    let data = json!({
        // IMDSv2 alone; two hops, because Pods that need it are one further away.
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        "BlockDeviceMappings": [volume(group)],
        "TagSpecifications": made,
    });
    resources.add(id, "AWS::EC2::LaunchTemplate", json!({"LaunchTemplateData": data}));
}

/// The volume that the file means. Bottlerocket has two: a small one for itself, which stays as its image has it, and one
/// for containers (Bottlerocket README, "Default Volumes").
fn volume(group: &Group) -> Value {
    let device = if group.ami_type.starts_with("BOTTLEROCKET") { "/dev/xvdb" } else { "/dev/xvda" };
    let mut ebs = json!({
        "VolumeSize": group.volume.gib,
        "VolumeType": group.volume.kind,
        // Nothing that costs money stays when nodes go.
        "DeleteOnTermination": true,
    });
    match group.volume.kind.as_str() {
        "gp3" => (ebs["Iops"], ebs["Throughput"]) = (json!(GP3.0), json!(GP3.1)),
        "io1" | "io2" => ebs["Iops"] = json!(PROVISIONED_FROM_GIB),
        _ => {}
    }
    json!({"DeviceName": device, "Ebs": ebs})
}

/// A name for people; over it the cluster's tags, and over them the group's.
fn tags(spec: &Spec, group: &Group) -> Value {
    let mut tags = BTreeMap::from([("Name".to_owned(), format!("{}-{}-Node", spec.name, group.name))]);
    tags.extend(spec.tags.clone());
    tags.extend(group.tags.clone());
    tags.iter().map(|(key, value)| tag(key, value.as_str())).collect()
}
