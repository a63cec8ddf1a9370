//! How many Secrets there are, so that a person knows how long it may take. Input: one list of one Secret. Output: a row of
//! the checks. The API server counts; of the one Secret, nothing is kept: annotations are metadata and can carry data.

use kube::api::ListParams;
use kube::core::Request;
use kube::{Api, Client};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cause::Cause;
use crate::checks::table::Check;
use crate::k8s::with_retry;
use crate::ui::progress::thousands;
use crate::ui::terminal::one_line;

const NAME: &str = "Secrets";

/// What helps where a list fails.
const REMEDIATION: &str = "the Job lists every Secret, so this must work first; where the message names a Secret, the key that it \
    was encrypted with may be gone or disabled";

/// What is read of the answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    metadata: Rest,
    /// The API server writes `null` for none.
    items: Option<Vec<IgnoredAny>>,
}

/// What the API server says of those that are not on the page.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rest {
    remaining_item_count: Option<u64>,
    #[serde(rename = "continue")]
    token: Option<String>,
}

/// Counts them.
pub(crate) async fn check(client: &Client) -> Check {
    let page = match with_retry(|| first_page(client)).await {
        Ok(page) => page,
        // The Job has rights of its own, and the person need not have these.
        Err(kube::Error::Api(status)) if status.is_forbidden() => {
            return Check::warn(NAME, "not counted: you can't list Secrets yourself; the Job can", None);
        }
        // The Job begins with the same list: what fails here fails there, after the key is associated for ever.
        Err(error) => {
            return Check::failed(
                NAME,
                format!("the API server can't list them: {}", one_line(&Cause::kube(&error).to_string())),
                Some(REMEDIATION.to_owned()),
            );
        }
    };
    let here = page.items.map_or(0, |items| items.len()) as u64;
    match (page.metadata.remaining_item_count, page.metadata.token.filter(|token| !token.is_empty())) {
        (Some(rest), _) => Check::ok(NAME, count_message(here + rest)),
        (None, None) => Check::ok(NAME, count_message(here)),
        (None, Some(_)) => Check::warn(NAME, "not counted: the API server does not say how many there are", None),
    }
}

fn count_message(all: u64) -> String {
    match all {
        0 => "none".to_owned(),
        1 => "1 Secret (its metadata was asked for, not its data)".to_owned(),
        _ => format!("{} Secrets (the metadata of one was asked for, no data)", thousands(all)),
    }
}

/// One page of one Secret, as metadata.
async fn first_page(client: &Client) -> Result<Page, kube::Error> {
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::all(client.clone());
    let request = Request::new(secrets.resource_url()).list_metadata(&ListParams::default().limit(1));
    client.request(request.map_err(kube::Error::BuildRequest)?).await
}

#[cfg(test)]
#[path = "secret_count_tests.rs"]
mod tests;
