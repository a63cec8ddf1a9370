//! The objects that a run makes. Input: the YAML in `manifests/`, the same files that a person can read and apply, and
//! the command line's settings. Output: typed objects, ready for `apply`. Settings are put into fields, never into text:
//! an image name can't become YAML.

use eks_encrypt_job::api_servers::MissingRight;
use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::names::{
    ACCOUNT_ANNOTATION, CONTAINER, ENV_BINDING, ENV_CONCURRENCY, ENV_KEY_ARN, ENV_MAX_QPS, ENV_METHOD, ENV_PROVE,
    ENV_RUN, RUN_LABEL,
};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, LocalObjectReference, Namespace, PodSpec, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject};
use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;

use crate::error::HasExitCode;
use crate::model::options::{EngineOptions, JobOptions};
use crate::model::run::Run;

const NAMESPACE: &str = include_str!("../../../manifests/namespace.yaml");
const RBAC: &str = include_str!("../../../manifests/rbac.yaml");
const JOB: &str = include_str!("../../../manifests/job.yaml");

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Object {
    Namespace(Namespace),
    ServiceAccount(ServiceAccount),
    ClusterRole(ClusterRole),
    ClusterRoleBinding(ClusterRoleBinding),
    Role(Role),
    RoleBinding(RoleBinding),
    Job(Box<Job>),
}

/// What the command line decides.
pub(crate) struct ManifestSettings<'a> {
    /// The run.
    pub(crate) run: &'a Run,
    /// The key, for the run record, and for whoever finds the Job later. Empty where it is not known.
    pub(crate) key_arn: &'a str,
    /// How Secrets are rewritten.
    pub(crate) engine: &'a EngineOptions,
    /// Where and as what the Job runs.
    pub(crate) job: &'a JobOptions,
    /// Whether this command stays until the Job's end.
    pub(crate) watched: bool,
    /// Rights that the person lacks, and so can't give.
    pub(crate) missing: &'a [MissingRight],
}

/// The manifests are not what this program expects: a mistake of ours, found by a test.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not YAML, or not the type that its `kind` names.
    #[error("the built-in manifests can't be read: {0}")]
    Unreadable(String),
    /// An object of a kind that nobody has written code for.
    #[error("the built-in manifests hold an object of kind {0}")]
    Kind(String),
    /// The Job has no container of the name that readers of its log ask for.
    #[error("the built-in Job has no container {CONTAINER}")]
    Container,
    /// Nobody has named an image.
    #[error(
        "no image for the Job is known. Three ways out: have the one that comes with this plugin pushed to a registry of yours \
         (--push-image REGISTRY/REPO), name one that the cluster's nodes can pull (--image), or re-encrypt from here without a \
         Pod (--local)"
    )]
    NoImage,
    /// An object does not become YAML: a mistake of ours.
    #[error("can't write {0} as YAML: {1}")]
    Unwritable(&'static str, String),
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::NoImage => ExitCode::Usage,
            _ => ExitCode::Error,
        }
    }
}

/// All objects of a run, in the order in which they are applied: the Job last. Where somebody else's ServiceAccount is
/// used, nothing gives rights; where no Pod runs, there is the namespace alone, for the run record.
pub(crate) fn objects(settings: &ManifestSettings<'_>) -> Result<Vec<Object>, Error> {
    let mut objects = load_all(settings)?;
    objects.retain(|object| match object {
        Object::Namespace(_) => true,
        Object::Job(_) => !settings.job.local,
        _ => !settings.job.local && settings.job.service_account.is_none(),
    });
    Ok(objects)
}

/// The Job of a run.
pub(crate) fn job_manifest(settings: &ManifestSettings<'_>) -> Result<Job, Error> {
    let job = load_all(settings)?.into_iter().find_map(|object| match object {
        Object::Job(job) => Some(*job),
        _ => None,
    });
    job.ok_or(Error::Container)
}

fn load_all(settings: &ManifestSettings<'_>) -> Result<Vec<Object>, Error> {
    let mut objects = Vec::new();
    for text in [NAMESPACE, RBAC, JOB] {
        let documents: Vec<serde_json::Value> =
            serde_saphyr::from_multiple(text).map_err(|error| Error::Unreadable(error.to_string()))?;
        for document in documents {
            let mut object = parse_object(document)?;
            object.customize(settings)?;
            objects.push(object);
        }
    }
    Ok(objects)
}

fn parse_object(document: serde_json::Value) -> Result<Object, Error> {
    fn read<T: DeserializeOwned>(document: serde_json::Value) -> Result<T, Error> {
        serde_json::from_value(document).map_err(|error| Error::Unreadable(error.to_string()))
    }
    let kind = document["kind"].as_str().unwrap_or_default().to_owned();
    Ok(match kind.as_str() {
        "Namespace" => Object::Namespace(read(document)?),
        "ServiceAccount" => Object::ServiceAccount(read(document)?),
        "ClusterRole" => Object::ClusterRole(read(document)?),
        "ClusterRoleBinding" => Object::ClusterRoleBinding(read(document)?),
        "Role" => Object::Role(read(document)?),
        "RoleBinding" => Object::RoleBinding(read(document)?),
        "Job" => Object::Job(read(document)?),
        _ => return Err(Error::Kind(kind)),
    })
}

impl Object {
    /// Puts the settings into the fields.
    fn customize(&mut self, settings: &ManifestSettings<'_>) -> Result<(), Error> {
        let namespace = &settings.run.namespace;
        let of = |metadata: &mut ObjectMeta| metadata.namespace = Some(namespace.clone());
        let to = |subjects: &mut Option<Vec<Subject>>| {
            for cluster_ref in subjects.iter_mut().flatten() {
                cluster_ref.namespace = Some(namespace.clone());
                cluster_ref.name = settings.run.rbac_name().to_owned();
            }
        };
        let metadata = match self {
            Self::Namespace(object) => {
                object.metadata.name = Some(namespace.clone());
                &mut object.metadata
            }
            Self::ClusterRole(object) => {
                object
                    .rules
                    .get_or_insert_default()
                    .retain(|rule| !settings.missing.iter().any(|right| grants(rule, *right)));
                for rule in object.rules.iter_mut().flatten().filter(|rule| names_resource(rule, "clusterrolebindings"))
                {
                    rule.resource_names = Some(vec![settings.run.rbac_name().to_owned()]);
                }
                object.metadata.name = Some(settings.run.rbac_name().to_owned());
                &mut object.metadata
            }
            Self::ClusterRoleBinding(object) => {
                object.metadata.name = Some(settings.run.rbac_name().to_owned());
                object.role_ref.name = settings.run.rbac_name().to_owned();
                to(&mut object.subjects);
                &mut object.metadata
            }
            Self::ServiceAccount(object) => {
                of(&mut object.metadata);
                object.metadata.name = Some(settings.run.rbac_name().to_owned());
                &mut object.metadata
            }
            Self::Role(object) => {
                of(&mut object.metadata);
                object.metadata.name = Some(settings.run.rbac_name().to_owned());
                &mut object.metadata
            }
            Self::RoleBinding(object) => {
                of(&mut object.metadata);
                object.metadata.name = Some(settings.run.rbac_name().to_owned());
                object.role_ref.name = settings.run.rbac_name().to_owned();
                to(&mut object.subjects);
                &mut object.metadata
            }
            Self::Job(object) => {
                of(&mut object.metadata);
                customize_job(object, settings)?;
                &mut object.metadata
            }
        };
        add_labels(metadata, &settings.run.id);
        Ok(())
    }
}

/// Whether a rule is about this resource.
fn names_resource(rule: &PolicyRule, resource: &str) -> bool {
    rule.resources.iter().flatten().any(|name| name == resource)
}

/// Whether a rule gives this right.
fn grants(rule: &PolicyRule, right: MissingRight) -> bool {
    match right {
        MissingRight::ListLeases => names_resource(rule, "leases"),
        MissingRight::GetEndpointSlices => names_resource(rule, "endpointslices"),
        MissingRight::GetMetrics => rule.non_resource_urls.iter().flatten().any(|url| url == "/metrics"),
    }
}

fn add_labels(metadata: &mut ObjectMeta, run: &str) {
    metadata.labels.get_or_insert_default().insert(RUN_LABEL.to_owned(), run.to_owned());
}

/// The Job's image; nothing, where no Job is made.
pub(crate) fn required_image(flags: &JobOptions) -> Result<Option<&String>, Error> {
    match &flags.image {
        None if !flags.local => Err(Error::NoImage),
        image => Ok(image.as_ref()),
    }
}

/// The Job's own settings. The run's id is given as it is, whatever the manifest does for a Job applied by hand: the
/// verdict looks for the last word of this id.
fn customize_job(job: &mut Job, settings: &ManifestSettings<'_>) -> Result<(), Error> {
    job.metadata.name = Some(settings.run.job.clone());
    if let Some(account) = &settings.job.service_account {
        job.metadata.annotations.get_or_insert_default().insert(ACCOUNT_ANNOTATION.to_owned(), account.clone());
    }
    let template = &mut job.spec.get_or_insert_default().template;
    let metadata = template.metadata.get_or_insert_default();
    // The person's own first: ours are what runs are found by.
    metadata.labels.get_or_insert_default().extend(settings.job.pod_label.iter().cloned());
    metadata.annotations.get_or_insert_default().extend(settings.job.pod_annotation.iter().cloned());
    add_labels(metadata, &settings.run.id);
    let pod = template.spec.get_or_insert_default();
    set_scheduling(pod, settings.job);
    let account = settings.job.service_account.as_deref().unwrap_or(settings.run.rbac_name());
    pod.service_account_name = Some(account.to_owned());
    let container = pod.containers.iter_mut().find(|container| container.name == CONTAINER).ok_or(Error::Container)?;
    if let Some(image) = required_image(settings.job)? {
        container.image = Some(image.clone());
    }
    let env = container.env.get_or_insert_default();
    set_variable(env, ENV_RUN, &settings.run.id);
    let gives_rights = settings.job.service_account.is_none();
    set_variable(env, ENV_BINDING, if gives_rights { settings.run.rbac_name() } else { "" });
    set_variable(env, ENV_KEY_ARN, settings.key_arn);
    set_variable(env, ENV_METHOD, settings.engine.method.as_str());
    set_variable(env, ENV_PROVE, &settings.engine.prove.by_job(settings.watched).to_string());
    let (concurrency, max_qps) = settings.engine.pace;
    if let Some(concurrency) = concurrency {
        set_variable(env, ENV_CONCURRENCY, &concurrency.to_string());
    }
    if let Some(rate) = max_qps {
        set_variable(env, ENV_MAX_QPS, &rate.to_string());
    }
    Ok(())
}

/// Where the Pod runs.
fn set_scheduling(pod: &mut PodSpec, flags: &JobOptions) {
    pod.node_selector.get_or_insert_default().extend(flags.node_selector.iter().cloned());
    let tolerations = flags.toleration.iter().map(|toleration| toleration.object.clone());
    pod.tolerations.get_or_insert_default().extend(tolerations);
    let secrets = flags.image_pull_secret.iter().map(|name| LocalObjectReference { name: name.clone() });
    pod.image_pull_secrets.get_or_insert_default().extend(secrets);
    if let Some(class) = &flags.priority_class {
        pod.priority_class_name = Some(class.clone());
    }
}

/// All objects as one stream of YAML, for people to read and `kubectl apply`.
pub(crate) fn yaml(objects: &[Object]) -> Result<String, Error> {
    let mut text = String::new();
    for object in objects {
        let (kind, written) = match object {
            Object::Namespace(object) => ("Namespace", serde_saphyr::to_string(object)),
            Object::ServiceAccount(object) => ("ServiceAccount", serde_saphyr::to_string(object)),
            Object::ClusterRole(object) => ("ClusterRole", serde_saphyr::to_string(object)),
            Object::ClusterRoleBinding(object) => ("ClusterRoleBinding", serde_saphyr::to_string(object)),
            Object::Role(object) => ("Role", serde_saphyr::to_string(object)),
            Object::RoleBinding(object) => ("RoleBinding", serde_saphyr::to_string(object)),
            Object::Job(object) => ("Job", serde_saphyr::to_string(object)),
        };
        let written = written.map_err(|error| Error::Unwritable(kind, error.to_string()))?;
        text.push_str("---\n");
        text.push_str(written.trim_end());
        text.push('\n');
    }
    Ok(text)
}

fn set_variable(env: &mut Vec<EnvVar>, name: &str, value: &str) {
    env.retain(|variable| variable.name != name);
    env.push(EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None });
}

#[cfg(test)]
mod tests {
    //! The settings arrive where they belong.
    use super::*;
    use crate::testing::reencrypt;
    use kube::ResourceExt as _;

    fn made() -> Vec<Object> {
        let run = Run::from_id("r1", "ops");
        let flags = reencrypt(&["--method", "touch", "--concurrency", "3"]);
        // The command line lets no such name through.
        let image = Some("registry.example/job: \"1\"".to_owned());
        let job = JobOptions { image, ..(*flags.job).clone() };
        objects(&ManifestSettings {
            run: &run,
            key_arn: "arn:k",
            engine: &flags.engine,
            job: &job,
            watched: true,
            missing: &[],
        })
        .unwrap()
    }

    fn metadata(object: &Object) -> &ObjectMeta {
        match object {
            Object::Namespace(object) => &object.metadata,
            Object::ServiceAccount(object) => &object.metadata,
            Object::ClusterRole(object) => &object.metadata,
            Object::ClusterRoleBinding(object) => &object.metadata,
            Object::Role(object) => &object.metadata,
            Object::RoleBinding(object) => &object.metadata,
            Object::Job(object) => &object.metadata,
        }
    }

    #[test]
    fn every_object_carries_the_run_and_the_namespace() {
        for object in made() {
            let metadata = metadata(&object);
            assert_eq!(metadata.labels.as_ref().unwrap()[RUN_LABEL], "r1", "{object:?}");
            let expected = match &object {
                Object::Namespace(_) => {
                    assert_eq!(metadata.name.as_deref(), Some("ops"));
                    None
                }
                Object::ClusterRole(_) | Object::ClusterRoleBinding(_) => None,
                _ => Some("ops"),
            };
            assert_eq!(metadata.namespace.as_deref(), expected, "{object:?}");
            if let Object::ClusterRoleBinding(ClusterRoleBinding { subjects, .. })
            | Object::RoleBinding(RoleBinding { subjects, .. }) = &object
            {
                assert_eq!(subjects.as_ref().unwrap()[0].namespace.as_deref(), Some("ops"));
            }
        }
    }

    #[test]
    fn what_gives_rights_is_the_runs_own() {
        let mut names = Vec::new();
        for object in made() {
            match object {
                Object::ClusterRole(role) => names.push(role.name_any()),
                Object::ClusterRoleBinding(binding) => names.extend([binding.name_any(), binding.role_ref.name]),
                Object::Role(role) => names.push(role.name_any()),
                Object::RoleBinding(binding) => names.extend([binding.name_any(), binding.role_ref.name]),
                _ => {}
            }
        }
        assert_eq!(names, ["eks-encrypt-r1"; 6]);
    }

    #[test]
    fn the_job_comes_last_with_image_environment_and_label() {
        let Some(Object::Job(job)) = made().pop() else { panic!("the last object is not the Job") };
        assert_eq!(job.name_any(), "eks-encrypt-r1");
        let template = job.spec.unwrap().template;
        assert_eq!(template.metadata.unwrap().labels.unwrap()[RUN_LABEL], "r1");
        let container = template.spec.unwrap().containers.remove(0);
        assert_eq!(container.image.as_deref(), Some("registry.example/job: \"1\""), "text is not YAML");
        let env = container.env.unwrap();
        let value =
            |name: &str| env.iter().find(|variable| variable.name == name).and_then(|variable| variable.value.clone());
        assert_eq!(value("EKS_ENCRYPT_KEY_ARN").as_deref(), Some("arn:k"));
        assert_eq!(value("EKS_ENCRYPT_CONCURRENCY").as_deref(), Some("3"));
        assert_eq!(value("EKS_ENCRYPT_METHOD").as_deref(), Some("touch"));
        assert_eq!(value("EKS_ENCRYPT_RUN").as_deref(), Some("r1"));
    }

    fn made_with(more: &[&str]) -> Vec<Object> {
        let run = Run::from_id("r1", "ops");
        let flags = reencrypt(more);
        objects(&ManifestSettings {
            run: &run,
            key_arn: "arn:k",
            engine: &flags.engine,
            job: &flags.job,
            watched: true,
            missing: &[],
        })
        .unwrap()
    }

    #[test]
    fn the_whole_of_it_as_yaml() {
        let flags = [
            "--image=registry.example/job:1",
            "--image-pull-secret=pull",
            "--node-selector=team=a",
            "--toleration=team=a:NoSchedule",
            "--toleration=*",
            "--pod-label=profile=jobs",
            "--pod-annotation=note=yes",
            "--priority-class=low",
            "--max-qps=50",
            "--prove=none",
        ];
        insta::assert_snapshot!(yaml(&made_with(&flags)).unwrap(), @r#"
        ---
        apiVersion: v1
        kind: Namespace
        metadata:
          labels:
            app.kubernetes.io/name: eks-encrypt
            eks-encrypt/run: r1
            pod-security.kubernetes.io/audit: restricted
            pod-security.kubernetes.io/enforce: restricted
            pod-security.kubernetes.io/warn: restricted
          name: ops
        ---
        apiVersion: v1
        kind: ServiceAccount
        automountServiceAccountToken: false
        metadata:
          labels:
            app.kubernetes.io/name: eks-encrypt
            eks-encrypt/run: r1
          name: eks-encrypt-r1
          namespace: ops
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata:
          labels:
            app.kubernetes.io/name: eks-encrypt
            eks-encrypt/run: r1
          name: eks-encrypt-r1
        rules:
        - apiGroups:
          - ""
          resources:
          - secrets
          verbs:
          - list
          - patch
        - apiGroups:
          - coordination.k8s.io
          resources:
          - leases
          verbs:
          - list
        - apiGroups:
          - discovery.k8s.io
          resourceNames:
          - kubernetes
          resources:
          - endpointslices
          verbs:
          - get
        - nonResourceURLs:
          - /metrics
          verbs:
          - get
        - apiGroups:
          - rbac.authorization.k8s.io
          resourceNames:
          - eks-encrypt-r1
          resources:
          - clusterrolebindings
          verbs:
          - delete
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata:
          labels:
            app.kubernetes.io/name: eks-encrypt
            eks-encrypt/run: r1
          name: eks-encrypt-r1
        roleRef:
          apiGroup: rbac.authorization.k8s.io
          kind: ClusterRole
          name: eks-encrypt-r1
        subjects:
        - kind: ServiceAccount
          name: eks-encrypt-r1
          namespace: ops
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata:
          labels:
            app.kubernetes.io/name: eks-encrypt
            eks-encrypt/run: r1
          name: eks-encrypt-r1
          namespace: ops
        rules:
        - apiGroups:
          - ""
          resourceNames:
          - eks-encrypt-run
          resources:
          - configmaps
          verbs:
          - get
          - patch
        - apiGroups:
          - coordination.k8s.io
          resourceNames:
          - eks-encrypt
          resources:
          - leases
          verbs:
          - get
          - patch
        - apiGroups:
          - ""
          resources:
          - configmaps
          verbs:
          - create
        - apiGroups:
          - coordination.k8s.io
          resources:
          - leases
          verbs:
          - create
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata:
          labels:
            app.kubernetes.io/name: eks-encrypt
            eks-encrypt/run: r1
          name: eks-encrypt-r1
          namespace: ops
        roleRef:
          apiGroup: rbac.authorization.k8s.io
          kind: Role
          name: eks-encrypt-r1
        subjects:
        - kind: ServiceAccount
          name: eks-encrypt-r1
          namespace: ops
        ---
        apiVersion: batch/v1
        kind: Job
        metadata:
          labels:
            app.kubernetes.io/name: eks-encrypt
            eks-encrypt/run: r1
          name: eks-encrypt-r1
          namespace: ops
        spec:
          backoffLimit: 5
          podFailurePolicy:
            rules:
            - action: Ignore
              onPodConditions:
              - status: "True"
                type: DisruptionTarget
            - action: FailJob
              onExitCodes:
                containerName: job
                operator: In
                values:
                - 2
                - 3
                - 6
          template:
            metadata:
              annotations:
                cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
                karpenter.sh/do-not-disrupt: "true"
                linkerd.io/inject: disabled
                note: "yes"
                sidecar.istio.io/inject: "false"
              labels:
                app.kubernetes.io/name: eks-encrypt
                eks-encrypt/run: r1
                profile: jobs
                sidecar.istio.io/inject: "false"
            spec:
              automountServiceAccountToken: true
              containers:
              - env:
                - name: EKS_ENCRYPT_JOB_UID
                  valueFrom:
                    fieldRef:
                      fieldPath: metadata.labels['batch.kubernetes.io/controller-uid']
                - name: POD_NAME
                  valueFrom:
                    fieldRef:
                      fieldPath: metadata.name
                - name: POD_NAMESPACE
                  valueFrom:
                    fieldRef:
                      fieldPath: metadata.namespace
                - name: EKS_ENCRYPT_CONCURRENCY
                  value: ""
                - name: EKS_ENCRYPT_WIRE_VERSION
                  value: "1"
                - name: EKS_ENCRYPT_RUN
                  value: r1
                - name: EKS_ENCRYPT_CLUSTER_ROLE_BINDING
                  value: eks-encrypt-r1
                - name: EKS_ENCRYPT_KEY_ARN
                  value: arn:k
                - name: EKS_ENCRYPT_METHOD
                  value: annotate
                - name: EKS_ENCRYPT_PROVE
                  value: "false"
                - name: EKS_ENCRYPT_MAX_QPS
                  value: "50"
                image: registry.example/job:1
                imagePullPolicy: IfNotPresent
                name: job
                resources:
                  limits:
                    cpu: "1"
                    memory: 64Mi
                  requests:
                    cpu: 100m
                    memory: 32Mi
                securityContext:
                  allowPrivilegeEscalation: false
                  capabilities:
                    drop:
                    - ALL
                  readOnlyRootFilesystem: true
                terminationMessagePath: /dev/termination-log
                terminationMessagePolicy: FallbackToLogsOnError
              enableServiceLinks: false
              imagePullSecrets:
              - name: pull
              nodeSelector:
                kubernetes.io/os: linux
                team: a
              priorityClassName: low
              restartPolicy: Never
              securityContext:
                runAsGroup: 65532
                runAsNonRoot: true
                runAsUser: 65532
                seccompProfile:
                  type: RuntimeDefault
              serviceAccountName: eks-encrypt-r1
              terminationGracePeriodSeconds: 15
              tolerations:
              - effect: NoSchedule
                key: team
                operator: Equal
                value: a
              - operator: Exists
        "#);
    }

    #[test]
    fn what_is_printed_reads_back_as_it_was() {
        let made = made_with(&["--image=registry.example/job:1"]);
        let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&yaml(&made).unwrap()).unwrap();
        let read: Vec<Object> = documents.into_iter().map(|document| parse_object(document).unwrap()).collect();
        assert_eq!(read, made);
    }

    #[test]
    fn a_persons_label_does_not_hide_the_run() {
        let made = made_with(&["--image=i", "--pod-label=eks-encrypt/run=mine"]);
        let Some(Object::Job(job)) = made.into_iter().next_back() else { panic!("no Job") };
        assert_eq!(job.spec.unwrap().template.metadata.unwrap().labels.unwrap()[RUN_LABEL], "r1");
    }

    #[test]
    fn with_somebody_elses_account_nothing_gives_rights() {
        let made = made_with(&["--image=i", "--service-account=theirs"]);
        assert!(matches!(made.as_slice(), [Object::Namespace(_), Object::Job(_)]), "{made:?}");
        let Object::Job(job) = &made[1] else { panic!() };
        let pod = job.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
        assert_eq!(pod.service_account_name.as_deref(), Some("theirs"));
        assert!(!Run::from_managed_job(job).unwrap().manages_rbac, "whoever finds the Job later looks for rights");
    }

    #[test]
    fn without_a_pod_there_is_the_namespace_alone_and_without_an_image_no_pod() {
        assert!(matches!(made_with(&["--local"]).as_slice(), [Object::Namespace(_)]));
        let (run, flags) = (Run::from_id("r1", "ops"), reencrypt(&[]));
        let error = objects(&ManifestSettings {
            run: &run,
            key_arn: "",
            engine: &flags.engine,
            job: &flags.job,
            watched: true,
            missing: &[],
        })
        .unwrap_err();
        insta::assert_snapshot!(error, @"no image for the Job is known. Three ways out: have the one that comes with this plugin pushed to a registry of yours (--push-image REGISTRY/REPO), name one that the cluster's nodes can pull (--image), or re-encrypt from here without a Pod (--local)");
    }
}
