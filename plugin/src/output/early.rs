//! What scripts get where a command ends before a run's end, so that `-o` is never answered by silence. Input: the checks, and how
//! far the command has gone. Output: values for `-o json` and `-o yaml`: public formats, as `document` says.

use eks_encrypt_job::wire::exit::ExitCode;
use serde::Serialize;

use crate::aws::association::Plan;
use crate::checks::table::Check;
use crate::checks::{ChecksFailed, Ground};
use crate::model::run::Run;
use crate::output::document::Head;
use crate::output::subject::Subject;
use crate::stop::Stop;
use crate::ui::screen::{self, Output, Screen};

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
    fn found(plan: &Plan) -> Self {
        match plan {
            Plan::Associate => Self::Missing,
            Plan::Follow(id) => Self::InProgress { update: id.clone() },
            Plan::Nothing => Self::Associated,
        }
    }
}

/// The checks alone: one of them failed, or nothing else was asked for (`--dry-run`). Nothing was changed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked<'a> {
    #[serde(flatten)]
    head: Head,
    /// What they were about; nothing, where one failed. The key may be the one that the cluster is to get.
    #[serde(flatten)]
    subject: Option<&'a Subject>,
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
struct Begun<'a> {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    subject: &'a Subject,
    /// Nothing, where AWS was not asked.
    #[serde(flatten)]
    association: Option<Association>,
    /// The run that is at work; nothing, where none was begun.
    #[serde(flatten)]
    run: Option<AtWork<'a>>,
    checks: &'a [Check],
}

/// A run that goes on without us.
#[derive(Debug, Serialize)]
struct AtWork<'a> {
    run: &'a str,
    namespace: &'a str,
    job: &'a str,
}

/// Tells scripts which checks failed.
pub(crate) fn stopped(failed: ChecksFailed, output: Option<Output>, screen: &Screen) -> Stop {
    if let Some(checks) = &failed.checks {
        tell(&refused(checks, failed.stop.code), output, screen);
    }
    failed.stop
}

fn refused(checks: &[Check], code: ExitCode) -> Checked<'_> {
    let head = Head::of("Checks");
    Checked { head, subject: None, association: None, passed: false, exit_code: code as u8, checks }
}

/// Tells scripts what a dry run has found.
pub(crate) fn dry_run(ground: &Ground, output: Option<Output>, screen: &Screen) {
    tell(&checked(ground, &Subject::of(ground)), output, screen);
}

fn checked<'a>(ground: &'a Ground, subject: &'a Subject) -> Checked<'a> {
    Checked {
        head: Head::of("Checks"),
        subject: Some(subject),
        association: ground.eks.as_ref().map(|eks| Association::found(&eks.plan)),
        passed: true,
        exit_code: ExitCode::Done as u8,
        checks: &ground.checks,
    }
}

/// Tells scripts how far the association has come, where that is all that was asked for.
pub(crate) fn associated(ground: &Ground, association: Association, output: Option<Output>, screen: &Screen) {
    let subject = Subject::of(ground);
    tell(&begun(&subject, Some(association), None, &ground.checks), output, screen);
}

/// Tells scripts which run goes on without us.
pub(crate) fn goes_on(subject: &Subject, run: &Run, checks: &[Check], output: Option<Output>, screen: &Screen) {
    // No run is begun at a cluster whose key is not known to be associated, but where AWS is left out.
    let association = (!subject.key_arn.is_empty()).then_some(Association::Associated);
    tell(&begun(subject, association, Some(run), checks), output, screen);
}

fn begun<'a>(
    subject: &'a Subject,
    association: Option<Association>,
    run: Option<&'a Run>,
    checks: &'a [Check],
) -> Begun<'a> {
    let run = run.map(|Run { id, namespace, job, .. }| AtWork { run: id, namespace, job });
    Begun { head: Head::of("Begun"), subject, association, run, checks }
}

fn tell(document: &impl Serialize, output: Option<Output>, screen: &Screen) {
    if let Some(output) = output {
        screen::data(document, output, screen);
    }
}

#[cfg(test)]
#[path = "early_tests.rs"]
mod tests;
