//! Ctrl-C: stops us at once, and says what goes on without us. Input: the stage that a command has reached. Output: exit
//! code 130 and a text that a person can act on.

use std::cell::RefCell;
use std::time::Duration;

use eks_encrypt_job::wire::exit::ExitCode;

use crate::error::CliError;
use crate::ui::terminal::Terminal;

/// How far we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Checks and the question: nothing is changed.
    #[default]
    Checking,
    /// The Job's image is being pushed to the person's registry.
    Pushing,
    /// The registry has it, and nothing else is changed.
    Pushed,
    /// An earlier run is being looked for, and rights that one has left behind are taken away.
    Cleaning,
    /// EKS is being asked to associate the key.
    RequestingAssociation,
    /// EKS has begun to associate the key.
    Associating,
    /// The key is associated, and no Job made.
    Associated,
    /// A run's Job is being made. With the command that takes its right to every Secret away, if it gets one.
    Applying(Option<String>),
    /// A run's Job is there. With the same command.
    Following(Option<String>),
    /// The run has gone through every Secret, and that they are under the key is being verified.
    Verifying,
    /// CloudFormation is being asked to create a stack, or does.
    Creating {
        /// Whether it has said that it does.
        begun: bool,
        stack: String,
        /// The command that deletes it.
        delete: String,
    },
    /// The stack is complete.
    Created(String),
    /// The engine is at work in this process.
    Local,
}

/// How long the engine in this process may take to end: it promises 5 s.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(6);

/// Runs a command until it ends or Ctrl-C comes. `again` is the command that goes on, `attach` the one that follows a Job.
pub(crate) async fn run_until_ctrl_c(
    terminal: &Terminal,
    (again, attach): (&str, &str),
    phase: &RefCell<Phase>,
    command: impl Future<Output = Result<ExitCode, CliError>>,
) -> Result<ExitCode, CliError> {
    let mut command = std::pin::pin!(command);
    tokio::select! {
        result = &mut command => return result,
        Ok(()) = tokio::signal::ctrl_c() => {}
    }
    let local = *phase.borrow() == Phase::Local;
    if local
        // It has heard the same, writes its record, and has the last words. It may just have come to its end.
        && let Ok(ended) = tokio::time::timeout(SHUTDOWN_TIMEOUT, command).await
        && !matches!(ended, Ok(ExitCode::Interrupted))
    {
        return ended;
    }
    terminal.clear();
    terminal.println(&text(&phase.borrow(), again, attach));
    Ok(ExitCode::Interrupted)
}

fn text(phase: &Phase, again: &str, attach: &str) -> String {
    let (what, next) = match phase {
        Phase::Checking => return "\ninterrupted: nothing was changed".to_owned(),
        Phase::Pushing => (
            "The Job's image was being pushed: the registry may have all of it, or a part. Nothing else was changed.",
            again,
        ),
        Phase::Pushed => ("The Job's image is in the registry. Nothing else was changed.", again),
        Phase::Cleaning => (
            "Earlier runs were being looked for: rights that one has left behind may have been taken away. No Secret was touched.",
            again,
        ),
        Phase::RequestingAssociation => (
            "EKS was being asked to associate the key, and has not answered: it may have begun, and then it goes on and \
             can't be stopped. No Secret has been re-encrypted yet.",
            again,
        ),
        Phase::Associating => {
            ("EKS goes on associating the key; it can't be stopped. No Secret has been re-encrypted yet.", again)
        }
        Phase::Associated => ("The key is associated. No Job has been made by this command.", again),
        Phase::Applying(_) => ("The Job may have been made, and then goes on in the cluster.", again),
        Phase::Following(_) => ("The Job was not stopped: it goes on in the cluster, unless it has ended.", attach),
        Phase::Verifying => ("The run has ended. What it has done was being verified, and is not proven.", again),
        Phase::Creating { begun, stack, delete } => return creating(*begun, stack, delete, again),
        Phase::Created(stack) => {
            return format!(
                "\ninterrupted: stack {stack} is complete and costs money; whether the cluster has your key has not been said. \
                 Go on with:\n  {again}"
            );
        }
        Phase::Local => ("The re-encryption ran in this process and has stopped; what is written is written.", again),
    };
    let rights = match phase {
        Phase::Applying(Some(without_rights)) => format!(
            "\nIts right to list and patch every Secret may have been given, and stays until that command takes it away. To \
             do so at once:\n  {without_rights}"
        ),
        Phase::Following(Some(without_rights)) => format!(
            "\nIts right to list and patch every Secret stays until that command has seen its end. To take it away before \
             (the Job then stops):\n  {without_rights}"
        ),
        _ => String::new(),
    };
    format!("\ninterrupted: {what}\nGo on or look again with:\n  {next}{rights}")
}

/// Many a Ctrl-C is meant to stop the whole thing.
fn creating(begun: bool, stack: &str, delete: &str, again: &str) -> String {
    let what = if begun {
        format!("CloudFormation goes on creating stack {stack} by itself, and what it makes costs money.")
    } else {
        format!(
            "CloudFormation was being asked to create stack {stack}, and has not answered: it may have begun, and then goes on by \
             itself, and what it makes costs money."
        )
    };
    format!("\ninterrupted: {what}\nGo on or look again with:\n  {again}\nTo have none of it:\n  {delete}")
}

#[cfg(test)]
mod tests {
    //! What is said at each stage.
    use super::*;

    #[test]
    fn every_stage() {
        let without_rights = || "kubectl delete clusterrolebinding eks-encrypt-r1".to_owned();
        let all = [
            Phase::Checking,
            Phase::Pushing,
            Phase::Pushed,
            Phase::Cleaning,
            Phase::RequestingAssociation,
            Phase::Associating,
            Phase::Associated,
            Phase::Applying(Some(without_rights())),
            Phase::Following(Some(without_rights())),
            Phase::Following(None),
            Phase::Local,
            Phase::Verifying,
            Phase::Creating { begun: false, stack: "eks-encrypt-shop".into(), delete: "aws delete ...".into() },
            Phase::Creating { begun: true, stack: "eks-encrypt-shop".into(), delete: "aws delete ...".into() },
            Phase::Created("eks-encrypt-shop".into()),
        ];
        let told: Vec<String> =
            all.iter().map(|phase| text(phase, "kubectl eks-encrypt enable", "kubectl eks-encrypt attach")).collect();
        insta::assert_snapshot!(told.join("\n"), @r"

        interrupted: nothing was changed

        interrupted: The Job's image was being pushed: the registry may have all of it, or a part. Nothing else was changed.
        Go on or look again with:
          kubectl eks-encrypt enable

        interrupted: The Job's image is in the registry. Nothing else was changed.
        Go on or look again with:
          kubectl eks-encrypt enable

        interrupted: Earlier runs were being looked for: rights that one has left behind may have been taken away. No Secret was touched.
        Go on or look again with:
          kubectl eks-encrypt enable

        interrupted: EKS was being asked to associate the key, and has not answered: it may have begun, and then it goes on and can't be stopped. No Secret has been re-encrypted yet.
        Go on or look again with:
          kubectl eks-encrypt enable

        interrupted: EKS goes on associating the key; it can't be stopped. No Secret has been re-encrypted yet.
        Go on or look again with:
          kubectl eks-encrypt enable

        interrupted: The key is associated. No Job has been made by this command.
        Go on or look again with:
          kubectl eks-encrypt enable

        interrupted: The Job may have been made, and then goes on in the cluster.
        Go on or look again with:
          kubectl eks-encrypt enable
        Its right to list and patch every Secret may have been given, and stays until that command takes it away. To do so at once:
          kubectl delete clusterrolebinding eks-encrypt-r1

        interrupted: The Job was not stopped: it goes on in the cluster, unless it has ended.
        Go on or look again with:
          kubectl eks-encrypt attach
        Its right to list and patch every Secret stays until that command has seen its end. To take it away before (the Job then stops):
          kubectl delete clusterrolebinding eks-encrypt-r1

        interrupted: The Job was not stopped: it goes on in the cluster, unless it has ended.
        Go on or look again with:
          kubectl eks-encrypt attach

        interrupted: The re-encryption ran in this process and has stopped; what is written is written.
        Go on or look again with:
          kubectl eks-encrypt enable

        interrupted: The run has ended. What it has done was being verified, and is not proven.
        Go on or look again with:
          kubectl eks-encrypt enable

        interrupted: CloudFormation was being asked to create stack eks-encrypt-shop, and has not answered: it may have begun, and then goes on by itself, and what it makes costs money.
        Go on or look again with:
          kubectl eks-encrypt enable
        To have none of it:
          aws delete ...

        interrupted: CloudFormation goes on creating stack eks-encrypt-shop by itself, and what it makes costs money.
        Go on or look again with:
          kubectl eks-encrypt enable
        To have none of it:
          aws delete ...

        interrupted: stack eks-encrypt-shop is complete and costs money; whether the cluster has your key has not been said. Go on with:
          kubectl eks-encrypt enable
        ");
    }
}
