//! What kube-apiserver is told of encryption at rest (`EncryptionConfiguration`): who writes, and who can still read.
//! Associating a key puts its provider in front; kube-apiserver reads the file when it starts.

use std::path::Path;

use serde_json::{Value, json};

use crate::folder::Folder;

/// The provider of the key that AWS owns, as it stands in stored values: `k8s:enc:kms:v2:aws-owned:`.
pub(crate) const AWS_OWNED: &str = "aws-owned";

/// The providers in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encryption {
    legacy: bool,
    /// The provider of the customer's key that writes.
    writer: Option<String>,
    /// Those of keys whose association failed: what they wrote has to stay readable.
    readers: Vec<String>,
}

impl Encryption {
    /// As a cluster is born without a customer key.
    pub(crate) fn at_birth(legacy: bool) -> Self {
        Self { legacy, writer: None, readers: Vec::new() }
    }

    /// With a customer's provider in front of what was there.
    pub(crate) fn written_by(&self, provider: &str) -> Self {
        Self { writer: Some(provider.to_owned()), ..self.clone() }
    }

    /// As before, but what a customer's provider writes can be read: the first half of a rolling update.
    pub(crate) fn read_by(&self, provider: &str) -> Self {
        let readers = self.readers.iter().cloned().chain([provider.to_owned()]).collect();
        Self { readers, ..self.clone() }
    }

    /// As before, but what the customer's provider wrote can be read.
    pub(crate) fn fall_back(mut self) -> Self {
        self.readers.extend(self.writer.take());
        self
    }

    /// Writes the file for the next start of one kube-apiserver. As a whole or not at all: it must never read half.
    pub(crate) fn write(&self, folder: &Folder, server: &str) -> std::io::Result<()> {
        let file = folder.encryption(server);
        let fresh = file.with_extension("new");
        std::fs::write(&fresh, self.configuration(folder).to_string())?;
        std::fs::rename(fresh, file)
    }

    fn configuration(&self, folder: &Folder) -> Value {
        let aws_owned = (!self.legacy).then(|| AWS_OWNED.to_owned());
        let mut providers: Vec<Value> = (self.writer.iter().chain(&aws_owned))
            .map(|name| kms(name, &folder.kms_socket(name)))
            // Plain values are always readable: that is how a cluster is moved from plain to encrypted. Where nothing
            // else is in front, they are also what is written.
            .chain([json!({ "identity": {} })])
            .collect();
        providers.extend(self.readers.iter().map(|name| kms(name, &folder.kms_socket(name))));
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

/// The provider of a customer's key, as it stands in stored values: `k8s:enc:kms:v2:customer-1234abcd:`.
pub(crate) fn provider_of(key_arn: &str) -> String {
    let id = key_arn.rsplit('/').next().unwrap_or(key_arn);
    format!("customer-{}", id.chars().take(8).collect::<String>())
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
        assert_eq!(names(&modern.written_by("customer-a")), ["customer-a", "aws-owned", "identity"]);
        let legacy = Encryption::at_birth(true);
        assert_eq!(names(&legacy), ["identity"]);
        assert_eq!(names(&legacy.written_by("customer-a")), ["customer-a", "identity"]);
    }

    #[test]
    fn a_failed_association_writes_no_more_and_stays_readable() {
        let failed = Encryption::at_birth(false).written_by("customer-a").fall_back();
        assert_eq!(names(&failed), ["aws-owned", "identity", "customer-a"]);
        assert_eq!(names(&failed.written_by("customer-b")), ["customer-b", "aws-owned", "identity", "customer-a"]);
    }

    #[test]
    fn each_key_has_a_provider_of_its_own() {
        assert_eq!(provider_of("arn:aws:kms:us-west-2:1:key/1234abcd-12ab-34cd"), "customer-1234abcd");
    }
}
