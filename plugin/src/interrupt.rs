//! Ctrl-C: stops us at once, and says what goes on without us. Input: the stage that `enable` has reached. Output: exit
//! code 130 and a text that a person can act on.

use std::cell::Cell;

use eks_encrypt_job::exit::ExitCode;

use crate::cli::Enable;
use crate::screen::Screen;
use crate::stop::Stop;

/// How far we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Checks and the question: nothing is changed.
    #[default]
    Checking,
    /// EKS has been asked to associate the key, or had been.
    Associating,
    /// The Job is being made.
    Applying,
    /// The Job is there.
    Following,
}

/// Runs a command until it ends or Ctrl-C comes.
pub(crate) async fn guard(
    screen: &Screen,
    args: &Enable,
    stage: &Cell<Stage>,
    command: impl Future<Output = Result<ExitCode, Stop>>,
) -> Result<ExitCode, Stop> {
    tokio::select! {
        result = command => result,
        Ok(()) = tokio::signal::ctrl_c() => {
            screen.clear();
            screen.line(&text(stage.get(), args));
            Ok(ExitCode::Interrupted)
        }
    }
}

fn text(stage: Stage, args: &Enable) -> String {
    let what = match stage {
        Stage::Checking => return "\ninterrupted: nothing was changed".to_owned(),
        Stage::Associating => {
            "EKS goes on associating the key; it can't be stopped. No Secret has been re-encrypted yet."
        }
        Stage::Applying => "The key is associated. The Job may have been made, and then goes on in the cluster.",
        Stage::Following => "The key is associated, and the Job goes on re-encrypting in the cluster.",
    };
    format!("\ninterrupted: {what}\nGo on or look again with:\n  {}", args.again())
}

#[cfg(test)]
mod tests {
    //! What is said at each stage.
    use super::*;
    use crate::testing::enable;

    #[test]
    fn every_stage() {
        let all = [Stage::Checking, Stage::Associating, Stage::Applying, Stage::Following];
        let told: Vec<String> = all.into_iter().map(|stage| text(stage, &enable(&[]))).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        interrupted: nothing was changed

        interrupted: EKS goes on associating the key; it can't be stopped. No Secret has been re-encrypted yet.
        Go on or look again with:
          kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --image registry.example/job:1

        interrupted: The key is associated. The Job may have been made, and then goes on in the cluster.
        Go on or look again with:
          kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --image registry.example/job:1

        interrupted: The key is associated, and the Job goes on re-encrypting in the cluster.
        Go on or look again with:
          kubectl eks-encrypt enable --cluster shop --key-arn arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --image registry.example/job:1
        ");
    }
}
