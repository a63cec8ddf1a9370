//! What people ask for, whatever flags, files and defaults it came from.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use eks_encrypt_job::wire::event::Method;
use k8s_openapi::api::core::v1::Toleration as PodToleration;
use serde::Serialize;

/// How AWS is reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct AwsOptions {
    /// The region; nothing, where the profile or environment says it.
    pub(crate) region: Option<String>,
    /// The profile, if one was named.
    pub(crate) profile: Option<String>,
}

/// How the cluster is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KubeOptions {
    /// The kubeconfig file; nothing, where it is found as kubectl finds it.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context, if it is not the current one.
    pub(crate) context: Option<String>,
}

/// How many patches are in flight at most, and how many are sent a second. Nothing: as many as API servers take easily.
pub(crate) type Pace = (Option<NonZeroUsize>, Option<NonZeroU32>);

/// How Secrets are re-encrypted, wherever that happens.
#[derive(Clone, Debug)]
pub(crate) struct EngineOptions {
    /// What is written.
    pub(crate) method: Method,
    /// How fast.
    pub(crate) pace: Pace,
    /// Who verifies, as asked for.
    pub(crate) prove: Prove,
}

impl EngineOptions {
    /// Who verifies. Without a Job, this command is the only one who could.
    pub(crate) fn prover(&self, job: &JobOptions) -> Prove {
        if job.local && self.prove == Prove::Job { Prove::Full } else { self.prove }
    }
}

/// Who verifies that every Secret is under the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Prove {
    /// This command, with the person's rights.
    #[default]
    Full,
    /// The Job, with its ServiceAccount's.
    Job,
    /// Nobody.
    None,
}

impl Prove {
    /// Whether the Job has to do it. `watched`: this command stays until its end.
    pub(crate) fn by_job(self, watched: bool) -> bool {
        self == Self::Job || (self == Self::Full && !watched)
    }
}

/// Where and as what the Job runs.
#[derive(Clone, Debug)]
pub(crate) struct JobOptions {
    /// The namespace that was named. Without one, each run creates its own.
    pub(crate) namespace: Option<String>,
    /// The image, by tag or digest.
    pub(crate) image: Option<String>,
    /// Secrets of the namespace with which it is pulled.
    pub(crate) image_pull_secret: Vec<String>,
    /// Labels that the node must have.
    pub(crate) node_selector: Vec<(String, String)>,
    /// Taints that the Pod tolerates.
    pub(crate) toleration: Vec<Toleration>,
    /// Labels of the Pod, beside our own.
    pub(crate) pod_label: Vec<(String, String)>,
    /// Annotations of the Pod.
    pub(crate) pod_annotation: Vec<(String, String)>,
    /// The Pod's PriorityClass.
    pub(crate) priority_class: Option<String>,
    /// A ServiceAccount that has the rights already.
    pub(crate) service_account: Option<String>,
    /// No Job: this process re-encrypts.
    pub(crate) local: bool,
}

/// A taint that the Job's Pod tolerates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Toleration {
    /// As it was typed.
    pub(crate) text: String,
    /// As Kubernetes has it.
    pub(crate) object: PodToleration,
}

/// How a registry is reached, and which image it gets.
#[derive(Clone, Debug, Default)]
pub(crate) struct RegistryOptions {
    /// The image archive; nothing for the one beside this program.
    pub(crate) archive: Option<PathBuf>,
    /// The name to log in with.
    pub(crate) username: Option<String>,
    /// The password of that name comes on stdin.
    pub(crate) password_stdin: bool,
    /// Certificate authorities beside the system's.
    pub(crate) registry_ca: Option<PathBuf>,
    /// Without TLS, or with it; nothing, where the address decides.
    pub(crate) plain_http: Option<bool>,
    /// Whether a missing repository is created in Amazon ECR.
    pub(crate) create_repository: bool,
}
