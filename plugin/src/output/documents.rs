//! What scripts get where a command ends before a run's end, so that `-o` is never answered by silence. Input: the checks, and how
//! far the command has gone. Output: values for `-o json` and `-o yaml`: public formats, as `document` says.

use eks_encrypt_job::wire::exit::ExitCode;
use serde::Serialize;

use crate::aws::association::AssociationPlan;
use crate::checks::table::Check;
use crate::checks::{ChecksFailed, PreflightReport};
use crate::error::CliError;
use crate::model::run::Run;
use crate::output::cluster_ref::ClusterRef;
use crate::output::type_meta::TypeMeta;
use crate::ui::terminal::{self, Output, Terminal};

/// How the association stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "association", rename_all = "camelCase")]
pub(crate) enum Association {
    /// The cluster has no key yet.
    Missing,
    /// EKS is at it.
    InProgress {
        /// EKS's update.
        update: String,
    },
    /// The cluster has the key.
    Associated,
}

impl Association {
    /// As the checks found it.
    fn found(plan: &AssociationPlan) -> Self {
        match plan {
            AssociationPlan::Associate => Self::Missing,
            AssociationPlan::Follow(id) => Self::InProgress { update: id.clone() },
            AssociationPlan::Nothing => Self::Associated,
        }
    }
}

/// The checks alone: one of them failed, or nothing else was asked for (`--dry-run`). Nothing was changed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChecksDocument<'a> {
    #[serde(flatten)]
    head: TypeMeta,
    /// What they were about; nothing, where one failed. The key may be the one that the cluster is to get.
    #[serde(flatten)]
    cluster_ref: Option<&'a ClusterRef>,
    /// Nothing, where one failed, or AWS was not asked.
    #[serde(flatten)]
    association: Option<Association>,
    /// Whether the same command without `--dry-run` would go on.
    passed: bool,
    exit_code: u8,
    checks: &'a [Check],
}

/// What has been begun or done, before this command ended as it was asked to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StartedDocument<'a> {
    #[serde(flatten)]
    head: TypeMeta,
    #[serde(flatten)]
    cluster_ref: &'a ClusterRef,
    /// Nothing, where AWS was not asked.
    #[serde(flatten)]
    association: Option<Association>,
    /// The run that is at work; nothing, where none was begun.
    #[serde(flatten)]
    run: Option<ActiveRun<'a>>,
    checks: &'a [Check],
}

/// A run that goes on without us.
#[derive(Debug, Serialize)]
struct ActiveRun<'a> {
    run: &'a str,
    namespace: &'a str,
    job: &'a str,
}

/// Tells scripts which checks failed.
pub(crate) fn checks_failed(failed: ChecksFailed, output: Option<Output>, terminal: &Terminal) -> CliError {
    if let Some(checks) = &failed.checks {
        print_document(&failed_document(checks, failed.stop.code), output, terminal);
    }
    failed.stop
}

fn failed_document(checks: &[Check], code: ExitCode) -> ChecksDocument<'_> {
    let head = TypeMeta::new("Checks");
    ChecksDocument { head, cluster_ref: None, association: None, passed: false, exit_code: code as u8, checks }
}

/// Tells scripts what a dry run has found.
pub(crate) fn dry_run(ground: &PreflightReport, output: Option<Output>, terminal: &Terminal) {
    print_document(&passed_document(ground, &ClusterRef::from_report(ground)), output, terminal);
}

fn passed_document<'a>(ground: &'a PreflightReport, cluster_ref: &'a ClusterRef) -> ChecksDocument<'a> {
    ChecksDocument {
        head: TypeMeta::new("Checks"),
        cluster_ref: Some(cluster_ref),
        association: ground.eks.as_ref().map(|eks| Association::found(&eks.plan)),
        passed: true,
        exit_code: ExitCode::Done as u8,
        checks: &ground.checks,
    }
}

/// Tells scripts how far the association has come, where that is all that was asked for.
pub(crate) fn associated(
    ground: &PreflightReport,
    association: Association,
    output: Option<Output>,
    terminal: &Terminal,
) {
    let cluster_ref = ClusterRef::from_report(ground);
    print_document(&started_document(&cluster_ref, Some(association), None, &ground.checks), output, terminal);
}

/// Tells scripts which run goes on without us.
pub(crate) fn detached(
    cluster_ref: &ClusterRef,
    run: &Run,
    checks: &[Check],
    output: Option<Output>,
    terminal: &Terminal,
) {
    // No run is begun at a cluster whose key is not known to be associated, but where AWS is left out.
    let association = (!cluster_ref.key_arn.is_empty()).then_some(Association::Associated);
    print_document(&started_document(cluster_ref, association, Some(run), checks), output, terminal);
}

fn started_document<'a>(
    cluster_ref: &'a ClusterRef,
    association: Option<Association>,
    run: Option<&'a Run>,
    checks: &'a [Check],
) -> StartedDocument<'a> {
    let run = run.map(|Run { id, namespace, job, .. }| ActiveRun { run: id, namespace, job });
    StartedDocument { head: TypeMeta::new("Begun"), cluster_ref, association, run, checks }
}

fn print_document(document: &impl Serialize, output: Option<Output>, terminal: &Terminal) {
    if let Some(output) = output {
        terminal::data(document, output, terminal);
    }
}

#[cfg(test)]
#[path = "documents_tests.rs"]
mod tests;
