//! The question before anything is changed. Input: what the checks found. Output: permission, by `--yes` or by a line that a
//! person types; or an error, and then nothing has been touched.

use std::io::BufRead as _;

use eks_encrypt_job::wire::exit::ExitCode;

use crate::aws::association::AssociationPlan;
use crate::checks::PreflightReport;
use crate::cli::WaitFlags;
use crate::error::HasExitCode;
use crate::k8s::Kubernetes;
use crate::model::options::{EngineOptions, JobOptions, Prove};
use crate::run::apply::{self, NamespaceState};
use crate::run::describe_write;
use crate::run::verification::Verification;
use crate::ui::terminal::{Terminal, one_line};

/// Why there is no permission.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody can be asked.
    #[error("not a terminal, so nobody can be asked: add --yes to go on without a question (nothing was touched)")]
    NotATerminal,
    /// Something else was typed.
    #[error("that is not {name}: nothing was touched")]
    No { name: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::NotATerminal => ExitCode::Usage,
            Self::No { .. } => ExitCode::Refused,
        }
    }
}

/// What is going to happen.
pub(crate) struct Question {
    /// What has to be typed: the cluster's name, or the kubeconfig's context where AWS was not asked.
    name: String,
    what: &'static str,
    text: String,
}

impl Question {
    /// About what the checks found.
    pub(crate) fn about_run(
        ground: &PreflightReport,
        engine: &EngineOptions,
        job: &JobOptions,
        rewrites: bool,
    ) -> Self {
        let mut text = match &ground.eks {
            Some(eks) => {
                let cluster = &eks.cluster;
                let place = format!("{} ({}, account {})", cluster.name, cluster.region(), cluster.account());
                association(&eks.plan, &place, &eks.key.arn)
            }
            None => {
                let (context, server) = (&ground.kubernetes.context, &ground.kubernetes.server);
                format!(
                    "\nThe cluster is that of kubeconfig context\n    {context}\n    {server}\nWhether it has a key of yours was \
                     not asked: AWS is left out.\n"
                )
            }
        };
        if let Some((_, Verification { time, by, .. })) = &ground.verified {
            text.push_str(&format!(
                "A verification at {} by {} found every Secret under the key. That is verified again first. If it holds, \
                 no run starts (--force starts one). Otherwise:\n",
                time.strftime("%Y-%m-%d %H:%M:%S UTC"),
                one_line(by)
            ));
        }
        text.push_str(&rewrite(engine, job, rewrites));
        if rewrites && !job.local && ground.owner == NamespaceState::Exists {
            text.push_str(&format!("\nBe aware: {}.\n", apply::unmanaged_namespace_warning(&ground.run.namespace)));
        }
        match &ground.eks {
            Some(eks) => Self { name: eks.cluster.name.clone(), what: "the cluster's name", text },
            None => Self::about_context(&ground.kubernetes, text),
        }
    }

    /// About the cluster of a kubeconfig's context.
    pub(crate) fn about_context(kubernetes: &Kubernetes, text: String) -> Self {
        Self { name: kubernetes.context.clone(), what: "the context's name", text }
    }

    /// The same with something more that happens.
    pub(crate) fn append(mut self, more: Option<String>) -> Self {
        self.text.push_str(&more.unwrap_or_default());
        self
    }

    /// The same for `--dry-run`, which asks nothing.
    pub(crate) fn plan(&self) -> String {
        format!("{}\nThis was a dry run: nothing was changed.", self.text)
    }
}

/// Says what will happen, and asks. Gives back whether to go on: after `--dry-run`, not.
pub(crate) async fn decide(flags: &WaitFlags, question: &Question, terminal: &Terminal) -> Result<bool, Error> {
    if flags.dry_run {
        terminal.println(&question.plan());
        return Ok(false);
    }
    confirm(flags.yes, question, terminal).await.map(|()| true)
}

/// Asks, unless `--yes` has answered.
pub(crate) async fn confirm(yes: bool, question: &Question, terminal: &Terminal) -> Result<(), Error> {
    terminal.println(&question.text);
    if yes {
        return Ok(());
    }
    if !terminal.can_ask() {
        return Err(Error::NotATerminal);
    }
    terminal.println(&format!("Type {} ({}) to go on:", question.what, question.name));
    // Off the runtime's thread, so that Ctrl-C is heard while we wait.
    let typed = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let typed = typed.await.ok().and_then(Result::ok).unwrap_or_default();
    matches_name(&typed, &question.name)
}

/// Only the name itself is a yes.
fn matches_name(typed: &str, name: &str) -> Result<(), Error> {
    if typed.trim() == name { Ok(()) } else { Err(Error::No { name: name.to_owned() }) }
}

/// What happens to the association, and what it means.
fn association(plan: &AssociationPlan, place: &str, arn: &str) -> String {
    match plan {
        AssociationPlan::Associate => format!(
            "\nThis associates the KMS key\n    {arn}\nwith the EKS cluster\n    {place}\n\n\
             THIS CAN'T BE UNDONE: EKS can't remove the key from the cluster, nor exchange it for another, ever.\n\
             If the key is disabled, the cluster stops working. If it is deleted, every Secret is lost, and the\n\
             cluster with it.\n\n"
        ),
        AssociationPlan::Follow(id) => {
            format!("\nEKS is already associating\n    {arn}\nwith\n    {place}\n(update {id}). It will be followed.\n")
        }
        AssociationPlan::Nothing => format!("\nThe EKS cluster\n    {place}\nhas the key\n    {arn}\nalready.\n"),
    }
}

/// What happens to the Secrets.
fn rewrite(engine: &EngineOptions, job: &JobOptions, rewrites: bool) -> String {
    if !rewrites {
        return "Existing Secrets stay as they are, under the key of the time when they were written.\n".to_owned();
    }
    let who = if job.local { "from here, with your own rights" } else { "by a Job in the cluster" };
    let proof = match engine.prove {
        Prove::Full => " Then it is\nverified that every Secret is under the key.",
        Prove::Job => " Then the Job\nverifies that every Secret is under the key.",
        Prove::None => "",
    };
    format!("Every Secret of the cluster will be written once, {who}:\n{}.{proof}\n", describe_write(engine.method))
}

#[cfg(test)]
#[path = "confirm_tests.rs"]
mod tests;
