//! `reencrypt`, step by step: the second half of `enable` alone. Input: the command line. Output: an exit code, and everything
//! said on the screen on the way.

use std::cell::RefCell;

use eks_encrypt_job::wire::exit::ExitCode;
use tokio::time::Instant;

use crate::aws::association::AssociationPlan;
use crate::aws::association_wait;
use crate::checks::{PreflightOptions, PreflightReport, preflight};
use crate::cli::Reencrypt;
use crate::commands::confirm;
use crate::commands::prepare_image;
use crate::error::CliError;
use crate::model::target::Target;
use crate::output::cluster_ref::ClusterRef;
use crate::output::{documents, report_outcome};
use crate::registry::credentials::AwsUse;
use crate::registry::push::Push;
use crate::run::proof::Prover;
use crate::run::{RunRequest, run_and_verify};
use crate::ui::interrupt::Phase;
use crate::ui::terminal::Terminal;

/// Re-encrypts every Secret under the key that the cluster has.
pub(crate) async fn reencrypt(
    args: &Reencrypt,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
) -> Result<ExitCode, CliError> {
    let target = if args.without_aws { None } else { Some(Target::of_reencrypt(args, terminal)?) };
    let aws = target.as_ref().map_or(AwsUse::Never, |target| AwsUse::As(target.profile.clone()));
    let (push, job) = prepare_image::prepare(&args.push, &args.job, (None, true), aws).await?;
    let args = &Reencrypt { job: job.into(), ..args.clone() };
    let ground = preflight(&preflight_options(args, target.as_ref(), push.as_ref()), terminal).await;
    let ground = ground.map_err(|failed| documents::checks_failed(failed, args.go.output, terminal))?;
    confirm_and_execute(args, &ground, push.as_ref(), terminal, phase).await
}

/// What is to be checked.
fn preflight_options<'a>(
    args: &'a Reencrypt,
    target: Option<&'a Target>,
    push: Option<&'a Push>,
) -> PreflightOptions<'a> {
    PreflightOptions { target, push, kube: &args.kube, engine: &args.engine, job: &args.job, reencrypt: true }
}

/// Says what will happen, asks, and has it happen.
async fn confirm_and_execute(
    args: &Reencrypt,
    ground: &PreflightReport,
    push: Option<&Push>,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
) -> Result<ExitCode, CliError> {
    let question = confirm::Question::about_run(ground, &args.engine, &args.job, true);
    if !prepare_image::confirmed(&args.go, question, push, terminal, phase).await? {
        documents::dry_run(ground, args.go.output, terminal);
        return Ok(ExitCode::Done);
    }
    execute(args, ground, terminal, phase).await
}

/// Everything that changes something.
async fn execute(
    args: &Reencrypt,
    ground: &PreflightReport,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
) -> Result<ExitCode, CliError> {
    let began = Instant::now();
    let deadline = began + args.go.timeout;
    let PreflightReport { kubernetes, eks, .. } = ground;
    if let Some(eks) = eks {
        let update = match &eks.plan {
            AssociationPlan::Follow(id) => Some(id.as_str()),
            AssociationPlan::Associate | AssociationPlan::Nothing => None,
        };
        association_wait::wait((&eks.aws, &eks.cluster, &eks.key), update, &kubernetes.client, terminal, deadline)
            .await?;
    }
    let vouched = args.key_arn.as_deref().unwrap_or_default();
    let key_arn = eks.as_ref().map_or(vouched, |eks| &eks.key.arn);
    phase.replace(Phase::Cleaning);
    let missing = ground.api_servers.missing.as_slice();
    let work = RunRequest {
        kubernetes,
        run: &ground.run,
        key_arn,
        engine: &args.engine,
        job: &args.job,
        wait: !args.detach,
        missing,
    };
    let (wanted, pace) = (args.engine.prover(&args.job), args.engine.pace);
    let prover = Prover { kubernetes, key_arn, before: None, wanted, pace, deadline, terminal };
    let driven = run_and_verify(&work, &prover, phase).await?;
    let cluster_ref = ClusterRef { key_arn: key_arn.to_owned(), ..ClusterRef::from_report(ground) };
    Ok(report_outcome(&driven, &args.kube, &cluster_ref, &ground.checks, began.elapsed(), args.go.output, terminal))
}

#[cfg(test)]
#[path = "reencrypt_tests.rs"]
mod tests;
