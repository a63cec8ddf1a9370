//! The first step: all Secrets of the cluster, page by page, as names and resourceVersions. Output: a stream of pages
//! for `pass` and for the plugin's `status`, in which **each Secret appears once, even when the list has to begin again**.
//!
//! A continue token lives about five minutes; then the API server answers 410 and the list begins again. What was shown
//! already is left out by one cursor, the last Secret shown: lists come in the order of their keys (continue tokens
//! are built on that), so that whatever stands at or before the cursor was either shown, or made after the first list
//! and so under the key by the watermark rule. No set of names is kept, and memory does not grow with the cluster.

use futures::stream::{Stream, try_unfold};
use k8s_openapi::api::core::v1::Secret as SecretKind;
use kube::api::ListParams;
use kube::{Client, Resource};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::api::request::{ApiError, ask};
use crate::api::retry::{LastError, PATIENCE, retry};
use crate::engine::watermark::Watermark;

/// Secrets a page. As kubectl's: metadata of 500 is some hundred KiB, and a page lasts longer than the next one takes.
/// Where annotations are so large that an answer would be too long, pages are halved.
const PAGE: u32 = 500;

/// One Secret, as far as we look at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The version that the list showed: the watermark tells whether it was written under the key. An answer without it is not the
    /// API server's: that it stays the same would seem to show that a touch wrote nothing.
    #[serde(deserialize_with = "version")]
    pub resource_version: String,
    /// Whether a touch of this version may have written it, because its answer got lost (see `prove`).
    #[serde(skip)]
    pub(crate) unanswered: bool,
}

impl Secret {
    /// Whether this is a later version of the same Secret.
    pub(crate) fn is_newer_than(&self, before: &Self) -> bool {
        Watermark::new(before.resource_version.as_str()).precedes(&self.resource_version)
    }

    /// What lists are ordered by: the end of the key in etcd. As one string, for `-` and `.` sort before `/`.
    fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let version = String::deserialize(deserializer)?;
    if version.is_empty() { Err(D::Error::custom("an object without a resourceVersion")) } else { Ok(version) }
}

/// Some Secrets, and what the API server said about the rest.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Those that no page before has shown.
    pub secrets: Vec<Secret>,
    /// The whole list's.
    pub resource_version: String,
    /// How many Secrets are left after this page, as far as the API server knows.
    pub remaining: u64,
    /// The list expired and began again since the page before.
    pub restarted: bool,
}

/// Why the list can't go on.
#[derive(Debug, Error)]
pub enum ListError {
    /// The API server would not give the next page.
    #[error("can't list Secrets")]
    Refused(#[source] ApiError),
    /// The list expired again before it had shown anything new: it would go on like that for ever.
    #[error("the list of Secrets expired twice after {0} without coming further")]
    Stuck(String),
    /// The list expired and its order can't tell what was shown: going on could leave a Secret out.
    #[error("the list of Secrets expired, and it is not in the order of names, so that it can't be gone on with")]
    Unordered,
}

/// The answer's shape. Only what is read: everything else of 500 Secrets' metadata is skipped by the parser, above
/// all annotations, where `kubectl apply` keeps a copy of the Secret.
#[derive(Deserialize)]
struct List {
    metadata: ListMetadata,
    /// The API server writes an empty list of metadata as null. It must be there all the same: an answer without it is not
    /// the API server's, and taken for a list of nothing it would end a run as complete.
    #[serde(deserialize_with = "Option::deserialize")]
    items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    r#continue: String,
    #[serde(default)]
    remaining_item_count: u64,
}

#[derive(Deserialize)]
struct Item {
    metadata: Secret,
}

/// Where the list goes on.
enum Next {
    Start,
    Token(String),
    End,
}

struct Lister<'a> {
    client: &'a Client,
    last_error: &'a LastError,
    /// Whether a list was ever answered.
    was_authorized: bool,
    next: Next,
    limit: u32,
    /// The cursor: the greatest key shown.
    shown: Option<String>,
    /// The cursor when the list last began again.
    again_from: Option<String>,
    /// The key before, in this list.
    previous: Option<String>,
    ordered: bool,
    restarted: bool,
}

/// All Secrets, page by page. The first page is given even if it is empty, for its resourceVersion. While a page is asked for
/// again, `last_error` has the words of the last refusal: an API server that is away is borne with for 90 s a page, and whoever
/// has less time drops the stream. Ends at the first error. `was_authorized`: this process has listed before, so that a refusal
/// of its rights may pass.
pub fn pages<'a>(
    client: &'a Client,
    last_error: &'a LastError,
    was_authorized: bool,
) -> impl Stream<Item = Result<Page, ListError>> + Send + 'a {
    let lister = Lister {
        client,
        last_error,
        was_authorized,
        next: Next::Start,
        limit: PAGE,
        shown: None,
        again_from: None,
        previous: None,
        ordered: true,
        restarted: false,
    };
    try_unfold(lister, |lister| lister.page())
}

impl Lister<'_> {
    async fn page(mut self) -> Result<Option<(Page, Self)>, ListError> {
        loop {
            let token = match &self.next {
                Next::End => return Ok(None),
                Next::Start => None,
                Next::Token(token) => Some(token.as_str()),
            };
            let again = |api_error: &ApiError| api_error.is_retryable_given(self.was_authorized);
            let list = match retry(PATIENCE, self.last_error, again, || one(self.client, self.limit, token)).await {
                Ok(list) => list,
                Err(api_error) if api_error.code() == Some(410) && token.is_some() => {
                    self.begin_again()?;
                    continue;
                }
                Err(ApiError::TooLong) if self.limit > 1 => {
                    self.limit /= 2;
                    continue;
                }
                Err(api_error) => return Err(ListError::Refused(api_error)),
            };
            self.was_authorized = true;
            self.next = match list.metadata.r#continue {
                token if token.is_empty() => Next::End,
                token => Next::Token(token),
            };
            let first = self.shown.is_none() && self.again_from.is_none();
            let secrets = self.fresh(list.items.unwrap_or_default())?;
            if first || !secrets.is_empty() {
                let ListMetadata { resource_version, remaining_item_count: remaining, .. } = list.metadata;
                let restarted = std::mem::take(&mut self.restarted);
                return Ok(Some((Page { secrets, resource_version, remaining, restarted }, self)));
            }
        }
    }

    fn begin_again(&mut self) -> Result<(), ListError> {
        if self.again_from.is_some() && self.again_from == self.shown {
            return Err(ListError::Stuck(self.shown.clone().unwrap_or_default()));
        }
        self.restarted = true;
        self.again_from = self.shown.clone();
        self.previous = None;
        self.next = Next::Start;
        Ok(())
    }

    /// Those of a page that were not shown before.
    fn fresh(&mut self, items: Vec<Item>) -> Result<Vec<Secret>, ListError> {
        let mut secrets = Vec::with_capacity(items.len());
        for Item { metadata: secret } in items {
            let key = secret.key();
            self.ordered &= self.previous.as_ref().is_none_or(|previous| key > *previous);
            if self.again_from.as_ref().is_none_or(|cursor| key > *cursor) {
                secrets.push(secret);
                self.shown = self.shown.take().max(Some(key.clone()));
            }
            self.previous = Some(key);
        }
        if self.again_from.is_some() && !self.ordered { Err(ListError::Unordered) } else { Ok(secrets) }
    }
}

/// Where the list of all Secrets stands now: its resourceVersion, as etcd has it.
///
/// # Errors
/// The API server does not list them.
pub async fn current_version(client: &Client, last_error: &LastError) -> Result<Watermark, ListError> {
    let list = retry(PATIENCE, last_error, ApiError::is_retryable, || one(client, 1, None))
        .await
        .map_err(ListError::Refused)?;
    Ok(Watermark::new(list.metadata.resource_version))
}

/// One Secret as it is now, if it is still there. By a list of one, because a run has no right to `get`.
pub(crate) async fn refetch(
    client: &Client,
    last_error: &LastError,
    secret: &Secret,
) -> Result<Option<Secret>, ApiError> {
    let params = ListParams::default().fields(&format!("metadata.name={}", secret.name));
    let url = SecretKind::url_path(&(), Some(&secret.namespace));
    let look = || ask::<List>(client, kube::core::Request::new(&url).list_metadata(&params));
    // The list that has shown it had the right.
    let list = retry(PATIENCE, last_error, |api_error| api_error.is_retryable_given(true), look).await?;
    Ok(list.items.into_iter().flatten().map(|item| item.metadata).find(|found| found.name == secret.name))
}

/// One page from the API server. `Accept` asks for PartialObjectMetadata: `data` is not sent, but annotations are.
async fn one(client: &Client, limit: u32, token: Option<&str>) -> Result<List, ApiError> {
    let mut params = ListParams::default().limit(limit);
    params.continue_token = token.map(Into::into);
    let url = SecretKind::url_path(&(), None);
    ask(client, kube::core::Request::new(url).list_metadata(&params)).await
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
