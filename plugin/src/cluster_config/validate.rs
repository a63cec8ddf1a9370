//! The file of `create -f FILE`: an eksctl ClusterConfig, read so that nothing in it is skipped. Input: a file or stdin.
//! Output: the cluster to be created, every default filled in, or the first error, with its line. No call leaves this
//! machine here: what only AWS knows is checked later.

use std::path::Path;

use serde::Deserialize as _;

mod cluster;
mod deserializer;
mod error;
mod field_errors;
mod field_path;
mod file;
mod groups;
mod key;
mod network;
mod schema;
mod tags;
mod unsupported;
mod zones;

use deserializer::NodeDeserializer;
pub(crate) use error::Error;
use error::ValueError;
use file::{AccessConfig, AuthenticationMode, CloudWatch, ClusterConfig, LogType, Metadata};
pub(crate) use schema::schema;

use crate::cluster_config::Source;
use crate::cluster_config::fields::Fields;
use crate::cluster_config::spec::{Access, Spec};
use crate::cluster_config::yaml::Node;
use crate::ui::terminal::one_line;

/// Reads a file, or stdin if it is `-`. Waits for stdin's end.
pub(crate) fn read(path: &Path) -> Result<Spec, Error> {
    parse(&Source::read(path)?)
}

pub(crate) fn parse(source: &Source) -> Result<Spec, Error> {
    let documents = source.documents()?;
    let document = Fields::new(&source.file, &documents)?.document();
    let config = ClusterConfig::deserialize(NodeDeserializer::document(document, source))
        .map_err(|wrong| field_errors::describe(wrong, document, source))?;
    to_spec(config).map_err(|bad| into_error(bad, document, source))
}

fn into_error(bad: ValueError, document: &Node, source: &Source) -> Error {
    let line = field_path::line(document, &bad.path);
    Error::Value { at: source.location(Some(line)), path: one_line(&bad.path), why: one_line(&bad.why) }
}

/// Every field is taken apart by its name here and in the files below, so that none can be forgotten.
fn to_spec(config: ClusterConfig) -> Result<Spec, ValueError> {
    let ClusterConfig {
        api_version: file::ApiVersion::V1Alpha5,
        kind: file::Kind::ClusterConfig,
        metadata: Metadata { name, region, version, tags, annotations: _nothing_is_made_of_them },
        availability_zones,
        secrets_encryption: file::SecretsEncryption { key_arn },
        vpc,
        access_config,
        cloud_watch: CloudWatch { cluster_logging: file::ClusterLogging { enable_types } },
        managed_node_groups,
    } = config;
    let name = cluster::name("metadata.name", name)?;
    let region = cluster::region("metadata.region", region)?;
    let version = version.map(|version| cluster::version("metadata.version", version)).transpose()?.flatten();
    let tags = tags::check("metadata.tags", tags, 0)?;
    let key = key::check("secretsEncryption.keyARN", key_arn, &region)?;
    let zones = zones::of_cluster("availabilityZones", availability_zones, &region)?;
    let network = network::check(vpc, !managed_node_groups.is_empty())?;
    let access = access(access_config)?;
    let ground = groups::GroupContext { region: &region, zones: &zones, nat: network.nat, tags: tags.len() };
    let groups = groups::check("managedNodeGroups", managed_node_groups, &ground)?;
    Ok(Spec { name, region, version, tags, key, zones, network, access, logs: logs(&enable_types), groups })
}

/// EKS's own rule ("CreateAccessConfigRequest"): the ConfigMap alone can't be filled by anybody but the creator.
fn access(config: AccessConfig) -> Result<Access, ValueError> {
    let AccessConfig { authentication_mode: mode, bootstrap_cluster_creator_admin_permissions: admin } = config;
    let mode = mode.unwrap_or(AuthenticationMode::ApiAndConfigMap);
    let creator_is_admin = admin.unwrap_or(true);
    if mode == AuthenticationMode::ConfigMap && !creator_is_admin {
        return Err(ValueError::new(
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "is false, which EKS does not take with authenticationMode CONFIG_MAP: nobody could ever get in",
        ));
    }
    let mode = match mode {
        AuthenticationMode::Api => "API",
        AuthenticationMode::ApiAndConfigMap => "API_AND_CONFIG_MAP",
        AuthenticationMode::ConfigMap => "CONFIG_MAP",
    };
    Ok(Access { mode: mode.to_owned(), creator_is_admin })
}

/// Each once, in the order that EKS has them in.
fn logs(types: &[LogType]) -> Vec<String> {
    let all = types.iter().any(|kind| matches!(kind, LogType::All | LogType::Star));
    let known = [
        (LogType::Api, "api"),
        (LogType::Audit, "audit"),
        (LogType::Authenticator, "authenticator"),
        (LogType::ControllerManager, "controllerManager"),
        (LogType::Scheduler, "scheduler"),
    ];
    known.iter().filter(|(kind, _)| all || types.contains(kind)).map(|(_, name)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests;
