//! Commands for people to paste: the one that goes on with this one, and others about the same cluster. Flags at their
//! defaults are left out, and `--yes`; those that say which cluster is meant are always carried on: who has several would
//! paste the command into another one.

use std::path::Path;
use std::time::Duration;

use eks_encrypt_job::wire::event::Method;

use super::flags::{CREATE_TIMEOUT, TIMEOUT};
use super::values::{format_duration, parse_duration};
use super::{
    Attach, AwsFlags, Create, Enable, EngineFlags, JobFlags, KubeFlags, Prove, PushFlags, Reencrypt, RegistryFlags,
    WaitFlags,
};
use crate::model::engine::method_name;

/// A command being written.
struct CommandLine(Vec<String>);

impl CommandLine {
    fn new(command: &str) -> Self {
        Self(vec![format!("kubectl eks-encrypt {command}")])
    }

    /// One of kubectl's own.
    fn kubectl(command: &str) -> Self {
        Self(vec![format!("kubectl {command}")])
    }

    fn flag(&mut self, name: &str, value: &str) {
        self.0.push(format!("{name} {}", shell_quote(value)));
    }

    fn opt(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.flag(name, value);
        }
    }

    fn repeat<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a String>) {
        values.into_iter().for_each(|value| self.flag(name, value));
    }

    fn pairs(&mut self, name: &str, values: &[(String, String)]) {
        values.iter().for_each(|(key, value)| self.flag(name, &format!("{key}={value}")));
    }

    fn flag_if(&mut self, text: &str, on: bool) {
        if on {
            self.0.push(text.to_owned());
        }
    }

    fn path(&mut self, name: &str, path: Option<&Path>) {
        self.opt(name, path.map(|path| path.display().to_string()).as_deref());
    }

    fn aws(&mut self, flags: &AwsFlags) {
        self.opt("--region", flags.region.as_deref());
        self.opt("--profile", flags.profile.as_deref());
    }

    fn kube(&mut self, flags: &KubeFlags) {
        self.opt("--context", flags.context.as_deref());
        self.path("--kubeconfig", flags.kubeconfig.as_deref());
    }

    fn namespace(&mut self, namespace: Option<&str>) {
        self.opt("--namespace", namespace);
    }

    fn wait(&mut self, flags: &WaitFlags) {
        self.timeout(flags.timeout, TIMEOUT);
    }

    fn timeout(&mut self, timeout: Duration, usual: &str) {
        if parse_duration(usual) != Ok(timeout) {
            self.flag("--timeout", &format_duration(timeout));
        }
    }

    fn engine(&mut self, flags: &EngineFlags) {
        if flags.method != Method::default() {
            self.flag("--method", &method_name(flags.method));
        }
        self.opt("--concurrency", flags.pace.concurrency.map(|number| number.to_string()).as_deref());
        self.opt("--max-qps", flags.pace.max_qps.map(|number| number.to_string()).as_deref());
        match flags.prove {
            Prove::Full => {}
            Prove::Job => self.flag("--prove", "job"),
            Prove::None => self.flag("--prove", "none"),
        }
    }

    fn job(&mut self, flags: &JobFlags, push: &PushFlags) {
        self.namespace(flags.namespace.as_deref());
        match &push.push_image {
            // The image's name follows from it.
            Some(to) => {
                self.flag("--push-image", &to.typed());
                self.registry(&push.registry);
            }
            None => self.opt("--image", flags.image.as_deref()),
        }
        self.repeat("--image-pull-secret", &flags.image_pull_secret);
        self.pairs("--node-selector", &flags.node_selector);
        self.repeat("--toleration", flags.toleration.iter().map(|toleration| &toleration.text));
        self.pairs("--pod-label", &flags.pod_label);
        self.pairs("--pod-annotation", &flags.pod_annotation);
        self.opt("--priority-class", flags.priority_class.as_deref());
        self.opt("--service-account", flags.service_account.as_deref());
        self.flag_if("--local", flags.local);
    }

    fn registry(&mut self, flags: &RegistryFlags) {
        self.path("--archive", flags.archive.as_deref());
        self.opt("--username", flags.username.as_deref());
        self.flag_if("--password-stdin", flags.password_stdin);
        self.path("--registry-ca", flags.registry_ca.as_deref());
        if let Some(plain) = flags.plain_http {
            self.flag_if(if plain { "--plain-http" } else { "--plain-http=false" }, true);
        }
        self.flag_if("--create-repository", flags.create_repository);
    }

    fn text(self) -> String {
        self.0.join(" ")
    }
}

impl Enable {
    /// The command that goes on with this one.
    pub(crate) fn resume_command(&self) -> String {
        let mut followup = CommandLine::new("enable");
        followup.path("-f", self.file.as_deref());
        followup.opt("--cluster", self.eks.cluster.as_deref());
        followup.opt("--key-arn", self.key_arn.as_deref());
        followup.aws(&self.aws);
        followup.kube(&self.kube);
        followup.flag_if("--encrypt-existing-secrets=false", !self.encrypt_existing_secrets);
        followup.flag_if("--force", self.force);
        followup.wait(&self.go);
        followup.engine(&self.engine);
        followup.job(&self.job, &self.push);
        followup.text()
    }

    /// The command for the second half alone, by the ARN of the cluster.
    pub(crate) fn reencrypt_command(&self, cluster_arn: &str) -> String {
        let mut followup = CommandLine::new("reencrypt");
        followup.opt("--cluster", cluster_arn.rsplit('/').next());
        followup.opt("--region", cluster_arn.split(':').nth(3));
        followup.opt("--profile", self.aws.profile.as_deref());
        followup.kube(&self.kube);
        followup.wait(&self.go);
        followup.engine(&self.engine);
        followup.job(&self.job, &self.push);
        followup.text()
    }
}

impl Create {
    /// The command that goes on with this one.
    pub(crate) fn resume_command(&self) -> String {
        let mut followup = CommandLine::new("create");
        followup.path("-f", Some(&self.file));
        followup.opt("--profile", self.profile.as_deref());
        followup.path("--kubeconfig", self.kubeconfig.as_deref());
        followup.timeout(self.timeout, CREATE_TIMEOUT);
        followup.text()
    }

    /// The commands that look at the cluster; `context`, if the kubeconfig has it.
    pub(crate) fn inspect_commands(&self, name: &str, region: &str, context: Option<&str>) -> Vec<String> {
        let profile = self.profile.as_deref();
        // Without an entry, that file is the one that could not be written.
        let kubeconfig = self.kubeconfig.clone().filter(|_| context.is_some());
        let kube = KubeFlags { context: context.map(str::to_owned), kubeconfig };
        let mut status = CommandLine::new("status");
        status.kube(&kube);
        // The context says the rest.
        if context.is_none() {
            status.flag("--cluster", name);
            status.flag("--region", region);
            status.opt("--profile", profile);
        }
        let entry = context.is_none().then(|| aws(&format!("eks update-kubeconfig --name {name}"), region, profile));
        entry.into_iter().chain([kubectl(&kube, "get nodes"), status.text()]).collect()
    }

    /// The command that deletes a stack of it, and all that the stack has made.
    pub(crate) fn delete(&self, stack: &str, region: &str) -> String {
        aws(&format!("cloudformation delete-stack --stack-name {stack}"), region, self.profile.as_deref())
    }
}

impl Reencrypt {
    /// The command that goes on with this one.
    pub(crate) fn resume_command(&self) -> String {
        let mut followup = CommandLine::new("reencrypt");
        followup.opt("--cluster", self.eks.cluster.as_deref());
        followup.aws(&self.aws);
        followup.flag_if("--without-aws", self.without_aws);
        followup.opt("--key-arn", self.key_arn.as_deref());
        followup.kube(&self.kube);
        followup.wait(&self.go);
        followup.engine(&self.engine);
        followup.job(&self.job, &self.push);
        followup.text()
    }
}

impl Attach {
    /// The command that goes on with this one.
    pub(crate) fn resume_command(&self) -> String {
        attach(&self.kube, self.namespace.as_deref())
    }
}

/// The command that follows a Job in this namespace.
pub(crate) fn attach(kube: &KubeFlags, namespace: Option<&str>) -> String {
    let mut followup = CommandLine::new("attach");
    followup.kube(kube);
    followup.namespace(namespace);
    followup.text()
}

/// The command that associates a key, which is left to be named.
pub(crate) fn enable(cluster: &str, aws: &AwsFlags, kube: &KubeFlags) -> String {
    let mut followup = CommandLine::new("enable");
    followup.flag("--cluster", cluster);
    followup.flag("--key-arn", "ARN");
    followup.aws(aws);
    followup.kube(kube);
    followup.text()
}

/// The command that begins a run in this namespace, with these flags more.
pub(crate) fn reencrypt(kube: &KubeFlags, namespace: Option<&str>, more: &str) -> String {
    let mut followup = CommandLine::new("reencrypt");
    followup.kube(kube);
    followup.namespace(namespace);
    followup.flag_if(more, !more.is_empty());
    followup.text()
}

/// The command that shows how things stand, with the run record of this namespace.
pub(crate) fn status(kube: &KubeFlags, namespace: Option<&str>) -> String {
    let mut followup = CommandLine::new("status");
    followup.kube(kube);
    followup.namespace(namespace);
    followup.text()
}

/// The command that verifies every Secret; without a key, that of the cluster in AWS.
pub(crate) fn verify(kube: &KubeFlags, namespace: Option<&str>, key_arn: &str) -> String {
    let mut followup = CommandLine::new("verify");
    followup.kube(kube);
    followup.namespace(namespace);
    followup.opt("--key-arn", Some(key_arn).filter(|arn| !arn.is_empty()));
    followup.text()
}

/// A command of kubectl's own.
pub(crate) fn kubectl(kube: &KubeFlags, command: &str) -> String {
    let mut followup = CommandLine::kubectl(command);
    followup.kube(kube);
    followup.text()
}

/// The command that deletes what runs have made.
pub(crate) fn cleanup(kube: &KubeFlags) -> String {
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
