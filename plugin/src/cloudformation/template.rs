//! The CloudFormation template: one stack, which is created whole or not at all. Input: what is to be created, the zones, and
//! the key's ARN. Output: the template, always the same for the same input; or an error, where CloudFormation would not take
//! it. `--dry-run` prints it, and `create` sends it.

use eks_encrypt_job::wire::exit::ExitCode;
use serde_json::{Value, json};

use crate::cloudformation::subnets;
use crate::cluster_config::spec::Spec;
use crate::error::HasExitCode;
use crate::ui::progress::thousands;

mod control_plane;
pub(crate) mod launch_template;
mod network;
mod node_groups;
mod resources;
pub(crate) mod roles;
mod zone_subnets;

use resources::{Resources, attribute, refer, refer_all};
use zone_subnets::ZoneSubnets;

/// So much is taken in a call (CloudFormation User Guide, "Understand CloudFormation quotas", template body size in a
/// request). More would have to lie in S3.
const MAX_TEMPLATE_BYTES: usize = 51_200;

/// Why there is no template.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The VPC can't be cut.
    #[error(transparent)]
    Subnets(#[from] subnets::Error),
    /// There are no subnets in its zone.
    #[error(
        "node group {group} is to be in {zone}, but the cluster is in {zones}: name it in the file's availabilityZones too \
         (nothing was created)"
    )]
    GroupZone { group: String, zone: String, zones: String },
    /// CloudFormation would refuse it.
    #[error(
        "the CloudFormation template is {} bytes long, and CloudFormation takes {} at most: {groups} node groups \
         with all their labels, taints and tags are too many for one stack (nothing was created)",
        thousands(*bytes as u64),
        thousands(MAX_TEMPLATE_BYTES as u64)
    )]
    TooLarge { bytes: usize, groups: usize },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// Writes it. What counts against the limit is the shortest form, which is what `create` sends.
pub(crate) fn render(spec: &Spec, zones: &[String], key_arn: &str) -> Result<Value, Error> {
    let places = zone_subnets::zone_subnets(&spec.network, zones)?;
    let mut resources = Resources::default();
    network::add(&mut resources, &spec.network, &places);
    roles::add_service(&mut resources);
    if !spec.groups.is_empty() {
        roles::add_nodes(&mut resources);
    }
    control_plane::add(&mut resources, spec, &places, key_arn);
    node_groups::add(&mut resources, spec, &places)?;
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("EKS cluster {}, encrypted with a customer KMS key (kubectl eks-encrypt)", spec.name),
        "Resources": resources.into_value(),
        "Outputs": outputs(spec, &places),
    });
    let bytes = template.to_string().len();
    if bytes > MAX_TEMPLATE_BYTES {
        return Err(Error::TooLarge { bytes, groups: spec.groups.len() });
    }
    Ok(template)
}

/// What people and their other stacks may want to know. Nothing is exported: a name that another stack imports could not be
/// deleted any more.
fn outputs(spec: &Spec, places: &[ZoneSubnets]) -> Value {
    let of_cluster = |name: &str| json!({"Value": attribute(control_plane::ID, name)});
    let list = |subnet: fn(&ZoneSubnets) -> String| {
        let ids: Vec<String> = places.iter().map(subnet).collect();
        json!({"Value": {"Fn::Join": [",", refer_all(&ids)]}})
    };
    let mut outputs = json!({
        "ClusterArn": of_cluster("Arn"),
        "Endpoint": of_cluster("Endpoint"),
        "CertificateAuthorityData": of_cluster("CertificateAuthorityData"),
        "ClusterSecurityGroupId": of_cluster("ClusterSecurityGroupId"),
        "VPC": {"Value": refer("VPC")},
        "SubnetsPublic": list(ZoneSubnets::public_subnet),
        "SubnetsPrivate": list(ZoneSubnets::private_subnet),
        "ServiceRoleARN": {"Value": attribute(roles::SERVICE, "Arn")},
    });
    if !spec.groups.is_empty() {
        outputs["NodeInstanceRoleARN"] = json!({"Value": attribute(roles::NODES, "Arn")});
    }
    outputs
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
