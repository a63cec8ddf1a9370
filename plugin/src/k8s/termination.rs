//! Waits until a namespace that is being deleted does not exist any more. Kubernetes first deletes all that is in it, and creates
//! nothing in it meanwhile.

use std::time::Duration;

use eks_encrypt_job::wire::exit::ExitCode;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use tokio::time::{Instant, sleep};

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::k8s::{Kubernetes, is_not_found, with_retry};
use crate::model::followup::kubectl;
use crate::ui::terminal::{Frame, Terminal, one_line};

/// How long it may take: the Job's Pod has 15 s to end, and controllers come after it.
pub(crate) const TERMINATION_TIMEOUT: Duration = Duration::from_secs(120);

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Why the wait ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Something keeps it.
    #[error("namespace {name} is still being deleted after {} s{remaining}\n  see what keeps it: {show}", .waited.as_secs())]
    DeadlineExceeded { name: String, waited: Duration, remaining: String, show: String },
    /// The API server does not say.
    #[error("can't see whether namespace {name} is being deleted")]
    Unseen {
        name: String,
        #[source]
        source: Cause,
    },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Incomplete
    }
}

/// Waits for a namespace that is being deleted. Gives back whether there was anything to wait for.
pub(crate) async fn wait_until_deleted(
    kubernetes: &Kubernetes,
    name: &str,
    terminal: &Terminal,
) -> Result<bool, Error> {
    let api: Api<Namespace> = Api::all(kubernetes.client.clone());
    let mut began = None;
    let ended = loop {
        let namespace = match with_retry(|| api.get(name)).await {
            Ok(namespace) if namespace.metadata.deletion_timestamp.is_some() => namespace,
            Ok(_) => break Ok(()),
            Err(error) if is_not_found(&error, name) => break Ok(()),
            Err(error) => break Err(Error::Unseen { name: name.to_owned(), source: Cause::kube(&error) }),
        };
        let waited = began.get_or_insert_with(|| {
            let seconds = TERMINATION_TIMEOUT.as_secs();
            terminal.println(&format!("Namespace {name} is being deleted: waiting for that, up to {seconds} s"));
            Instant::now()
        });
        let waited = waited.elapsed();
        if waited >= TERMINATION_TIMEOUT {
            let show = kubectl(&kubernetes.flags, &format!("get namespace {name} -o yaml"));
            let remaining = remaining(&namespace);
            break Err(Error::DeadlineExceeded { name: name.to_owned(), waited, remaining, show });
        }
        let text = format!("Namespace {name} is being deleted, {} s so far", waited.as_secs());
        terminal.draw_progress(&Frame { text, share: None });
        sleep(POLL_INTERVAL).await;
    };
    terminal.clear();
    ended.map(|()| began.is_some())
}

/// The conditions by which the namespace controller says what is left, a line each.
fn remaining(namespace: &Namespace) -> String {
    let conditions = namespace.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let standing = conditions.filter(|condition| condition.status == "True");
    let line = |reason: &str, message: &str| format!("\n  {}", one_line(&format!("{reason}: {message}")));
    standing.map(|condition| line(&condition.type_, condition.message.as_deref().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    //! A namespace that comes to its end, and one that does not.
    use super::*;
    use crate::testing::{error_text, forbidden, kubernetes, not_found, reached_by};
    use insta::assert_snapshot;
    use serde_json::json;

    /// A wait for a namespace that is being deleted for so many seconds.
    async fn waited(seconds: u64) -> (String, u64) {
        let began = Instant::now();
        let client = kubernetes(move |_, path| {
            let conditions = json!([
                {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources discovered"},
                {"type": "NamespaceContentRemaining", "status": "True",
                    "message": "Some resources are remaining: widgets.example.com has 1 resource instances"}]);
            let terminating = json!({"metadata": {"name": "ops", "deletionTimestamp": "2026-11-24T07:00:00Z"},
                "status": {"conditions": conditions}});
            if began.elapsed().as_secs() < seconds { (200, terminating.to_string()) } else { not_found(path) }
        });
        let terminal = Terminal::captured();
        let end = wait_until_deleted(&reached_by(&["--context", "prod"], client), "ops", &terminal).await;
        let end = end.map_or_else(error_text, |terminating| format!("terminating: {terminating}"));
        (format!("{}\n{end}", terminal.text()), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_is_waited_for_until_it_is_deleted() {
        let (text, took) = waited(12).await;
        assert_snapshot!(text, @r"
        Namespace ops is being deleted: waiting for that, up to 120 s
        terminating: true
        ");
        assert_eq!(took, 12);
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_stays_is_reported_with_what_remains() {
        let (text, took) = waited(u64::MAX).await;
        assert_snapshot!(text, @r"
        Namespace ops is being deleted: waiting for that, up to 120 s
        exit 6
        error: namespace ops is still being deleted after 120 s
          NamespaceContentRemaining: Some resources are remaining: widgets.example.com has 1 resource instances
          see what keeps it: kubectl get namespace ops -o yaml --context prod
        ");
        assert_eq!(took, 120);
    }

    #[tokio::test]
    async fn where_nothing_is_being_deleted_there_is_no_wait() {
        assert_eq!(waited(0).await, ("\nterminating: false".to_owned(), 0));
    }

    #[tokio::test]
    async fn a_namespace_that_may_not_be_seen_is_an_error() {
        let client = kubernetes(|_, _| (403, forbidden("get", "namespaces")));
        let error = wait_until_deleted(&reached_by(&[], client), "ops", &Terminal::captured()).await.unwrap_err();
        assert_snapshot!(error, @"can't see whether namespace ops is being deleted");
    }
}
