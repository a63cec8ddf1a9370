//! One Secret of each kind that has broken a tool like ours: types with rules of their own, sizes and names at their limits,
//! and objects that are half deleted.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, PostParams};

use super::{create, data, namespace, opaque};

/// Where the awkward ones are.
pub const NAMESPACE: &str = "seed-awkward";

/// A namespace that is being deleted and can't go, for a Secret in it has a finalizer.
pub const TERMINATING: &str = "seed-terminating";

/// Kubernetes' limit for all annotations of an object together, keys included
/// (`k8s.io/apimachinery`, `pkg/api/validation/objectmeta.go`, TotalAnnotationSizeLimitB).
const ANNOTATIONS: usize = 256 * 1024;

/// The limit for a Secret's data (`k8s.io/api`, `core/v1`, MaxSecretSize).
const MAX_DATA: usize = 1024 * 1024;

/// The Secret that kube-controller-manager fills with a token.
const TOKEN: &str = "service-account-token";

/// How long that may take.
const FILL_TIMEOUT: Duration = Duration::from_secs(30);

/// The finalizer that nobody takes off.
const FINALIZER: &str = "eks-encrypt.test/keep";

/// Makes them all and says how many.
pub(super) async fn make(client: &kube::Client) -> anyhow::Result<u32> {
    namespace(client, NAMESPACE).await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    let metadata = ObjectMeta { name: Some("seed".to_owned()), ..ObjectMeta::default() };
    // There already, or the token Secret below is refused with the reason.
    let _ = accounts.create(&PostParams::default(), &ServiceAccount { metadata, ..ServiceAccount::default() }).await;

    let mut made = 0;
    for secret in in_one_namespace() {
        create(client, NAMESPACE, secret).await?;
        made += 1;
    }
    create(client, "kube-system", bootstrap_token()).await?;
    terminating(client).await?;
    until_filled(client).await?;
    Ok(made + 2)
}

/// Waits until the token Secret holds its token, which a controller writes into it.
async fn until_filled(client: &kube::Client) -> anyhow::Result<()> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let deadline = Instant::now() + FILL_TIMEOUT;
    while Instant::now() < deadline {
        let secret = secrets.get(TOKEN).await.with_context(|| format!("Secret {NAMESPACE}/{TOKEN} can't be read"))?;
        if secret.data.is_some_and(|data| data.contains_key("token")) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!(
        "Secret {NAMESPACE}/{TOKEN} still holds no token after {} s: does kube-controller-manager run?",
        FILL_TIMEOUT.as_secs()
    )
}

fn in_one_namespace() -> Vec<Secret> {
    let immutable = Secret { immutable: Some(true), ..opaque("immutable", data(1, 64)) };
    let mut annotated = opaque("annotations-at-limit", data(2, 64));
    let key = "eks-encrypt.test/filler".to_owned();
    // Less is left than our annotation needs.
    let filler = "x".repeat(ANNOTATIONS - key.len() - 16);
    annotated.metadata.annotations = Some([(key, filler)].into());
    let mut finalized = opaque("finalized", data(3, 64));
    finalized.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    let mut token = typed(TOKEN, "kubernetes.io/service-account-token", &[]);
    token.metadata.annotations = Some([("kubernetes.io/service-account.name".to_owned(), "seed".to_owned())].into());
    vec![
        immutable,
        annotated,
        finalized,
        token,
        opaque("one-mebibyte", data(4, MAX_DATA)),
        // The longest name: 253 characters (RFC 1123 subdomain).
        opaque(&"n".repeat(253), data(5, 64)),
        typed("sh.helm.release.v1.web.v1", "helm.sh/release.v1", &[("release", &data(6, 4096))]),
        typed("tls", "kubernetes.io/tls", &[("tls.crt", b"certificate"), ("tls.key", b"key")]),
        typed("docker-config", "kubernetes.io/dockerconfigjson", &[(".dockerconfigjson", b"{\"auths\":{}}")]),
        typed("basic-auth", "kubernetes.io/basic-auth", &[("username", b"u"), ("password", b"p")]),
        typed("empty", "Opaque", &[]),
    ]
}

fn bootstrap_token() -> Secret {
    let token = [("token-id", &b"5eed00"[..]), ("token-secret", b"5eed00000000cafe")];
    typed("bootstrap-token-5eed00", "bootstrap.kubernetes.io/token", &token)
}

/// A Secret that is being deleted, in a namespace that is.
async fn terminating(client: &kube::Client) -> anyhow::Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    if namespaces.get_opt(TERMINATING).await?.is_some() {
        return Ok(());
    }
    namespace(client, TERMINATING).await?;
    let mut secret = opaque("kept", data(7, 64));
    secret.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    create(client, TERMINATING, secret).await?;
    // Deleted here, not some seconds later by the namespace's controller, so that what is seeded stays as it is.
    let secrets: Api<Secret> = Api::namespaced(client.clone(), TERMINATING);
    secrets.delete("kept", &DeleteParams::default()).await.context("the Secret with a finalizer can't be deleted")?;
    let deleted = namespaces.delete(TERMINATING, &DeleteParams::default()).await;
    deleted.map(|_| ()).with_context(|| format!("namespace {TERMINATING} can't be deleted"))
}

fn typed(name: &str, type_: &str, data: &[(&str, &[u8])]) -> Secret {
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec()))).collect();
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    Secret { metadata, type_: Some(type_.to_owned()), data: Some(data), ..Secret::default() }
}
