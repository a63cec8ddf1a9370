//! Whether what the command line names for the Job's Pod is there: without it no Pod would ever be made, and the key would be
//! associated by then. Input: the command line's settings. Output: a row for each. Reads only.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::cause::Cause;
use crate::checks::table::Check;
use crate::k8s::{is_not_found, with_retry};
use crate::model::options::JobOptions;
use crate::ui::terminal::one_line;

/// The rows' names, and the flags that name what they are about.
const SERVICE_ACCOUNT: (&str, &str) = ("ServiceAccount", "--service-account");
const PRIORITY_CLASS: (&str, &str) = ("PriorityClass", "--priority-class");

/// Looks at each that is named.
pub(crate) async fn check(client: &Client, job: &JobOptions) -> Vec<Check> {
    let mut rows = Vec::new();
    if let Some(name) = &job.service_account {
        // The flag requires one.
        let namespace = job.namespace.as_deref().unwrap_or_default();
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
        rows.push(check_exists(&accounts, name, &format!(" in namespace {namespace}"), SERVICE_ACCOUNT).await);
    }
    if let Some(name) = &job.priority_class {
        rows.push(check_exists(&Api::<PriorityClass>::all(client.clone()), name, "", PRIORITY_CLASS).await);
    }
    rows
}

/// Who may not look may be right all the same.
async fn check_exists<K>(api: &Api<K>, name: &str, place: &str, (kind, flag): (&'static str, &str)) -> Check
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    match with_retry(|| api.get_metadata(name)).await {
        Ok(_) => Check::ok(kind, format!("{kind} {name} exists{place}")),
        Err(error) if is_not_found(&error, name) => Check::failed(
            kind,
            format!("there is no {kind} {name}{place}, so that no Pod could be made"),
            Some(format!("make it, or name another ({flag})")),
        ),
        Err(error) => Check::warn(
            kind,
            format!(
                "whether {kind} {name} exists{place} can't be seen: {}",
                one_line(&Cause::kube(&error).to_string())
            ),
            None,
        ),
    }
}

#[cfg(test)]
mod tests {
    //! A typo is found before the key is associated.
    use insta::assert_snapshot;

    use super::*;
    use crate::testing::{api_object, forbidden, kubernetes, not_found, reencrypt, row};

    /// The rows of these flags, where the API server has ServiceAccount and PriorityClass `there`, and hides `hidden`.
    async fn row_of(flags: &[&str]) -> String {
        let client = kubernetes(|_, path| match path {
            _ if path.contains("/there") => (200, api_object(path)),
            _ if path.contains("/hidden") => (403, forbidden("get", "serviceaccounts")),
            _ => not_found(path),
        });
        check(&client, &reencrypt(flags).job).await.into_iter().map(row).collect::<Vec<_>>().join("\n")
    }

    #[tokio::test]
    async fn what_the_pod_needs_is_there_or_not() {
        let there = ["--namespace", "ops", "--service-account", "there", "--priority-class", "there"];
        assert_snapshot!(row_of(&there).await, @r"
        ok    ServiceAccount       ServiceAccount there exists in namespace ops
        ok    PriorityClass        PriorityClass there exists
        ");
        let typos = ["--namespace", "ops", "--service-account", "thier", "--priority-class", "hihg"];
        assert_snapshot!(row_of(&typos).await, @r"
        FAIL  ServiceAccount       there is no ServiceAccount thier in namespace ops, so that no Pod could be made
                                   what helps: make it, or name another (--service-account)
        FAIL  PriorityClass        there is no PriorityClass hihg, so that no Pod could be made
                                   what helps: make it, or name another (--priority-class)
        ");
        let hidden = row_of(&["--service-account", "hidden"]).await;
        assert!(
            hidden.contains("warn  ServiceAccount       whether ServiceAccount hidden exists in namespace"),
            "{hidden}"
        );
    }

    #[tokio::test]
    async fn nothing_is_asked_where_nothing_is_named() {
        assert_eq!(row_of(&[]).await, "");
    }
}
