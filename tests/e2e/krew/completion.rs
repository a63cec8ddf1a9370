//! The name that people type, `kubectl eks-encrypt`: kubectl completes what follows it, and help and errors say it.

use super::home::Home;
use super::support::run;

/// A home in which completion was set up as README.md says.
fn completing() -> Home {
    let home = Home::with_plugin();
    let line = "kubectl eks-encrypt completion kubectl > \"$KREW_ROOT/bin/kubectl_complete-eks_encrypt\" && \
                chmod +x \"$KREW_ROOT/bin/kubectl_complete-eks_encrypt\"";
    run(home.command("/bin/sh").args(["-c", line])).ok();
    home
}

#[test]
fn kubectl_completes_commands_flags_values_and_contexts() {
    let home = completing();
    std::fs::create_dir(home.path(".kube")).unwrap();
    let kubeconfig = r#"{"apiVersion":"v1","kind":"Config","contexts":[{"name":"prod","context":{"cluster":"shop","user":"me"}},
        {"name":"test","context":{"cluster":"test","user":"me"}}]}"#;
    std::fs::write(home.path(".kube/config"), kubeconfig).unwrap();
    let completed = |words: &[&str]| {
        let output = home.kubectl(&[&["__complete", "eks-encrypt"], words].concat());
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        output.stdout
    };
    insta::assert_snapshot!(completed(&["status", "--ou"]), @r"
    --output	The status as data, for scripts
    :4
    ");
    insta::assert_snapshot!(completed(&["cl"]), @r"
    cleanup	Delete everything that runs have made in the cluster
    :4
    ");
    insta::assert_snapshot!(completed(&["status", "-o", ""]), @r"
    json
    yaml
    :4
    ");
    insta::assert_snapshot!(completed(&["attach", "--context", ""]), @r"
    prod	cluster shop
    test
    :4
    ");
    // Nothing of ours, and files: 0 is cobra's ShellCompDirectiveDefault.
    insta::assert_snapshot!(completed(&["enable", "--file", ""]), @":0");
}

/// The script for bash completes the file's own name.
#[test]
fn bash_completes_the_name_of_the_file() {
    let home = Home::with_plugin();
    let completed = |words: &str| {
        let script = format!(
            "source <(kubectl-eks_encrypt completion bash); COMP_WORDS=(kubectl-eks_encrypt {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             $(complete -p kubectl-eks_encrypt | sed 's/.*-F \\([^ ]*\\).*/\\1/') kubectl-eks_encrypt \"${{COMP_WORDS[-1]}}\" \
             \"${{COMP_WORDS[-2]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        run(home.command("/bin/bash").args(["-c", &script])).ok()
    };
    assert_eq!(completed("sta"), "status\n");
    assert_eq!(completed("status --ou"), "--output\n");
    assert_eq!(completed("status --output js"), "json\n");
}

#[test]
fn help_and_errors_say_what_people_type() {
    let home = Home::with_plugin();
    let mut all = Vec::new();
    for words in [
        &["--version"][..],
        &["staus"],
        &["status", "--contxt", "x"],
        &["enable"],
        &["reencrypt", "--local", "--image", "i"],
        &["create", "--help"],
    ] {
        let output = home.kubectl(&[&["eks-encrypt"], words].concat());
        let text = format!("{}{}", output.stdout, output.stderr).replace(super::release_files::VERSION, "VERSION");
        assert!(!text.contains("kubectl-eks_encrypt"), "{text}");
        let told: Vec<_> = text.lines().filter(|line| line.contains("kubectl eks-encrypt")).map(str::trim).collect();
        all.push(format!("{} ({}): {}", words.join(" "), output.code.unwrap(), told.join(" / ")));
    }
    insta::assert_snapshot!(all.join("\n"), @r"
    --version (0): kubectl eks-encrypt VERSION
    staus (2): Usage: kubectl eks-encrypt <COMMAND>
    status --contxt x (2): Usage: kubectl eks-encrypt status --context <CONTEXT>
    enable (2): Usage: kubectl eks-encrypt enable --key-arn <ARN>
    reencrypt --local --image i (2): Usage: kubectl eks-encrypt reencrypt --local
    create --help (0): Usage: kubectl eks-encrypt create [OPTIONS] --file <FILE>
    ");
}
