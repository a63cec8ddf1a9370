//! The objects that a run makes. Input: the YAML in `manifests/`, the same files that a person can read and apply, and
//! the command line's settings. Output: typed objects, ready for `apply`. Settings are put into fields, never into text:
//! an image name can't become YAML.

use clap::ValueEnum as _;
use eks_encrypt_job::contract::{CONTAINER, ENV_CONCURRENCY, ENV_KEY_ARN, ENV_METHOD, ENV_RUN, RUN_LABEL};
use eks_encrypt_job::event::Method;
use eks_encrypt_job::exit::ExitCode;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject};
use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;

use crate::run::Run;
use crate::stop::Coded;

const NAMESPACE: &str = include_str!("../../manifests/namespace.yaml");
const RBAC: &str = include_str!("../../manifests/rbac.yaml");
const JOB: &str = include_str!("../../manifests/job.yaml");

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
pub(crate) struct Settings<'a> {
    /// The run.
    pub(crate) run: &'a Run,
    /// The Job's image.
    pub(crate) image: &'a str,
    /// The key, for the run record, and for whoever finds the Job later.
    pub(crate) key_arn: &'a str,
    /// How Secrets are rewritten.
    pub(crate) method: Method,
    /// How many patches at once, or the manifest's number.
    pub(crate) concurrency: Option<u16>,
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
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Error
    }
}

/// All objects of a run, in the order in which they are applied: the Job last.
pub(crate) fn objects(settings: &Settings<'_>) -> Result<Vec<Object>, Error> {
    let mut objects = Vec::new();
    for text in [NAMESPACE, RBAC, JOB] {
        let documents: Vec<serde_json::Value> =
            serde_saphyr::from_multiple(text).map_err(|error| Error::Unreadable(error.to_string()))?;
        for document in documents {
            let mut object = typed(document)?;
            object.settle(settings)?;
            objects.push(object);
        }
    }
    Ok(objects)
}

fn typed(document: serde_json::Value) -> Result<Object, Error> {
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
    fn settle(&mut self, settings: &Settings<'_>) -> Result<(), Error> {
        let namespace = &settings.run.namespace;
        let of = |metadata: &mut ObjectMeta| metadata.namespace = Some(namespace.clone());
        let to = |subjects: &mut Option<Vec<Subject>>| {
            for subject in subjects.iter_mut().flatten() {
                subject.namespace = Some(namespace.clone());
            }
        };
        let metadata = match self {
            Self::Namespace(object) => {
                object.metadata.name = Some(namespace.clone());
                &mut object.metadata
            }
            Self::ClusterRole(object) => {
                object.metadata.name = Some(settings.run.rights().to_owned());
                &mut object.metadata
            }
            Self::ClusterRoleBinding(object) => {
                object.metadata.name = Some(settings.run.rights().to_owned());
                object.role_ref.name = settings.run.rights().to_owned();
                to(&mut object.subjects);
                &mut object.metadata
            }
            Self::ServiceAccount(object) => {
                of(&mut object.metadata);
                &mut object.metadata
            }
            Self::Role(object) => {
                of(&mut object.metadata);
                &mut object.metadata
            }
            Self::RoleBinding(object) => {
                of(&mut object.metadata);
                to(&mut object.subjects);
                &mut object.metadata
            }
            Self::Job(object) => {
                of(&mut object.metadata);
                job(object, settings)?;
                &mut object.metadata
            }
        };
        label(metadata, &settings.run.id);
        Ok(())
    }
}

fn label(metadata: &mut ObjectMeta, run: &str) {
    metadata.labels.get_or_insert_default().insert(RUN_LABEL.to_owned(), run.to_owned());
}

/// The Job's own settings. The run's id is given as it is, whatever the manifest does for a Job applied by hand: the
/// verdict looks for the last word of this id.
fn job(job: &mut Job, settings: &Settings<'_>) -> Result<(), Error> {
    job.metadata.name = Some(settings.run.job.clone());
    let template = &mut job.spec.get_or_insert_default().template;
    label(template.metadata.get_or_insert_default(), &settings.run.id);
    let containers = &mut template.spec.get_or_insert_default().containers;
    let container = containers.iter_mut().find(|container| container.name == CONTAINER).ok_or(Error::Container)?;
    container.image = Some(settings.image.to_owned());
    let env = container.env.get_or_insert_default();
    set(env, ENV_RUN, &settings.run.id);
    set(env, ENV_KEY_ARN, settings.key_arn);
    set(env, ENV_METHOD, &word(settings.method));
    if let Some(concurrency) = settings.concurrency {
        set(env, ENV_CONCURRENCY, &concurrency.to_string());
    }
    Ok(())
}

/// A method as the Job's environment has it.
pub(crate) fn word(method: Method) -> String {
    method.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn set(env: &mut Vec<EnvVar>, name: &str, value: &str) {
    env.retain(|variable| variable.name != name);
    env.push(EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_from: None });
}

#[cfg(test)]
mod tests {
    //! The settings arrive where they belong.
    use super::*;
    use kube::ResourceExt as _;

    fn made() -> Vec<Object> {
        let run = Run { id: "r1".into(), namespace: "ops".into(), job: "eks-encrypt-r1".into() };
        let (image, key_arn) = ("registry.example/job: \"1\"", "arn:k");
        objects(&Settings { run: &run, image, key_arn, method: Method::Touch, concurrency: Some(3) }).unwrap()
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
    fn what_is_not_in_a_namespace_is_the_runs_own() {
        let mut names = Vec::new();
        for object in made() {
            match object {
                Object::ClusterRole(role) => names.push(role.name_any()),
                Object::ClusterRoleBinding(binding) => names.extend([binding.name_any(), binding.role_ref.name]),
                _ => {}
            }
        }
        assert_eq!(names, ["eks-encrypt-r1"; 3]);
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
}
