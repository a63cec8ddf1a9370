//! The commands that go on with one, from its flags. Those at their defaults are left out, and `--yes`.

use std::time::Duration;

use eks_encrypt_job::wire::event::Method;

use super::flags::{CREATE_TIMEOUT, TIMEOUT};
use super::values::{format_duration, parse_duration};
use super::{Attach, Create, Enable, PushFlags, Reencrypt, WaitFlags};
use crate::model::followup::{CommandLine, attach, aws, kubectl};
use crate::model::options::{EngineOptions, JobOptions, KubeOptions, Prove, RegistryOptions};

impl CommandLine {
    fn wait(&mut self, flags: &WaitFlags) {
        self.timeout(flags.timeout, TIMEOUT);
    }

    fn timeout(&mut self, timeout: Duration, usual: &str) {
        if parse_duration(usual) != Ok(timeout) {
            self.flag("--timeout", &format_duration(timeout));
        }
    }

    fn engine(&mut self, flags: &EngineOptions) {
        if flags.method != Method::default() {
            self.flag("--method", flags.method.as_str());
        }
        let (concurrency, max_qps) = flags.pace;
        self.opt("--concurrency", concurrency.map(|number| number.to_string()).as_deref());
        self.opt("--max-qps", max_qps.map(|number| number.to_string()).as_deref());
        match flags.prove {
            Prove::Full => {}
            Prove::Job => self.flag("--prove", "job"),
            Prove::None => self.flag("--prove", "none"),
        }
    }

    fn job(&mut self, flags: &JobOptions, push: &PushFlags) {
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

    fn registry(&mut self, flags: &RegistryOptions) {
        self.path("--archive", flags.archive.as_deref());
        self.opt("--username", flags.username.as_deref());
        self.flag_if("--password-stdin", flags.password_stdin);
        self.path("--registry-ca", flags.registry_ca.as_deref());
        if let Some(plain) = flags.plain_http {
            self.flag_if(if plain { "--plain-http" } else { "--plain-http=false" }, true);
        }
        self.flag_if("--create-repository", flags.create_repository);
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
        let kube = KubeOptions { context: context.map(str::to_owned), kubeconfig };
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
