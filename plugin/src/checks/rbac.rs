//! Whether the person may make, see and take away what a run needs, asked before the key is associated for ever. Input:
//! the objects of a run. Output: what is missing, if anything. Access reviews and dry runs: nothing is changed.

use eks_encrypt_job::wire::exit::ExitCode;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::api::PostParams;
use kube::{Api, Client};

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::k8s::{is_not_found, with_retry};
use crate::model::options::JobOptions;
use crate::model::run::Run;
use crate::run::apply::{self, NamespaceState};
use crate::run::manifests::Object;

/// How many reviews are asked at once: each is a round trip, and there are some twenty.
const MAX_CONCURRENT_REVIEWS: usize = 8;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Some rights: API group, resource, verbs.
type Rights = [(&'static str, &'static str, &'static [&'static str])];

/// To give a run its rights, and to take them away: in the whole cluster. Server-side apply needs `patch`, and `create` for
/// what is not there; `get` tells whose an object is before it is deleted.
const CLUSTER_RBAC: &Rights = &[
    (RBAC, "clusterroles", &["get", "create", "patch", "delete"]),
    (RBAC, "clusterrolebindings", &["get", "list", "create", "patch", "delete"]),
];

/// And in the Job's namespace.
const NAMESPACE_RBAC: &Rights = &[
    ("", "serviceaccounts", &["get", "create", "delete"]),
    (RBAC, "roles", &["get", "create", "patch", "delete"]),
    (RBAC, "rolebindings", &["get", "create", "patch", "delete"]),
];

/// To make a Job, and to see it.
const JOB: &Rights = &[
    ("batch", "jobs", &["get", "list", "create", "patch", "delete"]),
    ("", "pods", &["list"]),
    ("", "pods/log", &["get"]),
];

/// To re-encrypt without a Job: what the Job may do (manifests/rbac.yaml), and to see whether one is at work.
const SECRETS: &Rights = &[("", "secrets", &["list", "patch"])];
const RECORD: &Rights = &[
    ("", "configmaps", &["get", "create", "patch"]),
    ("coordination.k8s.io", "leases", &["get", "create", "patch"]),
    ("batch", "jobs", &["list"]),
];

/// Why a run can't be begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Some rights are missing.
    #[error(
        "you may not do in this cluster what a run needs; nothing was changed\n{missing}  \
         what helps: the rights of cluster-admin while it runs (EKS: the access policy AmazonEKSClusterAdminPolicy)"
    )]
    Missing { missing: String },
    /// The API server does not say.
    #[error("can't find out whether you may {what}; nothing was changed")]
    Unknown {
        what: String,
        #[source]
        source: Cause,
    },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// Checks them all. Gives back whose the namespace is.
pub(crate) async fn check(
    client: &Client,
    run: &Run,
    job: &JobOptions,
    objects: &[Object],
) -> Result<NamespaceState, Error> {
    let namespace = &run.namespace;
    let mut missing = Vec::new();
    let owner = match apply::namespace_state(client, namespace).await {
        Ok(owner) => owner,
        // One of the rights that are missing, and no reason not to name the others.
        Err(kube::Error::Api(status)) if status.is_forbidden() => {
            missing.push(status.message);
            NamespaceState::Absent
        }
        Err(error) => {
            return Err(Error::Unknown { what: format!("use namespace {namespace}"), source: Cause::kube(&error) });
        }
    };
    missing.extend(denied_permissions(client, &required_permissions(namespace, owner, job)).await?);
    // The API server's own rule that nobody gives more than he has can only be asked by trying.
    for object in objects {
        // What is said already need not be said in the API server's words; and nothing is tried in a namespace to come.
        let there = owner != NamespaceState::Absent || !matches!(object, Object::Role(_));
        if missing.is_empty() && there {
            missing.extend(dry_run(client, run, object).await?);
        }
    }
    if missing.is_empty() {
        return Ok(owner);
    }
    Err(Error::Missing { missing: missing.iter().map(|line| format!("  {line}\n")).collect() })
}

/// What there is the right to, in words.
pub(crate) fn passed_message(run: &Run, job: &JobOptions) -> String {
    let namespace = &run.namespace;
    match &job.service_account {
        _ if job.local => {
            format!("you may list and patch every Secret, and keep the run's record in namespace {namespace}")
        }
        Some(account) => format!(
            "a Job may be made in namespace {namespace}; ServiceAccount {account} must have the rights to Secrets"
        ),
        None => format!("RBAC and a Job may be made in namespace {namespace}"),
    }
}

/// One question each.
fn required_permissions(namespace: &str, owner: NamespaceState, job: &JobOptions) -> Vec<ResourceAttributes> {
    let ask = |namespace: Option<&str>, group: &str, resource: &str, verb: &str| {
        let (resource, subresource) = resource.split_once('/').map_or((resource, None), |(a, b)| (a, Some(b)));
        ResourceAttributes {
            group: Some(group.to_owned()),
            namespace: namespace.map(str::to_owned),
            resource: Some(resource.to_owned()),
            subresource: subresource.map(str::to_owned),
            verb: Some(verb.to_owned()),
            ..ResourceAttributes::default()
        }
    };
    let mut all = Vec::new();
    if owner == NamespaceState::Absent {
        all.push(ask(None, "", "namespaces", "create"));
    }
    if job.namespace.is_none() {
        all.push(ask(None, "", "namespaces", "list"));
    }
    let (everywhere, within): (&Rights, [&Rights; 2]) = match &job.service_account {
        _ if job.local => (SECRETS, [RECORD, &[]]),
        Some(_) => (&[], [&[], JOB]),
        None => (CLUSTER_RBAC, [NAMESPACE_RBAC, JOB]),
    };
    let within = within.map(|table| (Some(namespace), table));
    for (place, table) in [(None, everywhere)].into_iter().chain(within) {
        for (group, resource, verbs) in table {
            all.extend(verbs.iter().map(|verb| ask(place, group, resource, verb)));
        }
    }
    all
}

/// Asks all questions, and names what is not allowed.
async fn denied_permissions(client: &Client, all: &[ResourceAttributes]) -> Result<Vec<String>, Error> {
    let asked = futures::stream::iter(all.iter().cloned().map(|what| async move {
        let words = describe(&what);
        is_allowed(client, what).await.map(|allowed| (!allowed).then_some(words))
    }));
    let answers: Vec<Option<String>> = asked.buffered(MAX_CONCURRENT_REVIEWS).try_collect().await?;
    Ok(answers.into_iter().flatten().collect())
}

async fn is_allowed(client: &Client, what: ResourceAttributes) -> Result<bool, Error> {
    let words = describe(&what);
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let spec =
        SelfSubjectAccessReviewSpec { resource_attributes: Some(what), ..SelfSubjectAccessReviewSpec::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let params = PostParams::default();
    let answer = with_retry(|| reviews.create(&params, &review)).await;
    let answer = answer.map_err(|error| Error::Unknown { what: words, source: Cause::kube(&error) })?;
    Ok(matches!(answer.status, Some(SubjectAccessReviewStatus { allowed: true, .. })))
}

/// `create clusterroles.rbac.authorization.k8s.io`, `get pods/log in namespace ops`.
fn describe(what: &ResourceAttributes) -> String {
    let text = |field: &Option<String>, before: &str| {
        field.as_deref().filter(|text| !text.is_empty()).map(|text| format!("{before}{text}")).unwrap_or_default()
    };
    format!(
        "{} {}{}{}{}",
        text(&what.verb, ""),
        text(&what.resource, ""),
        text(&what.subresource, "/"),
        text(&what.group, "."),
        text(&what.namespace, " in namespace ")
    )
}

/// Tries one object without making it.
async fn dry_run(client: &Client, run: &Run, object: &Object) -> Result<Vec<String>, Error> {
    let error = match apply::dry_run(client, object).await {
        Ok(()) => return Ok(Vec::new()),
        Err(error) => error,
    };
    match &error {
        kube::Error::Api(status) if status.is_forbidden() => Ok(vec![status.message.clone()]),
        // A dry run makes no ClusterRole, so there is none for the binding to name: whoever holds its rights may bind it.
        _ if matches!(object, Object::ClusterRoleBinding(_)) && is_not_found(&error, run.rbac_name()) => {
            let secrets = |verb: &str| ResourceAttributes {
                group: Some(String::new()),
                resource: Some("secrets".to_owned()),
                verb: Some(verb.to_owned()),
                ..ResourceAttributes::default()
            };
            denied_permissions(client, &["list", "patch"].map(secrets)).await
        }
        _ => Err(Error::Unknown { what: "make what a run needs".to_owned(), source: Cause::kube(&error) }),
    }
}

#[cfg(test)]
#[path = "rbac_tests.rs"]
mod tests;
