//! What kubectl reads, for words that people type.
use super::*;
use insta::assert_snapshot;

fn completed(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(OsString::from).collect();
    complete(&words)
}

#[test]
fn it_is_asked_for_by_its_first_word_alone() {
    let of = |words: &[&str]| completion_request(words.iter().map(OsString::from)).map(|words| words.len());
    assert_eq!(of(&["kubectl-eks_encrypt", "__complete", "status", "--help"]), Some(2));
    assert_eq!(of(&["kubectl-eks_encrypt", "__complete"]), Some(0));
    assert_eq!(of(&["kubectl-eks_encrypt", "status", "__complete"]), None);
    assert_eq!(of(&["kubectl-eks_encrypt"]), None);
}

#[test]
fn commands() {
    assert_snapshot!(completed(&[""]), @r"
    enable	Associate a KMS key with a cluster and re-encrypt every Secret under it
    create	Create a cluster with your KMS key from birth
    reencrypt	Re-encrypt every Secret of a cluster that has its key
    attach	Follow the Job that is there, from any machine
    verify	Prove that every Secret is under the key, now, with your own rights
    status	Show the association, the key, the last run, and how many Secrets are not under the key yet
    cleanup	Delete everything that runs have made in the cluster
    manifests	Print what would be applied, as YAML, for review or GitOps
    image	Push, save or name the Job's image, which comes with this plugin
    schema	Print the JSON Schema of a file that this plugin reads, for editors
    completion	Print a completion script, for kubectl or for a shell
    version	Print this plugin's version
    help	Print this message or the help of the given subcommand(s)
    :4
    ");
    assert_eq!(completed(&[]), completed(&[""]));
    assert_snapshot!(completed(&["st"]), @r"
    status	Show the association, the key, the last run, and how many Secrets are not under the key yet
    :4
    ");
    assert_snapshot!(completed(&["help", "cl"]), @r"
    cleanup	Delete everything that runs have made in the cluster
    :4
    ");
}

#[test]
fn flags() {
    assert_snapshot!(completed(&["status", "--ou"]), @r"
    --output	The status as data, for scripts
    :4
    ");
    assert_snapshot!(completed(&["cleanup", ""]), @r"
    --kubeconfig	The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]
    --context	The kubeconfig context of this cluster [default: the current one]
    --yes	Skip the question; for scripts
    --dry-run	List what would be deleted, and delete nothing
    --force	Also while a run is running: its Job stops, and the Secrets that it has not reached stay as they are
    --help	Print help (see more with '--help')
    :4
    ");
    assert_snapshot!(completed(&["enable", "--k"]), @r"
    --key-arn	The KMS key: a key ARN, alias ARN, key id or alias name (alias/...)
    --kubeconfig	The kubeconfig file [default: $KUBECONFIG, then ~/.kube/config]
    :4
    ");
}

#[test]
fn values() {
    assert_snapshot!(completed(&["status", "--output", ""]), @r"
    json
    yaml
    :4
    ");
    assert_snapshot!(completed(&["status", "-o", "y"]), @r"
    yaml
    :4
    ");
    assert_snapshot!(completed(&["status", "--output=j"]), @r"
    --output=json
    :4
    ");
    assert_snapshot!(completed(&["enable", "--method", ""]), @r"
    annotate	The annotation eksctl.io/kms-encryption-timestamp is set, as eksctl does
    touch	An empty patch: the API server writes what is not under its current key, and nothing else changes
    :4
    ");
    assert_snapshot!(completed(&["completion", ""]), @r"
    kubectl
    bash
    elvish
    fish
    powershell
    zsh
    :4
    ");
    assert_snapshot!(completed(&["schema", ""]), @r"
    cluster-config	The file of `create`
    :4
    ");
}

#[test]
fn files_are_left_to_the_shell_and_what_nobody_can_know_to_the_person() {
    for words in [
        &["enable", "-f", ""][..],
        &["enable", "--file", "kms"],
        &["create", "--file=kms"],
        &["status", "--kubeconfig", "/e"],
    ] {
        assert_eq!(completed(words), ":0", "{words:?}");
    }
    for words in [&["enable", "--key-arn", ""][..], &["status", "-n", "eks"], &["status", "nonsense"]] {
        assert_eq!(completed(words), ":4", "{words:?}");
    }
}

#[test]
fn contexts_are_those_of_the_kubeconfig_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let text = r#"{"apiVersion": "v1", "kind": "Config", "contexts": [
        {"name": "prod", "context": {"cluster": "arn:aws:eks:eu-central-1:111122223333:cluster/shop", "user": "me"}},
        {"name": "preview", "context": {"cluster": "preview", "user": "me"}},
        {"name": "test", "context": {"cluster": "test", "user": "me"}}]}"#;
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    assert_snapshot!(completed(&["status", "--kubeconfig", file, "--context", "pr"]), @r"
    prod	cluster arn:aws:eks:eu-central-1:111122223333:cluster/shop
    preview
    :4
    ");
    let joined = format!("--kubeconfig={file}");
    assert_eq!(completed(&["status", &joined, "--context", "t"]), "test\n:4");
    assert_eq!(completed(&["status", "--kubeconfig", "/nowhere/config", "--context", ""]), ":4");
}

/// Whatever is typed, an answer comes: a shell shows a crash in the middle of a command line.
#[test]
fn nothing_that_is_typed_breaks_it() {
    for words in [
        &["--"][..],
        &["--", ""],
        &["-"],
        &["status", "--", ""],
        &["--help", ""],
        &["status", "-o=", ""],
        &["\u{7f}", "é"],
    ] {
        assert!(completed(words).lines().last().unwrap().starts_with(':'), "{words:?}");
    }
}
