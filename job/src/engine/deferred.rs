//! What the loop does with refused Secrets: each is tried again when all others are done, and a run in which everything is
//! refused ends early. Input: refusals, in the order in which they come. Output: a decision on each, and at the end those
//! that are to be tried again. Pure.

use crate::api::list::Secret;
use crate::api::request::ApiError;
use crate::engine::attempt::{failed, reason};
use crate::wire::outcome::Failure;

/// So many Secrets may wait for their second try: each costs some hundred bytes of memory, which must not grow with the
/// cluster. Those past it fail at once.
const MAX_DEFERRED: usize = 10_000;

/// So many put-off Secrets are told of; the rest is told at the end, by its outcome.
const MAX_REPORTED: u32 = 10;

/// After so many refusals in a row that say nothing of the Secret itself, the next Secret would only be refused as well. As
/// many as are tried at the same time: one outage refuses all of those.
const MAX_CONSECUTIVE_REJECTIONS: u32 = 50;

/// The refused Secrets of one pass.
#[derive(Default)]
pub(crate) struct DeferredSecrets {
    held: Vec<Secret>,
    last: bool,
    told: u32,
    in_a_row: u32,
}

/// What becomes of a refused Secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is tried again at the end; a note, while there are not too many of them.
    Defer(Option<String>),
    /// It has failed.
    Fail(Failure),
    /// The run ends here.
    Abort(String),
}

impl DeferredSecrets {
    /// A Secret was not rejected.
    pub(crate) fn reset_streak(&mut self) {
        self.in_a_row = 0;
    }

    /// A Secret was rejected.
    pub(crate) fn classify(&mut self, secret: Secret, api_error: &ApiError) -> Decision {
        self.in_a_row = if api_error.is_global() { self.in_a_row + 1 } else { 0 };
        if self.in_a_row >= MAX_CONSECUTIVE_REJECTIONS {
            let words = reason(api_error);
            return Decision::Abort(format!(
                "stopped early: {MAX_CONSECUTIVE_REJECTIONS} Secrets in a row were refused for a reason that is not theirs: {words}"
            ));
        }
        // At its second try, too: that would be no verdict on this Secret, and a later Pod may reach the API server.
        if self.last && api_error.is_unavailable() {
            let (Secret { namespace, name, .. }, words) = (&secret, reason(api_error));
            return Decision::Abort(format!(
                "stopped: Secret {namespace}/{name} was tried twice, and at last: {words}"
            ));
        }
        if self.last || self.held.len() >= MAX_DEFERRED {
            return Decision::Fail(failed(secret, api_error));
        }
        self.told += 1;
        let (Secret { namespace, name, .. }, words) = (&secret, reason(api_error));
        let note = match self.told {
            1..=MAX_REPORTED => Some(format!("Secret {namespace}/{name} is tried again at the end: {words}")),
            _ if self.told == MAX_REPORTED + 1 => Some("more Secrets are tried again at the end".into()),
            _ => None,
        };
        self.held.push(secret);
        Decision::Defer(note)
    }

    /// Those that were put off, once: what is refused after that is not put off again.
    pub(crate) fn take_deferred(&mut self) -> Vec<Secret> {
        self.last = true;
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    //! Second tries and early ends.
    use super::*;
    use kube::core::Status;

    fn secret(name: &str) -> Secret {
        Secret { namespace: "a".into(), name: name.into(), resource_version: "5".into(), unanswered: false }
    }

    fn api_error(code: u16, message: &str) -> ApiError {
        ApiError::Status { status: Status::failure(message, "").with_code(code).boxed(), retry_after: None }
    }

    #[test]
    fn a_refused_secret_is_put_off_once_and_then_fails() {
        let mut deferred = DeferredSecrets::default();
        let denied = api_error(403, "admission webhook \"w\" denied the request: no");
        let Decision::Defer(Some(note)) = deferred.classify(secret("s"), &denied) else { panic!("not put off") };
        insta::assert_snapshot!(note, @r#"Secret a/s is tried again at the end: admission webhook "w" denied the request: no"#);
        assert_eq!(deferred.take_deferred(), [secret("s")]);
        assert!(matches!(deferred.classify(secret("s"), &denied), Decision::Fail(failure) if failure.name == "s"));
        assert_eq!(deferred.take_deferred(), []);
    }

    #[test]
    fn ten_are_told_of_and_ten_thousand_wait() {
        let mut deferred = DeferredSecrets::default();
        let denied = api_error(403, "no");
        let judged: Vec<_> =
            (0..MAX_DEFERRED + 1).map(|number| deferred.classify(secret(&number.to_string()), &denied)).collect();
        let told = judged.iter().filter(|decision| matches!(decision, Decision::Defer(Some(_)))).count();
        assert_eq!(told, 11);
        assert!(matches!(judged.last(), Some(Decision::Fail(_))));
    }

    #[test]
    fn a_key_that_is_disabled_ends_the_run_early() {
        let mut deferred = DeferredSecrets::default();
        let disabled = api_error(500, "Internal error occurred: failed to encrypt: the key is disabled");
        let judged: Vec<_> =
            (0..MAX_CONSECUTIVE_REJECTIONS).map(|_| deferred.classify(secret("s"), &disabled)).collect();
        let Some(Decision::Abort(words)) = judged.last() else { panic!("{judged:?}") };
        insta::assert_snapshot!(words, @"stopped early: 50 Secrets in a row were refused for a reason that is not theirs: Internal error occurred: failed to encrypt: the key is disabled");
        assert_eq!(judged.iter().filter(|decision| matches!(decision, Decision::Abort(_))).count(), 1);
    }

    /// Twenty Secrets can't be refused fifty times: each was failed by an outage, and the Job with it, for good.
    #[test]
    fn an_outage_that_outlasts_both_tries_is_nobodys_failure_in_a_small_cluster_either() {
        let away = [
            api_error(503, "busy"),
            api_error(429, "slow down"),
            ApiError::Timeout(std::time::Duration::from_secs(40)),
        ];
        for away in away {
            let mut deferred = DeferredSecrets::default();
            for number in 0..20 {
                assert!(matches!(deferred.classify(secret(&number.to_string()), &away), Decision::Defer(_)));
            }
            let again = deferred.take_deferred();
            let Decision::Abort(words) = deferred.classify(again[0].clone(), &away) else { panic!("{away:?}") };
            assert!(words.starts_with("stopped: Secret a/0 was tried twice, and at last: "), "{words}");
        }
    }

    /// One whose data can't be decrypted any more, one whose webhooks take too long in all: they fail, and are named.
    #[test]
    fn what_may_be_about_one_secret_is_its_failure() {
        for (code, message) in [(500, "unable to transform key: unknown KMS key"), (504, "request did not complete")] {
            let mut deferred = DeferredSecrets::default();
            deferred.classify(secret("s"), &api_error(code, message));
            deferred.take_deferred();
            assert!(matches!(deferred.classify(secret("s"), &api_error(code, message)), Decision::Fail(_)), "{code}");
        }
    }

    #[test]
    fn one_answer_between_shows_that_not_everything_is_refused() {
        let mut deferred = DeferredSecrets::default();
        for number in 0..MAX_CONSECUTIVE_REJECTIONS * 3 {
            if number % (MAX_CONSECUTIVE_REJECTIONS - 1) == 0 {
                deferred.reset_streak();
            }
            let decision = deferred.classify(secret("s"), &api_error(503, "busy"));
            assert!(!matches!(decision, Decision::Abort(_)), "{number}");
        }
    }

    #[test]
    fn a_policy_that_denies_a_namespace_of_a_thousand_does_not_end_the_run() {
        let mut deferred = DeferredSecrets::default();
        for message in
            ["secrets \"s\" is forbidden: ValidatingAdmissionPolicy 'p' denied request", "failed calling webhook"]
        {
            for _ in 0..1_000 {
                let code = if message.starts_with("failed") { 500 } else { 403 };
                assert!(!matches!(deferred.classify(secret("s"), &api_error(code, message)), Decision::Abort(_)));
            }
        }
    }
}
