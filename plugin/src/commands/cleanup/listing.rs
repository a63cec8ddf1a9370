//! Lists objects page by page and keeps of each only what decides whose it is: annotations may hold 256 KiB, and whoever may
//! create objects decides how many there are.

use std::collections::BTreeMap;

use kube::api::{ListParams, PartialObjectMeta};
use kube::core::DynamicObject;
use kube::{Api, ResourceExt as _};

use crate::k8s::with_retry;

/// A page of 50 objects with full annotations is 13 MiB.
const PAGE_SIZE: u32 = 50;

/// The most pages that are asked for.
const MAX_PAGES: usize = 40;

/// An object's metadata, as far as they are needed here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) uid: String,
    pub(crate) version: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// The UIDs of its owners.
    pub(crate) owners: Vec<String>,
    /// Whether its deletion has begun.
    pub(crate) terminating: bool,
}

impl From<PartialObjectMeta<DynamicObject>> for Listed {
    fn from(object: PartialObjectMeta<DynamicObject>) -> Self {
        Self {
            name: object.name_any(),
            namespace: object.namespace(),
            terminating: object.metadata.deletion_timestamp.is_some(),
            uid: object.metadata.uid.unwrap_or_default(),
            version: object.metadata.resource_version.unwrap_or_default(),
            labels: object.metadata.labels.unwrap_or_default(),
            owners: object.metadata.owner_references.into_iter().flatten().map(|owner| owner.uid).collect(),
        }
    }
}

/// Up to 2,000 objects, and whether there are more.
pub(crate) async fn list(api: &Api<DynamicObject>, mut params: ListParams) -> Result<(Vec<Listed>, bool), kube::Error> {
    params.limit = Some(PAGE_SIZE);
    let mut all = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = with_retry(|| api.list_metadata(&params)).await?;
        all.extend(page.items.into_iter().map(Listed::from));
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok((all, false));
        }
    }
    Ok((all, true))
}
