//! The status as people read it. Input: what was seen. Output: text. Says plainly whose key it is, and never more than is known.

use crate::commands::status::{EksCluster, LastRun, RightLeft, Status};
use crate::run::verification::Verification;
use crate::ui::progress::thousands;
use crate::ui::terminal::one_line;

/// The whole text.
pub(crate) fn text(status: &Status) -> String {
    let mut rows = Vec::new();
    match &status.cluster {
        Some(cluster) => aws(cluster, &mut rows),
        None => rows.push(("cluster", format!("that of kubeconfig context {}", status.context))),
    }
    rows.extend(run(status));
    rows.extend(status.rights_left.iter().map(|right| ("rights", right_left(right))));
    rows.extend(secrets(status));
    rows.extend(status.verified.as_ref().map(|verified| ("verified", verification_text(verified, &status.verify))));
    rows.extend(status.not_seen.iter().map(|why| ("not seen", one_line(why))));
    let line = |(name, text): &(&str, String)| format!("{name:<12} {text}");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn aws(cluster: &EksCluster, rows: &mut Vec<(&'static str, String)>) {
    let EksCluster { arn, kubernetes_version, status, .. } = cluster;
    rows.push(("cluster", format!("{arn}, Kubernetes {kubernetes_version}, {status}")));
    rows.extend(cluster.health.iter().map(|issue| ("health", one_line(issue))));
    let association = match (&cluster.key_arn, &cluster.update_in_progress) {
        (_, Some(update)) => format!("EKS is associating a key (update {update})"),
        (Some(key), None) => format!("your key {key}"),
        (None, None) => match default_encrypted(kubernetes_version) {
            Some(true) => {
                "none: Secrets are under a key that AWS owns, as on every cluster since Kubernetes 1.28".to_owned()
            }
            Some(false) => "none: Secrets are not encrypted by KMS".to_owned(),
            None => "none".to_owned(),
        },
    };
    rows.push(("association", association));
    if let Some(last_error) = &cluster.key_trouble {
        rows.push(("key", format!("TROUBLE: {}", one_line(last_error))));
    } else if cluster.key_resolved.is_some() {
        rows.push(("key", "usable".to_owned()));
    }
}

/// EKS encrypts all API data by default since Kubernetes 1.28 (EKS User Guide, "Default envelope encryption for all
/// Kubernetes API Data").
fn default_encrypted(version: &str) -> Option<bool> {
    let (_, minor) = version.split_once('.')?;
    Some(minor.parse::<u32>().ok()? >= 28)
}

fn run(status: &Status) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(job) = &status.at_work {
        rows.push(("at work", format!("Job {job}; to watch it: {}", status.attach)));
    }
    match &status.run {
        Some(run) => {
            rows.push(("last run", last_run_text(run, status.at_work.is_some())));
            rows.push(("its key", key(run)));
        }
        None if status.at_work.is_none() && status.record_sought => {
            rows.push(("last run", "no run has left a record".to_owned()));
        }
        None => {}
    }
    rows
}

/// Whose key the last run was for: another one's run says nothing of the Secrets now.
fn key(run: &LastRun) -> String {
    match (run.for_this_key, run.key_arn.as_str()) {
        (Some(true), _) => "the cluster's key".to_owned(),
        (Some(false), key) => format!("NOT a key of this cluster: {}", one_line(key)),
        (None, "") => "not known: the run named none, so it may have begun before the key was associated".to_owned(),
        (None, key) => {
            format!("{}, but whether the cluster had it when the run began is not known", one_line(key))
        }
    }
}

/// A right of a run that is over.
fn right_left(right: &RightLeft) -> String {
    let RightLeft { cluster_role_binding, delete } = right;
    let name = one_line(cluster_role_binding);
    format!("ClusterRoleBinding {name} still gives the right to list and patch every Secret; to delete it: {delete}")
}

/// When it was verified, and by whom, as somebody has noted.
fn verification_text(verified: &Verification, verify: &str) -> String {
    let Verification { time, by, key_arn, servers, secrets, .. } = verified;
    format!(
        "{} by {}: {} Secrets under {}, {servers} API servers. A note proves nothing; to verify now: {verify}",
        time.strftime("%Y-%m-%d %H:%M:%S UTC"),
        one_line(by),
        thousands(*secrets),
        one_line(key_arn)
    )
}

fn last_run_text(run: &LastRun, at_work: bool) -> String {
    let result = match run.result.as_str() {
        "" if at_work => "not ended",
        "" => "ended without a word, or at work elsewhere (--local)",
        "complete" if run.verified_by_job => "complete (verified by the Job)",
        "complete" => "complete",
        other => other,
    };
    let tally = run.tally;
    format!(
        "{} ({}): {result}, {}; {} listed: {} rewritten, {} current already, {} deleted meanwhile, {} failed",
        run.run,
        run.method,
        run.updated.strftime("%Y-%m-%d %H:%M:%S UTC"),
        thousands(tally.listed),
        thousands(tally.rewritten),
        thousands(tally.current),
        thousands(tally.gone),
        thousands(tally.failed)
    )
}

fn secrets(status: &Status) -> Option<(&'static str, String)> {
    let standing = status.secrets?;
    let all = thousands(standing.total);
    let text = match (&status.run, standing.behind) {
        (None, _) => format!("{all}; how many are under your key is not known without a run's record"),
        (Some(run), _) if run.for_this_key == Some(false) => {
            format!(
                "{all}; how many are under the cluster's key is not known: the last run was for a key that it does not have"
            )
        }
        (Some(_), 0) => format!("{all}; all written since the last run began"),
        (Some(_), behind) => format!("{all}; {} NOT written since the last run began", thousands(behind)),
    };
    Some(("Secrets", text))
}
