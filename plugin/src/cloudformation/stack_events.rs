//! What has happened to a stack's resources so far. Input: CloudFormation's events, as it gives them (newest first) and any
//! number of times. Output: what is new, in words; how far it is; and what failed first. Pure.

use std::collections::{BTreeMap, HashSet};

use crate::ui::terminal::one_line;

/// An event of a stack, as CloudFormation has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// When, in milliseconds since 1970.
    pub(crate) time: i64,
    /// The resource's name in the template; the stack's own name for the stack.
    pub(crate) resource: String,
    /// `AWS::EKS::Cluster`, ...
    pub(crate) kind: String,
    /// `CREATE_IN_PROGRESS`, ...
    pub(crate) status: String,
    /// In CloudFormation's or the service's words.
    pub(crate) reason: String,
}

/// What CloudFormation calls a stack in its own events.
const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// What CloudFormation says of resources that it gives up because another failed.
const CANCELLED: &str = "cancelled";

/// Everything that has happened.
#[derive(Debug, Default)]
pub(crate) struct StackEvents {
    seen: HashSet<String>,
    /// Each resource's latest status, and since when it is being worked on.
    resources: BTreeMap<String, Resource>,
    failures: Vec<Event>,
}

#[derive(Debug)]
struct Resource {
    kind: String,
    began: i64,
    status: String,
    /// Why it is so, in somebody else's words.
    reason: String,
}

impl StackEvents {
    /// Takes events, newest first, and says what is new in them, oldest first.
    pub(crate) fn ingest(&mut self, events: impl IntoIterator<Item = Event>) -> Vec<String> {
        let mut new: Vec<Event> = events.into_iter().filter(|event| self.seen.insert(event.id.clone())).collect();
        // Of one moment, the order of the answer counts: a resource may begin and end within a millisecond.
        new.reverse();
        new.sort_by_key(|event| event.time);
        new.into_iter().filter(|event| event.kind != STACK_TYPE).filter_map(|event| self.apply(event)).collect()
    }

    fn apply(&mut self, event: Event) -> Option<String> {
        let Event { time, resource: name, kind, status, .. } = &event;
        let resource = self.resources.entry(name.clone()).or_insert_with(|| Resource {
            kind: kind.clone(),
            began: *time,
            status: String::new(),
            reason: String::new(),
        });
        if resource.status == *status {
            return None;
        }
        resource.status.clone_from(status);
        resource.reason = one_line(&event.reason);
        let took = seconds(time - resource.began);
        let said = match status.as_str() {
            "CREATE_COMPLETE" => format!("{name} ({kind}) is created, after {took}"),
            "CREATE_FAILED" => format!("{name} ({kind}) FAILED, after {took}: {}", one_line(&event.reason)),
            "DELETE_COMPLETE" => format!("{name} ({kind}) is removed"),
            "DELETE_FAILED" => format!("{name} ({kind}) could not be removed: {}", one_line(&event.reason)),
            _ => return None,
        };
        if status == "CREATE_FAILED" {
            self.failures.push(event);
        }
        Some(said)
    }

    /// How many resources are created.
    pub(crate) fn created(&self) -> u64 {
        self.resources.values().filter(|resource| resource.status == "CREATE_COMPLETE").count() as u64
    }

    /// What CloudFormation is at: the resource that it has worked on for longest.
    pub(crate) fn in_progress(&self) -> Option<&str> {
        let working = self.resources.iter().filter(|(_, resource)| resource.status.ends_with("_IN_PROGRESS"));
        working.min_by_key(|(_, resource)| resource.began).map(|(name, _)| name.as_str())
    }

    /// Why it failed: what failed first, and whatever failed by itself after that. CloudFormation then gives all others up,
    /// and says that of each.
    pub(crate) fn causes(&self) -> Vec<&Event> {
        let own: Vec<&Event> =
            self.failures.iter().filter(|event| !event.reason.to_ascii_lowercase().contains(CANCELLED)).collect();
        if own.is_empty() { self.failures.iter().take(1).collect() } else { own }
    }

    /// What is still there of what was created: name, kind, and why it could not be removed, if that was tried.
    pub(crate) fn remaining(&self) -> Vec<(&str, &str, Option<&str>)> {
        let there = |status: &str| status != "DELETE_COMPLETE" && status != "CREATE_FAILED";
        let left = self.resources.iter().filter(|(_, resource)| there(&resource.status));
        left.map(|(name, Resource { kind, status, reason, .. })| {
            (name.as_str(), kind.as_str(), (status == "DELETE_FAILED").then_some(reason.as_str()))
        })
        .collect()
    }
}

/// A time in words, from milliseconds.
fn seconds(milliseconds: i64) -> String {
    crate::ui::progress::elapsed(std::time::Duration::from_millis(milliseconds.max(0).unsigned_abs()))
}

#[cfg(test)]
#[path = "stack_events_tests.rs"]
mod tests;
