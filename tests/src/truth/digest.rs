//! One number for all that re-encryption must not change: every Secret's name, type, data, labels, annotations but ours,
//! finalizers, owners, identity and life time. Equal digests before and after say that nothing else was written.

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The annotation that a rewrite sets. A copy on purpose: were ours changed by mistake, the digest would tell.
const OURS: &str = "eksctl.io/kms-encryption-timestamp";

/// Pages keep memory low with Secrets of 1 MiB.
const PAGE: u32 = 50;

/// The digest of all Secrets, as the API server decrypts them.
///
/// # Errors
/// The API server does not answer.
pub async fn of_all(client: &kube::Client) -> Result<String, kube::Error> {
    let secrets: Api<Secret> = Api::all(client.clone());
    let pages = futures::stream::try_unfold(Some(String::new()), |token| {
        let secrets = secrets.clone();
        async move {
            let Some(token) = token else { return Ok::<_, kube::Error>(None) };
            let mut params = ListParams::default().limit(PAGE);
            if !token.is_empty() {
                params = params.continue_token(&token);
            }
            let page = secrets.list(&params).await?;
            let next = page.metadata.continue_.filter(|token| !token.is_empty());
            Ok(Some((page.items, next)))
        }
    });
    let digest = pages.try_fold(Sha256::new(), async |mut digest, page| {
        for secret in &page {
            digest.update(one(secret));
        }
        Ok(digest)
    });
    Ok(hex::encode(digest.await?.finalize()))
}

/// The part of a Secret that must stay, in one order.
fn one(secret: &Secret) -> Vec<u8> {
    let mut secret = serde_json::to_value(secret).unwrap_or_default();
    if let Some(metadata) = secret["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(OURS);
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    secret.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    //! What the digest sees, and what not.
    use super::*;
    use k8s_openapi::ByteString;

    fn secret() -> Secret {
        let mut secret = Secret::default();
        secret.metadata.name = Some("a".to_owned());
        secret.data = Some([("k".to_owned(), ByteString(b"v".to_vec()))].into());
        secret
    }

    #[test]
    fn a_rewrite_does_not_change_it() {
        let mut written = secret();
        written.metadata.resource_version = Some("2".to_owned());
        written.metadata.annotations = Some([(OURS.to_owned(), "2026-01-02T03:04:05Z".to_owned())].into());
        assert_eq!(one(&secret()), one(&written));
    }

    #[test]
    fn a_change_of_data_or_labels_does() {
        let mut data = secret();
        data.data = Some([("k".to_owned(), ByteString(b"w".to_vec()))].into());
        assert_ne!(one(&secret()), one(&data));
        let mut labels = secret();
        labels.metadata.labels = Some([("l".to_owned(), String::new())].into());
        assert_ne!(one(&secret()), one(&labels));
    }
}
