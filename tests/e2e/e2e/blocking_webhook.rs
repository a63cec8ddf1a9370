//! A gate that holds a run where a scenario wants it, for as long as it wants: a webhook for which nobody answers. What it
//! means can't be written while it is there, and the engine asks again. Input: which Secrets. Output: none.

use eks_encrypt_sandbox::sandbox::Sandbox;

use super::support::{admin, apply, wait_for};

const NAME: &str = "gate";

/// So many Secrets that can't be written fill the engine's pool: it goes no further than these.
pub(crate) const POOLFUL: u32 = 100;

/// Shuts it for the Secrets of a namespace that holds at least one of this name.
pub(crate) fn block(sandbox: &Sandbox, namespace: &str, secret: &str) {
    // A URL, so that the checks can't see from outside that nobody is there.
    apply(
        sandbox,
        "gate.json",
        &format!(
            r#"{{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration",
            "metadata":{{"name":"{NAME}"}},"webhooks":[{{"name":"gate.example.com","failurePolicy":"Fail",
            "sideEffects":"None","admissionReviewVersions":["v1"],"clientConfig":{{"url":"https://127.0.0.1:1/"}},
            "namespaceSelector":{{"matchLabels":{{"kubernetes.io/metadata.name":"{namespace}"}}}},
            "rules":[{{"apiGroups":[""],"apiVersions":["v1"],"operations":["UPDATE"],"resources":["secrets"]}}]}}]}}"#
        ),
    );
    let shut = || !is_writable(sandbox, namespace, secret);
    wait_for("the gate to be shut", || shut().then_some(()));
}

/// Opens it.
pub(crate) fn unblock(sandbox: &Sandbox) {
    admin(sandbox, &["delete", "validatingwebhookconfiguration", NAME]).ok();
}

/// Whether a Secret could be written now.
pub(crate) fn is_writable(sandbox: &Sandbox, namespace: &str, secret: &str) -> bool {
    admin(sandbox, &["label", "secret", "-n", namespace, secret, "written=", "--dry-run=server"]).code == Some(0)
}
