//! Without a Pod: the engine in the plugin's own process, and the commands around it, on a control plane that has no node.

use std::io::Write as _;
use std::process::{Command, Stdio};

use eks_encrypt_sandbox::sandbox::Sandbox;
use serde_json::Value;

use super::assertions::{ClusterSnapshot, cleaned_up, namespaces, own_namespace, revisions};
use super::blocking_webhook;
use super::running::{Running, STARTED};
use super::support::{
    admin, associated, control_plane, enable, key_of, plugin, plugin_command, seed_secrets, wait_for,
};

#[tokio::test]
async fn a_run_from_here_from_the_plan_to_the_last_trace() {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 600, 2).await;
    let before = ClusterSnapshot::of(&sandbox).await;

    // The plan: every check, and nothing written.
    let output = plugin(&sandbox, &enable(&sandbox, &["--local", "--dry-run", "--output=json"]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("This was a dry run: nothing was changed."), "{}", output.stderr);
    let checks = output.json();
    assert_eq!((&checks["passed"], &checks["association"]), (&true.into(), &"missing".into()), "{checks}");
    before.untouched(&sandbox).await;
    assert_eq!(namespaces(&sandbox), "");
    assert_eq!(key_of(&sandbox).await, None);

    // The run.
    let output = plugin(&sandbox, &enable(&sandbox, &["--local", "--output=json"]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("Done and proven"), "{}", output.stderr);
    let report = output.json();
    assert_eq!((&report["proven"], &report["tally"]["rewritten"]), (&true.into(), &600.into()), "{report}");
    before.all_moved(&sandbox).await;
    // No Job was made, and no rights; the record is there.
    let namespace = format!("eks-encrypt-{}", report["run"].as_str().unwrap());
    let made = ["get", "jobs,serviceaccounts", "-n", &namespace, "--output=name", "-l", "app.kubernetes.io/name"];
    assert_eq!(admin(&sandbox, &made).ok(), "");
    let record = ["get", "configmap", "-n", &namespace, "eks-encrypt-run", "--output=json"];
    assert_eq!(admin(&sandbox, &record).json()["data"]["run"], report["run"]);

    // How things stand: one Secret that somebody makes later is under the key by itself.
    admin(&sandbox, &["create", "secret", "generic", "later", "--from-literal=key=value"]).ok();
    let status = plugin(&sandbox, &["status", "--output=json"]).json();
    assert_eq!((&status["secrets"]["total"], &status["secrets"]["behind"]), (&601.into(), &0.into()), "{status}");
    assert_eq!(status["cluster"]["keyArn"], sandbox.info().keys.customer);
    assert_eq!(
        (&status["run"]["result"], &status["verified"]["secrets"]),
        (&"complete".into(), &600.into()),
        "{status}"
    );

    // Is it still so? One Secret more, and nothing is written.
    let secrets = revisions(&sandbox).await;
    let verified = plugin(&sandbox, &["verify", "--output=json"]).json();
    assert_eq!(
        (&verified["proven"], &verified["verified"]["tally"]["current"]),
        (&true.into(), &601.into()),
        "{verified}"
    );
    assert!(revisions(&sandbox).await == secrets, "Secrets were written");
    let status = plugin(&sandbox, &["status", "--output=json"]).json();
    assert_eq!(status["verified"]["secrets"], 601, "{status}");
    assert_eq!(status["notSeen"], serde_json::json!([]), "{status}");

    // The last trace.
    let cleanup = plugin(&sandbox, &["cleanup", "--dry-run"]);
    assert_eq!(cleanup.code, Some(0), "{}", cleanup.stderr);
    assert!(
        cleanup.stderr.contains(&format!("  Namespace {namespace} with all that is in it\n")),
        "{}",
        cleanup.stderr
    );
    assert_eq!(namespaces(&sandbox), format!("namespace/{namespace}\n"));
    cleaned_up(&sandbox).await;
    let again = plugin(&sandbox, &["cleanup"]);
    assert!(again.stderr.contains("There is nothing of ours in this cluster."), "{}", again.stderr);
}

#[tokio::test]
async fn ctrl_c_stops_it_and_the_same_command_does_the_rest() {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 200, 2).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    blocking_webhook::block(&sandbox, "seed-1", "secret-1");
    let mut run = Running::start(&sandbox, "run", &enable(&sandbox, &["--local", "--output=json"]));
    run.until(STARTED);
    run.interrupt();
    let output = run.end();
    assert_eq!(output.code, Some(130), "{}", output.stderr);
    assert!(output.stderr.contains("has stopped; what is written is written"), "{}", output.stderr);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&report["done"], &report["exitCode"]), (&false.into(), &130.into()), "{report}");
    let namespace = own_namespace(&sandbox);
    let record = ["get", "configmap", "-n", &namespace, "eks-encrypt-run", "--output=jsonpath={.data.result}"];
    assert_eq!(admin(&sandbox, &record).ok(), "stopped");
    blocking_webhook::unblock(&sandbox);
    let output = plugin(&sandbox, &enable(&sandbox, &["--local"]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
}

/// Runs the plugin on a terminal, where a person types a line. Gives back its exit code and the screen.
fn typed(sandbox: &Sandbox, arguments: &[&str], line: &str) -> (Option<i32>, String) {
    let plugin = plugin_command(sandbox, arguments);
    let words = [plugin.get_program()].into_iter().chain(plugin.get_args()).map(|word| word.to_str().unwrap());
    // Of bsdutils: gives a command a terminal of its own, and ends as it does.
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &words.collect::<Vec<_>>().join(" "), "/dev/null"]);
    for (name, value) in plugin.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Open until the end: a terminal that is hung up ends what runs on it.
    let mut keyboard = child.stdin.take().unwrap();
    writeln!(keyboard, "{line}").unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn on_a_terminal_the_clusters_name_is_the_only_yes() {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 20, 1).await;
    let before = ClusterSnapshot::of(&sandbox).await;
    let arguments: Vec<&str> = enable(&sandbox, &["--local"]).into_iter().filter(|word| *word != "--yes").collect();

    let (code, screen) = typed(&sandbox, &arguments, "yes");
    assert_eq!(code, Some(3), "{screen}");
    for words in ["THIS CAN'T BE UNDONE", "Type the cluster's name (sandbox) to go on:", "that is not sandbox"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    before.untouched(&sandbox).await;
    assert_eq!(key_of(&sandbox).await, None);

    let (code, screen) = typed(&sandbox, &arguments, "sandbox");
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("20 listed: 20 rewritten"), "{screen}");
    before.all_moved(&sandbox).await;
}

/// A namespace that goes because somebody empties its finalizers leaves its Secrets behind. They were called gone, and all of it
/// proven.
#[tokio::test]
async fn a_secret_that_outlived_its_namespace_is_named_and_nothing_is_called_done() {
    let sandbox = control_plane();
    seed_secrets(&sandbox, 20, 2).await;
    orphaned(&sandbox);
    let before = ClusterSnapshot::of(&sandbox).await;
    let output = plugin(&sandbox, &enable(&sandbox, &["--local", "--output=json"]));
    assert_eq!(output.code, Some(6), "{}", output.stderr);
    assert!(output.stderr.contains("Secret lost/kept: it is left over from namespace lost"), "{}", output.stderr);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&report["done"], &report["tally"]["failed"]), (&false.into(), &1.into()), "{report}");
    before.moved_but(&sandbox, &["lost/kept"]).await;

    // What it says that helps, helps.
    admin(&sandbox, &["create", "namespace", "lost"]).ok();
    let before = ClusterSnapshot::of(&sandbox).await;
    let output = plugin(&sandbox, &enable(&sandbox, &["--local"]));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    before.all_moved(&sandbox).await;
}

/// Makes Secret lost/kept, and takes its namespace away from around it.
fn orphaned(sandbox: &Sandbox) {
    admin(sandbox, &["create", "namespace", "lost"]).ok();
    admin(sandbox, &["create", "secret", "generic", "kept", "--namespace=lost", "--from-literal=key=value"]).ok();
    let finalizer = r#"--patch={"metadata":{"finalizers":["eks-encrypt.test/keep"]}}"#;
    admin(sandbox, &["patch", "secret", "kept", "--namespace=lost", "--type=merge", finalizer]).ok();
    // Here, and not some seconds later by the namespace's controller.
    admin(sandbox, &["delete", "secret", "kept", "--namespace=lost", "--wait=false"]).ok();
    admin(sandbox, &["delete", "namespace", "lost", "--wait=false"]).ok();
    let file = sandbox.folder().path().join("logs/finalized.json");
    std::fs::write(
        &file,
        r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"lost"},"spec":{"finalizers":[]}}"#,
    )
    .unwrap();
    let finalize = ["replace", "--raw=/api/v1/namespaces/lost/finalize", "--filename", file.to_str().unwrap()];
    admin(sandbox, &finalize).ok();
    wait_for("namespace lost to go", || {
        let namespace = admin(sandbox, &["get", "namespace", "lost", "--ignore-not-found", "--output=name"]).ok();
        namespace.is_empty().then_some(())
    });
    let secret = ["get", "secret", "kept", "--namespace=lost", "--output=name"];
    assert_eq!(admin(sandbox, &secret).ok(), "secret/kept\n");
}
