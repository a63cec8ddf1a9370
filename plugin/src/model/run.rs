//! One run: its id and the names that come from it. Input: the clock and chance, or a Job that is there already. Output:
//! what `manifests`, `apply`, `follow` and `cleanup` call things.

use eks_encrypt_job::api::bounds::{LONGEST_TEXT, cut};
use eks_encrypt_job::wire::names::{ACCOUNT_ANNOTATION, APP, APP_LABEL, CONTAINER, RUN_LABEL};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::Container;
use kube::ResourceExt as _;
use kube::api::ListParams;

/// A re-encryption of all Secrets by one Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Its id: the value of the label `eks-encrypt/run`.
    pub(crate) id: String,
    /// The Job's namespace.
    pub(crate) namespace: String,
    /// The Job's name.
    pub(crate) job: String,
    /// The Job's UID, once it is known. Another Job can have the same name.
    pub(crate) uid: Option<String>,
    /// Whether rights are given to it, and taken away at its end. Not where it uses somebody's ServiceAccount.
    pub(crate) manages_rbac: bool,
}

impl Run {
    /// A new run. The id says when it began, and two in one second differ. Its namespace is the one that a person names, or its
    /// own.
    pub(crate) fn new(namespace: Option<&str>, now: Timestamp, chance: u32) -> Self {
        let id = format!("{}-{chance:08x}", now.strftime("%Y%m%d-%H%M%S"));
        Self::from_id(&id, namespace.unwrap_or(&own_namespace(&id)))
    }

    /// The run of this id.
    pub(crate) fn from_id(id: &str, namespace: &str) -> Self {
        Self {
            job: format!("{APP}-{id}"),
            id: id.to_owned(),
            namespace: namespace.to_owned(),
            uid: None,
            manages_rbac: true,
        }
    }

    /// The name of its ServiceAccount, its roles and their bindings: its own, so that two runs do not take each other's rights,
    /// and no other object is overwritten or deleted.
    pub(crate) fn rbac_name(&self) -> &str {
        &self.job
    }

    /// Whether its namespace is its own: only runs have objects there, and who may use them is who may in the whole cluster.
    pub(crate) fn has_own_namespace(&self) -> bool {
        self.namespace == own_namespace(&self.id)
    }

    /// The run of any Job of ours, also of one that was applied by hand from manifests/.
    pub(crate) fn from_job(job: &Job) -> Option<Self> {
        Some(Self {
            id: job.labels().get(RUN_LABEL)?.clone(),
            namespace: job.namespace()?,
            job: job.name_any(),
            uid: job.uid(),
            manages_rbac: !job.annotations().contains_key(ACCOUNT_ANNOTATION),
        })
    }

    /// The run of a Job that the plugin made: one whose name comes from its run's id, and not one applied by hand.
    pub(crate) fn from_managed_job(job: &Job) -> Option<Self> {
        Self::from_job(job).filter(Self::is_named)
    }

    /// Whether its objects have the names that the plugin gives, which nobody else has thought of.
    pub(crate) fn is_named(&self) -> bool {
        self.job == Self::from_id(&self.id, &self.namespace).job
    }
}

/// What lists all objects that carry our label, those of manifests/ too.
pub(crate) fn with_app_label() -> ListParams {
    ListParams::default().labels(&format!("{APP_LABEL}={APP}"))
}

/// What lists the objects of runs.
pub(crate) fn with_run_label() -> ListParams {
    ListParams::default().labels(&format!("{APP_LABEL}={APP},{RUN_LABEL}"))
}

/// The namespace that a run makes for itself.
pub(crate) fn own_namespace(run: &str) -> String {
    format!("{APP}-{run}")
}

/// How a Job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobEnd {
    /// A Pod of it succeeded.
    Complete,
    /// It gave up, with the Job controller's words.
    Failed(String),
}

/// How a Job ended, if it has: its conditions are the only judge.
pub(crate) fn job_end(job: &Job) -> Option<JobEnd> {
    let end = end_condition(job)?;
    if end.type_ == "Complete" {
        return Some(JobEnd::Complete);
    }
    let reason = end.reason.as_deref().unwrap_or("Failed");
    let message = end.message.as_deref().unwrap_or_default();
    Some(JobEnd::Failed(cut(format!("{reason}: {message}"), LONGEST_TEXT)))
}

/// When a Job ended, by the API server's clock.
pub(crate) fn job_end_time(job: &Job) -> Option<Timestamp> {
    end_condition(job)?.last_transition_time.as_ref().map(|time| time.0)
}

fn end_condition(job: &Job) -> Option<&JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let is_end = |kind: &str| matches!(kind, "Complete" | "Failed");
    conditions.iter().find(|condition| condition.status == "True" && is_end(&condition.type_))
}

/// The value of an environment variable of the Job's container.
pub(crate) fn env_var<'a>(job: &'a Job, name: &str) -> Option<&'a str> {
    job_container(job)?.env.as_ref()?.iter().find(|variable| variable.name == name)?.value.as_deref()
}

fn job_container(job: &Job) -> Option<&Container> {
    let containers = &job.spec.as_ref()?.template.spec.as_ref()?.containers;
    containers.iter().find(|container| container.name == CONTAINER)
}
