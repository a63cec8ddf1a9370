//! What stands between us and the Secrets: webhooks and policies that the API server asks before each write. Input: their
//! configurations, and the Services of the webhooks. Output: rows of the checks. One that can't answer and must is a
//! failure: nothing could be re-encrypted, and the key would have been associated for ever.

mod hook;
mod matching_secret;
mod policies;
mod rules;
mod service;
mod webhooks;

use std::collections::HashMap;

use kube::Client;

use crate::cause::Cause;
use crate::checks::table::Check;
use crate::ui::terminal::one_line;
use hook::{AdmissionHook, Backend, Reachability};
use matching_secret::MatchingSecret;

const NAME: &str = "admission";

/// What was read, and what could not be.
#[derive(Default)]
struct AdmissionConfig {
    gates: Vec<AdmissionHook>,
    /// The resources that we may not list.
    forbidden: Vec<&'static str>,
    /// Why others could not be read.
    failed: Vec<String>,
}

/// Looks at all gates. `exempt` is the condition, in CEL, that is false for requests of whoever will write the Secrets.
pub(crate) async fn check(client: &Client, exempt: &str) -> Vec<Check> {
    let read = read(client).await;
    let (mut shut, mut open) = (Vec::new(), Vec::new());
    let mut known = HashMap::new();
    for gate in &read.gates {
        let answers = match &gate.asks {
            // Policy engines register many webhooks with one Service.
            Backend::Service { address, .. } => match known.get(address) {
                Some(answers) => Reachability::clone(answers),
                None => {
                    let answers = service::reachability(client, address).await;
                    known.insert(address.clone(), answers.clone());
                    answers
                }
            },
            Backend::Url(_) | Backend::Nobody => Reachability::Yes,
        };
        match (&answers, gate.strict) {
            (Reachability::No(why), true) if gate.scope.by.is_empty() => shut.push(gate.blocking(why, None)),
            (Reachability::No(why), true) => match matching_secret::find(client, &gate.scope).await {
                MatchingSecret::In(namespace) => shut.push(gate.blocking(why, Some(&namespace))),
                MatchingSecret::None => open.push(format!("{} (there is none now)", gate.allowing(&answers))),
                MatchingSecret::Unknown => open.push(gate.allowing(&answers)),
            },
            _ => open.push(gate.allowing(&answers)),
        }
    }
    rows(shut, open, &read, exempt)
}

/// Reads all four kinds, at once.
async fn read(client: &Client) -> AdmissionConfig {
    let (validating, mutating, policies, changing) = futures::join!(
        webhooks::validating(client),
        webhooks::mutating(client),
        policies::read(client, &policies::VALIDATING),
        policies::read(client, &policies::MUTATING)
    );
    let mut read = AdmissionConfig::default();
    for (what, answer) in [
        ("validatingwebhookconfigurations", validating),
        ("mutatingwebhookconfigurations", mutating),
        ("validatingadmissionpolicies and validatingadmissionpolicybindings", policies),
        ("mutatingadmissionpolicies and mutatingadmissionpolicybindings", changing),
    ] {
        match answer {
            Ok(gates) => read.gates.extend(gates),
            Err(kube::Error::Api(status)) if status.is_forbidden() => read.forbidden.push(what),
            Err(error) => read.failed.push(format!("{what}: {}", one_line(&Cause::kube(&error).to_string()))),
        }
    }
    read
}

/// A row for each cure.
fn rows(shut: Vec<String>, open: Vec<String>, read: &AdmissionConfig, exempt: &str) -> Vec<Check> {
    let mut rows = Vec::new();
    if !shut.is_empty() {
        let cure = format!(
            "repair who should answer (its Service, its Pods), or finish its uninstallation if it is not wanted any more; or \
             exempt the writer of the Secrets by a matchCondition of the webhook: `{exempt}`"
        );
        rows.push(Check::failed(NAME, shut.join("\n"), Some(cure)));
    }
    if !open.is_empty() {
        let list: String = open.iter().map(|line| format!("\n  {line}")).collect();
        let cure = format!(
            "nothing, if they let an annotation be set on a Secret; else exempt the writer: by a matchCondition of the webhook \
             or policy (`{exempt}`), or by the exclusions of the policy engine that makes it"
        );
        rows.push(Check::warn(
            NAME,
            format!("asked before Secrets are written, and able to deny it:{list}"),
            Some(cure),
        ));
    }
    if !read.forbidden.is_empty() {
        let what = read.forbidden.join(", ");
        rows.push(Check::warn(
            NAME,
            format!("not known what else may deny writes of Secrets: you can't list {what}"),
            Some(
                "ask for the right to `list` these in API group admissionregistration.k8s.io; a run without it is safe, and \
                 names each Secret whose write is denied"
                    .to_owned(),
            ),
        ));
    }
    if !read.failed.is_empty() {
        let found = format!("not known what else may deny writes of Secrets: {}", read.failed.join("; "));
        rows.push(Check::warn(NAME, found, None));
    }
    if rows.is_empty() {
        rows.push(Check::ok(NAME, "no webhook or policy is asked before Secrets are written"));
    }
    rows
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
