//! `status`: how things stand, from facts alone. Input: AWS, the run record, the Jobs, and the metadata of every Secret.
//! Output: text, or the same as data. Changes nothing. What can't be seen is said, and does not hide the rest.

use std::time::Duration;

use eks_encrypt_job::contract::{APP, APP_LABEL, RUN_LABEL};
use eks_encrypt_job::event::Proof;
use eks_encrypt_job::exit::ExitCode;
use eks_encrypt_job::outcome::Tally;
use eks_encrypt_job::record::{self, Record};
use eks_encrypt_job::watermark::Watermark;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde::Serialize;

use crate::cause::Cause;
use crate::cli::{Status as Flags, VERSION};
use crate::cluster::Cluster;
use crate::kubernetes::{self, Kubernetes, again};
use crate::manifests::word;
use crate::report::API_VERSION;
use crate::run::ended;
use crate::screen::{self, Screen};
use crate::standing::{self, Standing};
use crate::status_text;
use crate::stop::Stop;
use crate::target::Target;
use crate::{aws, cluster, key, updates};

/// How long the run record is asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that was seen. A public format: adding a field is no change of its version.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    time: Timestamp,
    /// The kubeconfig's context.
    pub(crate) context: String,
    /// The cluster in AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<InAws>,
    /// The last run, by its record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<LastRun>,
    /// The Job that is at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at_work: Option<String>,
    /// Where the Secrets stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secrets: Option<Standing>,
    /// What could not be seen, and why.
    pub(crate) not_seen: Vec<String>,
}

/// A cluster as EKS and KMS tell of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InAws {
    pub(crate) arn: String,
    pub(crate) kubernetes_version: String,
    pub(crate) status: String,
    /// What EKS says is wrong with it.
    pub(crate) health: Vec<String>,
    /// The key that is associated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_arn: Option<String>,
    /// Why that key can't be used, if so; nothing, if it can, or is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_trouble: Option<String>,
    /// An association on which EKS works now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) update_in_progress: Option<String>,
}

/// A run by its record.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LastRun {
    pub(crate) run: String,
    pub(crate) method: String,
    pub(crate) key_arn: String,
    pub(crate) watermark: String,
    /// `complete`, `incomplete`, `stopped`; empty while it is at work, or where nobody could say.
    pub(crate) result: String,
    pub(crate) proven: bool,
    pub(crate) updated: Timestamp,
    pub(crate) tally: Tally,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<Proof>,
}

/// Looks at everything.
pub(crate) async fn status(args: &Flags, screen: &Screen) -> Result<ExitCode, Stop> {
    let kubernetes = kubernetes::connect(args.kube.kubeconfig.as_deref(), args.kube.context.as_deref()).await?;
    let mut status = Status {
        api_version: API_VERSION,
        kind: "Status",
        version: VERSION,
        time: Timestamp::now(),
        context: kubernetes.context.clone(),
        cluster: None,
        run: None,
        at_work: None,
        secrets: None,
        not_seen: Vec::new(),
    };
    let right = match Target::of_status(args, screen) {
        Ok(target) => in_aws(&mut status, &target, &kubernetes).await,
        Err(Stop { error, .. }) => {
            status.not_seen.push(format!("the association and the key: {error:#}"));
            true
        }
    };
    if right {
        in_kubernetes(&mut status, &kubernetes.client, &args.namespace).await;
    }
    match args.output {
        Some(output) => screen::data(&status, output, screen),
        None => screen::stdout(&status_text::text(&status)),
    }
    Ok(ExitCode::Done)
}

/// The cluster and its key. Gives back whether the kubeconfig may be asked: not, if it is known to be another cluster's.
async fn in_aws(status: &mut Status, target: &Target, kubernetes: &Kubernetes) -> bool {
    let mut unseen = |what: &str, why: String| status.not_seen.push(format!("{what}: {why}"));
    let told = |stop: Stop| format!("{:#}", stop.error);
    let aws = match aws::connect(target.profile.as_deref(), target.region.as_deref()).await {
        Ok(aws) => aws,
        Err(error) => {
            unseen("the association and the key", told(error.into()));
            return true;
        }
    };
    let cluster = match cluster::describe(&aws, &target.cluster).await {
        Ok(cluster) => cluster,
        Err(error) => {
            unseen("the association and the key", told(error.into()));
            return true;
        }
    };
    let right = match cluster.check_same(kubernetes) {
        Ok(()) => true,
        Err(error) => {
            unseen("the run and the Secrets", told(error.into()));
            false
        }
    };
    let Cluster { arn, version, status: state, key: key_arn, issues, .. } = cluster;
    let key_trouble = match &key_arn {
        Some(arn) => match key::check(&aws, arn).await {
            Ok(_) => None,
            Err(error @ key::Error::Unusable { .. }) => Some(error.to_string()),
            Err(error) => {
                unseen("the key's state", told(error.into()));
                None
            }
        },
        None => None,
    };
    let update_in_progress = match updates::in_progress(&aws, &target.cluster).await {
        Ok(update) => update.filter(updates::Update::associates).map(|update| update.id),
        Err(cause) => {
            unseen("updates in progress", cause.to_string());
            None
        }
    };
    let health = issues.into_iter().map(|issue| format!("{}: {}", issue.code, issue.message)).collect();
    status.cluster = Some(InAws {
        arn,
        kubernetes_version: version,
        status: state,
        health,
        key_arn,
        key_trouble,
        update_in_progress,
    });
    right
}

/// The record, the Job and the Secrets.
async fn in_kubernetes(status: &mut Status, client: &Client, namespace: &str) {
    let record = match record::read(client, namespace, PATIENCE).await {
        Ok(record) => record,
        Err(error) => {
            status.not_seen.push(format!("the last run: {:#}", anyhow::Error::new(error)));
            None
        }
    };
    match at_work(client, namespace).await {
        Ok(job) => status.at_work = job,
        Err(cause) => status.not_seen.push(format!("Jobs at work: {cause}")),
    }
    // Without a watermark, only the sum means something.
    let watermark = record.as_ref().map_or_else(|| Watermark::new(""), |record| record.watermark.clone());
    match standing::count(client, &watermark).await {
        Ok(standing) => status.secrets = Some(standing),
        Err(cause) => status.not_seen.push(format!("the Secrets: {cause}")),
    }
    status.run = record.map(last_run);
}

fn last_run(record: Record) -> LastRun {
    let result = record.result.and_then(|result| Some(serde_json::to_value(result).ok()?.as_str()?.to_owned()));
    LastRun {
        run: record.run,
        method: word(record.method),
        key_arn: record.key_arn,
        watermark: record.watermark.as_str().to_owned(),
        result: result.unwrap_or_default(),
        proven: record.proof.is_some_and(|proof| proof.holds()),
        updated: record.updated,
        tally: record.tally,
        proof: record.proof,
    }
}

async fn at_work(client: &Client, namespace: &str) -> Result<Option<String>, Cause> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let ours = ListParams::default().labels(&format!("{APP_LABEL}={APP},{RUN_LABEL}"));
    let list = again(|| jobs.list(&ours)).await.map_err(|error| Cause::kube(&error))?;
    Ok(list.iter().find(|job| ended(job).is_none()).map(|job| job.name_any()))
}
