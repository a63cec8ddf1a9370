//! Whether a run is at work that has no Job: one in somebody's own process (`--local`) shows in its namespace's lease alone. Input:
//! the namespace. Output: a row of the checks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eks_encrypt_job::engine::lease::{RENEW_INTERVAL, at_work};
use kube::Client;
use tokio::time::timeout;

use crate::cause::Cause;
use crate::checks::table::Check;
use crate::ui::terminal::one_line;

/// The row's name: the same as where a Job was found.
const NAME: &str = "run";

/// How long a lease that somebody has is watched: who is at work renews it in half of that. One that expires takes longer, and the
/// run itself waits for it.
const MAX_HEARTBEAT_AGE: Duration = RENEW_INTERVAL.saturating_mul(2);

/// Looks at the leases of these namespaces, where no Job is running. `last`: the Job that has ended last.
pub(crate) async fn check(client: &Client, namespaces: &[String], last: Option<&str>) -> Check {
    for namespace in namespaces {
        if let Some(row) = check_namespace(client, namespace).await {
            return row;
        }
    }
    let last = last.map(|last| format!("; {last}")).unwrap_or_default();
    Check::ok(NAME, format!("no active run{last}"))
}

/// The row, where there is something to say of this namespace.
async fn check_namespace(client: &Client, namespace: &str) -> Option<Check> {
    let held = AtomicBool::new(false);
    Some(match timeout(MAX_HEARTBEAT_AGE, at_work(client, namespace, |_| held.store(true, Ordering::Relaxed))).await {
        Ok(Ok(None)) => return None,
        Ok(Ok(Some(holder))) => Check::failed(
            NAME,
            format!("{} is at work in namespace {namespace}, without a Job: it renews the lease", one_line(&holder)),
            Some("wait until that run has ended, then run the same command again".to_owned()),
        ),
        Ok(Err(api_error)) => Check::warn(
            NAME,
            format!(
                "no Job is at work in namespace {namespace}; whether a run without a Job is, can't be seen: {}",
                one_line(&Cause::from_error(&api_error).to_string())
            ),
            None,
        ),
        Err(_) if !held.into_inner() => Check::warn(
            NAME,
            format!(
                "no Job is at work in namespace {namespace}; whether a run without a Job is, can't be seen: no answer within {} s",
                MAX_HEARTBEAT_AGE.as_secs()
            ),
            None,
        ),
        Err(_) => Check::ok(
            NAME,
            format!(
                "no Job is at work in namespace {namespace}; a run that was cut off has left its lease, which expires soon"
            ),
        ),
    })
}

#[cfg(test)]
mod tests {
    //! One row for each state of the lease.
    use insta::assert_snapshot;
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::testing::{forbidden, kubernetes, not_found, row};

    /// The row, where the lease gets this answer after so many seconds; and how long it took.
    async fn row_of(answer: impl Fn(u64, &str) -> (u16, String) + Send + Sync + 'static) -> (String, u64) {
        let began = Instant::now();
        let client = kubernetes(move |_, path| answer(began.elapsed().as_secs(), path));
        (row(check(&client, &["ops".to_owned()], None).await), began.elapsed().as_secs())
    }

    /// A lease at this version.
    fn held(version: u64) -> (u16, String) {
        let spec = json!({ "holderIdentity": "r1/local-0a", "leaseDurationSeconds": 20 });
        let metadata = json!({ "name": "eks-encrypt", "resourceVersion": version.to_string() });
        (200, json!({ "metadata": metadata, "spec": spec }).to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn who_renews_the_lease_is_at_work() {
        let (at_work, took) = row_of(|seconds, _| held(seconds / 5)).await;
        assert_snapshot!(at_work, @r"
        FAIL  run                  r1/local-0a is at work in namespace ops, without a Job: it renews the lease
                                   what helps: wait until that run has ended, then run the same command again
        ");
        assert_eq!(took, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_free_or_is_left_behind_lets_a_run_begin() {
        assert_snapshot!(row_of(|_, path| not_found(path)).await.0, @"  ok    run                  no active run");
        let (left, took) = row_of(|_, _| held(7)).await;
        assert_snapshot!(left, @r"
        ok    run                  no Job is at work in namespace ops; a run that was cut off has left its lease, which
                                     expires soon
        ");
        assert_eq!(took, 10);
    }

    /// It was called one that somebody has left behind.
    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_does_not_answer_has_shown_no_lease() {
        let (unseen, took) = row_of(|_, _| (503, "busy".to_owned())).await;
        assert_snapshot!(unseen, @r"
        warn  run                  no Job is at work in namespace ops; whether a run without a Job is, can't be seen: no
                                     answer within 10 s
        ");
        assert_eq!(took, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_may_not_be_seen_is_a_warning() {
        assert_snapshot!(row_of(|_, _| (403, forbidden("get", "leases"))).await.0, @r#"
        warn  run                  no Job is at work in namespace ops; whether a run without a Job is, can't be seen: leases
                                     is forbidden: User "alice" cannot get resource "leases"
        "#);
    }
}
