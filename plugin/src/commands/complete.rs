//! Completion as kubectl asks for it. Input: the words after the plugin's name, of which the last is being typed; they come
//! from `krew/kubectl_complete-eks_encrypt`, which kubectl finds on PATH. Output: candidates, one a line, each with a tab and
//! its help; then `:N`, which tells the shell what to do besides. Asks nothing of anybody: a person waits with a finger on
//! the key.
//!
//! The protocol is that of cobra's `__complete` (k8s.io/kubectl, `pkg/cmd/plugin_completion.go`; cobra, "Shell Completions").

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use crate::cli::Cli;
use crate::k8s;

/// What asks for completion. No command of clap's: what follows is half a command line, with flags in it.
const REQUEST: &str = "__complete";

/// Cobra's ShellCompDirectiveDefault: without candidates, the shell offers files.
const FILES: u8 = 0;

/// Cobra's ShellCompDirectiveNoFileComp: candidates are all there is.
const NO_FILES: u8 = 4;

/// The id of the candidate that stands for all files.
const ALL_FILES: &str = "files";

/// The words to complete, if that is what this program was called for.
pub(crate) fn completion_request(mut args: impl Iterator<Item = OsString>) -> Option<Vec<OsString>> {
    args.next();
    (args.next()? == REQUEST).then(|| args.collect())
}

/// What kubectl reads.
pub(crate) fn complete(words: &[OsString]) -> String {
    let typed = words.last().cloned().unwrap_or_default();
    let mut all = vec![OsString::new()];
    all.extend_from_slice(words);
    if words.is_empty() {
        all.push(typed.clone());
    }
    let last = all.len() - 1;
    let mut command = with_kubeconfig_values(Cli::command(), kubeconfig(words).as_ref());
    let mut found = clap_complete::engine::complete(&mut command, all, last, None).unwrap_or_default();
    if found.iter().any(|candidate| candidate.get_id().is_some_and(|id| id == ALL_FILES)) {
        return format!(":{FILES}");
    }
    // As kubectl does: flags are offered to who begins one, or where there is nothing else.
    if typed.is_empty() && !found.iter().all(flag) {
        found.retain(|candidate| !flag(candidate));
    }
    let mut lines: Vec<_> = found.iter().filter_map(line).collect();
    lines.push(format!(":{NO_FILES}"));
    lines.join("\n")
}

fn flag(candidate: &CompletionCandidate) -> bool {
    candidate.get_value().as_encoded_bytes().starts_with(b"-")
}

/// A candidate and the first line of its help.
fn line(candidate: &CompletionCandidate) -> Option<String> {
    let value = candidate.get_value().to_str().filter(|value| !value.contains(['\n', '\t']))?;
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    Some(match help.lines().next() {
        Some(help) => format!("{value}\t{help}"),
        None => value.to_owned(),
    })
}

/// A command and those below it, with what clap does not know: which contexts there are, and that the shell knows files best.
fn with_kubeconfig_values(command: Command, kubeconfig: Option<&PathBuf>) -> Command {
    let known = |arg: Arg| match arg.get_value_hint() {
        ValueHint::AnyPath => arg.add(ArgValueCompleter::new(files)),
        _ if arg.get_id() == "context" => {
            let kubeconfig = kubeconfig.cloned();
            arg.add(ArgValueCandidates::new(move || contexts(kubeconfig.as_ref())))
        }
        _ => arg,
    };
    command.mut_args(known).mut_subcommands(|command| with_kubeconfig_values(command, kubeconfig))
}

fn files(_: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new("").id(Some(ALL_FILES.to_owned()))]
}

/// The contexts of the kubeconfig; none where it can't be read: the command itself will say why.
fn contexts(kubeconfig: Option<&PathBuf>) -> Vec<CompletionCandidate> {
    let read = k8s::read_kubeconfig(kubeconfig.map(PathBuf::as_path), None);
    let contexts = read.map(|kubeconfig| kubeconfig.contexts).unwrap_or_default();
    let candidate = |context: kube::config::NamedContext| {
        let cluster = context.context.map(|context| context.cluster).filter(|cluster| *cluster != context.name);
        CompletionCandidate::new(context.name).help(cluster.map(|cluster| format!("cluster {cluster}").into()))
    };
    contexts.into_iter().map(candidate).collect()
}

/// The kubeconfig that the words name.
fn kubeconfig(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--kubeconfig" {
            return words.next().map(PathBuf::from);
        }
        if let Some(file) = word.to_str().and_then(|word| word.strip_prefix("--kubeconfig=")) {
            return Some(file.into());
        }
    }
    None
}

#[cfg(test)]
#[path = "complete_tests.rs"]
mod tests;
