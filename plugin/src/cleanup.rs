//! Takes away what a run leaves: rights to Secrets above all. Input: a run that has ended. Output: a cluster without
//! them. The Job, its log and the run record stay: they are the evidence. What can't be deleted is said, with the command
//! that does it, and does not change the run's result.

use std::fmt::Debug;

use eks_encrypt_job::contract::APP;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::DeleteParams;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::cause::Cause;
use crate::kubernetes::{again, gone};
use crate::run::Run;
use crate::screen::Screen;

/// Deletes the rights: the bindings first, so that whatever follows, no token can use them.
pub(crate) async fn rights(client: &Client, run: &Run, screen: &Screen) {
    let (all, here) = (client, &run.namespace);
    delete::<ClusterRoleBinding>(Api::all(all.clone()), run.rights(), None, screen).await;
    delete::<RoleBinding>(Api::namespaced(all.clone(), here), APP, Some(here), screen).await;
    delete::<ClusterRole>(Api::all(all.clone()), run.rights(), None, screen).await;
    delete::<Role>(Api::namespaced(all.clone(), here), APP, Some(here), screen).await;
}

/// Deletes a Job that never began, with its Pods: otherwise the next run would follow it.
pub(crate) async fn job(client: &Client, run: &Run, screen: &Screen) {
    let jobs: Api<Job> = Api::namespaced(client.clone(), &run.namespace);
    delete(jobs, &run.job, Some(&run.namespace), screen).await;
}

async fn delete<K>(api: Api<K>, name: &str, namespace: Option<&str>, screen: &Screen)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let background = DeleteParams::background();
    match again(|| api.delete(name, &background)).await {
        Ok(_) => {}
        Err(error) if gone(&error, name) => {}
        Err(error) => {
            let kind = K::kind(&()).to_ascii_lowercase();
            let place = namespace.map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
            screen.line(&format!(
                "warning: can't delete {kind} {name}: {}\n  do it by hand: kubectl delete {kind} {name}{place}",
                Cause::kube(&error)
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    //! Rights are gone, or somebody is told.
    use super::*;
    use crate::testing::{kubernetes, not_found};

    fn run() -> Run {
        Run { id: "r1".into(), namespace: "ops".into(), job: "eks-encrypt-r1".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_404_that_does_not_name_the_object_is_no_deletion() {
        let client = kubernetes(|_, _| (404, "404 page not found".into()));
        let screen = Screen::kept();
        job(&client, &run(), &screen).await;
        insta::assert_snapshot!(screen.text(), @r"
        warning: can't delete job eks-encrypt-r1: 404 page not found
          do it by hand: kubectl delete job eks-encrypt-r1 -n ops
        ");
    }

    #[tokio::test]
    async fn a_right_that_stays_is_said_with_its_cure() {
        let client = kubernetes(|method, path| {
            assert_eq!(method, "DELETE");
            match path.contains("clusterrolebindings") {
                true => (
                    403,
                    r#"{"kind":"Status","status":"Failure","code":403,"reason":"Forbidden","message":"you may not"}"#
                        .into(),
                ),
                false => not_found(path),
            }
        });
        let screen = Screen::kept();
        rights(&client, &run(), &screen).await;
        insta::assert_snapshot!(screen.text(), @r"
        warning: can't delete clusterrolebinding eks-encrypt-r1: you may not
          do it by hand: kubectl delete clusterrolebinding eks-encrypt-r1
        ");
    }
}
