//! `manifests`: what would be applied, as YAML. Input: the command line. Output: stdout. Asks nothing of anybody.

use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::names::NAMESPACE;
use jiff::Timestamp;

use crate::cli::{KubeFlags, Manifests, attach};
use crate::model::run::Run;
use crate::run::manifests::{self, ManifestSettings};
use crate::stop::{Coded, Stop};
use crate::ui::screen;

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

impl Coded for NoImage {
    fn code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// Prints them.
pub(crate) fn print(args: &Manifests) -> Result<ExitCode, Stop> {
    // A fixed one: what is printed is kept, reviewed and applied by other tools.
    let namespace = args.job.namespace.as_deref().unwrap_or(NAMESPACE);
    let run = Run::new(Some(namespace), Timestamp::now(), rand::random());
    screen::stdout(&text(args, &run)?);
    Ok(ExitCode::Done)
}

fn text(args: &Manifests, run: &Run) -> Result<String, Stop> {
    if args.job.image.is_none() && !args.job.local {
        return Err(NoImage.into());
    }
    let (key_arn, engine, job) = (args.key_arn.as_str(), &args.engine, &args.job);
    let settings = ManifestSettings { run, key_arn, engine, job, watched: false, missing: &[] };
    let yaml = manifests::yaml(&manifests::objects(&settings)?)?;
    let attach = attach(&KubeFlags::default(), Some(&run.namespace));
    Ok(format!("{HEAD}{attach}\n{}", yaml.trim_end()))
}

#[cfg(test)]
#[path = "print_tests.rs"]
mod tests;
