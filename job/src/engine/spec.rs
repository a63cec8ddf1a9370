//! What a run is to do. Input: the Job's flags (`args`), or whoever calls the loop from another program. Output: read by
//! `rewrite` and its steps.

use jiff::Timestamp;

use crate::api_servers::Connector;
use crate::engine::record::Record;
use crate::limiter::limit::Limit;
use crate::wire::event::{Method, RunResult};

/// What is to be done.
pub struct RunSpec {
    /// The run's id.
    pub run: String,
    /// The Job's UID. Empty where there is no Job.
    pub job_uid: String,
    /// Who does it, as the lease names its holder: the run's id, `/`, and a name that no other process of the run has.
    pub holder: String,
    /// Where the run record and the lease are.
    pub namespace: String,
    /// How Secrets are rewritten.
    pub method: Method,
    /// Whether the run ends with the proof.
    pub prove: bool,
    /// The key's ARN, for the record and its resume rule.
    pub key_arn: String,
    /// The time that the annotation gets: when this process began. A successor has its own.
    pub time: Timestamp,
    /// The bound on patches in flight. A stop closes it: each run needs one of its own.
    pub limit: Limit,
    /// How each API server is reached. None where whoever calls the loop asks them itself: then the loop does not wait for
    /// them to agree, and its proof says what the API servers found that answered it.
    pub api_servers: Option<Box<dyn Connector>>,
    /// What gives this process its right to every Secret. The loop deletes it when its work is over; a run that was stopped has a
    /// successor, which needs it.
    pub cluster_role_binding: Option<String>,
}

impl RunSpec {
    /// Whether this process goes on with the run of that record: the resume rule of [`crate::engine::record`]. To say yes wrongly
    /// would count Secrets as done that were written before the key was associated; to say no wrongly writes some twice.
    #[must_use]
    pub fn can_resume(&self, record: &Record) -> bool {
        let ours = record.run == self.run
            && record.job_uid == self.job_uid
            && record.key_arn == self.key_arn
            && record.method == self.method;
        // A run's id alone may come again (the manifest's is the same each time it is applied); a Job's UID never does.
        // Without a Job, the key has to vouch for it that the record is not from before the association.
        let sure = !self.job_uid.is_empty() || !self.key_arn.is_empty();
        let over = matches!(record.result, Some(RunResult::Complete | RunResult::Incomplete));
        ours && sure && !over
    }
}

#[cfg(test)]
mod tests {
    //! Who is a successor.
    use super::*;
    use crate::engine::watermark::Watermark;
    use crate::fixture;
    use crate::wire::outcome::Tally;

    /// What a predecessor of `spec` left when it was killed.
    fn left_by(spec: &RunSpec) -> Record {
        Record {
            run: spec.run.clone(),
            job_uid: spec.job_uid.clone(),
            watermark: Watermark::new("100"),
            method: spec.method,
            key_arn: spec.key_arn.clone(),
            phase: crate::wire::event::Phase::Rewrite,
            result: None,
            tally: Tally::default(),
            proof: None,
            updated: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn another_pod_of_the_same_job_is_a_successor_with_and_without_a_key() {
        let mut spec = fixture::spec(Method::Annotate, 1);
        assert!(spec.can_resume(&left_by(&spec)));
        assert!(spec.can_resume(&Record { result: Some(RunResult::Stopped), ..left_by(&spec) }));
        spec.key_arn.clear();
        assert!(spec.can_resume(&left_by(&spec)));
    }

    #[test]
    fn a_record_that_differs_in_run_job_key_or_method_is_not_gone_on_with() {
        let spec = fixture::spec(Method::Annotate, 1);
        let left = || left_by(&spec);
        assert!(!spec.can_resume(&Record { run: "other".into(), ..left() }));
        assert!(!spec.can_resume(&Record { job_uid: "other".into(), ..left() }));
        assert!(!spec.can_resume(&Record { key_arn: String::new(), ..left() }), "from before the association");
        assert!(!spec.can_resume(&Record { method: Method::Touch, ..left() }));
    }

    #[test]
    fn a_run_that_is_over_is_not_gone_on_with() {
        let spec = fixture::spec(Method::Annotate, 1);
        for result in [RunResult::Complete, RunResult::Incomplete] {
            assert!(!spec.can_resume(&Record { result: Some(result), ..left_by(&spec) }), "{result:?}");
        }
    }

    #[test]
    fn without_a_job_only_a_key_makes_a_successor() {
        let mut spec = fixture::spec(Method::Annotate, 1);
        spec.job_uid.clear();
        assert!(spec.can_resume(&left_by(&spec)));
        spec.key_arn.clear();
        assert!(!spec.can_resume(&left_by(&spec)));
    }
}
