//! How many API servers there are, and whether each can be asked for the key that it writes under: without that nothing can be
//! proven, and it should be known before the key is associated for ever. Reads only.

use std::time::Duration;

use eks_encrypt_job::LastError;
use eks_encrypt_job::api_servers::{Agreement, KeyHash, MissingRight, Options, take};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::Instant;

use crate::checks::table::Check;
use crate::k8s::with_retry;
use crate::model::options::Prove;
use crate::run::proof::OutsideConnector;
use crate::ui::terminal::one_line;

const NAME: &str = "API servers";

/// How long they may take to answer.
const CENSUS_TIMEOUT: Duration = Duration::from_secs(20);

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct ApiServers {
    /// The key that all of them write under now, if they agree.
    pub(crate) key: Option<KeyHash>,
    /// Rights that the person lacks: a run's Job can't be given them.
    pub(crate) missing: Vec<MissingRight>,
}

/// Asks them.
pub(crate) async fn check(client: &Client, wanted: Prove) -> (Check, ApiServers) {
    let missing = missing_rights(client).await;
    let last_error = LastError::default();
    let options = Options { deadline: Instant::now() + CENSUS_TIMEOUT, start_times: false };
    let census = match take(&OutsideConnector(client.clone()), options, &last_error).await {
        Ok(census) => census,
        Err(error) => {
            let found =
                format!("not known how many there are: {}", one_line(&format!("{:#}", anyhow::Error::new(error))));
            return (Check::warn(NAME, found, consequence(wanted)), ApiServers { key: None, missing });
        }
    };
    let servers = census.servers.len();
    let (found, good, key) = match census.agreement(None, None) {
        Agreement::Unknown { asked, of, missing, reason, last_error } => {
            let rights: Vec<String> = missing.iter().map(ToString::to_string).collect();
            let found = match last_error {
                _ if !rights.is_empty() => format!("you may not {}", rights.join(", nor ")),
                Some(error) => format!("{reason} (last error: {})", one_line(&error)),
                None => reason.to_string(),
            };
            (format!("{asked} of {of} could be asked for their key: {found}"), false, None)
        }
        Agreement::Disagree { of, .. } => (format!("{of}, which do not write under one key now"), true, None),
        agreement => {
            let found = format!("{servers}, each can be asked for the key that it writes under");
            (found, true, agreement.key().flatten().cloned())
        }
    };
    let check = if good { Check::ok(NAME, found) } else { Check::warn(NAME, found, consequence(wanted)) };
    (check, ApiServers { key, missing })
}

/// What is lost without it.
fn consequence(wanted: Prove) -> Option<String> {
    (wanted != Prove::None).then(|| {
        "grant these rights, or the run ends not proven, with exit code 6: list leases.coordination.k8s.io in namespace \
         kube-system, get /metrics. To run without a proof: --prove none"
            .to_owned()
    })
}

/// The rights that the person lacks, as far as the API server says so.
async fn missing_rights(client: &Client) -> Vec<MissingRight> {
    let mut missing = Vec::new();
    for right in [MissingRight::ListLeases, MissingRight::GetEndpointSlices, MissingRight::GetMetrics] {
        if !is_allowed(client, right).await {
            missing.push(right);
        }
    }
    missing
}

async fn is_allowed(client: &Client, right: MissingRight) -> bool {
    let resource = |group: &str, resource: &str, verb: &str, name: Option<&str>| {
        Some(ResourceAttributes {
            group: Some(group.to_owned()),
            resource: Some(resource.to_owned()),
            verb: Some(verb.to_owned()),
            name: name.map(str::to_owned),
            ..ResourceAttributes::default()
        })
    };
    let path = NonResourceAttributes { path: Some("/metrics".to_owned()), verb: Some("get".to_owned()) };
    let (resource_attributes, non_resource_attributes) = match right {
        MissingRight::ListLeases => (resource("coordination.k8s.io", "leases", "list", None), None),
        MissingRight::GetEndpointSlices => {
            (resource("discovery.k8s.io", "endpointslices", "get", Some("kubernetes")), None)
        }
        MissingRight::GetMetrics => (None, Some(path)),
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes, non_resource_attributes };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let params = PostParams::default();
    // Where it does not say, the attempt to give the right will.
    let answer = with_retry(|| reviews.create(&params, &review)).await;
    answer.map_or(true, |answer| answer.status.is_none_or(|status| status.allowed))
}
