//! Why a Job's Pod does not run yet, and whether one ever did. Input: the Job, its events and its Pods. Output: the reason
//! in the object's own words, and how long it makes sense to wait. Pure: `follow` fetches and waits.

use std::time::Duration;

use eks_encrypt_job::api::bounds::{LONGEST_TEXT, cut};
use eks_encrypt_job::wire::names::CONTAINER;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, Event, Pod};

/// Images that can't be pulled and Pods that can't be made don't mend themselves.
const FATAL_WAIT: Duration = Duration::from_secs(30);

/// An autoscaler or Fargate needs a minute or two for a new node.
const UNSCHEDULED_WAIT: Duration = Duration::from_secs(300);

/// The Job controller tries again, and says so again, every minute or so: an event that was last seen longer ago is
/// history. Long enough for clocks that differ a little.
const EVENT_MAX_AGE: SignedDuration = SignedDuration::from_mins(5);

/// Longest termination message that is read. The kubelet keeps 4 KiB, but others may have the right to
/// write a Pod's status.
const MAX_TERMINATION_MESSAGE: usize = 16 << 10;

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PendingReason {
    /// The object's own words.
    pub(crate) text: String,
    /// How long it may last before we give up.
    pub(crate) timeout: Duration,
}

/// Why nothing runs, if something says why. Events come oldest first.
pub(crate) fn pending_reason(job: &Job, pod: Option<&Pod>, events: &[Event], now: Timestamp) -> Option<PendingReason> {
    let reason = match pod {
        None => failed_create(job, events, now),
        Some(pod) => waiting(pod).or_else(|| unscheduled(pod)),
    };
    reason.map(|reason| PendingReason { text: cut(reason.text, LONGEST_TEXT), ..reason })
}

/// The state of the container whose log we read.
pub(crate) fn container_state(pod: &Pod) -> Option<&ContainerState> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)?.state.as_ref()
}

/// The termination message of that container.
pub(crate) fn termination_message(pod: &Pod) -> Option<&str> {
    container_state(pod)?
        .terminated
        .as_ref()?
        .message
        .as_deref()
        .filter(|message| message.len() <= MAX_TERMINATION_MESSAGE)
}

/// Whether a Pod of the Job has begun, or may have: then Secrets may have been written, and the Job is not to be touched.
pub(crate) fn has_started(job: &Job, pods: &[Pod]) -> bool {
    let counts = job.status.as_ref().map(|status| [status.failed, status.succeeded, status.ready, status.terminating]);
    let counted = counts.is_some_and(|counts| counts.iter().flatten().any(|count| *count > 0));
    counted || pods.iter().any(|pod| !is_pending(pod))
}

/// Whether a Pod has certainly not begun.
fn is_pending(pod: &Pod) -> bool {
    let over = pod.status.as_ref().and_then(|status| status.phase.as_deref()).is_some_and(|phase| phase != "Pending");
    !over && container_state(pod).is_none_or(|state| state.running.is_none() && state.terminated.is_none())
}

/// Whether the Job has had another Pod than this one: a drained or evicted Pod may be gone before anybody saw it run.
pub(crate) fn had_previous_pod(pod: Option<&str>, events: &[Event]) -> bool {
    let made = events.iter().filter(|event| event.reason.as_deref() == Some("SuccessfulCreate"));
    made.into_iter().any(|event| {
        let words = event.message.as_deref().unwrap_or_default();
        pod.is_none_or(|pod| !words.ends_with(pod))
    })
}

/// When something was last seen to happen.
pub(crate) fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref()).map(|time| time.0);
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let once = event.event_time.as_ref().map(|time| time.0);
    series.or(last).or(once).or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

/// Quota, Pod Security, webhooks: the Job controller can't make the Pod and says so in an event of the Job. One that is
/// older than the Job, or followed by a Pod that was made, or that has not been repeated, explains nothing.
fn failed_create(job: &Job, events: &[Event], now: Timestamp) -> Option<PendingReason> {
    let of_pods = |event: &&Event| matches!(event.reason.as_deref(), Some("FailedCreate" | "SuccessfulCreate"));
    let event = events.iter().rev().find(of_pods).filter(|event| event.reason.as_deref() == Some("FailedCreate"))?;
    let seen = last_seen(event)?;
    let made = job.metadata.creation_timestamp.as_ref().map(|time| time.0);
    if made.is_some_and(|made| seen < made) || now.duration_since(seen) > EVENT_MAX_AGE {
        return None;
    }
    let words = event.message.as_deref().unwrap_or("no message");
    Some(PendingReason { text: format!("the Job can't make its Pod: {words}"), timeout: FATAL_WAIT })
}

/// The kubelet waits with the container: image pulls, missing configuration.
fn waiting(pod: &Pod) -> Option<PendingReason> {
    let waiting = container_state(pod)?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    if matches!(reason, "ContainerCreating" | "PodInitializing") {
        return None;
    }
    let message = waiting.message.as_deref().unwrap_or("no message");
    Some(PendingReason { text: format!("its container waits: {reason}: {message}"), timeout: FATAL_WAIT })
}

/// The scheduler finds no node.
fn unscheduled(pod: &Pod) -> Option<PendingReason> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled =
        conditions.iter().find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    let message = scheduled.message.as_deref().unwrap_or("no message");
    Some(PendingReason { text: format!("no node takes its Pod: {message}"), timeout: UNSCHEDULED_WAIT })
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

    const NOW: &str = "2026-11-24T09:00:00Z";

    fn job(status: &str) -> Job {
        serde_json::from_str(&format!(
            r#"{{"apiVersion":"batch/v1","kind":"Job","metadata":{{"creationTimestamp":"2026-11-24T07:00:00Z"}},"status":{status}}}"#
        ))
        .unwrap()
    }

    fn why(pod: Option<&Pod>, events: &[Event]) -> Option<PendingReason> {
        pending_reason(&job("{}"), pod, events, NOW.parse().unwrap())
    }

    fn event(reason: &str, time: &str, message: &str) -> Event {
        serde_json::from_value(serde_json::json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"},
            "involvedObject": {}, "reason": reason, "message": message, "lastTimestamp": time}))
        .unwrap()
    }

    #[test]
    fn an_image_that_cannot_be_pulled() {
        let pod = pod(r#"{"containerStatuses":[{"name":"job","image":"","imageID":"","ready":false,"restartCount":0,
            "state":{"waiting":{"reason":"ErrImagePull","message":"registry.example/job:1: not found"}}}]}"#);
        let reason = why(Some(&pod), &[]).unwrap();
        assert_snapshot!(reason.text, @"its container waits: ErrImagePull: registry.example/job:1: not found");
        assert_eq!(reason.timeout, FATAL_WAIT);
    }

    #[test]
    fn a_pod_that_no_node_takes() {
        let pod = pod(r#"{"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
            "message":"0/3 nodes are available: 3 node(s) had untolerated taint {team: a}."}]}"#);
        let reason = why(Some(&pod), &[]).unwrap();
        assert_snapshot!(reason.text, @"no node takes its Pod: 0/3 nodes are available: 3 node(s) had untolerated taint {team: a}.");
        assert_eq!(reason.timeout, UNSCHEDULED_WAIT);
    }

    #[test]
    fn a_pod_that_may_not_be_made() {
        let words = r#"pods "eks-encrypt-x" is forbidden: exceeded quota: compute"#;
        let event = event("FailedCreate", "2026-11-24T08:58:00Z", words);
        assert_snapshot!(why(None, &[event]).unwrap().text, @r#"the Job can't make its Pod: pods "eks-encrypt-x" is forbidden: exceeded quota: compute"#);
    }

    #[test]
    fn a_container_that_is_being_made_is_no_reason() {
        let pod = pod(r#"{"containerStatuses":[{"name":"job","image":"","imageID":"","ready":false,"restartCount":0,
            "state":{"waiting":{"reason":"ContainerCreating"}}}]}"#);
        assert_eq!(why(Some(&pod), &[]), None);
    }

    #[test]
    fn a_refusal_of_the_past_is_no_reason() {
        let refused = |time| event("FailedCreate", time, "exceeded quota");
        assert_eq!(why(None, &[refused("2026-11-24T06:59:59Z")]), None, "older than the Job");
        assert_eq!(why(None, &[refused("2026-11-24T08:00:00Z")]), None, "an hour ago");
        let made = event("SuccessfulCreate", "2026-11-24T08:59:00Z", "Created pod: p");
        assert_eq!(why(None, &[refused("2026-11-24T08:58:00Z"), made]), None, "a Pod was made since");
    }

    #[test]
    fn a_pod_that_may_have_begun_has_begun() {
        let waiting =
            pod(r#"{"phase":"Pending","containerStatuses":[{"name":"job","image":"","imageID":"","ready":false,
            "restartCount":0,"state":{"waiting":{"reason":"ErrImagePull"}}}]}"#);
        assert!(!has_started(&job(r#"{"active":1}"#), &[waiting.clone(), pod("{}")]));
        assert!(has_started(&job(r#"{"failed":1}"#), &[]));
        assert!(has_started(&job("{}"), &[pod(r#"{"phase":"Failed","reason":"Evicted"}"#), waiting]));
        let made = |pod| event("SuccessfulCreate", "2026-11-24T08:59:00Z", &format!("Created pod: {pod}"));
        assert!(!had_previous_pod(Some("p"), &[made("p")]));
        assert!(had_previous_pod(Some("p2"), &[made("p"), made("p2")]));
        assert!(had_previous_pod(None, &[made("p")]));
    }
}
