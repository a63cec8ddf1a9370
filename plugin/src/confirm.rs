//! The question before anything is changed. Input: `--yes`, or a line that a person types. Output: permission, or an
//! error; nothing has been touched yet.

use std::io::{BufRead as _, IsTerminal as _};

use eks_encrypt_job::exit::ExitCode;

use crate::apply;
use crate::association::Plan;
use crate::cluster::Cluster;
use crate::key::Key;
use crate::screen::Screen;
use crate::stop::Coded;

/// Why there is no permission.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody can be asked.
    #[error("not a terminal, so nobody can be asked: add --yes to go on without a question (nothing was touched)")]
    NotATerminal,
    /// Something else was typed.
    #[error("that is not {cluster}: nothing was touched")]
    No { cluster: String },
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::NotATerminal => ExitCode::Usage,
            Self::No { .. } => ExitCode::Refused,
        }
    }
}

/// Asks, unless `--yes` has answered.
pub(crate) async fn confirm(
    yes: bool,
    plan: &Plan,
    cluster: &Cluster,
    key: &Key,
    others_namespace: Option<&str>,
    screen: &Screen,
) -> Result<(), Error> {
    screen.line(&text(plan, cluster, key));
    if let Some(namespace) = others_namespace {
        screen.line(&format!("Be aware: {}.\n", apply::somebody_elses(namespace)));
    }
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::NotATerminal);
    }
    screen.line(&format!("Type the cluster's name ({}) to go on:", cluster.name));
    // Off the runtime's thread, so that Ctrl-C is heard while we wait.
    let typed = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let typed = typed.await.ok().and_then(Result::ok).unwrap_or_default();
    agrees(&typed, &cluster.name)
}

/// Only the name itself is a yes.
fn agrees(typed: &str, cluster: &str) -> Result<(), Error> {
    if typed.trim() == cluster { Ok(()) } else { Err(Error::No { cluster: cluster.to_owned() }) }
}

/// What is going to happen, and what it means.
fn text(plan: &Plan, cluster: &Cluster, key: &Key) -> String {
    let place = format!("{} ({}, account {})", cluster.name, cluster.region(), cluster.account());
    let arn = &key.arn;
    let rewrite = "Every Secret of the cluster will then be written once, by a Job in the cluster: the annotation\n\
                   eksctl.io/kms-encryption-timestamp is set, the data stays as it is.";
    match plan {
        Plan::Associate => format!(
            "\nThis associates the KMS key\n    {arn}\nwith the EKS cluster\n    {place}\n\n\
             THIS CAN'T BE UNDONE: EKS can't remove the key from the cluster, nor exchange it for another, ever.\n\
             If the key is disabled, the cluster stops working. If it is deleted, every Secret is lost, and the\n\
             cluster with it.\n\n\
             {rewrite}\n"
        ),
        Plan::Follow(id) => format!(
            "\nEKS is already associating\n    {arn}\nwith\n    {place}\n(update {id}). It will be followed.\n{rewrite}\n"
        ),
        Plan::Nothing => format!("\nThe EKS cluster\n    {place}\nhas the key\n    {arn}\nalready.\n{rewrite}\n"),
    }
}

#[cfg(test)]
#[path = "confirm_tests.rs"]
mod tests;
