//! Whether there is a Secret that a webhook means: a broken one that means none stops nobody. Input: its selectors, which
//! the API server applies for us. Output: a namespace with such a Secret, none, or that nobody knows. Of Secrets, one each
//! is asked for, as metadata, and nothing but how many came is kept.

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ListParams;
use kube::core::{Request, Selector};
use kube::{Api, Client, ResourceExt as _};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::rules::Scope;
use crate::k8s::with_retry;

/// How many namespaces are looked into at once.
const MAX_CONCURRENT_LISTS: usize = 8;

/// How many are looked into at all: past these, nobody knows.
const MAX_NAMESPACES: usize = 200;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MatchingSecret {
    /// A Secret in this namespace is meant.
    In(String),
    /// No Secret is meant now.
    None,
    /// It can't be seen.
    Unknown,
}

/// Looks for one.
pub(crate) async fn find(client: &Client, scope: &Scope) -> MatchingSecret {
    // What these mean, only the API server can tell, write by write.
    if scope.by.iter().any(|field| !matches!(*field, "namespaceSelector" | "objectSelector")) {
        return MatchingSecret::Unknown;
    }
    let (Some(namespaces), Some(secrets)) = (list_params(&scope.namespaces), list_params(&scope.objects)) else {
        return MatchingSecret::Unknown;
    };
    let api: Api<Namespace> = Api::all(client.clone());
    let Ok(all) = with_retry(|| api.list_metadata(&namespaces)).await else { return MatchingSecret::Unknown };
    let (secrets, many) = (&secrets.limit(1), all.items.len() > MAX_NAMESPACES);
    let asked = futures::stream::iter(all.items.iter().take(MAX_NAMESPACES).map(|namespace| async move {
        let name = namespace.name_any();
        with_retry(|| has_secret(client, &name, secrets)).await.map(|any| any.then_some(name))
    }));
    let mut answers = std::pin::pin!(asked.buffered(MAX_CONCURRENT_LISTS));
    loop {
        match answers.try_next().await {
            Ok(Some(Some(namespace))) => return MatchingSecret::In(namespace),
            Ok(Some(None)) => {}
            Ok(None) => return if many { MatchingSecret::Unknown } else { MatchingSecret::None },
            Err(_) => return MatchingSecret::Unknown,
        }
    }
}

/// A selector as a list's parameters; nothing, if it is one that we don't understand.
fn list_params(selector: &LabelSelector) -> Option<ListParams> {
    let selector: Selector = selector.clone().try_into().ok()?;
    let all = ListParams::default();
    Some(if selector.selects_all() { all } else { all.labels_from(&selector) })
}

/// Whether a namespace has such a Secret.
async fn has_secret(client: &Client, namespace: &str, params: &ListParams) -> Result<bool, kube::Error> {
    #[derive(Deserialize)]
    struct Page {
        /// The API server writes `null` for none.
        items: Option<Vec<IgnoredAny>>,
    }
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let request = Request::new(secrets.resource_url()).list_metadata(params).map_err(kube::Error::BuildRequest)?;
    Ok(client.request::<Page>(request).await?.items.is_some_and(|items| !items.is_empty()))
}
