//! How many Secrets are stored how, for `sandbox inspect` and for tests.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::etcd::{Etcd, EtcdError, StoredSecret};
use super::storage::Stored;
use crate::control_plane::ApiServerStatus;
use crate::info::Keys;

/// How a Secret is stored, as people speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// Not encrypted.
    Plain,
    /// Under the key that AWS owns.
    AwsOwnedKey,
    /// Under the customer's key.
    CustomerKey,
    /// Under another key, or in a way that is not known.
    Other,
}

/// One Secret, for `-o json`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InspectedSecret {
    /// `NAMESPACE/NAME`.
    pub name: String,
    /// The revision of its last write; the Secret's resourceVersion.
    pub mod_revision: u64,
    /// How it is stored.
    pub storage: Storage,
    /// What its value begins with, and the key.
    pub prefix: String,
}

/// All Secrets as etcd holds them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// How many Secrets there are.
    pub total: usize,
    /// How many are stored how.
    pub by_storage: BTreeMap<Storage, usize>,
    /// How many have which prefix and key.
    pub by_prefix: BTreeMap<String, usize>,
    /// Each of them, in the order of their names.
    pub secrets: Vec<InspectedSecret>,
    /// [`super::digest`] of all Secrets, if it was asked for.
    pub digest: Option<String>,
    /// The API servers and the key that each writes under, if they were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_servers: Vec<ApiServerStatus>,
}

impl Inspection {
    /// Reads etcd.
    ///
    /// # Errors
    /// etcd does not answer.
    pub async fn read(etcd: &Etcd, keys: &Keys) -> Result<Self, EtcdError> {
        Ok(Self::of(etcd.secrets().await?, keys))
    }

    fn of(stored: Vec<StoredSecret>, keys: &Keys) -> Self {
        let inspect = |secret: StoredSecret| InspectedSecret {
            storage: storage(&secret.stored, keys),
            prefix: secret.stored.to_string(),
            name: secret.name,
            mod_revision: secret.mod_revision,
        };
        let secrets: Vec<_> = stored.into_iter().map(inspect).collect();
        let (mut by_storage, mut by_prefix) = (BTreeMap::new(), BTreeMap::new());
        for secret in &secrets {
            *by_storage.entry(secret.storage).or_default() += 1;
            *by_prefix.entry(secret.prefix.clone()).or_default() += 1;
        }
        Self { total: secrets.len(), by_storage, by_prefix, secrets, digest: None, api_servers: Vec::new() }
    }

    /// How many Secrets are stored in one way.
    #[must_use]
    pub fn count(&self, storage: Storage) -> usize {
        self.by_storage.get(&storage).copied().unwrap_or_default()
    }

    /// The Secret `NAMESPACE/NAME`.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&InspectedSecret> {
        self.secrets.iter().find(|secret| secret.name == name)
    }

    /// The table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = format!("{:>8}  stored under\n", "SECRETS");
        for (prefix, count) in &self.by_prefix {
            // Writing to a String does not fail.
            let _ = writeln!(table, "{count:>8}  {prefix}");
        }
        let _ =
            writeln!(table, "{:>8}  in all; {} under the customer's key", self.total, self.count(Storage::CustomerKey));
        for server in &self.api_servers {
            let _ = writeln!(table, "{} writes under {}", server.name, server.writes_under);
        }
        if let Some(digest) = &self.digest {
            let _ = writeln!(table, "digest of all that re-encryption must not change: {digest}");
        }
        table
    }
}

fn storage(stored: &Stored, keys: &Keys) -> Storage {
    match stored {
        Stored::Plain => Storage::Plain,
        Stored::Kms { key_id, .. } if *key_id == keys.customer => Storage::CustomerKey,
        Stored::Kms { key_id, .. } if Some(key_id) == keys.aws_owned.as_ref() => Storage::AwsOwnedKey,
        Stored::Kms { .. } | Stored::Unknown(_) => Storage::Other,
    }
}

#[cfg(test)]
mod tests {
    //! What people read.
    use super::*;

    #[test]
    fn the_table_counts_by_prefix_and_key() {
        let keys = Keys { aws_owned: Some("arn:aws".into()), customer: "arn:ours".into(), ..Keys::default() };
        let secret = |name: &str, provider: &str, key: &str| StoredSecret {
            name: name.to_owned(),
            mod_revision: 7,
            stored: Stored::Kms { provider: provider.to_owned(), key_id: key.to_owned() },
        };
        let inspection = Inspection::of(
            vec![
                secret("a/1", "aws-owned", "arn:aws"),
                secret("a/2", "customer", "arn:ours"),
                secret("a/3", "customer", "arn:ours"),
            ],
            &keys,
        );
        assert_eq!(inspection.count(Storage::CustomerKey), 2);
        assert_eq!(inspection.secret("a/1").unwrap().storage, Storage::AwsOwnedKey);
        insta::assert_snapshot!(inspection.table(), @r"
         SECRETS  stored under
               1  k8s:enc:kms:v2:aws-owned: arn:aws
               2  k8s:enc:kms:v2:customer: arn:ours
               3  in all; 2 under the customer's key
        ");
    }
}
