//! What kube-apiserver is told of encryption at rest (`EncryptionConfiguration`): who writes, and who can still read.
//! Associating a key puts its provider in front; kube-apiserver reads the file when it starts.

use std::path::Path;

use serde_json::{Value, json};

use crate::folder::Folder;

/// The provider of the key that AWS owns, as it stands in stored values: `k8s:enc:kms:v2:aws-owned:`.
pub(crate) const AWS_OWNED: &str = "aws-owned";

/// The provider of the customer's key.
pub(crate) const CUSTOMER: &str = "customer";

/// The providers in force.
#[derive(Clone, Debug)]
pub(crate) struct Encryption {
    legacy: bool,
    customer: bool,
}

impl Encryption {
    /// As a cluster is born without a customer key.
    pub(crate) fn at_birth(legacy: bool) -> Self {
        Self { legacy, customer: false }
    }

    /// With the customer's provider in front of what was there.
    pub(crate) fn with_customer_key(&self) -> Self {
        Self { customer: true, ..self.clone() }
    }

    /// Writes the file for kube-apiserver's next start. As a whole or not at all: the API server must never read half.
    pub(crate) fn write(&self, folder: &Folder) -> std::io::Result<()> {
        let file = folder.encryption();
        let fresh = file.with_extension("new");
        std::fs::write(&fresh, self.configuration(folder).to_string())?;
        std::fs::rename(fresh, file)
    }

    fn configuration(&self, folder: &Folder) -> Value {
        let mut providers = Vec::new();
        if self.customer {
            providers.push(kms(CUSTOMER, &folder.kms_socket(CUSTOMER)));
        }
        if !self.legacy {
            providers.push(kms(AWS_OWNED, &folder.kms_socket(AWS_OWNED)));
        }
        // Plain values are always readable: that is how a cluster is moved from plain to encrypted.
        providers.push(json!({ "identity": {} }));
        // "EKS encrypts all Kubernetes API data since 1.28" (AWS: Default envelope encryption for all Kubernetes API
        // Data); before, Secrets alone.
        let resources = if self.legacy { json!(["secrets"]) } else { json!(["*.*"]) };
        json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{ "resources": resources, "providers": providers }],
        })
    }
}

fn kms(name: &str, socket: &Path) -> Value {
    json!({ "kms": { "apiVersion": "v2", "name": name, "endpoint": format!("unix://{}", socket.display()), "timeout": "10s" } })
}

#[cfg(test)]
mod tests {
    //! Who writes: the first provider does.
    use super::*;

    fn names(encryption: &Encryption) -> Vec<String> {
        let configuration = encryption.configuration(&Folder::at("/box"));
        let providers = configuration["resources"][0]["providers"].as_array().unwrap().clone();
        providers.iter().map(|p| p["kms"]["name"].as_str().unwrap_or("identity").to_owned()).collect()
    }

    #[test]
    fn the_customers_key_writes_and_what_was_before_reads() {
        let modern = Encryption::at_birth(false);
        assert_eq!(names(&modern), ["aws-owned", "identity"]);
        assert_eq!(names(&modern.with_customer_key()), ["customer", "aws-owned", "identity"]);
        let legacy = Encryption::at_birth(true);
        assert_eq!(names(&legacy), ["identity"]);
        assert_eq!(names(&legacy.with_customer_key()), ["customer", "identity"]);
    }
}
