use super::*;
use crate::cli::{Cli, Command};
use crate::testing::{
    self, IN_PROGRESS, KEY, NO_UPDATES, aws, described, described_key, error_text, kubernetes, recording_api_server,
};
use clap::Parser as _;
use serde_json::json;

fn flags(more: &[&str]) -> Verify {
    let cli =
        Cli::try_parse_from(["kubectl-eks_encrypt", "verify"].iter().chain(&testing::in_namespace(more))).unwrap();
    let Command::Verify(flags) = cli.command else { panic!() };
    flags
}

/// A cluster with three Secrets: one was written since, one is found under the key, and one is found under another and moved.
async fn verified(more: &[&str], code: u16) -> (ExitCode, String, testing::Heard) {
    let (client, heard) = recording_api_server(move |method, path| {
        let secret = |name: &str, version: &str| json!({"metadata": {"namespace": "a", "name": name, "resourceVersion": version}});
        let bare = path.split('?').next().unwrap();
        match (method, bare) {
            ("GET", "/api/v1/secrets") if path.contains("limit=1&") || path.ends_with("limit=1") => {
                (200, json!({"metadata": {"resourceVersion": "100"}, "items": []}).to_string())
            }
            ("GET", "/api/v1/secrets") => {
                let items = [secret("found", "50"), secret("moved", "60"), secret("written", "101")];
                (200, json!({"metadata": {"resourceVersion": "101"}, "items": items}).to_string())
            }
            ("PATCH", "/api/v1/namespaces/a/secrets/found") if code == 200 => (200, secret("found", "50").to_string()),
            ("PATCH", "/api/v1/namespaces/a/secrets/moved") if code == 200 => (200, secret("moved", "102").to_string()),
            ("PATCH", _) if bare.contains("/secrets/") => (code, testing::forbidden("patch", "secrets")),
            _ => (200, json!({"metadata": {"name": "x"}, "status": {"userInfo": {"username": "alice"}}}).to_string()),
        }
    });
    let (terminal, kubernetes) = (Terminal::captured(), testing::reached(client));
    let cluster_ref = ClusterRef { context: "prod".into(), key_arn: KEY.into(), ..ClusterRef::default() };
    let code = verify_key(&flags(more), &kubernetes, &cluster_ref, &terminal).await;
    (code, terminal.text(), heard)
}

#[tokio::test(start_paused = true)]
async fn stale_secret_is_moved_and_the_verification_noted() {
    let (code, text, heard) = verified(&["--output=json"], 200).await;
    assert_eq!(code, ExitCode::Done, "{text}");
    insta::assert_snapshot!(text[..text.find("  took").unwrap()], @r"
    The API server writes under the key
    Verifying every Secret

    Proven: every Secret is under the key.

      cluster   that of kubeconfig context prod
      key       arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      proof     1 API server writes under the key; 3 Secrets verified: 1 rewritten, 0 deleted meanwhile
    ");
    let document = &text[text.rfind("\n{\n").unwrap()..];
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    assert_eq!((&document["kind"], &document["proven"]), (&json!("Verification"), &json!(true)), "{document}");
    assert_eq!(document["verified"]["tally"]["rewritten"], 1, "{document}");
    let noted: Vec<_> = heard.lock().unwrap().iter().filter(|call| call.contains("/configmaps/")).cloned().collect();
    assert_eq!(noted, ["PATCH /api/v1/namespaces/eks-encrypt/configmaps/eks-encrypt-run?&fieldManager=eks-encrypt"]);
}

#[tokio::test(start_paused = true)]
async fn secret_that_may_not_be_patched_is_not_proven() {
    let (code, text, heard) = verified(&[], 403).await;
    assert_eq!(code, ExitCode::Incomplete, "{text}");
    assert!(text.contains("\nNOT PROVEN: ") && text.contains("cannot patch resource"), "{text}");
    assert!(!heard.lock().unwrap().iter().any(|call| call.contains("/configmaps/")), "it was noted");
}

#[tokio::test]
async fn cluster_without_a_key_or_in_an_update_is_not_verified() {
    let asked = async |answers: &[testing::Answer]| {
        let client = kubernetes(|_, path| panic!("asked {path}"));
        let ours = testing::kubeconfig(client, "https://ABC123.gr7.eu-central-1.eks.amazonaws.com", "authority A");
        let terminal = Terminal::captured();
        (cluster_and_key(&aws(answers).0, "shop", &ours, &terminal).await, terminal.text())
    };
    let with = json!({"encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]});
    let updates = (200, "", r#"{"updateIds":["u-1"]}"#);
    let refused = [asked(&[described(&json!({}))]).await, asked(&[described(&with), updates, IN_PROGRESS]).await];
    let refused: Vec<_> = refused.into_iter().map(|(result, _)| error_text(result.unwrap_err())).collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    exit 3
    error: no key is associated with cluster shop: every Secret is under a key that AWS owns, or under none
    exit 3
    error: EKS is working on cluster shop (update u-1), which replaces API servers: verify when that has ended
    ");
    let (found, text) = asked(&[described(&with), NO_UPDATES, described_key("Enabled")]).await;
    assert_eq!((found.unwrap().1.as_str(), text.as_str()), (KEY, ""));
    // It was verified without a word, and its Secrets would have been lost a few days later.
    let (found, text) = asked(&[described(&with), NO_UPDATES, described_key("PendingDeletion")]).await;
    assert_eq!(found.unwrap().1, KEY);
    assert!(text.starts_with("warning: KMS key ") && text.contains("it is going to be deleted"), "{text}");
}
