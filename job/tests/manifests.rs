//! The manifests are what Kubernetes reads them as, name things as the code does, and ask for no more than they need.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use eks_encrypt_job::wire::names;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, Namespace, PodSpec, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const NAMESPACE: &str = include_str!("../../manifests/namespace.yaml");
const RBAC: &str = include_str!("../../manifests/rbac.yaml");
const JOB: &str = include_str!("../../manifests/job.yaml");
const NETWORK_POLICY: &str = include_str!("../../manifests/network-policy/network-policy.yaml");

/// The one object of this kind, read strictly: a field that the type does not have is a typing error that the API server
/// would drop.
fn read<T: DeserializeOwned + Serialize>(file: &str, kind: &str) -> T {
    let mut found: Vec<Value> = serde_saphyr::from_multiple(file).unwrap();
    found.retain(|object| object["kind"] == kind);
    let [written] = found.try_into().unwrap();
    let typed: T = serde_json::from_value(written.clone()).unwrap();
    assert_kept(kind, &written, &serde_json::to_value(&typed).unwrap());
    typed
}

fn assert_kept(path: &str, written: &Value, read: &Value) {
    match (written, read) {
        (Value::Object(fields), _) => {
            for (name, value) in fields {
                assert_kept(&format!("{path}.{name}"), value, &read[name]);
            }
        }
        (Value::Array(written), Value::Array(read)) if written.len() == read.len() => {
            written.iter().zip(read).for_each(|(written, read)| assert_kept(path, written, read));
        }
        _ => assert_eq!(written, read, "{path} is not a field of this kind"),
    }
}

fn pod() -> PodSpec {
    read::<Job>(JOB, "Job").spec.unwrap().template.spec.unwrap()
}

fn container() -> Container {
    let [container] = pod().containers.try_into().unwrap();
    container
}

#[test]
fn names_are_those_of_the_contract() {
    let namespace = read::<Namespace>(NAMESPACE, "Namespace");
    let account = read::<ServiceAccount>(RBAC, "ServiceAccount");
    let job = read::<Job>(JOB, "Job");
    assert_eq!(namespace.metadata.name.as_deref(), Some(names::NAMESPACE));
    for metadata in [&account.metadata, &job.metadata] {
        assert_eq!(metadata.name.as_deref(), Some(names::APP));
        assert_eq!(metadata.namespace.as_deref(), Some(names::NAMESPACE));
        assert_eq!(metadata.labels.as_ref().unwrap()[names::APP_LABEL], names::APP);
    }
    let template = job.spec.unwrap().template.metadata.unwrap().labels.unwrap();
    assert_eq!(template[names::RUN_LABEL], job.metadata.labels.unwrap()[names::RUN_LABEL]);
    assert_eq!(pod().service_account_name.as_deref(), Some(names::APP));
    assert_eq!(container().name, names::CONTAINER);
}

#[test]
fn the_environment_is_what_the_binary_reads() {
    let env = container().env.unwrap();
    let names: Vec<&str> = env.iter().map(|variable| variable.name.as_str()).collect();
    let expected = [
        names::ENV_RUN,
        names::ENV_JOB_UID,
        "POD_NAME",
        "POD_NAMESPACE",
        names::ENV_METHOD,
        names::ENV_CONCURRENCY,
        names::ENV_MAX_QPS,
        names::ENV_PROVE,
        names::ENV_WIRE_VERSION,
        names::ENV_KEY_ARN,
        names::ENV_BINDING,
    ];
    assert_eq!(names, expected);
    let path = |index: usize| env[index].value_from.as_ref().unwrap().field_ref.as_ref().unwrap().field_path.as_str();
    assert_eq!(path(0), format!("metadata.labels['{}']", names::RUN_LABEL));
    assert_eq!(path(1), format!("metadata.labels['{}']", names::JOB_UID_LABEL), "each Job is a run of its own");
    let wire = env.iter().find(|variable| variable.name == names::ENV_WIRE_VERSION).unwrap();
    assert_eq!(wire.value, Some(eks_encrypt_job::wire::event::WIRE_VERSION.to_string()), "raised together");
}

#[test]
fn rights_are_the_least_that_suffice() {
    let secrets = serde_json::to_value(read::<ClusterRole>(RBAC, "ClusterRole").rules).unwrap();
    assert_eq!(
        secrets,
        json!([
            { "apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "patch"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["list"] },
            { "apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "resourceNames": ["kubernetes"],
              "verbs": ["get"] },
            { "nonResourceURLs": ["/metrics"], "verbs": ["get"] },
            { "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterrolebindings"],
              "resourceNames": [names::APP], "verbs": ["delete"] },
        ])
    );
    let record = serde_json::to_value(read::<Role>(RBAC, "Role").rules).unwrap();
    assert_eq!(
        record,
        json!([
            { "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [names::RECORD],
              "verbs": ["get", "patch"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [names::LEASE],
              "verbs": ["get", "patch"] },
            { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"] },
        ])
    );
    let cluster = read::<ClusterRoleBinding>(RBAC, "ClusterRoleBinding");
    let local = read::<RoleBinding>(RBAC, "RoleBinding");
    assert_eq!((cluster.role_ref.kind.as_str(), local.role_ref.kind.as_str()), ("ClusterRole", "Role"));
    for subject in [cluster.subjects.unwrap().remove(0), local.subjects.unwrap().remove(0)] {
        assert_eq!((subject.kind.as_str(), subject.name.as_str()), ("ServiceAccount", names::APP));
        assert_eq!(subject.namespace.as_deref(), Some(names::NAMESPACE));
    }
}

#[test]
fn the_pod_passes_pod_security_restricted() {
    let namespace = read::<Namespace>(NAMESPACE, "Namespace").metadata.labels.unwrap();
    for mode in ["enforce", "audit", "warn"] {
        assert_eq!(namespace[&format!("pod-security.kubernetes.io/{mode}")], "restricted");
    }
    let pod = pod().security_context.unwrap();
    assert_eq!((pod.run_as_non_root, pod.run_as_user), (Some(true), Some(65532)));
    assert_eq!(pod.seccomp_profile.unwrap().type_, "RuntimeDefault");
    let container = container().security_context.unwrap();
    assert_eq!(container.allow_privilege_escalation, Some(false));
    assert_eq!(container.read_only_root_filesystem, Some(true));
    assert_eq!(container.capabilities.unwrap().drop.unwrap(), ["ALL"]);
}

#[test]
fn disruptions_do_not_count_and_a_finished_run_is_not_repeated() {
    let job = read::<Job>(JOB, "Job").spec.unwrap();
    assert_eq!(job.ttl_seconds_after_finished, None, "the log is evidence");
    let rules = serde_json::to_value(job.pod_failure_policy.unwrap().rules).unwrap();
    assert_eq!(rules[0]["action"], "Ignore");
    assert_eq!(rules[0]["onPodConditions"][0]["type"], "DisruptionTarget");
    assert_eq!(rules[1]["action"], "FailJob");
    let incomplete = eks_encrypt_job::wire::exit::ExitCode::Incomplete as u8;
    let usage = eks_encrypt_job::wire::exit::ExitCode::Usage as u8;
    let refused = eks_encrypt_job::wire::exit::ExitCode::Refused as u8;
    assert_eq!(rules[1]["onExitCodes"]["values"], json!([usage, refused, incomplete]));
    assert_eq!(rules[1]["onExitCodes"]["containerName"], names::CONTAINER);
    // Both kinds of failure policy demand it.
    assert_eq!(pod().restart_policy.as_deref(), Some("Never"));
}

/// The fields of an object, with those that they are in; what people name themselves is none.
fn fields(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(_) if NAMED_BY_PEOPLE.iter().any(|end| path.ends_with(end)) => {}
        Value::Object(all) => {
            for (name, value) in all {
                let path = format!("{path}.{name}").trim_start_matches('.').to_owned();
                fields(&path, value, found);
                found.insert(path);
            }
        }
        Value::Array(all) => all.iter().for_each(|value| fields(path, value, found)),
        _ => {}
    }
}

const NAMED_BY_PEOPLE: [&str; 5] = [".labels", ".annotations", ".nodeSelector", ".requests", ".limits"];

/// Whoever adds a field looks up since when it is there (Kubernetes API Reference of 1.28): an older API server would drop it
/// without a word. The youngest: podFailurePolicy, by default since 1.26 (KEP-3329), and
/// the label batch.kubernetes.io/controller-uid, since 1.27.
#[test]
fn no_field_of_the_job_is_younger_than_kubernetes_1_28() {
    let mut found = BTreeSet::new();
    fields("", &serde_saphyr::from_str(JOB).unwrap(), &mut found);
    found.retain(|path| path.starts_with("spec"));
    insta::assert_snapshot!(found.into_iter().collect::<Vec<_>>().join("\n"), @"
    spec
    spec.backoffLimit
    spec.podFailurePolicy
    spec.podFailurePolicy.rules
    spec.podFailurePolicy.rules.action
    spec.podFailurePolicy.rules.onExitCodes
    spec.podFailurePolicy.rules.onExitCodes.containerName
    spec.podFailurePolicy.rules.onExitCodes.operator
    spec.podFailurePolicy.rules.onExitCodes.values
    spec.podFailurePolicy.rules.onPodConditions
    spec.podFailurePolicy.rules.onPodConditions.status
    spec.podFailurePolicy.rules.onPodConditions.type
    spec.template
    spec.template.metadata
    spec.template.metadata.annotations
    spec.template.metadata.labels
    spec.template.spec
    spec.template.spec.automountServiceAccountToken
    spec.template.spec.containers
    spec.template.spec.containers.env
    spec.template.spec.containers.env.name
    spec.template.spec.containers.env.value
    spec.template.spec.containers.env.valueFrom
    spec.template.spec.containers.env.valueFrom.fieldRef
    spec.template.spec.containers.env.valueFrom.fieldRef.fieldPath
    spec.template.spec.containers.image
    spec.template.spec.containers.imagePullPolicy
    spec.template.spec.containers.name
    spec.template.spec.containers.resources
    spec.template.spec.containers.resources.limits
    spec.template.spec.containers.resources.requests
    spec.template.spec.containers.securityContext
    spec.template.spec.containers.securityContext.allowPrivilegeEscalation
    spec.template.spec.containers.securityContext.capabilities
    spec.template.spec.containers.securityContext.capabilities.drop
    spec.template.spec.containers.securityContext.readOnlyRootFilesystem
    spec.template.spec.containers.terminationMessagePath
    spec.template.spec.containers.terminationMessagePolicy
    spec.template.spec.enableServiceLinks
    spec.template.spec.nodeSelector
    spec.template.spec.restartPolicy
    spec.template.spec.securityContext
    spec.template.spec.securityContext.runAsGroup
    spec.template.spec.securityContext.runAsNonRoot
    spec.template.spec.securityContext.runAsUser
    spec.template.spec.securityContext.seccompProfile
    spec.template.spec.securityContext.seccompProfile.type
    spec.template.spec.serviceAccountName
    spec.template.spec.terminationGracePeriodSeconds
    ");
}

#[test]
fn kustomize_applies_all_of_it() {
    let kustomization: Value = serde_saphyr::from_str(include_str!("../../manifests/kustomization.yaml")).unwrap();
    assert_eq!(kustomization["resources"], json!(["namespace.yaml", "rbac.yaml", "job.yaml"]));
}

#[test]
fn the_network_policy_is_for_the_jobs_pod_and_allows_the_api_servers_port_alone() {
    let policy = read::<NetworkPolicy>(NETWORK_POLICY, "NetworkPolicy");
    assert_eq!(policy.metadata.namespace.as_deref(), Some(names::NAMESPACE));
    let spec = policy.spec.unwrap();
    let pod = read::<Job>(JOB, "Job").spec.unwrap().template.metadata.unwrap().labels.unwrap();
    let selected = spec.pod_selector.unwrap().match_labels.unwrap();
    assert!(selected.iter().all(|(label, value)| pod.get(label) == Some(value)), "{selected:?}");
    assert_eq!(spec.policy_types.unwrap(), ["Ingress", "Egress"]);
    assert_eq!(spec.ingress, None);
    let egress = serde_json::to_value(spec.egress).unwrap();
    assert_eq!(egress, json!([{ "ports": [{ "port": 443, "protocol": "TCP" }] }]));
}
