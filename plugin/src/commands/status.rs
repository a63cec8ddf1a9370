//! `status`: how things stand, from facts alone. Input: AWS, the run record, the Jobs, and the metadata of every Secret.
//! Output: text, or the same as data. Changes nothing. What can't be seen is said, and does not hide the rest.

pub(crate) mod response_deadline;
pub(crate) mod secret_counts;
pub(crate) mod text;

use std::time::Duration;

use eks_encrypt_job::engine::record::{self, Record, RecordError};
use eks_encrypt_job::engine::watermark::Watermark;
use eks_encrypt_job::wire::event::{Proof, RunResult};
use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::names::{NAMESPACE, RUN_LABEL};
use eks_encrypt_job::wire::outcome::Tally;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::PartialObjectMeta;
use kube::{Api, Client, ResourceExt as _};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::aws::client::AwsContext;
use crate::aws::cluster::Cluster;
use crate::aws::{client, cluster, key, updates};
use crate::cause::Cause;
use crate::cli::Status as Flags;
use crate::commands::status::response_deadline::{DEADLINE_MESSAGE, ResponseDeadline};
use crate::commands::status::secret_counts::SecretCounts;
use crate::error::CliError;
use crate::k8s::{self, Kubernetes, with_retry};
use crate::model::followup::{attach, kubectl, verify};
use crate::model::run::{job_end, with_app_label};
use crate::model::target::Target;
use crate::output::type_meta::TypeMeta;
use crate::run::find::{job_key_arn, jobs};
use crate::run::namespaces::{list_namespaces_of_runs, newest};
use crate::run::verification::{self, Verification};
use crate::ui::terminal::{self, Terminal};

/// How long the run record is asked for again: with the pauses it is less than the patience with the API server, so that its own
/// words are shown.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything that was seen. A public format: adding a field is no change of its version.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    #[serde(flatten)]
    head: TypeMeta,
    /// The kubeconfig's context.
    pub(crate) context: String,
    /// The cluster in AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<EksCluster>,
    /// The last run, by its record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<LastRun>,
    /// The last verification that was noted. A note proves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<Verification>,
    /// The Job that is at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at_work: Option<String>,
    /// ClusterRoleBindings of runs that no running Job needs: they still give the right to list and patch every Secret.
    pub(crate) rights_left: Vec<RightLeft>,
    /// Where the Secrets stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secrets: Option<SecretCounts>,
    /// What could not be seen, and why.
    pub(crate) not_seen: Vec<String>,
    /// Whether the run record was looked for: where it was not, nobody knows that there is none.
    #[serde(skip)]
    pub(crate) record_sought: bool,
    /// The command that follows the Job at work.
    #[serde(skip)]
    pub(crate) attach: String,
    /// The command that verifies every Secret.
    #[serde(skip)]
    pub(crate) verify: String,
}

/// A cluster as EKS and KMS tell of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EksCluster {
    pub(crate) arn: String,
    pub(crate) kubernetes_version: String,
    pub(crate) status: String,
    /// What EKS says is wrong with it.
    pub(crate) health: Vec<String>,
    /// The key that is associated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_arn: Option<String>,
    /// The same key by its own ARN, where KMS gives it: EKS may know it by an alias.
    #[serde(skip)]
    pub(crate) key_resolved: Option<String>,
    /// Why that key can't be used, if so; nothing, if it can, or is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_trouble: Option<String>,
    /// An association on which EKS works now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) update_in_progress: Option<String>,
}

/// A right of a run that is over.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RightLeft {
    pub(crate) cluster_role_binding: String,
    /// The command that deletes it.
    pub(crate) delete: String,
}

/// A run by its record.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LastRun {
    pub(crate) run: String,
    pub(crate) method: String,
    pub(crate) key_arn: String,
    /// Whether that is the key that the cluster has now. Nothing, where that is not known: AWS did not say, the run named no
    /// key, or its Job may be older than the association.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) for_this_key: Option<bool>,
    pub(crate) watermark: String,
    /// `complete`, `incomplete`, `stopped`; empty while it is at work, or where nobody could say.
    pub(crate) result: String,
    /// Whether the Job says that it has verified it.
    pub(crate) verified_by_job: bool,
    pub(crate) updated: Timestamp,
    pub(crate) tally: Tally,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<Proof>,
}

/// Looks at everything.
pub(crate) async fn status(args: &Flags, terminal: &Terminal) -> Result<ExitCode, CliError> {
    let deadline = Instant::now() + args.timeout;
    let kubernetes = k8s::connect(&args.kube, terminal).await?;
    let aws = match Target::of_status(args, terminal) {
        Ok(target) => match client::connect(target.profile.as_deref(), target.region.as_deref()).await {
            Ok(aws) => Ok((aws, target.cluster)),
            Err(error) => Err(error.into()),
        },
        Err(stop) => Err(stop),
    };
    let status = gather(args, &kubernetes, aws, deadline).await;
    match args.output {
        Some(output) => terminal::data(&status, output, terminal),
        None => terminal::stdout(&text::text(&status)),
    }
    Ok(ExitCode::Done)
}

/// Looks at everything that can be reached. `aws`: AWS and the cluster's name, or why they are not known.
async fn gather(
    args: &Flags,
    kubernetes: &Kubernetes,
    aws: Result<(AwsContext, String), CliError>,
    deadline: Instant,
) -> Status {
    let mut status = Status {
        head: TypeMeta::new("Status"),
        context: kubernetes.context.clone(),
        cluster: None,
        run: None,
        verified: None,
        at_work: None,
        rights_left: Vec::new(),
        secrets: None,
        not_seen: Vec::new(),
        record_sought: false,
        attach: attach(&args.kube, args.namespace.as_deref()),
        verify: verify(&args.kube, args.namespace.as_deref(), ""),
    };
    let right = match aws {
        Ok((aws, check_cluster)) => {
            let seen = timeout_at(deadline, read_eks(&mut status, &aws, &check_cluster, kubernetes)).await;
            seen.unwrap_or_else(|_| {
                status.mark_unavailable("what AWS has not answered", DEADLINE_MESSAGE);
                true
            })
        }
        Err(stop) => {
            status.mark_unavailable("the association and the key", &error_message(stop));
            true
        }
    };
    if right {
        read_kubernetes(&mut status, kubernetes, args.namespace.as_deref(), deadline).await;
    }
    status
}

impl Status {
    /// Something could not be seen. A cause of several lines becomes one: it stands in one row, and in one string of the data.
    fn mark_unavailable(&mut self, what: &str, why: &str) {
        let why: Vec<_> = why.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        self.not_seen.push(format!("{what}: {}", why.join("; ").replace(":; ", ": ")));
    }
}

fn error_message(stop: CliError) -> String {
    format!("{:#}", stop.error)
}

/// The cluster and its key. Gives back whether the kubeconfig may be asked: not, if it is known to be another cluster's.
async fn read_eks(status: &mut Status, aws: &AwsContext, name: &str, kubernetes: &Kubernetes) -> bool {
    let cluster = match cluster::describe(aws, name).await {
        Ok(cluster) => cluster,
        Err(error) => {
            status.mark_unavailable("the association and the key", &error_message(error.into()));
            return true;
        }
    };
    let right = match cluster.check_endpoint_and_ca(kubernetes) {
        Ok(()) => true,
        Err(error) => {
            status.mark_unavailable("the run and the Secrets", &error_message(error.into()));
            false
        }
    };
    let Cluster { arn, version, status: state, key: key_arn, issues, .. } = cluster;
    let (key_resolved, key_trouble) = match &key_arn {
        Some(arn) => match key::check_associated(aws, arn).await {
            Ok(key) => (Some(key.arn), None),
            Err(error) => match &error {
                key::Error::Unusable { key, .. } => (Some(key.clone()), Some(error.to_string())),
                _ => {
                    status.mark_unavailable("the key's state", &error_message(error.into()));
                    (None, None)
                }
            },
        },
        None => (None, None),
    };
    let update_in_progress = match updates::in_progress(aws, name).await {
        Ok(update) => update.filter(updates::Update::associates).map(|update| update.id),
        Err(cause) => {
            status.mark_unavailable("updates in progress", &cause.to_string());
            None
        }
    };
    let health = issues.into_iter().map(|issue| format!("{}: {}", issue.code, issue.message)).collect();
    status.cluster = Some(EksCluster {
        arn,
        kubernetes_version: version,
        status: state,
        health,
        key_arn,
        key_resolved,
        key_trouble,
        update_in_progress,
    });
    right
}

/// The record, the Job and the Secrets.
async fn read_kubernetes(status: &mut Status, kubernetes: &Kubernetes, named: Option<&str>, deadline: Instant) {
    let (client, mut response_deadline) = (&kubernetes.client, ResponseDeadline::new(&kubernetes.server, deadline));
    let namespaces = match response_deadline.within(list_namespaces_of_runs(client, named)).await {
        Ok(namespaces) => namespaces,
        Err(cause) if response_deadline.is_over() => {
            return status.mark_unavailable("the run and the Secrets", &cause.to_string());
        }
        Err(cause) => {
            status.mark_unavailable("the namespaces of runs", &cause.to_string());
            vec![NAMESPACE.to_owned()]
        }
    };
    let record = match response_deadline
        .within(newest(&namespaces, async |namespace| read(client, namespace).await, |it| it.updated))
        .await
    {
        Ok(record) => {
            status.record_sought = true;
            record.map(|(_, record)| record)
        }
        Err(cause) if response_deadline.is_over() => {
            return status.mark_unavailable("the run and the Secrets", &cause.to_string());
        }
        Err(cause) => {
            status.mark_unavailable("the last run", &cause.to_string());
            None
        }
    };
    // Both stand in one ConfigMap: where that can't be read, the reason stands there already.
    if status.record_sought {
        let read = async |namespace| verification::read_verification(client, namespace).await;
        match response_deadline.within(newest(&namespaces, read, |it| it.time)).await {
            Ok(verified) => status.verified = verified.map(|(_, verified)| verified),
            Err(cause) if response_deadline.is_over() => {
                return status.mark_unavailable("Jobs at work and the Secrets", &cause.to_string());
            }
            Err(cause) => status.mark_unavailable("the last verification", &cause.to_string()),
        }
    }
    let all_jobs = async { jobs(client, &namespaces).await.map_err(|(_, cause)| cause) };
    let jobs = match response_deadline.within(all_jobs).await {
        Ok(jobs) => Some(jobs),
        Err(cause) if response_deadline.is_over() => {
            status.mark_unavailable("Jobs at work and the Secrets", &cause.to_string());
            status.run = record.map(|record| last_run(record, None));
            return;
        }
        Err(cause) => {
            status.mark_unavailable("Jobs at work", &cause.to_string());
            None
        }
    };
    status.at_work = jobs.iter().flatten().find(|job| job_end(job).is_none()).map(|job| job.name_any());
    match response_deadline.within(bindings(client)).await {
        Ok(bindings) => {
            let names = stale_bindings(bindings, jobs.as_deref()).into_iter();
            let delete = |name: &str| kubectl(&kubernetes.flags, &format!("delete clusterrolebinding {name}"));
            let right = |name: String| RightLeft { delete: delete(&name), cluster_role_binding: name };
            status.rights_left = names.map(right).collect();
        }
        Err(cause) if response_deadline.is_over() => {
            status.mark_unavailable("rights of runs and the Secrets", &cause.to_string());
            status.run = record.map(|record| last_run(record, None));
            return;
        }
        Err(cause) => status.mark_unavailable("rights of runs", &cause.to_string()),
    }
    let for_this_key =
        record.as_ref().and_then(|record| matches_cluster_key(record, status.cluster.as_ref(), jobs.as_deref()));
    // Without a watermark, or with one of another key, a run would write them all.
    let watermark = record.as_ref().filter(|_| for_this_key != Some(false)).map(|record| record.watermark.clone());
    match secret_counts::count(client, &watermark.unwrap_or_else(|| Watermark::new("")), &mut response_deadline).await {
        Ok(standing) => status.secrets = Some(standing),
        Err(cause) => status.mark_unavailable("the Secrets", &cause.to_string()),
    }
    status.run = record.map(|record| last_run(record, for_this_key));
}

/// The ClusterRoleBindings that runs have made, of whichever namespace.
async fn bindings(client: &Client) -> Result<Vec<PartialObjectMeta<ClusterRoleBinding>>, Cause> {
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    let ours = with_app_label();
    with_retry(|| bindings.list_metadata(&ours)).await.map(|list| list.items).map_err(|error| Cause::kube(&error))
}

/// The names of those that no running Job needs.
fn stale_bindings(bindings: Vec<PartialObjectMeta<ClusterRoleBinding>>, jobs: Option<&[Job]>) -> Vec<String> {
    let running = jobs.into_iter().flatten().filter(|job| job_end(job).is_none());
    let needed: Vec<Option<&String>> = running.map(|job| job.labels().get(RUN_LABEL)).collect();
    // One of manifests/ names no run.
    let is_needed = |binding: &PartialObjectMeta<ClusterRoleBinding>| match binding.labels().get(RUN_LABEL) {
        Some(run) => needed.contains(&Some(run)),
        None => !needed.is_empty(),
    };
    bindings.into_iter().filter(|binding| !is_needed(binding)).map(|binding| binding.name_any()).collect()
}

/// The record of the last run.
async fn read(client: &Client, namespace: &str) -> Result<Option<Record>, Cause> {
    record::read(client, namespace, PATIENCE).await.map_err(|error| {
        let mut cause = Cause::from_error(&error);
        cause.retryable = matches!(error, RecordError::Read { source, .. } if source.is_retryable());
        cause
    })
}

/// Whether a run has put Secrets under the key that the cluster has; nothing, where that is not known. `jobs`: nothing, where
/// they can't be seen.
fn matches_cluster_key(record: &Record, cluster: Option<&EksCluster>, jobs: Option<&[Job]>) -> Option<bool> {
    let cluster = cluster?;
    if record.key_arn.is_empty() {
        return None;
    }
    let Some(key) = &cluster.key_arn else { return Some(false) };
    let same = [Some(key), cluster.key_resolved.as_ref()].into_iter().flatten().any(|name| *name == record.key_arn);
    if !same {
        // An alias that KMS did not resolve may mean any key.
        return (cluster.key_resolved.is_some() || key.contains(":key/")).then_some(false);
    }
    if record.job_uid.is_empty() {
        // This program's own process (--local) names a key only after its association.
        return Some(true);
    }
    // A printed Job, which somebody else applied, may be older than the association, whatever key it names; and who applied a
    // Job that can't be seen, or is gone, nobody knows.
    let job = jobs?.iter().find(|job| job.labels().get(RUN_LABEL) == Some(&record.run))?;
    job_key_arn(job).is_some().then_some(true)
}

fn last_run(record: Record, for_this_key: Option<bool>) -> LastRun {
    // A pass that goes on, or was broken off, has found nothing that moved so far: it is the end that proves.
    let complete = record.result == Some(RunResult::Complete);
    let result = record.result.and_then(|result| Some(serde_json::to_value(result).ok()?.as_str()?.to_owned()));
    LastRun {
        run: record.run,
        method: record.method.as_str().to_owned(),
        key_arn: record.key_arn,
        for_this_key,
        watermark: record.watermark.as_str().to_owned(),
        result: result.unwrap_or_default(),
        verified_by_job: complete && record.proof.is_some_and(Proof::is_of_all_servers),
        updated: record.updated,
        tally: record.tally,
        proof: record.proof,
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
