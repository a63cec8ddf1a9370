//! Commands for people to paste: the one that goes on with this one, and others about the same cluster. Flags at their
//! defaults are left out, and `--yes`; those that say which cluster is meant are always carried on: who has several would
//! paste the command into another one.

use std::path::Path;
use std::time::Duration;

use eks_encrypt_job::wire::event::Method;

use super::flags::{CREATE_TIMEOUT, TIMEOUT};
use super::values::{duration, short};
use super::{
    Attach, AwsFlags, Create, Enable, EngineFlags, JobFlags, KubeFlags, Prove, PushFlags, Reencrypt, RegistryFlags,
    WaitFlags,
};
use crate::model::engine::method_name;

/// A command being written.
struct Paste(Vec<String>);

impl Paste {
    fn new(command: &str) -> Self {
        Self(vec![format!("kubectl eks-encrypt {command}")])
    }

    /// One of kubectl's own.
    fn kubectl(command: &str) -> Self {
        Self(vec![format!("kubectl {command}")])
    }

    fn flag(&mut self, name: &str, value: &str) {
        self.0.push(format!("{name} {}", quoted(value)));
    }

    fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.flag(name, value);
        }
    }

    fn each<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a String>) {
        values.into_iter().for_each(|value| self.flag(name, value));
    }

    fn pairs(&mut self, name: &str, values: &[(String, String)]) {
        values.iter().for_each(|(key, value)| self.flag(name, &format!("{key}={value}")));
    }

    fn switch(&mut self, text: &str, on: bool) {
        if on {
            self.0.push(text.to_owned());
        }
    }

    fn path(&mut self, name: &str, path: Option<&Path>) {
        self.maybe(name, path.map(|path| path.display().to_string()).as_deref());
    }

    fn aws(&mut self, flags: &AwsFlags) {
        self.maybe("--region", flags.region.as_deref());
        self.maybe("--profile", flags.profile.as_deref());
    }

    fn kube(&mut self, flags: &KubeFlags) {
        self.maybe("--context", flags.context.as_deref());
        self.path("--kubeconfig", flags.kubeconfig.as_deref());
    }

    fn namespace(&mut self, namespace: Option<&str>) {
        self.maybe("--namespace", namespace);
    }

    fn wait(&mut self, flags: &WaitFlags) {
        self.timeout(flags.timeout, TIMEOUT);
    }

    fn timeout(&mut self, timeout: Duration, usual: &str) {
        if duration(usual) != Ok(timeout) {
            self.flag("--timeout", &short(timeout));
        }
    }

    fn engine(&mut self, flags: &EngineFlags) {
        if flags.method != Method::default() {
            self.flag("--method", &method_name(flags.method));
        }
        self.maybe("--concurrency", flags.pace.concurrency.map(|number| number.to_string()).as_deref());
        self.maybe("--max-qps", flags.pace.max_qps.map(|number| number.to_string()).as_deref());
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
            None => self.maybe("--image", flags.image.as_deref()),
        }
        self.each("--image-pull-secret", &flags.image_pull_secret);
        self.pairs("--node-selector", &flags.node_selector);
        self.each("--toleration", flags.toleration.iter().map(|toleration| &toleration.text));
        self.pairs("--pod-label", &flags.pod_label);
        self.pairs("--pod-annotation", &flags.pod_annotation);
        self.maybe("--priority-class", flags.priority_class.as_deref());
        self.maybe("--service-account", flags.service_account.as_deref());
        self.switch("--local", flags.local);
    }

    fn registry(&mut self, flags: &RegistryFlags) {
        self.path("--archive", flags.archive.as_deref());
        self.maybe("--username", flags.username.as_deref());
        self.switch("--password-stdin", flags.password_stdin);
        self.path("--registry-ca", flags.registry_ca.as_deref());
        if let Some(plain) = flags.plain_http {
            self.switch(if plain { "--plain-http" } else { "--plain-http=false" }, true);
        }
        self.switch("--create-repository", flags.create_repository);
    }

    fn text(self) -> String {
        self.0.join(" ")
    }
}

impl Enable {
    /// The command that goes on with this one.
    pub(crate) fn again(&self) -> String {
        let mut paste = Paste::new("enable");
        paste.path("-f", self.file.as_deref());
        paste.maybe("--cluster", self.eks.cluster.as_deref());
        paste.maybe("--key-arn", self.key_arn.as_deref());
        paste.aws(&self.aws);
        paste.kube(&self.kube);
        paste.switch("--encrypt-existing-secrets=false", !self.encrypt_existing_secrets);
        paste.switch("--force", self.force);
        paste.wait(&self.go);
        paste.engine(&self.engine);
        paste.job(&self.job, &self.push);
        paste.text()
    }

    /// The command for the second half alone, by the ARN of the cluster.
    pub(crate) fn second_half(&self, cluster_arn: &str) -> String {
        let mut paste = Paste::new("reencrypt");
        paste.maybe("--cluster", cluster_arn.rsplit('/').next());
        paste.maybe("--region", cluster_arn.split(':').nth(3));
        paste.maybe("--profile", self.aws.profile.as_deref());
        paste.kube(&self.kube);
        paste.wait(&self.go);
        paste.engine(&self.engine);
        paste.job(&self.job, &self.push);
        paste.text()
    }
}

impl Create {
    /// The command that goes on with this one.
    pub(crate) fn again(&self) -> String {
        let mut paste = Paste::new("create");
        paste.path("-f", Some(&self.file));
        paste.maybe("--profile", self.profile.as_deref());
        paste.path("--kubeconfig", self.kubeconfig.as_deref());
        paste.timeout(self.timeout, CREATE_TIMEOUT);
        paste.text()
    }

    /// The commands that look at the cluster; `context`, if the kubeconfig has it.
    pub(crate) fn look(&self, name: &str, region: &str, context: Option<&str>) -> Vec<String> {
        let profile = self.profile.as_deref();
        // Without an entry, that file is the one that could not be written.
        let kubeconfig = self.kubeconfig.clone().filter(|_| context.is_some());
        let kube = KubeFlags { context: context.map(str::to_owned), kubeconfig };
        let mut status = Paste::new("status");
        status.kube(&kube);
        // The context says the rest.
        if context.is_none() {
            status.flag("--cluster", name);
            status.flag("--region", region);
            status.maybe("--profile", profile);
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
    pub(crate) fn again(&self) -> String {
        let mut paste = Paste::new("reencrypt");
        paste.maybe("--cluster", self.eks.cluster.as_deref());
        paste.aws(&self.aws);
        paste.switch("--without-aws", self.without_aws);
        paste.maybe("--key-arn", self.key_arn.as_deref());
        paste.kube(&self.kube);
        paste.wait(&self.go);
        paste.engine(&self.engine);
        paste.job(&self.job, &self.push);
        paste.text()
    }
}

impl Attach {
    /// The command that goes on with this one.
    pub(crate) fn again(&self) -> String {
        attach(&self.kube, self.namespace.as_deref())
    }
}

/// The command that follows a Job in this namespace.
pub(crate) fn attach(kube: &KubeFlags, namespace: Option<&str>) -> String {
    let mut paste = Paste::new("attach");
    paste.kube(kube);
    paste.namespace(namespace);
    paste.text()
}

/// The command that associates a key, which is left to be named.
pub(crate) fn enable(cluster: &str, aws: &AwsFlags, kube: &KubeFlags) -> String {
    let mut paste = Paste::new("enable");
    paste.flag("--cluster", cluster);
    paste.flag("--key-arn", "ARN");
    paste.aws(aws);
    paste.kube(kube);
    paste.text()
}

/// The command that begins a run in this namespace, with these flags more.
pub(crate) fn reencrypt(kube: &KubeFlags, namespace: Option<&str>, more: &str) -> String {
    let mut paste = Paste::new("reencrypt");
    paste.kube(kube);
    paste.namespace(namespace);
    paste.switch(more, !more.is_empty());
    paste.text()
}

/// The command that shows how things stand, with the run record of this namespace.
pub(crate) fn status(kube: &KubeFlags, namespace: Option<&str>) -> String {
    let mut paste = Paste::new("status");
    paste.kube(kube);
    paste.namespace(namespace);
    paste.text()
}

/// The command that verifies every Secret; without a key, that of the cluster in AWS.
pub(crate) fn verify(kube: &KubeFlags, namespace: Option<&str>, key_arn: &str) -> String {
    let mut paste = Paste::new("verify");
    paste.kube(kube);
    paste.namespace(namespace);
    paste.maybe("--key-arn", Some(key_arn).filter(|arn| !arn.is_empty()));
    paste.text()
}

/// A command of kubectl's own.
pub(crate) fn kubectl(kube: &KubeFlags, command: &str) -> String {
    let mut paste = Paste::kubectl(command);
    paste.kube(kube);
    paste.text()
}

/// The command that deletes what runs have made.
pub(crate) fn cleanup(kube: &KubeFlags) -> String {
    let mut paste = Paste::new("cleanup");
    paste.kube(kube);
    paste.text()
}

/// A command of `aws`, in this region and with the profile that was named.
pub(crate) fn aws(command: &str, region: &str, profile: Option<&str>) -> String {
    let mut paste = Paste(vec![format!("aws {command}")]);
    paste.flag("--region", region);
    paste.maybe("--profile", profile);
    paste.text()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
