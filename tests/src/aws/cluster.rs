//! The sandbox's EKS cluster: its state, and what DescribeCluster says of it (EKS API Reference, "Cluster").

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::update::{Status, Update, epoch};
use crate::info::ACCOUNT;

/// The cluster as the API sees it.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) endpoint: String,
    /// The authority of the API server's certificate, PEM.
    pub(crate) ca: String,
    /// Such as `v1.34.4`.
    pub(crate) kubernetes: String,
    pub(crate) created_at: Timestamp,
    /// The associated key. Once there, it stays.
    pub(crate) key: Option<String>,
    pub(crate) updates: Vec<Update>,
}

impl Cluster {
    /// The cluster's ARN.
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:eks:{}:{ACCOUNT}:cluster/{}", self.region, self.name)
    }

    /// The update with an id.
    pub(crate) fn update(&mut self, id: &str) -> Option<&mut Update> {
        self.updates.iter_mut().find(|update| update.id == id)
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
    pub(crate) fn show(&self, status: &str) -> Value {
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
