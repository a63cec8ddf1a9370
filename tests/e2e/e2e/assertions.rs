//! What must hold after every scenario, whatever went wrong in it: etcd says where each Secret is and what else was written.
//! Input: a sandbox before and after. Output: nothing, or a panic that names what is not as it must be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use eks_encrypt_sandbox::etcd_oracle::inspect::Storage;
use eks_encrypt_sandbox::sandbox::Sandbox;

use super::support::{admin, plugin};

/// What a cluster writes by itself, with nobody there: heartbeats, Pods and what follows them, the API servers' own objects.
/// And the tests' gate.
const WRITTEN_BY_KUBERNETES: [&str; 17] = [
    "apiregistration.k8s.io/",
    // These gather others' rules, and each API server makes those anew when it starts.
    "clusterroles/admin",
    "clusterroles/edit",
    "clusterroles/view",
    "configmaps/kube-system/",
    "csinodes/",
    "endpointslices/",
    "events/",
    "flowschemas/",
    "leases/",
    "masterleases/",
    "minions/",
    "pods/",
    "prioritylevelconfigurations/",
    "secrets/",
    "services/",
    "validatingwebhookconfigurations/gate",
];

/// What controllers put into every new namespace, and write on in one that can't go.
const IN_NAMESPACES: [&str; 3] = ["/kube-root-ca.crt", "/default", "seed-terminating"];

/// Every Secret's revision: a write shows in it, whatever it wrote.
pub(crate) async fn revisions(sandbox: &Sandbox) -> BTreeMap<String, u64> {
    sandbox.etcd().revisions("/registry/secrets/").await.unwrap()
}

/// The revision of all that neither the cluster writes by itself nor a run may write: Secrets are looked at apart.
async fn other_revisions(sandbox: &Sandbox, namespaces: &[&str]) -> BTreeMap<String, u64> {
    let mut all = sandbox.etcd().revisions("/registry/").await.unwrap();
    // Each run has a namespace of its own. Its rights, which are in none, must be gone.
    let ours = |key: &str| {
        let is_ours = |part: &str| namespaces.contains(&part) || part.starts_with("eks-encrypt-");
        !key.starts_with("clusterrole") && key.split('/').any(is_ours)
    };
    all.retain(|key, _| {
        let key = key.trim_start_matches("/registry/");
        !WRITTEN_BY_KUBERNETES.iter().any(|prefix| key.starts_with(prefix))
            && !IN_NAMESPACES.iter().any(|end| key.ends_with(end))
            && !ours(key)
    });
    all
}

/// A cluster before a run.
pub(crate) struct ClusterSnapshot {
    digest: String,
    secrets: BTreeMap<String, u64>,
    others: BTreeMap<String, u64>,
    namespaces: &'static [&'static str],
}

impl ClusterSnapshot {
    /// As it is now.
    pub(crate) async fn of(sandbox: &Sandbox) -> Self {
        Self::of_runs_in(sandbox, &["eks-encrypt"]).await
    }

    /// The same, where runs keep what they make in these namespaces.
    pub(crate) async fn of_runs_in(sandbox: &Sandbox, namespaces: &'static [&'static str]) -> Self {
        Self {
            digest: sandbox.digest().await.unwrap(),
            secrets: revisions(sandbox).await,
            others: other_revisions(sandbox, namespaces).await,
            namespaces,
        }
    }

    /// Every Secret is under the customer's key, its data is as it was, nothing else was written, and no rights are left.
    pub(crate) async fn all_moved(&self, sandbox: &Sandbox) {
        self.moved_but(sandbox, &[]).await;
    }

    /// The same, but for these Secrets, which are where they were.
    pub(crate) async fn moved_but(&self, sandbox: &Sandbox, but: &[&str]) {
        let stored = sandbox.inspect().await.unwrap();
        let left: Vec<&str> = stored
            .secrets
            .iter()
            .filter(|secret| secret.storage != Storage::CustomerKey)
            .map(|secret| secret.name.as_str())
            .collect();
        assert_eq!(left, but, "these are not under the customer's key");
        self.nothing_else(sandbox).await;
    }

    /// No Secret was written, nothing was made.
    pub(crate) async fn untouched(&self, sandbox: &Sandbox) {
        assert!(revisions(sandbox).await == self.secrets, "Secrets were written");
        self.nothing_else(sandbox).await;
    }

    /// The Secrets' data is as it was, nothing else was written, and no rights are left.
    async fn nothing_else(&self, sandbox: &Sandbox) {
        assert_eq!(sandbox.digest().await.unwrap(), self.digest, "what re-encryption must not change was changed");
        let now = other_revisions(sandbox, self.namespaces).await;
        let keys = now.keys().chain(self.others.keys());
        let written: BTreeSet<&String> = keys.filter(|key| now.get(*key) != self.others.get(*key)).collect();
        assert!(written.is_empty(), "something else was written: {written:?}");
        no_rights(sandbox);
    }
}

/// Nobody keeps a right to every Secret.
pub(crate) fn no_rights(sandbox: &Sandbox) {
    let rights = "clusterrole,clusterrolebinding,role,rolebinding";
    let ours = ["get", rights, "--all-namespaces", "--output=name", "-l", "app.kubernetes.io/name=eks-encrypt"];
    assert_eq!(admin(sandbox, &ours).ok(), "", "rights are left");
}

/// What runs have made in the cluster goes with `cleanup`: nothing in etcd is called after us then, but events.
pub(crate) async fn cleaned_up(sandbox: &Sandbox) {
    let output = plugin(sandbox, &["cleanup", "--yes"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    // Controllers take a moment to empty a namespace.
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let all = sandbox.etcd().revisions("/registry/").await.unwrap();
        let mut left =
            all.into_keys().filter(|key| key.contains("eks-encrypt") && !key.starts_with("/registry/events/"));
        let Some(first) = left.next() else { return };
        assert!(Instant::now() < deadline, "90 s after cleanup there is {first}, and {} more", left.count());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The namespace that the only run has made for itself.
pub(crate) fn own_namespace(sandbox: &Sandbox) -> String {
    let all = namespaces(sandbox);
    let name = all.trim().strip_prefix("namespace/eks-encrypt-").filter(|name| !name.contains('\n'));
    format!("eks-encrypt-{}", name.unwrap_or_else(|| panic!("there is not one namespace of a run: {all}")))
}

/// The namespaces that carry our label.
pub(crate) fn namespaces(sandbox: &Sandbox) -> String {
    admin(sandbox, &["get", "namespaces", "--output=name", "-l", "app.kubernetes.io/name=eks-encrypt"]).ok()
}

/// How many Secrets carry which time: each Pod of a run writes one of its own.
pub(crate) fn write_counts(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let list = admin(sandbox, &["get", "secrets", "--all-namespaces", "--output=json"]).json();
    let mut times = BTreeMap::new();
    for secret in list["items"].as_array().unwrap() {
        let time = &secret["metadata"]["annotations"]["eksctl.io/kms-encryption-timestamp"];
        *times.entry(time.as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    times
}
