//! What a command has verified with a person's rights, noted beside the run record, for `status`. A note proves nothing: whoever
//! may write the ConfigMap could have made it.

use eks_encrypt_job::engine::verify::{Level, Verified};
use eks_encrypt_job::wire::names::{APP, APP_LABEL, FIELD_MANAGER, RECORD};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cause::Cause;
use crate::k8s::{Kubernetes, is_not_found, with_retry};
use crate::run::namespaces::{list_namespaces_of_runs, newest};

/// The field of the ConfigMap's data.
const FIELD: &str = "verified";

/// One verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verification {
    /// When it ended.
    pub(crate) time: Timestamp,
    /// Who has made it, as the API server knows them.
    pub(crate) by: String,
    /// The key.
    pub(crate) key_arn: String,
    /// How well it is known that it is that key.
    pub(crate) level: Level,
    /// How many API servers there were.
    pub(crate) servers: u32,
    /// How many Secrets.
    pub(crate) secrets: u64,
}

/// Notes a verification. Gives back why it could not be noted, if so; where there is no namespace for it, nothing is missing.
pub(crate) async fn record_verification(
    kubernetes: &Kubernetes,
    namespace: &str,
    key_arn: &str,
    verified: &Verified,
) -> Option<Cause> {
    let by = kubernetes.identity().await.unwrap_or_default();
    let verification = Verification {
        time: Timestamp::now(),
        by,
        key_arn: key_arn.to_owned(),
        level: verified.agreed.level,
        servers: verified.agreed.servers,
        secrets: verified.tally.listed,
    };
    write(&kubernetes.client, namespace, &verification).await.err().map(|error| Cause::kube(&error))
}

async fn write(client: &Client, namespace: &str, verification: &Verification) -> Result<(), kube::Error> {
    let text = serde_json::to_string(verification).map_err(kube::Error::SerdeError)?;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({ "data": { FIELD: text } }));
    match with_retry(|| maps.patch(RECORD, &params, &patch)).await {
        Err(error) if is_not_found(&error, RECORD) => {}
        answer => return answer.map(drop),
    }
    let map: ConfigMap = serde_json::from_value(json!({
        "metadata": { "name": RECORD, "labels": { APP_LABEL: APP } }, "data": { FIELD: text },
    }))
    .map_err(kube::Error::SerdeError)?;
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    match maps.create(&params, &map).await {
        Err(error) if is_not_found(&error, namespace) => Ok(()),
        answer => answer.map(drop),
    }
}

/// The last verification of this key that was noted in a namespace of runs, or in the one that a person names; with the namespace.
/// What can't be read is left out: a note only saves work.
pub(crate) async fn last_verification(
    client: &Client,
    named: Option<&str>,
    key_arn: &str,
) -> Option<(String, Verification)> {
    let namespaces = list_namespaces_of_runs(client, named).await.ok()?;
    let read = async |namespace| Ok(read_verification(client, namespace).await.unwrap_or_default());
    let (namespace, last) = newest(&namespaces, read, |verification| verification.time).await.ok()??;
    (last.key_arn == key_arn).then(|| (namespace.to_owned(), last))
}

/// The last verification that was noted in a namespace.
pub(crate) async fn read_verification(client: &Client, namespace: &str) -> Result<Option<Verification>, Cause> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    match maps.get(RECORD).await {
        Ok(map) => Ok(map.data.and_then(|data| serde_json::from_str(data.get(FIELD)?).ok())),
        Err(error) if is_not_found(&error, RECORD) => Ok(None),
        Err(error) => Err(Cause::kube(&error)),
    }
}
