//! `enable`, step by step: the story of the plugin. Each step is a file. Input: the command line. Output: an exit code,
//! and everything said on the screen on the way.

use std::cell::RefCell;

use eks_encrypt_job::wire::exit::ExitCode;
use tokio::time::Instant;

use crate::aws::association::AssociationPlan;
use crate::aws::{association, association_wait};
use crate::checks::{Eks, PreflightOptions, PreflightReport, preflight};
use crate::cli::Enable;
use crate::commands::confirm;
use crate::commands::prepare_image;
use crate::commands::verify;
use crate::error::CliError;
use crate::model::options::Prove;
use crate::model::target::Target;
use crate::output::cluster_ref::ClusterRef;
use crate::output::documents::Association;
use crate::output::{documents, report_outcome, summary};
use crate::registry::credentials::AwsUse;
use crate::registry::push::Push;
use crate::run::proof::{CensusBefore, Proven, Prover};
use crate::run::verification::{self, Verification};
use crate::run::{RunRequest, run_and_verify};
use crate::ui::interrupt::Phase;
use crate::ui::terminal::{Terminal, one_line};

/// Associates the key and re-encrypts every Secret under it.
pub(crate) async fn enable(args: &Enable, terminal: &Terminal, phase: &RefCell<Phase>) -> Result<ExitCode, CliError> {
    let target = Target::of_enable(args, terminal).await?;
    let asked = (args.file.as_deref(), args.encrypt_existing_secrets);
    let (push, job) = prepare_image::prepare(&args.push, &args.job, asked, AwsUse::As(target.profile.clone())).await?;
    let args = &Enable { job: job.into(), ..args.clone() };
    let ground = preflight(&preflight_options(args, &target, push.as_ref()), terminal).await;
    let ground = ground.map_err(|failed| documents::checks_failed(failed, args.go.output, terminal))?;
    let ground = PreflightReport { verified: verified(args, &ground).await, ..ground };
    confirm_and_execute(args, &ground, push.as_ref(), terminal, phase).await
}

/// The last verification, where verifying again may do instead of a run.
async fn verified(args: &Enable, ground: &PreflightReport) -> Option<(String, Verification)> {
    let eks = ground.eks.as_ref().filter(|eks| eks.plan == AssociationPlan::Nothing)?;
    let may = !args.force && args.encrypt_existing_secrets && args.wait && args.engine.prover(&args.job) == Prove::Full;
    match may {
        true => {
            verification::last_verification(&ground.kubernetes.client, args.job.namespace.as_deref(), &eks.key.arn)
                .await
        }
        false => None,
    }
}

/// What is to be checked.
fn preflight_options<'a>(args: &'a Enable, target: &'a Target, push: Option<&'a Push>) -> PreflightOptions<'a> {
    PreflightOptions {
        target: Some(target),
        push,
        kube: &args.kube,
        engine: &args.engine,
        job: &args.job,
        reencrypt: args.encrypt_existing_secrets,
    }
}

/// Says what will happen, asks, and has it happen.
async fn confirm_and_execute(
    args: &Enable,
    ground: &PreflightReport,
    push: Option<&Push>,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
) -> Result<ExitCode, CliError> {
    let question = confirm::Question::about_run(ground, &args.engine, &args.job, args.encrypt_existing_secrets);
    if !prepare_image::confirmed(&args.go, question, push, terminal, phase).await? {
        documents::dry_run(ground, args.go.output, terminal);
        return Ok(ExitCode::Done);
    }
    execute(args, ground, terminal, phase).await
}

/// Everything that changes something.
async fn execute(
    args: &Enable,
    ground: &PreflightReport,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
) -> Result<ExitCode, CliError> {
    let PreflightReport { kubernetes, eks: Some(eks), checks, .. } = ground else {
        return Err(CliError { code: ExitCode::Error, error: anyhow::anyhow!("AWS was not asked, which is a bug") });
    };
    let began = Instant::now();
    let deadline = began + args.go.timeout;
    let update = associate(eks, terminal, phase).await?;
    if let (Some(id), false) = (&update, args.wait) {
        terminal.println(&format!(
            "EKS goes on with it without us (update {id}). To go on when it is done:\n  {}",
            args.resume_command()
        ));
        documents::associated(ground, Association::InProgress { update: id.clone() }, args.go.output, terminal);
        return Ok(ExitCode::Done);
    }
    association_wait::wait(
        (&eks.aws, &eks.cluster, &eks.key),
        update.as_deref(),
        &kubernetes.client,
        terminal,
        deadline,
    )
    .await?;
    phase.replace(Phase::Associated);
    terminal.println("The key is associated, and the cluster is ACTIVE");
    let cluster_ref = ClusterRef::from_report(ground);
    if !args.encrypt_existing_secrets {
        terminal.println(&summary::associated(&cluster_ref, &args.reencrypt_command(&eks.cluster.arn)));
        documents::associated(ground, Association::Associated, args.go.output, terminal);
        return Ok(ExitCode::Done);
    }
    let (key_arn, missing) = (eks.key.arn.as_str(), ground.api_servers.missing.as_slice());
    let work = RunRequest {
        kubernetes,
        run: &ground.run,
        key_arn,
        engine: &args.engine,
        job: &args.job,
        wait: args.wait,
        missing,
    };
    // Where the key was associated already, nobody knows what they wrote under before.
    let before = ground.api_servers.key.as_ref().filter(|_| eks.plan == AssociationPlan::Associate);
    let (wanted, pace) = (args.engine.prover(&args.job), args.engine.pace);
    let prover = Prover { kubernetes, key_arn, before, wanted, pace, deadline, terminal };
    if let Some((namespace, _)) = &ground.verified {
        let (proven, failures) = prover.conclude(CensusBefore::Later, Some(namespace)).await;
        match proven {
            Proven::Yes(verified) => {
                verify::report(args.go.output, &cluster_ref, Ok(&verified), &failures, began.elapsed(), terminal);
                return Ok(ExitCode::Done);
            }
            Proven::No(why) => terminal.println(&format!("note: not proven: {}. A run starts", one_line(&why))),
            Proven::NotWanted => {}
        }
    }
    match run_and_verify(&work, &prover, phase).await {
        Ok(driven) => {
            Ok(report_outcome(&driven, &args.kube, &cluster_ref, checks, began.elapsed(), args.go.output, terminal))
        }
        Err(stop) => {
            terminal.println("The key stays associated; what is missing is the re-encryption.");
            Err(stop)
        }
    }
}

/// Has the key associated, by us or by whoever began. Gives back EKS's update, if there is one to wait for.
async fn associate(eks: &Eks, terminal: &Terminal, phase: &RefCell<Phase>) -> Result<Option<String>, CliError> {
    let Eks { aws, cluster, key, plan } = eks;
    let update = match plan {
        AssociationPlan::Associate => {
            phase.replace(Phase::RequestingAssociation);
            association::start(aws, cluster, key).await?
        }
        AssociationPlan::Follow(id) => Some(id.clone()),
        AssociationPlan::Nothing => None,
    };
    phase.replace(if update.is_some() { Phase::Associating } else { Phase::Associated });
    if let Some(id) = &update {
        terminal.println(&format!("EKS is associating the key (update {id})"));
    }
    Ok(update)
}

#[cfg(test)]
#[path = "enable_tests.rs"]
mod tests;
