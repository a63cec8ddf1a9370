//! The cluster itself, with its key from birth. Input: what is to be created, its places, and the key's ARN. Output: one
//! resource.

use serde_json::{Map, Value, json};

use crate::cloudformation::template::resources::{Resources, attribute, name, refer_all};
use crate::cloudformation::template::roles;
use crate::cloudformation::template::zone_subnets::ZoneSubnets;
use crate::cluster_config::spec::Spec;

/// Its logical id.
pub(super) const ID: &str = "ControlPlane";

/// Writes it down.
pub(super) fn add(resources: &mut Resources, spec: &Spec, places: &[ZoneSubnets], key_arn: &str) {
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    set("Name", json!(spec.name));
    if let Some(version) = &spec.version {
        set("Version", json!(version));
    }
    set("RoleArn", attribute(roles::SERVICE, "Arn"));
    // EKS installs vpc-cni, kube-proxy and CoreDNS by itself: nodes join without a further call.
    set("BootstrapSelfManagedAddons", json!(true));
    let access = json!({
        // Said always: what CloudFormation does without it is CONFIG_MAP alone.
        "AuthenticationMode": spec.access.mode,
        "BootstrapClusterCreatorAdminPermissions": spec.access.creator_is_admin,
    });
    set("AccessConfig", access);
    set("EncryptionConfig", json!([{"Provider": {"KeyArn": key_arn}, "Resources": ["secrets"]}]));
    set("KubernetesNetworkConfig", json!({"IpFamily": "ipv4"}));
    if !spec.logs.is_empty() {
        let types: Value = spec.logs.iter().map(|log| json!({"Type": log})).collect();
        set("Logging", json!({"ClusterLogging": {"EnabledTypes": types}}));
    }
    set("ResourcesVpcConfig", network(spec, places));
    set("Tags", json!([name(ID)]));
    resources.add(ID, "AWS::EKS::Cluster", Value::Object(properties));
}

/// Where the API server is, and who reaches it.
fn network(spec: &Spec, places: &[ZoneSubnets]) -> Value {
    let public = places.iter().map(ZoneSubnets::public_subnet);
    let subnets: Vec<String> = public.chain(places.iter().map(ZoneSubnets::private_subnet)).collect();
    let mut config = json!({
        "EndpointPublicAccess": spec.network.public,
        "EndpointPrivateAccess": spec.network.private,
        "SubnetIds": refer_all(&subnets),
    });
    if !spec.network.public_from.is_empty() {
        config["PublicAccessCidrs"] = json!(spec.network.public_from);
    }
    config
}
