//! A Job that speaks another version of the wire format than this plugin reads. Input: a line of its log or of its
//! termination message, or the Job itself. Output: which version it is, in words. What is done about it is `follow`'s and
//! `existing`'s: such a Job can't be followed, because what it says can't be read.

use std::fmt::{self, Display};

use eks_encrypt_job::api::bounds::cut;
use eks_encrypt_job::wire::event::WIRE_VERSION;
use eks_encrypt_job::wire::names::ENV_WIRE_VERSION;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;

use crate::model::run::env_var;
use crate::model::run::job_end;
use crate::run::pod_status::termination_message;
use crate::ui::terminal::one_line;

/// Longest name of a version that is shown.
const MAX_VERSION_CHARS: usize = 64;

/// Another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtherWireVersion {
    /// The version of the wire format.
    wire: String,
    /// The version of the Job's image, where it was told.
    job: Option<String>,
}

impl OtherWireVersion {
    /// Of a line that is JSON and names another version. The two fields are all that every version has to have.
    pub(crate) fn from_line(text: &str) -> Option<Self> {
        let line: serde_json::Value = serde_json::from_str(text).ok()?;
        let wire = line["wire"].as_u64().filter(|wire| *wire != u64::from(WIRE_VERSION))?;
        Some(Self { wire: wire.to_string(), job: line["version"].as_str().map(printable_version) })
    }

    /// What a Job speaks that has said nothing yet: what its maker reads, so that nobody waits for a Pod whose log can't be
    /// read. Once it has ended, its last word counts: it may have refused its maker, in our own version.
    pub(crate) fn from_job(job: &Job, pods: &[Pod]) -> Option<Self> {
        pods.iter()
            .find_map(Self::from_termination_message)
            .or_else(|| Self::from_job_env(job).filter(|_| job_end(job).is_none()))
    }

    /// Of a Pod's termination message.
    fn from_termination_message(pod: &Pod) -> Option<Self> {
        termination_message(pod)?.lines().rev().find_map(Self::from_line)
    }

    /// Of a Job that was made by a plugin, or from manifests, of another version.
    pub(crate) fn from_job_env(job: &Job) -> Option<Self> {
        let wire = env_var(job, ENV_WIRE_VERSION).unwrap_or_default();
        // Empty: whoever made it reads any version, or this variable was not there yet.
        let ours = wire.is_empty() || wire == WIRE_VERSION.to_string();
        (!ours).then(|| Self { wire: printable_version(wire), job: None })
    }
}

/// A version's name for the screen.
fn printable_version(text: &str) -> String {
    one_line(&cut(text.to_owned(), MAX_VERSION_CHARS))
}

impl Display for OtherWireVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} of the wire format", self.wire)?;
        self.job.as_ref().map_or(Ok(()), |job| write!(f, " (Job {job})"))
    }
}

#[cfg(test)]
mod tests {
    //! What is another version, and what only looks like one.
    use super::*;

    fn theirs(text: &str) -> Option<String> {
        OtherWireVersion::from_line(text).map(|foreign| foreign.to_string())
    }

    #[test]
    fn another_version_is_seen_in_any_line_and_the_jobs_own_where_it_is_told() {
        assert_eq!(theirs(r#"{"wire":2,"run":"r"}"#).unwrap(), "version 2 of the wire format");
        let started = r#"{"wire":2,"event":"started","version":"0.9.0\u001b[2J"}"#;
        assert_eq!(theirs(started).unwrap(), "version 2 of the wire format (Job 0.9.0\\u{1b}[2J)");
    }

    #[test]
    fn our_own_version_and_foreign_json_are_not_another_version() {
        for text in [r#"{"wire":1,"event":"sung"}"#, r#"{"wire":"2"}"#, r#"{"level":"warn"}"#, "2", "wire 2", ""] {
            assert_eq!(theirs(text), None, "{text}");
        }
    }

    #[test]
    fn a_jobs_maker_names_the_version_that_it_reads() {
        let made = |env: serde_json::Value| {
            let job =
                serde_json::json!({"spec": {"template": {"spec": {"containers": [{"name": "job", "env": env}]}}}});
            OtherWireVersion::from_job_env(&serde_json::from_value(job).unwrap()).map(|foreign| foreign.to_string())
        };
        let with = |value: &str| serde_json::json!([{"name": "EKS_ENCRYPT_WIRE_VERSION", "value": value}]);
        assert_eq!(made(with("2")).unwrap(), "version 2 of the wire format");
        for ours in [with("1"), with(""), serde_json::json!([])] {
            assert_eq!(made(ours), None);
        }
    }
}
