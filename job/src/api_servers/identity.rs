//! The identity Leases: one for each kube-apiserver in kube-system, renewed every 10 s.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease as LeaseKind;
use kube::api::ListParams;
use kube::{Client, Resource};
use serde::Deserialize;

use crate::api::request::{ApiError, ask};
use crate::api::retry::{LastError, retry};

/// The label that only identity Leases carry (`k8s.io/kubernetes`, `pkg/controlplane/apiserver/server.go`).
const SELECTOR: &str = "apiserver.kubernetes.io/identity=kube-apiserver";

const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";

/// A server whose last renewal is older than this, counted from the newest renewal of all, has ended. It renews every 10 s,
/// and a request that it took before it ended is answered within 60 s.
const LIVE_WITHIN: Duration = Duration::from_secs(60);

/// One identity Lease.
///
/// The name comes from the server's hostname (since Kubernetes 1.27), so that a process that is started again on the same
/// host goes on with the Lease. It does **not** change the holder (`k8s.io/component-helpers`, `lease/controller.go`,
/// `newLease`): the same holder does not mean the same process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The Lease's name. Its SHA-256 is the `apiserver_id_hash` of the server's metrics.
    pub lease: String,
    /// The UUID of the process that created the Lease. None where the Lease has no holder of the form `<name>_<uuid>`.
    pub process: Option<String>,
    /// The server's hostname.
    pub hostname: Option<String>,
    /// The last renewal, by the server's own clock. None where the Lease has no readable time.
    pub renewed: Option<Timestamp>,
}

impl Identity {
    /// Whether the Lease lacks what tells one server from another.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        self.process.is_none() || self.renewed.is_none()
    }

    /// The hostname, or the Lease's name where there is none.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.hostname.as_deref().unwrap_or(&self.lease)
    }
}

/// All identity Leases of one moment, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities(pub(super) BTreeMap<String, Identity>);

impl Identities {
    /// The newest renewal of all.
    pub(super) fn newest_renewal(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|identity| identity.renewed).max()
    }

    /// Whether the server is live by its Lease. No clock of ours is asked. A malformed Lease counts as live: nothing shows
    /// that its server has ended.
    pub(super) fn is_live(&self, identity: &Identity) -> bool {
        match (identity.is_malformed(), identity.renewed, self.newest_renewal()) {
            (false, Some(renewed), Some(newest)) => newest.duration_since(renewed).unsigned_abs() <= LIVE_WITHIN,
            _ => true,
        }
    }

    /// Those that are live by their Lease.
    pub(super) fn live(&self) -> impl Iterator<Item = &Identity> {
        self.0.values().filter(|identity| self.is_live(identity))
    }
}

#[derive(Deserialize)]
struct List {
    /// Must be there: an answer without it is not the API server's.
    #[serde(deserialize_with = "Option::deserialize")]
    items: Option<Vec<Lease>>,
}

#[derive(Deserialize)]
struct Lease {
    metadata: Metadata,
    #[serde(default)]
    spec: Option<Spec>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    holder_identity: Option<String>,
    renew_time: Option<String>,
}

impl From<Lease> for Identity {
    fn from(lease: Lease) -> Self {
        let spec = lease.spec.unwrap_or_default();
        let process = spec.holder_identity.as_deref().and_then(|holder| holder.rsplit_once('_'));
        Self {
            lease: lease.metadata.name,
            process: process.map(|(_, uuid)| uuid.to_owned()).filter(|uuid| !uuid.is_empty()),
            hostname: lease.metadata.labels.and_then(|mut labels| labels.remove(HOSTNAME_LABEL)),
            renewed: spec.renew_time.and_then(|time| time.parse().ok()),
        }
    }
}

/// Lists all identity Leases, as etcd has them: no resourceVersion is asked for, so that no server answers from an old
/// cache. `was_authorized`: this list was allowed before, so that a refusal of rights may pass.
pub(super) async fn list(
    client: &Client,
    patience: Duration,
    was_authorized: bool,
    last_error: &LastError,
) -> Result<Identities, ApiError> {
    let url = LeaseKind::url_path(&(), Some("kube-system"));
    let params = ListParams::default().labels(SELECTOR);
    let attempt = || ask::<List>(client, kube::core::Request::new(&url).list(&params));
    let list = retry(patience, last_error, |api_error| api_error.is_retryable_given(was_authorized), attempt).await?;
    let identities = list.items.into_iter().flatten().map(Identity::from);
    Ok(Identities(identities.map(|identity| (identity.lease.clone(), identity)).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value) -> Identity {
        let lease =
            json!({ "metadata": { "name": "apiserver-a", "labels": { "kubernetes.io/hostname": "h" } }, "spec": spec });
        serde_json::from_value::<Lease>(lease).unwrap().into()
    }

    fn renewed(lease: &str, time: &str) -> (String, Identity) {
        let mut identity = read(json!({ "holderIdentity": format!("{lease}_u"), "renewTime": time }));
        identity.lease = lease.to_owned();
        (lease.to_owned(), identity)
    }

    #[test]
    fn lease_of_a_server_is_read() {
        let identity =
            read(json!({ "holderIdentity": "apiserver-a_5f2b", "renewTime": "2026-01-02T03:04:05.678901Z" }));
        assert_eq!(identity.process.as_deref(), Some("5f2b"));
        assert_eq!(identity.renewed, Some("2026-01-02T03:04:05.678901Z".parse().unwrap()));
        assert_eq!(identity.display_name(), "h");
        assert!(!identity.is_malformed());
    }

    #[test]
    fn lease_without_holder_or_time_is_malformed() {
        let time = "2026-01-02T03:04:05Z";
        for spec in [
            Value::Null,
            json!({}),
            json!({ "renewTime": time }),
            json!({ "holderIdentity": "apiserver-a", "renewTime": time }),
            json!({ "holderIdentity": "apiserver-a_", "renewTime": time }),
            json!({ "holderIdentity": "apiserver-a_u" }),
            json!({ "holderIdentity": "apiserver-a_u", "renewTime": "yesterday" }),
        ] {
            assert!(read(spec.clone()).is_malformed(), "{spec}");
        }
    }

    #[test]
    fn server_is_live_for_60_s_after_its_last_renewal() {
        let mut identities = Identities::default();
        identities.0.extend([
            renewed("newest", "2026-01-02T03:04:05Z"),
            renewed("just-live", "2026-01-02T03:03:05Z"),
            renewed("just-ended", "2026-01-02T03:03:04.999Z"),
        ]);
        let mut broken = renewed("malformed", "2020-01-01T00:00:00Z").1;
        broken.process = None;
        identities.0.insert("malformed".into(), broken);
        let live: Vec<_> = identities.live().map(|identity| identity.lease.as_str()).collect();
        assert_eq!(live, ["just-live", "malformed", "newest"]);
    }
}
