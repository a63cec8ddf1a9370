//! How many Secrets have not been written since the last run began. Input: a watermark, and the metadata of every Secret, page
//! by page. Output: counts. Reads names and versions alone, as the Job does.

use eks_encrypt_job::watermark::Watermark;
use kube::api::ListParams;
use kube::core::Request;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::kubernetes::again;

/// Secrets a page: kubectl's number.
const PAGE: u32 = 500;

/// How often a list that expires is begun again.
const BEGUN: u32 = 3;

/// Where the Secrets stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Standing {
    /// All there are.
    pub(crate) total: u64,
    /// Those that were not written since the watermark: a run would write them.
    pub(crate) behind: u64,
}

/// What is read of a page.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: Rest,
    /// The API server writes an empty list of metadata as null; an answer without it is not the API server's.
    #[serde(deserialize_with = "Option::deserialize")]
    items: Option<Vec<Item>>,
}

#[derive(Default, Deserialize)]
struct Rest {
    #[serde(default)]
    r#continue: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: Version,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    #[serde(default)]
    resource_version: String,
}

/// Counts them.
pub(crate) async fn count(client: &Client, watermark: &Watermark) -> Result<Standing, Cause> {
    let mut begun = 0;
    loop {
        begun += 1;
        match once(client, watermark).await {
            Err(kube::Error::Api(status)) if status.code == 410 && begun < BEGUN => {}
            counted => return counted.map_err(|error| Cause::kube(&error)),
        }
    }
}

async fn once(client: &Client, watermark: &Watermark) -> Result<Standing, kube::Error> {
    let (mut standing, mut token) = (Standing::default(), String::new());
    loop {
        let page = again(|| page(client, &token)).await?;
        let items = page.items.unwrap_or_default();
        standing.total += items.len() as u64;
        let behind = items.iter().filter(|item| !watermark.is_behind(&item.metadata.resource_version));
        standing.behind += behind.count() as u64;
        token = page.metadata.r#continue;
        if token.is_empty() {
            return Ok(standing);
        }
    }
}

async fn page(client: &Client, token: &str) -> Result<Page, kube::Error> {
    let mut params = ListParams::default().limit(PAGE);
    params.continue_token = Some(token.to_owned()).filter(|token| !token.is_empty());
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::all(client.clone());
    let request = Request::new(secrets.resource_url()).list_metadata(&params).map_err(kube::Error::BuildRequest)?;
    client.request(request).await
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
