//! Decides whether a run has made an object. A label alone decides nothing, because whoever may change an object may label it:
//! the object's name or its namespace must be a run's, too.

use std::collections::HashSet;

use eks_encrypt_job::wire::names::{APP, APP_LABEL, RECORD, RUN_LABEL};

use crate::commands::cleanup::listing::Listed;
use crate::model::run::Run;

/// Fails with the reason why an object is not deleted. `namespaces` are the ones that runs have made.
pub(crate) fn check(kind: &str, object: &Listed, namespaces: &HashSet<String>) -> Result<(), &'static str> {
    let name = object.name.as_str();
    let run = object.labels.get(RUN_LABEL);
    // What people apply from manifests/ is called eks-encrypt.
    let of_a_run = name == APP || run.is_some_and(|run| name == Run::from_id(run, "").job);
    if object.labels.get(APP_LABEL).is_none_or(|app| app != APP) {
        return Err("it has not the label app.kubernetes.io/name=eks-encrypt");
    }
    match (kind, &object.namespace) {
        ("Namespace", _) if name == "default" || name.starts_with("kube-") => Err("it is a namespace of Kubernetes"),
        ("Namespace", _) if name == APP || run.is_some() => Ok(()),
        ("Namespace", _) => Err("it has not the label eks-encrypt/run"),
        (_, Some(namespace)) if namespaces.contains(namespace) => Ok(()),
        // `verify` makes one without a run.
        ("ConfigMap", _) if name == RECORD => Ok(()),
        (_, Some(_)) if run.is_none() => Err("it has not the label eks-encrypt/run, and no run has made its namespace"),
        _ if of_a_run => Ok(()),
        _ => Err("no run gives it this name"),
    }
}

#[cfg(test)]
mod tests {
    //! A row for each kind of object that a run makes, and for each that somebody else has labelled.
    use super::*;
    use insta::assert_snapshot;

    /// What is decided of an object with this name and this run label (`-`: none), in namespace `ours` or `ops`.
    fn decide(row: &str) -> String {
        let [kind, name, namespace, run]: [&str; 4] =
            row.split_whitespace().collect::<Vec<_>>().try_into().expect("four words");
        let mut object = Listed { name: name.to_owned(), ..Listed::default() };
        object.labels.insert(APP_LABEL.to_owned(), APP.to_owned());
        if run != "-" {
            object.labels.insert(RUN_LABEL.to_owned(), run.to_owned());
        }
        object.namespace = Some(namespace.to_owned()).filter(|namespace| namespace != "-");
        let verdict = check(kind, &object, &HashSet::from(["ours".to_owned()]));
        format!("{row}: {}", verdict.err().unwrap_or("delete"))
    }

    fn table(rows: &[&str]) -> String {
        rows.iter().map(|row| decide(row)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn objects_of_runs_are_deleted() {
        assert_snapshot!(table(&[
            "Namespace eks-encrypt - -",
            "Namespace eks-encrypt-r1 - r1",
            "Namespace named-with-n - r1",
            "ClusterRole eks-encrypt-r1 - r1",
            "ClusterRoleBinding eks-encrypt-r1 - r1",
            "ClusterRoleBinding eks-encrypt - -",
            "ClusterRoleBinding eks-encrypt - by-kustomize",
            "ServiceAccount eks-encrypt ours -",
            "ConfigMap eks-encrypt-run ours -",
            "Job eks-encrypt-r1 ops r1",
            "Job eks-encrypt ops by-hand",
            "ServiceAccount eks-encrypt ops r1",
            "ServiceAccount eks-encrypt-r1 ops r1",
            "Lease eks-encrypt ops r1",
            "ConfigMap eks-encrypt-run ops r1",
            "ConfigMap eks-encrypt-run ops -",
        ]), @r"
        Namespace eks-encrypt - -: delete
        Namespace eks-encrypt-r1 - r1: delete
        Namespace named-with-n - r1: delete
        ClusterRole eks-encrypt-r1 - r1: delete
        ClusterRoleBinding eks-encrypt-r1 - r1: delete
        ClusterRoleBinding eks-encrypt - -: delete
        ClusterRoleBinding eks-encrypt - by-kustomize: delete
        ServiceAccount eks-encrypt ours -: delete
        ConfigMap eks-encrypt-run ours -: delete
        Job eks-encrypt-r1 ops r1: delete
        Job eks-encrypt ops by-hand: delete
        ServiceAccount eks-encrypt ops r1: delete
        ServiceAccount eks-encrypt-r1 ops r1: delete
        Lease eks-encrypt ops r1: delete
        ConfigMap eks-encrypt-run ops r1: delete
        ConfigMap eks-encrypt-run ops -: delete
        ");
    }

    /// A label on somebody else's ClusterRoleBinding had it deleted.
    #[test]
    fn labelled_objects_of_others_stay() {
        assert_snapshot!(table(&[
            "ClusterRoleBinding cluster-admins - -",
            "ClusterRoleBinding cluster-admins - r1",
            "ClusterRoleBinding eks-encrypt-r1 - -",
            "ClusterRoleBinding eks-encrypt-r1 - r2",
            "ClusterRole eks-encrypt-run - r1",
            "Namespace kube-system - r1",
            "Namespace default - r1",
            "Namespace shop - -",
            "Job nightly ops -",
            "Job nightly ops r1",
            "Job eks-encrypt ops -",
            "ConfigMap settings ops r1",
            "Role eks-encrypt-run ops r1",
        ]), @r"
        ClusterRoleBinding cluster-admins - -: no run gives it this name
        ClusterRoleBinding cluster-admins - r1: no run gives it this name
        ClusterRoleBinding eks-encrypt-r1 - -: no run gives it this name
        ClusterRoleBinding eks-encrypt-r1 - r2: no run gives it this name
        ClusterRole eks-encrypt-run - r1: no run gives it this name
        Namespace kube-system - r1: it is a namespace of Kubernetes
        Namespace default - r1: it is a namespace of Kubernetes
        Namespace shop - -: it has not the label eks-encrypt/run
        Job nightly ops -: it has not the label eks-encrypt/run, and no run has made its namespace
        Job nightly ops r1: no run gives it this name
        Job eks-encrypt ops -: it has not the label eks-encrypt/run, and no run has made its namespace
        ConfigMap settings ops r1: no run gives it this name
        Role eks-encrypt-run ops r1: no run gives it this name
        ");
    }

    #[test]
    fn an_object_without_the_label_stays() {
        let object = Listed { name: APP.to_owned(), ..Listed::default() };
        assert!(check("Namespace", &object, &HashSet::new()).is_err());
    }
}
