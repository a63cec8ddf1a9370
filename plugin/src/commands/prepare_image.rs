//! `--push-image` of `enable` and `reencrypt`: the push between the person's yes and the first change in AWS or in the cluster.
//! Input: their flags. Output: the Job's image by its digest, known before anything is pushed, so that checks, question and dry
//! run speak of the very image that will run; and a row of the checks.

use std::cell::RefCell;
use std::path::Path;

use eks_encrypt_job::wire::exit::ExitCode;

use crate::checks::table::{Check, CheckResult};
use crate::cli::{PushFlags, WaitFlags};
use crate::commands::confirm::{self, Question};
use crate::error::{CliError, HasExitCode};
use crate::model::VERSION;
use crate::model::options::JobOptions;
use crate::registry::client::is_loopback_registry;
use crate::registry::credentials::AwsUse;
use crate::registry::push::{Push, TagState};
use crate::ui::interrupt::Phase;
use crate::ui::terminal::Terminal;

/// The row's name.
const ROW: &str = "image";

/// The command line asks for what can't be.
#[derive(Debug, thiserror::Error)]
#[error("-f - and --password-stdin both read stdin: name the file, or log in with `docker login` before")]
pub(crate) struct Stdin;

impl HasExitCode for Stdin {
    fn code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// The push, if one is asked for and a Job will be made; and the Job's flags with its image in them.
pub(crate) async fn prepare(
    flags: &PushFlags,
    job: &JobOptions,
    (file, rewrites): (Option<&Path>, bool),
    aws: AwsUse,
) -> Result<(Option<Push>, JobOptions), CliError> {
    if flags.registry.password_stdin && file == Some(Path::new("-")) {
        return Err(Stdin.into());
    }
    match &flags.push_image {
        Some(to) if rewrites => {
            let push = Push::prepare(to, &flags.registry, aws, false).await?;
            let job = JobOptions { image: Some(push.by_digest()), ..job.clone() };
            Ok((Some(push), job))
        }
        _ => Ok((None, job.clone())),
    }
}

/// Asks, and after a yes pushes, if there is something to push: what fails here has changed nothing else. Gives back whether to go
/// on.
pub(crate) async fn confirmed(
    go: &WaitFlags,
    question: Question,
    push: Option<&Push>,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
) -> Result<bool, CliError> {
    let question = question.append(push.map(Push::description));
    if !confirm::decide(go, &question, terminal).await? {
        return Ok(false);
    }
    if let Some(push) = push {
        phase.replace(Phase::Pushing);
        push.push(terminal).await?;
        phase.replace(Phase::Pushed);
    }
    Ok(true)
}

impl Push {
    /// What is to be expected of it. Sends no login, and pushes nothing.
    pub(crate) async fn check(&self) -> Vec<Check> {
        let (registry, version) = (self.registry(), self.version());
        let near = is_loopback_registry(registry).then(|| {
            let found = format!("on a node, {registry} is that node itself: the image is not found there");
            let cure = "push with `image push`, and name the image by the nodes' address for it with --image";
            Check::warn(ROW, found, Some(cure.to_owned()))
        });
        let other = (version != VERSION).then(|| {
            let found =
                format!("the archive is of version {version}, this plugin of {VERSION}: it may not understand the Job");
            Check::warn(ROW, found, Some("take the archive that came with this plugin".to_owned()))
        });
        let standing = self.check_tag().await;
        // Some registries show to anybody what they let only a few write.
        let nobody = self.anonymous_reason().filter(|_| standing.result == CheckResult::Ok);
        let nobody = nobody.map(|why| Check::warn(ROW, format!("nobody is logged in at {registry}: {why}"), None));
        [Some(standing), nobody, near, other].into_iter().flatten().collect()
    }

    /// Whether it can be expected to succeed.
    async fn check_tag(&self) -> Check {
        let standing = match self.inspect().await {
            Ok(Some(standing)) => standing,
            Ok(None) => {
                let found = format!(
                    "{} will be pushed to {}. Not checked: whether the tag is free, and whether you may push. {} requires a login, \
                     and the login is sent after you confirm",
                    self.image_description().trim_start_matches("image "),
                    self.by_tag(),
                    self.registry()
                );
                return Check::warn(ROW, found, None);
            }
            Err(stop) => return Check::from_error(ROW, stop),
        };
        if let Err(error) = self.ensure_pushable(&standing) {
            return Check::from_error(ROW, error);
        }
        if let Some(error) = self.missing_repository(&standing) {
            return Check::warn(ROW, error.to_string(), None);
        }
        let found = match standing {
            TagState::UpToDate => format!("{} is in the registry already", self.by_digest()),
            TagState::NoRepository => format!("ECR has no repository for {}: it will be created", self.by_tag()),
            TagState::Absent | TagState::Different(_) => {
                let what = self.image_description();
                format!("{} will be pushed to {}", what.trim_start_matches("image "), self.by_tag())
            }
        };
        Check::ok(ROW, found)
    }

    /// What the question says of it.
    pub(crate) fn description(&self) -> String {
        let login = self.password_notice().unwrap_or_default();
        format!("Before that the Job's {} is pushed to\n    {}\n{login}", self.image_description(), self.by_tag())
    }
}
