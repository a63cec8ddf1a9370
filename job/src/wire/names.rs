//! The names that plugin, Job, manifests and people's own queries agree on. No I/O and no logic.
//!
//! Changing a value here changes what `kubectl get` and GitOps repositories see: say so in CHANGELOG.md.

/// The annotation that a rewrite sets, with an RFC 3339 time stamp. It is the one that eksctl's `utils
/// enable-secrets-encryption` sets, so that people who look for it find it.
pub const ANNOTATION: &str = "eksctl.io/kms-encryption-timestamp";

/// Who our patches say they are in `managedFields`.
pub const FIELD_MANAGER: &str = "eks-encrypt";

/// The namespace of everything we make in a cluster, unless the person names another.
pub const NAMESPACE: &str = "eks-encrypt";

/// The recommended label (`app.kubernetes.io/name`) that all we make carries, with the value [`APP`].
pub const APP_LABEL: &str = "app.kubernetes.io/name";

/// The value of [`APP_LABEL`], and the name of the Job, ServiceAccount and roles.
pub const APP: &str = "eks-encrypt";

/// The label that carries the id of the run that made an object.
pub const RUN_LABEL: &str = "eks-encrypt/run";

/// The annotation of a Job that uses a ServiceAccount which somebody else has made, with that one's name: nothing gave the run
/// rights, and there are none to be taken away.
pub const ACCOUNT_ANNOTATION: &str = "eks-encrypt/service-account";

/// The ConfigMap that is the run record.
pub const RECORD: &str = "eks-encrypt-run";

/// The Lease that keeps two runs of one namespace from being at work at once.
pub const LEASE: &str = "eks-encrypt";

/// The container of the Job's Pod whose log carries the wire format.
pub const CONTAINER: &str = "job";

/// The environment variable of [`CONTAINER`] that carries the run's id: the value of [`RUN_LABEL`] of the Pod.
pub const ENV_RUN: &str = "EKS_ENCRYPT_RUN";

/// The environment variable of [`CONTAINER`] that carries the Job's UID, taken from [`JOB_UID_LABEL`] of the Pod.
pub const ENV_JOB_UID: &str = "EKS_ENCRYPT_JOB_UID";

/// The label that the Job controller puts on a Job's Pods, with the Job's UID (since Kubernetes 1.27).
pub const JOB_UID_LABEL: &str = "batch.kubernetes.io/controller-uid";

/// The environment variable of [`CONTAINER`] that says how Secrets are rewritten (`annotate`, `touch`).
pub const ENV_METHOD: &str = "EKS_ENCRYPT_METHOD";

/// The environment variable of [`CONTAINER`] that sets the number of patches in flight. Empty: found by itself.
pub const ENV_CONCURRENCY: &str = "EKS_ENCRYPT_CONCURRENCY";

/// The environment variable of [`CONTAINER`] that bounds the patches a second. Empty: no bound.
pub const ENV_MAX_QPS: &str = "EKS_ENCRYPT_MAX_QPS";

/// The environment variable of [`CONTAINER`] that says whether the run ends with the proof (`true`, `false`).
pub const ENV_PROVE: &str = "EKS_ENCRYPT_PROVE";

/// The environment variable of [`CONTAINER`] that says which version of the wire format whoever follows the Job reads.
/// Empty: any.
pub const ENV_WIRE_VERSION: &str = "EKS_ENCRYPT_WIRE_VERSION";

/// The environment variable of [`CONTAINER`] that names the ClusterRoleBinding that the Job deletes when its work is over. Empty:
/// none.
pub const ENV_BINDING: &str = "EKS_ENCRYPT_CLUSTER_ROLE_BINDING";

/// The environment variable of [`CONTAINER`] that carries the key's ARN, for the run record.
pub const ENV_KEY_ARN: &str = "EKS_ENCRYPT_KEY_ARN";
