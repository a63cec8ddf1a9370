//! Every check before anything is changed, as one table. Input: what is meant and how it is reached. Output: the ground
//! that the steps stand on, or the table's last line and the exit code of the first check that failed. Reads only.
//!
//! All checks are made that can be: one that rests on another that failed is shown as not made. The API server is asked
//! nothing before it is known to be the right one.

pub(crate) mod admission;
pub(crate) mod api_servers;
pub(crate) mod cluster_health;
pub(crate) mod key_warnings;
pub(crate) mod kms_grants;
pub(crate) mod lease;
pub(crate) mod rbac;
pub(crate) mod references;
pub(crate) mod secret_count;
pub(crate) mod table;
pub(crate) mod wrap;

use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::names::APP;
use jiff::Timestamp;

use crate::aws::association::{self, AssociationPlan};
use crate::aws::client::{self, AwsContext};
use crate::aws::cluster::{self, Cluster};
use crate::aws::key::{self, Key};
use crate::checks::api_servers::ApiServers;
use crate::checks::table::{Check, CheckResult, Checks};
use crate::error::CliError;
use crate::k8s::{self, Kubernetes, termination};
use crate::model::followup;
use crate::model::options::{AwsOptions, EngineOptions, JobOptions, KubeOptions};
use crate::model::run::Run;
use crate::model::target::Target;
use crate::registry::push::Push;
use crate::run::apply::NamespaceState;
use crate::run::find::{self, ExistingRuns, RunIntent};
use crate::run::manifests::{self, ManifestSettings};
use crate::run::verification::Verification;
use crate::ui::terminal::{Terminal, one_line};

/// What is to be checked.
pub(crate) struct PreflightOptions<'a> {
    /// The cluster in AWS; nothing, where AWS is not to be asked.
    pub(crate) target: Option<&'a Target>,
    /// The push of the Job's image, if there is to be one.
    pub(crate) push: Option<&'a Push>,
    /// The cluster in Kubernetes.
    pub(crate) kube: &'a KubeOptions,
    /// How Secrets are to be rewritten.
    pub(crate) engine: &'a EngineOptions,
    /// Where and as what.
    pub(crate) job: &'a JobOptions,
    /// Whether they are to be rewritten at all.
    pub(crate) reencrypt: bool,
}

/// What the checks found.
pub(crate) struct PreflightReport {
    /// The cluster's API server.
    pub(crate) kubernetes: Kubernetes,
    /// The cluster in AWS, if AWS was asked.
    pub(crate) eks: Option<Eks>,
    /// The run that is made, if none is found.
    pub(crate) run: Run,
    /// Whose its namespace is.
    pub(crate) owner: NamespaceState,
    /// What the API servers say of themselves.
    pub(crate) api_servers: ApiServers,
    /// The last verification of the key, and the namespace in which it was noted, if it is to save a run.
    pub(crate) verified: Option<(String, Verification)>,
    /// The table.
    pub(crate) checks: Vec<Check>,
}

/// A cluster in AWS.
pub(crate) struct Eks {
    /// AWS.
    pub(crate) aws: AwsContext,
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// Its key, or the one that it is to get.
    pub(crate) key: Key,
    /// What there is to do about the association.
    pub(crate) plan: AssociationPlan,
}

/// Something was found that nothing may be changed with.
#[derive(Debug)]
pub(crate) struct ChecksFailed {
    /// The table; nothing, where it was not begun.
    pub(crate) checks: Option<Vec<Check>>,
    /// The last line and the exit code.
    pub(crate) stop: CliError,
}

impl<E: Into<CliError>> From<E> for ChecksFailed {
    fn from(error: E) -> Self {
        Self { checks: None, stop: error.into() }
    }
}

/// Connects and checks.
pub(crate) async fn preflight(
    wanted: &PreflightOptions<'_>,
    terminal: &Terminal,
) -> Result<PreflightReport, ChecksFailed> {
    // Before the table: without an image there is nothing to check for.
    if wanted.reencrypt {
        manifests::required_image(wanted.job)?;
    }
    let aws = match wanted.target {
        Some(target) => Some(client::connect(target.profile.as_deref(), target.region.as_deref()).await),
        None => None,
    };
    let kubernetes = k8s::connect(wanted.kube, terminal).await;
    terminal.println("Checks (nothing is changed):");
    run_checks(wanted, aws, kubernetes, terminal).await
}

/// The checks themselves, on what could be connected.
pub(crate) async fn run_checks(
    wanted: &PreflightOptions<'_>,
    aws: Option<Result<AwsContext, client::Error>>,
    kubernetes: Result<Kubernetes, k8s::Error>,
    terminal: &Terminal,
) -> Result<PreflightReport, ChecksFailed> {
    let mut checks = Checks::new(terminal);
    let run = Run {
        manages_rbac: wanted.job.service_account.is_none(),
        ..Run::new(wanted.job.namespace.as_deref(), Timestamp::now(), rand::random())
    };
    let seen = match (wanted.target, aws) {
        (Some(target), Some(aws)) => Some(check_cluster(&mut checks, target, aws).await),
        _ => None,
    };
    let cluster = seen.as_ref().map(|seen| seen.as_ref().map(|(_, cluster)| cluster));
    let kubernetes = check_kubeconfig(&mut checks, kubernetes, cluster).await;
    let eks = match (wanted.target, seen) {
        (Some(target), Some(seen)) => Some(check_key(&mut checks, wanted.kube, target, seen).await),
        _ => None,
    };
    let (owner, api_servers) = match &kubernetes {
        Some((kubernetes, identity)) => {
            let arn = eks.as_ref().and_then(Option::as_ref).map_or("", |eks| &eks.key.arn);
            check_run(&mut checks, wanted, kubernetes, identity, arn, &run, terminal).await
        }
        None => {
            let because = "the kubeconfig's cluster is not known to be the right one";
            let names = ["API servers", "rights", "run", "admission", "Secrets"];
            checks.add_all(names.map(|name| Check::skipped(name, because)));
            (None, ApiServers::default())
        }
    };
    if let Some(push) = wanted.push {
        checks.add_all(push.check().await);
    }
    if let Err(stop) = checks.close() {
        return Err(ChecksFailed { checks: Some(checks.into_all()), stop });
    }
    match (kubernetes, eks, owner) {
        (Some((kubernetes, _)), None, Some(owner)) => Ok(PreflightReport {
            kubernetes,
            eks: None,
            run,
            owner,
            api_servers,
            verified: None,
            checks: checks.into_all(),
        }),
        (Some((kubernetes, _)), Some(Some(eks)), Some(owner)) => Ok(PreflightReport {
            kubernetes,
            eks: Some(eks),
            run,
            owner,
            api_servers,
            verified: None,
            checks: checks.into_all(),
        }),
        // Where something is missing, its check has failed.
        _ => {
            Err(CliError { code: ExitCode::Refused, error: anyhow::anyhow!("a check gave no result, which is a bug") }
                .into())
        }
    }
}

/// Who we are to AWS, if AWS could be connected to at all.
pub(crate) async fn check_identity(
    checks: &mut Checks<'_>,
    aws: Result<AwsContext, client::Error>,
    profile: Option<&str>,
) -> Option<(AwsContext, String)> {
    let known = match aws {
        Ok(aws) => aws.identity(profile).await.map(|identity| (aws, identity)),
        Err(error) => Err(error),
    };
    match known {
        Ok((aws, identity)) => {
            checks.add(Check::ok("AWS identity", identity.clone()));
            Some((aws, identity))
        }
        Err(error) => {
            checks.add(Check::from_error("AWS identity", error));
            None
        }
    }
}

/// Who we are to AWS, and what EKS says of the cluster.
async fn check_cluster(
    checks: &mut Checks<'_>,
    target: &Target,
    aws: Result<AwsContext, client::Error>,
) -> Option<(AwsContext, Cluster)> {
    let Some((aws, _)) = check_identity(checks, aws, target.profile.as_deref()).await else {
        checks.add(Check::skipped("cluster", "AWS does not know us"));
        return None;
    };
    match cluster::describe(&aws, &target.cluster).await {
        Ok(cluster) => {
            let Cluster { arn, version, status, .. } = &cluster;
            checks.add(Check::ok("cluster", format!("{arn}, Kubernetes {version}, {status}")));
            checks.add(cluster_health::check(&cluster));
            Some((aws, cluster))
        }
        Err(error) => {
            checks.add(Check::from_error("cluster", error));
            None
        }
    }
}

/// The kubeconfig's cluster, if it is the right one, and who we are to it. `cluster`: nothing, where AWS was not to be asked.
async fn check_kubeconfig(
    checks: &mut Checks<'_>,
    kubernetes: Result<Kubernetes, k8s::Error>,
    cluster: Option<Option<&Cluster>>,
) -> Option<(Kubernetes, String)> {
    let kubernetes = match kubernetes {
        Ok(kubernetes) => kubernetes,
        Err(error) => {
            checks.add(Check::from_error("kubeconfig", error));
            return None;
        }
    };
    let Kubernetes { context, server, .. } = &kubernetes;
    // Before we say a word to the API server: it may be somebody else's.
    match cluster.map(|cluster| cluster.map(|cluster| cluster.check_endpoint_and_ca(&kubernetes))) {
        Some(Some(Ok(()))) => {
            checks.add(Check::ok("kubeconfig", format!("context {context} has this cluster's server and CA")));
        }
        Some(Some(Err(error))) => {
            checks.add(Check::from_error("kubeconfig", error));
            return None;
        }
        Some(None) => {
            checks.add(Check::skipped("kubeconfig", "what EKS says of the cluster is not known"));
            return None;
        }
        None => checks.add(Check::warn(
            "kubeconfig",
            format!("context {context}, server {server}: not compared with EKS, because AWS is not to be asked"),
            None,
        )),
    }
    match kubernetes.identity().await {
        Ok(identity) => {
            checks.add(Check::ok("Kubernetes identity", identity.clone()));
            Some((kubernetes, identity))
        }
        Err(error) => {
            checks.add(Check::from_error("Kubernetes identity", error));
            None
        }
    }
}

/// The key, and what there is to do about it.
async fn check_key(
    checks: &mut Checks<'_>,
    kube: &KubeOptions,
    target: &Target,
    seen: Option<(AwsContext, Cluster)>,
) -> Option<Eks> {
    let Some((aws, cluster)) = seen else {
        checks.add_all(["key", "association"].map(|name| Check::skipped(name, "the cluster is not known")));
        return None;
    };
    let Some(named) = target.key.as_ref().or(cluster.key.as_ref()) else {
        let aws = AwsOptions { region: target.region.clone(), profile: target.profile.clone() };
        let cure = format!("associate one first: {}", followup::enable(&cluster.name, &aws, kube));
        checks.add(Check::failed("association", "no key is associated with this cluster", Some(cure)));
        return None;
    };
    let checked = match &target.key {
        Some(named) => key::check(&aws, named).await,
        None => key::check_associated(&aws, named).await,
    };
    let key = match checked {
        Ok(key) => {
            checks.add(Check::ok("key", key.arn.clone()));
            checks.add_all(key_warnings::check(&aws, &key, &cluster).await);
            key
        }
        // EKS has named it by its ARN, and no step that follows needs KMS.
        Err(key::Error::Hidden { key: arn, source }) if arn.contains(":key/") => {
            let found = format!("{arn}, whose state is not known: {}", one_line(&source.to_string()));
            let cure = "allow kms:DescribeKey on the key to your identity, to see it";
            checks.add(Check::warn("key", found, Some(cure.to_owned())));
            let key = Key { arn, ..Key::default() };
            checks.add_all(key_warnings::static_warnings(&key, &cluster));
            key
        }
        Err(error) => {
            checks.add(Check::from_error("key", error));
            checks.add(Check::skipped("association", "the key can't be used"));
            return None;
        }
    };
    let plan = match association::plan(&aws, &cluster, &key).await {
        Ok(plan) => plan,
        Err(error) => {
            checks.add(Check::from_error("association", error));
            return None;
        }
    };
    if !matches!(plan, AssociationPlan::Follow(_))
        && let Err(error) = cluster.check_active()
    {
        checks.add(Check::from_error("association", error));
        return None;
    }
    checks.add(Check::ok(
        "association",
        match &plan {
            AssociationPlan::Associate => "no key is associated yet".to_owned(),
            AssociationPlan::Follow(id) => format!("already in progress (update {id})"),
            AssociationPlan::Nothing => "this key is associated already".to_owned(),
        },
    ));
    Some(Eks { aws, cluster, key, plan })
}

/// What comes after the association must not fail for a reason that can be seen before it.
async fn check_run(
    checks: &mut Checks<'_>,
    wanted: &PreflightOptions<'_>,
    kubernetes: &Kubernetes,
    identity: &str,
    key_arn: &str,
    run: &Run,
    terminal: &Terminal,
) -> (Option<NamespaceState>, ApiServers) {
    let client = &kubernetes.client;
    if !wanted.reencrypt {
        checks.add(secret_count::check(client).await);
        return (Some(NamespaceState::Absent), ApiServers::default());
    }
    let (engine, job) = (wanted.engine, wanted.job);
    let (row, api_servers) = api_servers::check(client, engine.prove).await;
    checks.add(row);
    if let Some(namespace) = &job.namespace
        && let Some(row) = check_namespace(kubernetes, namespace, terminal).await
    {
        let failed = matches!(row.result, CheckResult::Failed(_));
        checks.add(row);
        if failed {
            let rest = ["rights", "run", "admission", "Secrets"];
            checks.add_all(rest.map(|name| Check::skipped(name, "the Job's namespace is being deleted")));
            return (None, api_servers);
        }
    }
    let missing = &api_servers.missing;
    let objects = manifests::objects(&ManifestSettings { run, key_arn, engine, job, watched: true, missing });
    let owner = match objects.map_err(CliError::from) {
        Ok(objects) => rbac::check(client, run, job, &objects).await.map_err(CliError::from),
        Err(stop) => Err(stop),
    };
    let owner = match owner {
        Ok(owner) => {
            checks.add(Check::ok("rights", rbac::passed_message(run, job)));
            Some(owner)
        }
        Err(CliError { code, error }) => {
            checks.add(Check::from_error("rights", CliError { code, error }));
            None
        }
    };
    checks.add_all(references::check(client, job).await);
    checks.add(match find::find(kubernetes, &RunIntent { key_arn, engine, job, watched: true }).await {
        Ok(ExistingRuns { running: Some(run), .. }) => {
            let found = format!("Job {} is running in namespace {}: it will be followed", run.job, run.namespace);
            Check::ok("run", found)
        }
        Ok(ExistingRuns { running: None, last, namespaces }) => {
            lease::check(client, &namespaces, last.as_deref()).await
        }
        Err(error) => Check::from_error("run", CliError { code: ExitCode::Refused, ..error.into() }),
    });
    checks.add_all(admission::check(client, &job_username(run, job, identity)).await);
    checks.add(secret_count::check(client).await);
    (owner, api_servers)
}

/// Waits for the Job's namespace if it is being deleted: the API server then refuses whatever would be created in it, in words that
/// look like a missing right.
async fn check_namespace(kubernetes: &Kubernetes, namespace: &str, terminal: &Terminal) -> Option<Check> {
    const NAME: &str = "namespace";
    match termination::wait_until_deleted(kubernetes, namespace, terminal).await {
        Ok(true) => Some(Check::ok(NAME, format!("{namespace} was being deleted, and does not exist any more"))),
        // The check of rights reports what can't be seen.
        Ok(false) | Err(termination::Error::Unseen { .. }) => None,
        Err(error) => Some(Check::from_error(NAME, CliError { code: ExitCode::Refused, ..error.into() })),
    }
}

/// The condition, in CEL, by which webhooks and policies leave out whoever will write the Secrets. It must hold for the next run
/// too, so that it names no run.
fn job_username(run: &Run, job: &JobOptions, identity: &str) -> String {
    let is_not = |user: &str| format!("request.userInfo.username != '{user}'");
    let begins = |user: &str| format!("!request.userInfo.username.startsWith('{user}')");
    match &job.service_account {
        _ if job.local => is_not(identity),
        Some(account) => is_not(&format!("system:serviceaccount:{}:{account}", run.namespace)),
        None if run.has_own_namespace() => begins(&format!("system:serviceaccount:{APP}-")),
        None => begins(&format!("system:serviceaccount:{}:{APP}-", run.namespace)),
    }
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;
