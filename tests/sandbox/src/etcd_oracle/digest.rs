//! One number for all that re-encryption must not change: every Secret's name, type, data, labels, annotations but ours,
//! finalizers, owners, identity and life time. Equal digests before and after say that nothing else was written.

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use sha2::{Digest, Sha256};

/// The annotation that a rewrite sets. A copy on purpose: were ours changed by mistake, the digest would tell.
const TIMESTAMP_ANNOTATION: &str = "eksctl.io/kms-encryption-timestamp";

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
        for secret in page {
            digest.update(canonical_bytes(secret));
        }
        Ok(digest)
    });
    Ok(hex::encode(digest.await?.finalize()))
}

/// The part of a Secret that must stay. Serialized from the type, whose fields and maps have one order.
fn canonical_bytes(mut secret: Secret) -> Vec<u8> {
    let metadata = &mut secret.metadata;
    (metadata.resource_version, metadata.managed_fields) = (None, None);
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(TIMESTAMP_ANNOTATION);
    }
    metadata.annotations = metadata.annotations.take().filter(|annotations| !annotations.is_empty());
    serde_json::to_vec(&secret).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    //! What the digest sees, and what not.
    use super::*;
    use k8s_openapi::ByteString;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

    fn secret() -> Secret {
        let mut secret = Secret::default();
        let metadata = &mut secret.metadata;
        (metadata.name, metadata.namespace) = (Some("a".to_owned()), Some("b".to_owned()));
        metadata.uid = Some("c".to_owned());
        metadata.annotations = Some([("z".to_owned(), "kept".to_owned())].into());
        secret.data = Some([("k".to_owned(), ByteString(b"v".to_vec()))].into());
        secret
    }

    #[test]
    fn a_rewrite_does_not_change_it() {
        let mut written = secret();
        written.metadata.resource_version = Some("2".to_owned());
        written.metadata.managed_fields = Some(vec![ManagedFieldsEntry::default()]);
        let annotations = written.metadata.annotations.get_or_insert_default();
        annotations.insert(TIMESTAMP_ANNOTATION.to_owned(), "2026-01-02T03:04:05Z".to_owned());
        assert_eq!(canonical_bytes(secret()), canonical_bytes(written));
    }

    #[test]
    fn annotations_that_were_ours_alone_are_as_none() {
        let (mut none, mut ours) = (secret(), secret());
        none.metadata.annotations = None;
        ours.metadata.annotations = Some([(TIMESTAMP_ANNOTATION.to_owned(), String::new())].into());
        assert_eq!(canonical_bytes(none), canonical_bytes(ours));
    }

    #[test]
    fn a_change_of_data_labels_or_other_annotations_does() {
        let changes: [fn(&mut Secret); 4] = [
            |secret| secret.data = Some([("k".to_owned(), ByteString(b"w".to_vec()))].into()),
            |secret| secret.metadata.labels = Some([("l".to_owned(), String::new())].into()),
            |secret| secret.metadata.annotations = None,
            |secret| secret.metadata.finalizers = Some(vec!["f".to_owned()]),
        ];
        for change in changes {
            let mut changed = secret();
            change(&mut changed);
            assert_ne!(canonical_bytes(secret()), canonical_bytes(changed));
        }
    }
}
