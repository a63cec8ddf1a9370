//! Commands for people to paste. Flags that say which cluster is meant are always carried on: who has several would paste the command
//! into another one.

use std::path::Path;

use crate::model::options::{AwsOptions, KubeOptions};

/// A command being written.
pub(crate) struct CommandLine(Vec<String>);

impl CommandLine {
    pub(crate) fn new(command: &str) -> Self {
        Self(vec![format!("kubectl eks-encrypt {command}")])
    }

    /// One of kubectl's own.
    pub(crate) fn kubectl(command: &str) -> Self {
        Self(vec![format!("kubectl {command}")])
    }

    pub(crate) fn flag(&mut self, name: &str, value: &str) {
        self.0.push(format!("{name} {}", shell_quote(value)));
    }

    pub(crate) fn opt(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.flag(name, value);
        }
    }

    pub(crate) fn repeat<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a String>) {
        values.into_iter().for_each(|value| self.flag(name, value));
    }

    pub(crate) fn pairs(&mut self, name: &str, values: &[(String, String)]) {
        values.iter().for_each(|(key, value)| self.flag(name, &format!("{key}={value}")));
    }

    pub(crate) fn flag_if(&mut self, text: &str, on: bool) {
        if on {
            self.0.push(text.to_owned());
        }
    }

    pub(crate) fn path(&mut self, name: &str, path: Option<&Path>) {
        self.opt(name, path.map(|path| path.display().to_string()).as_deref());
    }

    pub(crate) fn aws(&mut self, flags: &AwsOptions) {
        self.opt("--region", flags.region.as_deref());
        self.opt("--profile", flags.profile.as_deref());
    }

    pub(crate) fn kube(&mut self, flags: &KubeOptions) {
        self.opt("--context", flags.context.as_deref());
        self.path("--kubeconfig", flags.kubeconfig.as_deref());
    }

    pub(crate) fn namespace(&mut self, namespace: Option<&str>) {
        self.opt("--namespace", namespace);
    }

    pub(crate) fn text(self) -> String {
        self.0.join(" ")
    }
}

/// The command that follows a Job in this namespace.
pub(crate) fn attach(kube: &KubeOptions, namespace: Option<&str>) -> String {
    let mut followup = CommandLine::new("attach");
    followup.kube(kube);
    followup.namespace(namespace);
    followup.text()
}

/// The command that associates a key, which is left to be named.
pub(crate) fn enable(cluster: &str, aws: &AwsOptions, kube: &KubeOptions) -> String {
    let mut followup = CommandLine::new("enable");
    followup.flag("--cluster", cluster);
    followup.flag("--key-arn", "ARN");
    followup.aws(aws);
    followup.kube(kube);
    followup.text()
}

/// The command that begins a run in this namespace, with these flags more.
pub(crate) fn reencrypt(kube: &KubeOptions, namespace: Option<&str>, more: &str) -> String {
    let mut followup = CommandLine::new("reencrypt");
    followup.kube(kube);
    followup.namespace(namespace);
    followup.flag_if(more, !more.is_empty());
    followup.text()
}

/// The command that shows how things stand, with the run record of this namespace.
pub(crate) fn status(kube: &KubeOptions, namespace: Option<&str>) -> String {
    let mut followup = CommandLine::new("status");
    followup.kube(kube);
    followup.namespace(namespace);
    followup.text()
}

/// The command that verifies every Secret; without a key, that of the cluster in AWS.
pub(crate) fn verify(kube: &KubeOptions, namespace: Option<&str>, key_arn: &str) -> String {
    let mut followup = CommandLine::new("verify");
    followup.kube(kube);
    followup.namespace(namespace);
    followup.opt("--key-arn", Some(key_arn).filter(|arn| !arn.is_empty()));
    followup.text()
}

/// A command of kubectl's own.
pub(crate) fn kubectl(kube: &KubeOptions, command: &str) -> String {
    let mut followup = CommandLine::kubectl(command);
    followup.kube(kube);
    followup.text()
}

/// The command that deletes what runs have made.
pub(crate) fn cleanup(kube: &KubeOptions) -> String {
    let mut followup = CommandLine::new("cleanup");
    followup.kube(kube);
    followup.text()
}

/// A command of `aws`, in this region and with the profile that was named.
pub(crate) fn aws(command: &str, region: &str, profile: Option<&str>) -> String {
    let mut followup = CommandLine(vec![format!("aws {command}")]);
    followup.flag("--region", region);
    followup.opt("--profile", profile);
    followup.text()
}

/// A word as a shell takes it.
fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
