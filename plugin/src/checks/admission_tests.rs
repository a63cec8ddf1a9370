//! What is read of a cluster's admission, and what is said of it: against API servers that hold what a test gives them.
use std::sync::{Arc, Mutex};

use super::*;
use crate::testing::{NOT_SERVED, forbidden, kubernetes, not_found, row};
use insta::assert_snapshot;
use serde_json::{Value, json};

const EXEMPT: &str = "request.userInfo.username != 'system:serviceaccount:eks-encrypt:eks-encrypt'";
const GROUP: &str = "/apis/admissionregistration.k8s.io/";

/// An API server: answers by the beginning of a path, the first that fits; empty lists for the rest.
#[derive(Clone, Default)]
struct Server(Vec<(String, u16, String)>);

impl Server {
    fn at(mut self, path: &str, answer: impl ToString) -> Self {
        self.0.push((path.to_owned(), 200, answer.to_string()));
        self
    }

    fn fails(mut self, path: &str, status: u16, body: impl Into<String>) -> Self {
        self.0.push((path.to_owned(), status, body.into()));
        self
    }

    /// Holds webhooks of one kind, in configuration `config`.
    fn webhooks(self, kind: &str, webhooks: &[Value]) -> Self {
        let items = json!([{"metadata": {"name": "config"}, "webhooks": webhooks}]);
        self.at(&format!("{GROUP}v1/{kind}webhookconfigurations?"), list(items))
    }

    /// Holds policies of one kind and their bindings.
    fn policies(self, kind: &str, version: &str, policies: Value, bindings: Value) -> Self {
        self.at(&format!("{GROUP}{version}/{kind}admissionpolicies?"), list(policies))
            .at(&format!("{GROUP}{version}/{kind}admissionpolicybindings?"), list(bindings))
    }

    /// Holds Service `policy/engine`, and endpoints with these conditions.
    fn service(self, conditions: &[Value]) -> Self {
        let endpoint = |conditions: &Value| json!({"addresses": ["198.18.0.9"], "conditions": conditions});
        let endpoints: Vec<Value> = conditions.iter().map(endpoint).collect();
        self.at("/api/v1/namespaces/policy/services/engine", json!({"metadata": {"name": "engine"}, "spec": {"ports": [{"port": 443}]}}))
            .at(
                "/apis/discovery.k8s.io/v1/namespaces/policy/endpointslices?&labelSelector=kubernetes.io%2Fservice-name%3Dengine",
                list(json!([{"metadata": {}, "addressType": "IPv4", "endpoints": endpoints}])),
            )
    }

    async fn check(self) -> Vec<Check> {
        check(&kubernetes(move |_, path| self.answer(path)), EXEMPT).await
    }

    async fn rows_of(self) -> String {
        self.check().await.into_iter().map(row).collect::<Vec<_>>().join("\n")
    }

    fn answer(&self, path: &str) -> (u16, String) {
        let found = self.0.iter().find(|(known, ..)| path.starts_with(known.as_str()));
        match found {
            Some((_, status, body)) => (*status, body.clone()),
            None if path.contains("/services/") => not_found(path),
            None => (200, list(json!([])).to_string()),
        }
    }
}

fn list(items: Value) -> Value {
    json!({"metadata": {}, "items": items})
}

/// A webhook for every write of everything that asks Service `policy/engine`, with these fields besides.
fn webhook(more: Value) -> Value {
    let mut webhook = json!({"name": "validate.engine.example", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"namespace": "policy", "name": "engine"}}, "rules": [all()]});
    webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    webhook
}

fn all() -> Value {
    json!({"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]})
}

fn pods() -> Value {
    json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]})
}

fn selected(field: &str) -> Value {
    webhook(json!({field: {"matchLabels": {"team": "shop"}}}))
}

fn policy(name: &str, more: Value) -> Value {
    let mut spec = json!({"matchConstraints": {"resourceRules": [all()]}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"metadata": {"name": name}, "spec": spec, "status": {"observedGeneration": 1, "typeChecking": {}}})
}

fn binding(policy: &str, more: Value) -> Value {
    let mut spec = json!({"policyName": policy, "validationActions": ["Deny"]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"metadata": {"name": "binding"}, "spec": spec})
}

#[tokio::test]
async fn none_that_mean_secrets() {
    let cluster = Server::default()
        .webhooks("validating", &[webhook(json!({"rules": [pods()]}))])
        .webhooks("mutating", &[webhook(json!({"name": "pod-identity-webhook.amazonaws.com", "rules": [pods()]}))]);
    assert_snapshot!(cluster.rows_of().await, @"  ok    admission            no webhook or policy is asked before Secrets are written");
}

#[tokio::test]
async fn an_old_api_server_has_no_policies() {
    let cluster = Server::default()
        .fails(&format!("{GROUP}v1/validatingadmission"), 404, NOT_SERVED)
        .fails(&format!("{GROUP}v1/mutatingadmission"), 404, NOT_SERVED)
        .fails(&format!("{GROUP}v1beta1/"), 404, "404 page not found\n");
    assert!(cluster.rows_of().await.contains("no webhook or policy is asked"));
}

#[tokio::test]
async fn those_that_answer_are_listed() {
    let cluster = Server::default()
        .webhooks("validating", &[webhook(json!({})), selected("namespaceSelector")])
        .webhooks(
            "mutating",
            &[webhook(json!({"name": "inject.example", "failurePolicy": "Ignore",
                "clientConfig": {"url": "https://inject.example/\u{1b}[2J"}, "matchConditions": [{"name": "a", "expression": "b"}]}))],
        )
        .policies("validating", "v1", json!([policy("no-plain-tokens", json!({"failurePolicy": "Ignore"}))]), json!([binding("no-plain-tokens", json!({}))]))
        .policies("mutating", "v1", json!([policy("label-all", json!({}))]), json!([binding("label-all", json!({"validationActions": null}))]))
        .service(&[json!({"ready": false}), json!({})]);
    assert_snapshot!(cluster.rows_of().await, @r"
    warn  admission            asked before Secrets are written, and able to deny it:
                                 validating webhook config/validate.engine.example: failurePolicy Fail, asks Service
                                   policy/engine
                                 validating webhook config/validate.engine.example: failurePolicy Fail, some Secrets
                                   (namespaceSelector), asks Service policy/engine
                                 mutating webhook config/inject.example: failurePolicy Ignore, may change Secrets when
                                   they are written, some Secrets (matchConditions), asks https://inject.example/\u{1b}[2J
                                 validating policy no-plain-tokens: failurePolicy Ignore
                                 mutating policy label-all: failurePolicy Fail, may change Secrets when they are written
                               what helps: nothing, if they let an annotation be set on a Secret; else exempt the writer:
                                 by a matchCondition of the webhook or policy
                                 (`request.userInfo.username != 'system:serviceaccount:eks-encrypt:eks-encrypt'`), or by
                                 the exclusions of the policy engine that makes it
    ");
}

#[tokio::test]
async fn a_webhook_that_can_not_answer_and_must() {
    let hooks = || Server::default().webhooks("validating", &[webhook(json!({}))]);
    let without_port = json!({"metadata": {"name": "engine"}, "spec": {"ports": [{"port": 8443}]}});
    let told = [
        hooks().rows_of().await,
        hooks().service(&[]).rows_of().await,
        hooks().service(&[json!({"ready": false})]).rows_of().await,
        hooks().at("/api/v1/namespaces/policy/services/engine", without_port).rows_of().await,
    ];
    let first_lines: Vec<&str> = told.iter().map(|told| told.split_once("what helps").unwrap().0.trim_end()).collect();
    assert_snapshot!(format!("{}\n{}", first_lines[1..].join("\n"), told[0]), @r"
    FAIL  admission            validating webhook config/validate.engine.example: its Service policy/engine has no ready
                                 Pod, and failurePolicy Fail refuses each write of a Secret
    FAIL  admission            validating webhook config/validate.engine.example: its Service policy/engine has no ready
                                 Pod, and failurePolicy Fail refuses each write of a Secret
    FAIL  admission            validating webhook config/validate.engine.example: its Service policy/engine has no port
                                 443, and failurePolicy Fail refuses each write of a Secret
    FAIL  admission            validating webhook config/validate.engine.example: its Service policy/engine is not there,
                                 and failurePolicy Fail refuses each write of a Secret
                               what helps: repair who should answer (its Service, its Pods), or finish its uninstallation
                                 if it is not wanted any more; or exempt the writer of the Secrets by a matchCondition of
                                 the webhook:
                                 `request.userInfo.username != 'system:serviceaccount:eks-encrypt:eks-encrypt'`
    ");
    assert!(hooks().service(&[json!({"ready": true})]).rows_of().await.starts_with("  warn"));
}

#[tokio::test]
async fn one_that_need_not_answer_costs_time() {
    let cluster =
        Server::default().webhooks("validating", &[webhook(json!({"failurePolicy": "Ignore", "timeoutSeconds": 30}))]);
    assert_snapshot!(cluster.rows_of().await, @r"
    warn  admission            asked before Secrets are written, and able to deny it:
                                 validating webhook config/validate.engine.example: failurePolicy Ignore, asks Service
                                   policy/engine; that is not there, which may cost up to 30 s for each Secret
                               what helps: nothing, if they let an annotation be set on a Secret; else exempt the writer:
                                 by a matchCondition of the webhook or policy
                                 (`request.userInfo.username != 'system:serviceaccount:eks-encrypt:eks-encrypt'`), or by
                                 the exclusions of the policy engine that makes it
    ");
}

#[tokio::test]
async fn a_broken_one_stops_us_if_it_means_a_secret_that_there_is() {
    let namespaces = list(json!([{"metadata": {"name": "empty"}}, {"metadata": {"name": "shop"}}]));
    // As the API server writes a list of nothing.
    let nothing = list(json!(null));
    let cluster = |field| {
        Server::default()
            .webhooks("validating", &[selected(field)])
            .at("/api/v1/namespaces?&labelSelector=team%3Dshop", &namespaces)
            .at("/api/v1/namespaces/empty/secrets?", &nothing)
            .at("/api/v1/namespaces/shop/secrets?&limit=1", list(json!([{"metadata": {"name": "db"}}])))
    };
    let every = |cluster: Server| cluster.at("/api/v1/namespaces?", &namespaces);
    let labelled = "/api/v1/namespaces/shop/secrets?&labelSelector=team%3Dshop&limit=1";
    let told = [
        cluster("namespaceSelector").rows_of().await,
        every(cluster("objectSelector").at(labelled, list(json!([{"metadata": {"name": "db"}}])))).rows_of().await,
        // Nobody carries the label.
        every(cluster("objectSelector")).rows_of().await,
        // We may not look.
        cluster("objectSelector").fails("/api/v1/namespaces?", 403, forbidden("list", "namespaces")).rows_of().await,
        Server::default()
            .webhooks("validating", &[webhook(json!({"matchConditions": [{"name": "a", "expression": "b"}]}))])
            .rows_of()
            .await,
    ];
    let first_lines: Vec<&str> = told.iter().map(|told| told.split_once("what helps").unwrap().0.trim_end()).collect();
    assert_snapshot!(first_lines.join("\n"), @r"
    FAIL  admission            validating webhook config/validate.engine.example: its Service policy/engine is not there,
                                 and failurePolicy Fail refuses each write of the Secrets that its namespaceSelector
                                 picks, as in namespace shop
    FAIL  admission            validating webhook config/validate.engine.example: its Service policy/engine is not there,
                                 and failurePolicy Fail refuses each write of the Secrets that its objectSelector picks,
                                 as in namespace shop
    warn  admission            asked before Secrets are written, and able to deny it:
                                 validating webhook config/validate.engine.example: failurePolicy Fail, some Secrets
                                   (objectSelector), asks Service policy/engine; that is not there, so the Secrets that it
                                   means can't be written (there is none now)
    warn  admission            asked before Secrets are written, and able to deny it:
                                 validating webhook config/validate.engine.example: failurePolicy Fail, some Secrets
                                   (objectSelector), asks Service policy/engine; that is not there, so the Secrets that it
                                   means can't be written
    warn  admission            asked before Secrets are written, and able to deny it:
                                 validating webhook config/validate.engine.example: failurePolicy Fail, some Secrets
                                   (matchConditions), asks Service policy/engine; that is not there, so the Secrets that
                                   it means can't be written
    ");
}

#[tokio::test]
async fn policies_that_do_nothing_to_secrets() {
    let kept =
        |policies: Value, bindings: Value| Server::default().policies("validating", "v1", policies, bindings).rows_of();
    let one = || json!([policy("p", json!({}))]);
    let mut told = Vec::new();
    for bindings in [
        json!([]),
        json!([binding("another", json!({}))]),
        json!([binding("p", json!({"validationActions": ["Warn", "Audit"]}))]),
        json!([binding("p", json!({"matchResources": {"resourceRules": [pods()]}}))]),
    ] {
        told.push(kept(one(), bindings).await);
    }
    told.push(
        kept(
            json!([policy("p", json!({"matchConstraints": {"resourceRules": [pods()]}}))]),
            json!([binding("p", json!({}))]),
        )
        .await,
    );
    assert!(told.iter().all(|told| told.contains("no webhook or policy")), "{told:#?}");

    let in_shop = json!({"matchResources": {"namespaceSelector": {"matchLabels": {"team": "shop"}}}});
    let narrowed = kept(one(), json!([binding("p", in_shop.clone())])).await;
    assert!(narrowed.contains("some Secrets (namespaceSelector)"), "{narrowed}");
    let both = kept(one(), json!([binding("p", in_shop), binding("p", json!({}))])).await;
    assert!(!both.contains("some Secrets"), "{both}");
}

#[tokio::test]
async fn mutating_policies_are_read_in_the_version_that_is_served() {
    let cluster = Server::default().fails(&format!("{GROUP}v1/mutatingadmission"), 404, NOT_SERVED).policies(
        "mutating",
        "v1beta1",
        json!([policy("label-all", json!({}))]),
        json!([binding("label-all", json!({"validationActions": null}))]),
    );
    assert!(cluster.rows_of().await.contains("mutating policy label-all: failurePolicy Fail, may change Secrets"));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_said() {
    let cluster = Server::default()
        .fails(&format!("{GROUP}v1/validatingwebhook"), 403, forbidden("list", "validatingwebhookconfigurations"))
        .fails(&format!("{GROUP}v1/validatingadmission"), 403, forbidden("list", "validatingadmissionpolicies"))
        .fails(
            &format!("{GROUP}v1/mutatingadmission"),
            500,
            r#"{"kind":"Status","metadata":{},"status":"Failure","message":"etcd\nis gone","code":500}"#,
        )
        .webhooks("mutating", &[webhook(json!({}))])
        .fails("/api/v1/namespaces/policy/services/engine", 403, forbidden("get", "services"));
    assert_snapshot!(cluster.rows_of().await, @r#"
    warn  admission            asked before Secrets are written, and able to deny it:
                                 mutating webhook config/validate.engine.example: failurePolicy Fail, may change Secrets
                                   when they are written, asks Service policy/engine; not known whether that answers:
                                   services is forbidden: User "alice" cannot get resource "services"
                               what helps: nothing, if they let an annotation be set on a Secret; else exempt the writer:
                                 by a matchCondition of the webhook or policy
                                 (`request.userInfo.username != 'system:serviceaccount:eks-encrypt:eks-encrypt'`), or by
                                 the exclusions of the policy engine that makes it
    warn  admission            not known what else may deny writes of Secrets: you can't list
                                 validatingwebhookconfigurations, validatingadmissionpolicies and
                                 validatingadmissionpolicybindings
                               what helps: ask for the right to `list` these in API group admissionregistration.k8s.io; a
                                 run without it is safe, and names each Secret whose write is denied
    warn  admission            not known what else may deny writes of Secrets: mutatingadmissionpolicies and
                                 mutatingadmissionpolicybindings: etcd\nis gone
    "#);
}

#[tokio::test]
async fn a_service_is_looked_at_once_and_nothing_is_changed() {
    let server = Server::default()
        .webhooks("validating", &[webhook(json!({})), webhook(json!({"name": "b"}))])
        .service(&[json!({})]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let all = heard.clone();
    let client = kubernetes(move |method, path| {
        all.lock().unwrap().push(format!("{method} {path}"));
        server.answer(path)
    });
    check(&client, EXEMPT).await;
    let heard = heard.lock().unwrap();
    assert_eq!(heard.iter().filter(|call| call.contains("/services/engine")).count(), 1);
    assert!(heard.iter().all(|call| call.starts_with("GET ")), "{heard:#?}");
}
