//! Ctrl-C: stops us at once, and says what goes on without us. Input: the stage that `enable` has reached. Output: exit
//! code 130 and a text that a person can act on.

use std::cell::RefCell;

use eks_encrypt_job::exit::ExitCode;

use crate::cli::Enable;
use crate::run::Run;
use crate::screen::Screen;
use crate::stop::Stop;

/// How far we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Checks and the question: nothing is changed.
    #[default]
    Checking,
    /// EKS is being asked to associate the key.
    Asking,
    /// EKS has begun to associate the key.
    Associating,
    /// The key is associated, and no Job made.
    Associated,
    /// A run's Job is being made.
    Applying(Run),
    /// A run's Job is there.
    Following(Run),
}

/// Runs a command until it ends or Ctrl-C comes.
pub(crate) async fn guard(
    screen: &Screen,
    args: &Enable,
    stage: &RefCell<Stage>,
    command: impl Future<Output = Result<ExitCode, Stop>>,
) -> Result<ExitCode, Stop> {
    tokio::select! {
        result = command => result,
        Ok(()) = tokio::signal::ctrl_c() => {
            screen.clear();
            screen.line(&text(&stage.borrow(), args));
            Ok(ExitCode::Interrupted)
        }
    }
}

fn text(stage: &Stage, args: &Enable) -> String {
    let what = match stage {
        Stage::Checking => return "\ninterrupted: nothing was changed".to_owned(),
        Stage::Asking => {
            "EKS was being asked to associate the key, and has not answered: it may have begun, and then it goes on and \
             can't be stopped. No Secret has been re-encrypted yet."
        }
        Stage::Associating => {
            "EKS goes on associating the key; it can't be stopped. No Secret has been re-encrypted yet."
        }
        Stage::Associated => "The key is associated. No Job has been made by this command.",
        Stage::Applying(_) => "The key is associated. The Job may have been made, and then goes on in the cluster.",
        Stage::Following(_) => "The key is associated, and the Job goes on re-encrypting in the cluster.",
    };
    let rights = match stage {
        Stage::Applying(run) => format!(
            "\nIts right to list and patch every Secret may have been given, and stays until that command takes it away. To \
             do so at once:\n  {}",
            run.without_rights()
        ),
        Stage::Following(run) => format!(
            "\nIts right to list and patch every Secret stays until that command has seen its end. To take it away before \
             (the Job then stops):\n  {}",
            run.without_rights()
        ),
        _ => String::new(),
    };
    format!("\ninterrupted: {what}\nGo on or look again with:\n  {}{rights}", args.again())
}

#[cfg(test)]
mod tests {
    //! What is said at each stage.
    use super::*;
    use crate::testing::enable;

    #[test]
    fn every_stage() {
        let run = Run { id: "r1".into(), namespace: "ops".into(), job: "eks-encrypt-r1".into() };
        let all = [
            Stage::Checking,
            Stage::Asking,
            Stage::Associating,
            Stage::Associated,
            Stage::Applying(run.clone()),
            Stage::Following(run),
        ];
        let told: Vec<String> = all.iter().map(|stage| text(stage, &enable(&[]))).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        interrupted: nothing was changed

        interrupted: EKS was being asked to associate the key, and has not answered: it may have begun, and then it goes on and can't be stopped. No Secret has been re-encrypted yet.
        Go on or look again with:
          kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --image registry.example/job:1

        interrupted: EKS goes on associating the key; it can't be stopped. No Secret has been re-encrypted yet.
        Go on or look again with:
          kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --image registry.example/job:1

        interrupted: The key is associated. No Job has been made by this command.
        Go on or look again with:
          kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --image registry.example/job:1

        interrupted: The key is associated. The Job may have been made, and then goes on in the cluster.
        Go on or look again with:
          kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --image registry.example/job:1
        Its right to list and patch every Secret may have been given, and stays until that command takes it away. To do so at once:
          kubectl delete clusterrolebinding eks-encrypt-r1

        interrupted: The key is associated, and the Job goes on re-encrypting in the cluster.
        Go on or look again with:
          kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --image registry.example/job:1
        Its right to list and patch every Secret stays until that command has seen its end. To take it away before (the Job then stops):
          kubectl delete clusterrolebinding eks-encrypt-r1
        ");
    }
}
