//! Fills a sandbox with Secrets: many of one kind, fast, and on request one of each awkward kind ([`edge_cases`]).

pub mod edge_cases;

use std::time::{Duration, Instant};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

/// Enough to keep kube-apiserver busy; more only queues.
const MAX_IN_FLIGHT: usize = 64;

/// How much to make.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// How many Secrets.
    pub secrets: u32,
    /// Over how many namespaces.
    pub namespaces: u32,
    /// Bytes of data in each Secret.
    pub size: usize,
    /// Beside them, one of each awkward kind.
    pub awkward: bool,
}

/// What was made.
#[derive(Clone, Copy, Debug)]
pub struct Seeded {
    /// How many Secrets.
    pub secrets: u32,
    /// How long it took.
    pub took: Duration,
}

/// Makes namespaces `seed-N` and Secrets `secret-N`. Those that are there already are left as they are.
///
/// # Errors
/// The API server refuses one.
pub async fn seed(client: &kube::Client, seed: Seed) -> anyhow::Result<Seeded> {
    let started = Instant::now();
    let namespaces = seed.namespaces.max(1);
    for number in 0..namespaces {
        namespace(client, &format!("seed-{number}")).await?;
    }
    stream::iter(0..seed.secrets)
        .map(Ok)
        .try_for_each_concurrent(MAX_IN_FLIGHT, |number| async move {
            let namespace = format!("seed-{}", number % namespaces);
            let name = format!("secret-{number}");
            create(client, &namespace, opaque(&name, data(number, seed.size))).await
        })
        .await?;
    let mut secrets = seed.secrets;
    if seed.awkward {
        secrets += edge_cases::make(client).await?;
    }
    Ok(Seeded { secrets, took: started.elapsed() })
}

/// Makes a namespace, if it is not there.
pub(crate) async fn namespace(client: &kube::Client, name: &str) -> anyhow::Result<()> {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    let made = Api::all(client.clone()).create(&PostParams::default(), &namespace).await;
    made.map(|_| ()).or_else(ignore_existing).with_context(|| format!("namespace {name} was not made"))
}

/// Makes a Secret, if it is not there.
pub(crate) async fn create(client: &kube::Client, namespace: &str, secret: Secret) -> anyhow::Result<()> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let made = api.create(&PostParams::default(), &secret).await;
    let name = secret.metadata.name.unwrap_or_default();
    made.map(|_| ()).or_else(ignore_existing).with_context(|| format!("Secret {namespace}/{name} was not made"))
}

/// A Secret of the commonest type.
pub(crate) fn opaque(name: &str, data: Vec<u8>) -> Secret {
    Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        data: Some([("data".to_owned(), ByteString(data))].into()),
        ..Secret::default()
    }
}

/// Bytes that don't compress, the same each time for the same Secret.
pub(crate) fn data(number: u32, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    SmallRng::seed_from_u64(number.into()).fill(&mut bytes[..]);
    bytes
}

fn ignore_existing(error: kube::Error) -> Result<(), kube::Error> {
    match error {
        kube::Error::Api(status) if status.reason == "AlreadyExists" => Ok(()),
        error => Err(error),
    }
}
