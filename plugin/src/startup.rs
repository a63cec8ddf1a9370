//! Why a Job's Pod does not run yet. Input: the Job's events and its newest Pod. Output: the reason in the object's own
//! words, and how long it makes sense to wait. Pure: `follow` fetches and waits.

use std::time::Duration;

use eks_encrypt_job::contract::CONTAINER;
use k8s_openapi::api::core::v1::{ContainerState, Event, Pod};

/// Images that can't be pulled and Pods that can't be made don't mend themselves.
const BROKEN: Duration = Duration::from_secs(30);

/// An autoscaler or Fargate needs a minute or two for a new node.
const NO_NODE: Duration = Duration::from_secs(300);

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// The object's own words.
    pub(crate) text: String,
    /// How long it may last before we give up.
    pub(crate) patience: Duration,
}

/// Why nothing runs, if something says why.
pub(crate) fn reason(pod: Option<&Pod>, events: &[Event]) -> Option<Reason> {
    match pod {
        None => failed_create(events),
        Some(pod) => waiting(pod).or_else(|| unscheduled(pod)),
    }
}

/// The state of the container whose log we read.
pub(crate) fn state(pod: &Pod) -> Option<&ContainerState> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)?.state.as_ref()
}

/// Quota, Pod Security, webhooks: the Job controller can't make the Pod and says so in an event of the Job.
fn failed_create(events: &[Event]) -> Option<Reason> {
    let event = events.iter().rev().find(|event| event.reason.as_deref() == Some("FailedCreate"))?;
    let words = event.message.as_deref().unwrap_or("no message");
    Some(Reason { text: format!("the Job can't make its Pod: {words}"), patience: BROKEN })
}

/// The kubelet waits with the container: image pulls, missing configuration.
fn waiting(pod: &Pod) -> Option<Reason> {
    let waiting = state(pod)?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    if matches!(reason, "ContainerCreating" | "PodInitializing") {
        return None;
    }
    let message = waiting.message.as_deref().unwrap_or("no message");
    Some(Reason { text: format!("its container waits: {reason}: {message}"), patience: BROKEN })
}

/// The scheduler finds no node.
fn unscheduled(pod: &Pod) -> Option<Reason> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled =
        conditions.iter().find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    let message = scheduled.message.as_deref().unwrap_or("no message");
    Some(Reason { text: format!("no node takes its Pod: {message}"), patience: NO_NODE })
}

#[cfg(test)]
mod tests {
    //! Each way in which a Pod does not start.
    use super::*;
    use insta::assert_snapshot;

    fn pod(status: &str) -> Pod {
        serde_json::from_str(&format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p"}},"status":{status}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn an_image_that_cannot_be_pulled() {
        let pod = pod(r#"{"containerStatuses":[{"name":"job","image":"","imageID":"","ready":false,"restartCount":0,
            "state":{"waiting":{"reason":"ErrImagePull","message":"registry.example/job:1: not found"}}}]}"#);
        let reason = reason(Some(&pod), &[]).unwrap();
        assert_snapshot!(reason.text, @"its container waits: ErrImagePull: registry.example/job:1: not found");
        assert_eq!(reason.patience, BROKEN);
    }

    #[test]
    fn a_pod_that_no_node_takes() {
        let pod = pod(r#"{"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
            "message":"0/3 nodes are available: 3 node(s) had untolerated taint {team: a}."}]}"#);
        let reason = reason(Some(&pod), &[]).unwrap();
        assert_snapshot!(reason.text, @"no node takes its Pod: 0/3 nodes are available: 3 node(s) had untolerated taint {team: a}.");
        assert_eq!(reason.patience, NO_NODE);
    }

    #[test]
    fn a_pod_that_may_not_be_made() {
        let event: Event = serde_json::from_str(
            r#"{"apiVersion":"v1","kind":"Event","metadata":{"name":"e"},"involvedObject":{},"reason":"FailedCreate",
            "message":"pods \"eks-encrypt-x\" is forbidden: exceeded quota: compute"}"#,
        )
        .unwrap();
        assert_snapshot!(reason(None, &[event]).unwrap().text, @r#"the Job can't make its Pod: pods "eks-encrypt-x" is forbidden: exceeded quota: compute"#);
    }

    #[test]
    fn a_container_that_is_being_made_is_no_reason() {
        let pod = pod(r#"{"containerStatuses":[{"name":"job","image":"","imageID":"","ready":false,"restartCount":0,
            "state":{"waiting":{"reason":"ContainerCreating"}}}]}"#);
        assert_eq!(reason(Some(&pod), &[]), None);
    }
}
