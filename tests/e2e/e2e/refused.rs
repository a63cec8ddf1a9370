//! What the checks see and refuse before anything is changed: a webhook whose Service is gone, as an uninstalled policy engine
//! leaves one behind.

use super::assertions::ClusterSnapshot;
use super::support::{CommandOutput, admin, apply, control_plane, enable, key_of, plugin, seed_secrets};

/// Asked before each write of a Secret, by nobody who could answer.
const LEFT_BEHIND: &str = r#"{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration",
    "metadata":{"name":"left-behind"},"webhooks":[{"name":"policy.example.com","failurePolicy":"Fail","sideEffects":"None",
    "admissionReviewVersions":["v1"],"clientConfig":{"service":{"namespace":"uninstalled","name":"engine"}},
    "rules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["UPDATE"],"resources":["secrets"]}]}]}"#;

#[tokio::test]
async fn a_webhook_whose_service_is_gone_is_named_before_the_key_is_associated() {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 20, 1).await;
    apply(&sandbox, "left-behind.json", LEFT_BEHIND);
    let before = ClusterSnapshot::of(&sandbox).await;
    let named = |output: &CommandOutput| {
        for part in ["left-behind/policy.example.com", "its Service uninstalled/engine is not there"] {
            assert!(output.plain_text().contains(part), "{part}: {}", output.stderr);
        }
    };

    let output = plugin(&sandbox, &enable(&sandbox, &["--local"]));
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    named(&output);
    before.untouched(&sandbox).await;
    assert_eq!(key_of(&sandbox).await, None);

    // The association alone writes no Secret: the webhook is nothing to it. What comes after it is refused again.
    let output = plugin(&sandbox, &enable(&sandbox, &["--encrypt-existing-secrets=false"]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let output = plugin(&sandbox, &["reencrypt", "--local", "--yes"]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    named(&output);
    before.untouched(&sandbox).await;

    admin(&sandbox, &["delete", "validatingwebhookconfiguration", "left-behind"]).ok();
    let before = ClusterSnapshot::of(&sandbox).await;
    let output = plugin(&sandbox, &["reencrypt", "--local", "--yes"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
}
