//! The sandbox's EKS cluster: its state, and what DescribeCluster says of it (EKS API Reference, "Cluster").

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::EksError;
use super::update::{Status, Update, epoch};
use crate::info::ACCOUNT;
use crate::options::Options;

/// The cluster as the API sees it.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) region: String,
    endpoint: String,
    /// The authority of the API server's certificate, PEM.
    ca: String,
    /// Such as `v1.34.4`.
    pub(crate) kubernetes: String,
    created_at: Timestamp,
    /// The associated key. Once there, it stays.
    pub(crate) key: Option<String>,
    pub(crate) updates: Vec<Update>,
}

impl Cluster {
    /// A cluster that has just been made.
    pub(crate) fn new(options: &Options, endpoint: &str, ca: &str) -> Self {
        Self {
            name: options.cluster.clone(),
            region: options.region.clone(),
            endpoint: endpoint.to_owned(),
            ca: ca.to_owned(),
            kubernetes: String::new(),
            created_at: Timestamp::now(),
            key: None,
            updates: Vec::new(),
        }
    }

    /// The cluster's ARN.
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:eks:{}:{ACCOUNT}:cluster/{}", self.region, self.name)
    }

    /// The update with an id.
    pub(crate) fn update(&mut self, id: &str) -> Option<&mut Update> {
        self.updates.iter_mut().find(|update| update.id == id)
    }

    /// A page of ListUpdates ("maxResults: Minimum value of 1. Maximum value of 100": EKS API Reference, "ListUpdates").
    pub(crate) fn list_updates(&self, size: Option<&str>, from: Option<&str>) -> Result<Value, EksError> {
        let invalid = |name| EksError::invalid_parameter(format!("{name} is not valid"));
        let size = size.map_or(Ok(100), str::parse).ok().filter(|size| (1..=100).contains(size));
        let size = size.ok_or_else(|| invalid("maxResults"))?;
        let from = from.map_or(Ok(0), str::parse).ok().filter(|from| *from <= self.updates.len());
        let from: usize = from.ok_or_else(|| invalid("nextToken"))?;
        let ids: Vec<&String> = self.updates.iter().skip(from).take(size).map(|update| &update.id).collect();
        let next = (from + size < self.updates.len()).then(|| (from + size).to_string());
        Ok(json!({ "updateIds": ids, "nextToken": next }))
    }

    /// The update that is under way.
    pub(crate) fn in_progress(&self) -> Option<&Update> {
        self.updates.iter().find(|update| update.status == Status::InProgress)
    }

    /// `ACTIVE`, or `UPDATING` while an update is under way.
    pub(crate) fn status(&self) -> &'static str {
        if self.in_progress().is_some() { "UPDATING" } else { "ACTIVE" }
    }

    /// What DescribeCluster says.
    pub(crate) fn to_json(&self, status: &str) -> Value {
        let mut cluster = json!({
            "name": self.name,
            "arn": self.arn(),
            "createdAt": epoch(self.created_at),
            "version": self.minor(),
            "endpoint": self.endpoint,
            "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/sandbox-cluster"),
            "resourcesVpcConfig": {
                "subnetIds": ["subnet-0sandbox0000000a", "subnet-0sandbox0000000b"],
                "securityGroupIds": [],
                "clusterSecurityGroupId": "sg-0sandbox00000000",
                "vpcId": "vpc-0sandbox0000000",
                "endpointPublicAccess": true,
                "endpointPrivateAccess": false,
                "publicAccessCidrs": ["0.0.0.0/0"],
            },
            "kubernetesNetworkConfig": { "serviceIpv4Cidr": crate::control_plane::api_server::SERVICES, "ipFamily": "ipv4" },
            "logging": { "clusterLogging": [
                { "types": ["api", "audit", "authenticator", "controllerManager", "scheduler"], "enabled": false },
            ] },
            "identity": { "oidc": { "issuer": format!("https://oidc.eks.{}.amazonaws.com/id/SANDBOX", self.region) } },
            "status": status,
            "certificateAuthority": { "data": STANDARD.encode(&self.ca) },
            "platformVersion": "eks.1",
            "tags": {},
            "health": { "issues": [] },
            "accessConfig": { "authenticationMode": "API_AND_CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": true },
            "upgradePolicy": { "supportType": "EXTENDED" },
            "deletionProtection": false,
        });
        // Without a customer key, EKS leaves the field out.
        if let Some(key) = &self.key {
            cluster["encryptionConfig"] = json!([{ "resources": ["secrets"], "provider": { "keyArn": key } }]);
        }
        cluster
    }

    /// EKS names a version by major and minor alone.
    fn minor(&self) -> String {
        self.kubernetes.trim_start_matches('v').splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
    }
}

#[cfg(test)]
mod tests {
    //! How ListUpdates pages.
    use super::*;

    #[test]
    fn updates_are_listed_page_by_page() {
        let mut cluster = Cluster::new(&Options::default(), "https://127.0.0.1", "");
        cluster.updates = (0..3).map(|_| Update::new(None, json!([]))).collect();
        let id = |place: usize| json!(cluster.updates[place].id);
        let first = cluster.list_updates(Some("2"), None).unwrap();
        assert_eq!((&first["updateIds"], &first["nextToken"]), (&json!([id(0), id(1)]), &json!("2")));
        let last = cluster.list_updates(Some("2"), Some("2")).unwrap();
        assert_eq!((&last["updateIds"], &last["nextToken"]), (&json!([id(2)]), &Value::Null));
        for (size, from) in [("0", "0"), ("101", "0"), ("ten", "0"), ("1", "x"), ("1", "4")] {
            cluster.list_updates(Some(size), Some(from)).unwrap_err();
        }
    }
}
