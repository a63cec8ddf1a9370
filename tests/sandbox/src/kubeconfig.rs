//! The kubeconfig files of a sandbox: the one that `aws eks update-kubeconfig` would write, and those of its own
//! components, which prove who they are with client certificates.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::node;
use crate::pki::{Authority, Certificate};

/// A cluster as kubeconfig names it.
pub(crate) struct Target<'a> {
    /// The API server.
    pub(crate) server: &'a str,
    /// The authority's certificate, PEM.
    pub(crate) ca: &'a str,
}

impl Target<'_> {
    /// What `aws eks update-kubeconfig` writes: everything named by the cluster's ARN, the user an exec of `aws`.
    pub(crate) fn of_eks(&self, arn: &str, cluster: &str, region: &str) -> Value {
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "args": ["--region", region, "eks", "get-token", "--cluster-name", cluster, "--output", "json"],
            "command": "aws",
        });
        self.with_user(arn, &json!({ "exec": exec }))
    }

    /// One for a holder of a client certificate.
    fn of_certificate(&self, certificate: &Certificate) -> Value {
        let user = json!({
            "client-certificate-data": STANDARD.encode(&certificate.cert),
            "client-key-data": STANDARD.encode(&certificate.key),
        });
        self.with_user("sandbox", &user)
    }

    fn with_user(&self, name: &str, user: &Value) -> Value {
        let cluster = json!({ "server": self.server, "certificate-authority-data": STANDARD.encode(self.ca) });
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "preferences": {},
            "current-context": name,
            "clusters": [{ "name": name, "cluster": cluster }],
            "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
            "users": [{ "name": name, "user": user }],
        })
    }
}

/// Writes the kubeconfig of each component and of the administrator, with a certificate for each.
pub(crate) fn write_components(folder: &Folder, ca: &Authority, target: &Target<'_>) -> anyhow::Result<()> {
    let node = format!("system:node:{}", node::NAME);
    let components: [(&str, &str, &[&str]); 5] = [
        ("kube-controller-manager", "system:kube-controller-manager", &[]),
        ("kube-scheduler", "system:kube-scheduler", &[]),
        ("kube-proxy", "system:kube-proxy", &[]),
        ("kubelet", &node, &["system:nodes"]),
        ("admin", "sandbox-admin", &["system:masters"]),
    ];
    for (component, user, groups) in components {
        let certificate = ca.client(component, user, groups)?;
        std::fs::write(folder.component_kubeconfig(component), target.of_certificate(&certificate).to_string())?;
    }
    Ok(())
}

/// How kube-apiserver is told where its token webhook is, which has kubeconfig's form too. The webhook listens on
/// loopback, where TLS would protect nobody.
pub(crate) fn of_webhook(url: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "webhook",
        "clusters": [{ "name": "webhook", "cluster": { "server": url } }],
        "contexts": [{ "name": "webhook", "context": { "cluster": "webhook", "user": "webhook" } }],
        "users": [{ "name": "webhook", "user": {} }],
    })
}
