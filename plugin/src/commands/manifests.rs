//! `manifests`: what would be applied, as YAML. Input: the command line. Output: stdout. Asks nothing of anybody.

use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::names::NAMESPACE;
use jiff::Timestamp;

use crate::cli::Manifests;
use crate::error::{CliError, HasExitCode};
use crate::model::followup::attach;
use crate::model::options::KubeOptions;
use crate::model::run::Run;
use crate::run::manifests::{self, ManifestSettings};
use crate::ui::terminal;

/// What a reader of the file should know; before the command that follows the Job.
const HEAD: &str = "# Made by `kubectl eks-encrypt manifests`. Apply it only when the association of the key is Successful: what is written\n\
    # earlier stays under the key of that time. To follow the Job, and to take its rights away at its end:\n#   ";

/// Nobody has named an image, and nothing is pushed here.
#[derive(Debug, thiserror::Error)]
#[error(
    "no image for the Job is known: `kubectl eks-encrypt image push REGISTRY/REPO` pushes the one that comes with this plugin, and \
     prints its name for --image"
)]
struct NoImage;

impl HasExitCode for NoImage {
    fn code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// Prints them.
pub(crate) fn run(args: &Manifests) -> Result<ExitCode, CliError> {
    // A fixed one: what is printed is kept, reviewed and applied by other tools.
    let namespace = args.job.namespace.as_deref().unwrap_or(NAMESPACE);
    let run = Run::new(Some(namespace), Timestamp::now(), rand::random());
    terminal::stdout(&render(args, &run)?);
    Ok(ExitCode::Done)
}

fn render(args: &Manifests, run: &Run) -> Result<String, CliError> {
    if args.job.image.is_none() && !args.job.local {
        return Err(NoImage.into());
    }
    let (key_arn, engine, job) = (args.key_arn.as_str(), &args.engine, &args.job);
    let settings = ManifestSettings { run, key_arn, engine, job, watched: false, missing: &[] };
    let yaml = manifests::yaml(&manifests::objects(&settings)?)?;
    let attach = attach(&KubeOptions::default(), Some(&run.namespace));
    Ok(format!("{HEAD}{attach}\n{}", yaml.trim_end()))
}

#[cfg(test)]
#[path = "manifests_tests.rs"]
mod tests;
