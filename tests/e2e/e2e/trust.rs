//! What a tenant of the cluster can do to a run: rights are given by real RBAC, and asked for by `kubectl auth can-i`.

use eks_encrypt_sandbox::sandbox::Sandbox;
use serde_json::{Value, json};

use super::assertions::{ClusterSnapshot, own_namespace};
use super::node::push;
use super::support::{admin, apply, as_on_eks, associated, enable, job_completes, plugin, seed_secrets, wait_for};

/// Whether somebody may list every Secret.
fn may_list_secrets(sandbox: &Sandbox, user: &str) -> bool {
    let asked = ["auth", "can-i", "list", "secrets", "--all-namespaces", "--quiet", "--as", user];
    admin(sandbox, &asked).code == Some(0)
}

/// Makes a namespace in which user `tenant` has ClusterRole `edit`.
pub(crate) fn namespace_of_tenant(sandbox: &Sandbox, name: &str) {
    admin(sandbox, &["create", "namespace", name]).ok();
    let binding = ["create", "rolebinding", "tenant", "-n", name, "--clusterrole=edit", "--user=tenant"];
    admin(sandbox, &binding).ok();
}

/// A Job that does nothing, under the names and labels of a run.
fn forged(namespace: &str, image: &str, key: &str) -> String {
    let mut job = written_job(namespace, "eks-encrypt-forged", key, image, &["--help"]);
    // It stays there, as one whose Pod takes its time.
    job["spec"]["suspend"] = json!(true);
    job["spec"]["template"]["spec"]["serviceAccountName"] = json!("eks-encrypt-forged");
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "eks-encrypt-forged", "namespace": namespace },
    });
    json!({ "apiVersion": "v1", "kind": "List", "items": [account, job] }).to_string()
}

/// A Job with a run's names and labels for this key, whose Pod does what these arguments say.
pub(crate) fn written_job(namespace: &str, name: &str, key: &str, image: &str, arguments: &[&str]) -> Value {
    let labels = json!({ "app.kubernetes.io/name": "eks-encrypt", "eks-encrypt/run": name });
    let env = [("EKS_ENCRYPT_KEY_ARN", key), ("EKS_ENCRYPT_METHOD", "annotate"), ("EKS_ENCRYPT_RUN", name)];
    let env: Vec<_> = env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let container = json!({ "name": "job", "image": image, "args": arguments, "env": env });
    let pod = json!({ "restartPolicy": "Never", "containers": [container] });
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name, "namespace": namespace, "labels": labels },
        "spec": { "template": { "metadata": { "labels": labels }, "spec": pod } },
    })
}

/// A Job that was applied before `enable` was followed, given the right to read every Secret, and believed.
#[tokio::test]
async fn a_forged_job_is_neither_followed_nor_given_rights() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 20, 1).await;
    let image = push(&sandbox);
    // A tenant was there first, under the name that runs had.
    for namespace in ["eks-encrypt", "ops"] {
        namespace_of_tenant(&sandbox, namespace);
        let file = sandbox.folder().logs().join("forged.json");
        std::fs::write(&file, forged(namespace, &image, &sandbox.info().keys.customer)).unwrap();
        let file = file.to_str().unwrap();
        let apply = ["apply", "--server-side", "--field-manager=eks-encrypt", "--as", "tenant", "--filename", file];
        admin(&sandbox, &apply).ok();
    }
    let before = ClusterSnapshot::of_runs_in(&sandbox, &["eks-encrypt", "ops"]).await;
    for more in [&["--image", &image][..], &["--local"]] {
        let output = plugin(&sandbox, &enable(&sandbox, &[&["-n", "ops"], more].concat()));
        assert_eq!(output.code, Some(3), "{}", output.stderr);
        assert!(output.plain_text().contains("has not ended, and can't be followed as this run"), "{}", output.stderr);
    }
    before.untouched(&sandbox).await;

    // A namespace of the run's own has nothing to do with either.
    let output = plugin(&sandbox, &enable(&sandbox, &["--image", &image]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
    let own = own_namespace(&sandbox);
    for verb in ["create pods", "create secrets", "create serviceaccounts/token"] {
        let (verb, resource) = verb.split_once(' ').unwrap();
        let asked = ["auth", "can-i", verb, resource, "--quiet", "-n", &own, "--as", "tenant"];
        assert_ne!(admin(&sandbox, &asked).code, Some(0), "the tenant may {verb} {resource} in {own}");
    }
    for namespace in ["eks-encrypt", "ops"] {
        let account = format!("system:serviceaccount:{namespace}:eks-encrypt-forged");
        assert!(!may_list_secrets(&sandbox, &account), "{account}");
    }
}

/// A run with `--detach` left its rights for ever.
#[tokio::test]
async fn the_rights_of_a_run_end_with_it_though_no_command_waits() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 20, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let image = push(&sandbox);
    let arguments = ["reencrypt", "--image", &image, "--detach", "--yes", "--output=json"];
    let begun = plugin(&sandbox, &arguments).json();
    let (job, own) = (begun["job"].as_str().unwrap(), begun["namespace"].as_str().unwrap());
    let account = format!("system:serviceaccount:{own}:{job}");
    assert!(may_list_secrets(&sandbox, &account), "the run has no rights, and this shows nothing");
    job_completes(&sandbox, own, job);
    wait_for("the right to end", || (!may_list_secrets(&sandbox, &account)).then_some(()));
    let status = plugin(&sandbox, &["status", "--output=json"]).json();
    assert_eq!((&status["rightsLeft"], &status["run"]["result"]), (&json!([]), &"complete".into()), "{status}");

    // One that remains is named.
    let again = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": job, "labels": { "app.kubernetes.io/name": "eks-encrypt", "eks-encrypt/run": begun["run"] } },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": job },
        "subjects": [{ "kind": "ServiceAccount", "name": job, "namespace": own }],
    });
    apply(&sandbox, "again.json", &again.to_string());
    let status = plugin(&sandbox, &["status", "--output=json"]).json();
    assert_eq!(status["rightsLeft"][0]["clusterRoleBinding"], job, "{status}");
}
