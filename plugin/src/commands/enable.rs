//! `enable`, step by step: the story of the plugin. Each step is a file. Input: the command line. Output: an exit code,
//! and everything said on the screen on the way.

use std::cell::RefCell;

use eks_encrypt_job::wire::exit::ExitCode;
use tokio::time::Instant;

use crate::aws::association::Plan;
use crate::aws::{association, settle};
use crate::checks::{Eks, Ground, Wanted, preflight};
use crate::cli::{Enable, Prove};
use crate::commands::before;
use crate::commands::confirm;
use crate::commands::verify;
use crate::model::target::Target;
use crate::output::early::Association;
use crate::output::subject::Subject;
use crate::output::{early, summary, tell};
use crate::registry::login::Aws;
use crate::registry::push::Push;
use crate::run::proof::{CensusBefore, Proven, Prover};
use crate::run::verification::{self, Verification};
use crate::run::{RunRequest, run_and_verify};
use crate::stop::Stop;
use crate::ui::interrupt::Stage;
use crate::ui::screen::{Screen, one_line};

/// Associates the key and re-encrypts every Secret under it.
pub(crate) async fn enable(args: &Enable, screen: &Screen, stage: &RefCell<Stage>) -> Result<ExitCode, Stop> {
    let target = Target::of_enable(args, screen).await?;
    let asked = (args.file.as_deref(), args.encrypt_existing_secrets);
    let (push, job) = before::prepare(&args.push, &args.job, asked, Aws::As(target.profile.clone())).await?;
    let args = &Enable { job, ..args.clone() };
    let ground = preflight(&wanted(args, &target, push.as_ref()), screen).await;
    let ground = ground.map_err(|failed| early::stopped(failed, args.go.output, screen))?;
    let ground = Ground { verified: verified(args, &ground).await, ..ground };
    decide(args, &ground, push.as_ref(), screen, stage).await
}

/// The last verification, where verifying again may do instead of a run.
async fn verified(args: &Enable, ground: &Ground) -> Option<(String, Verification)> {
    let eks = ground.eks.as_ref().filter(|eks| eks.plan == Plan::Nothing)?;
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
fn wanted<'a>(args: &'a Enable, target: &'a Target, push: Option<&'a Push>) -> Wanted<'a> {
    Wanted {
        target: Some(target),
        push,
        kube: &args.kube,
        engine: &args.engine,
        job: &args.job,
        rewrites: args.encrypt_existing_secrets,
    }
}

/// Says what will happen, asks, and has it happen.
async fn decide(
    args: &Enable,
    ground: &Ground,
    push: Option<&Push>,
    screen: &Screen,
    stage: &RefCell<Stage>,
) -> Result<ExitCode, Stop> {
    let question = confirm::Question::of(ground, &args.engine, &args.job, args.encrypt_existing_secrets);
    if !before::confirmed(&args.go, question, push, screen, stage).await? {
        early::dry_run(ground, args.go.output, screen);
        return Ok(ExitCode::Done);
    }
    go_on(args, ground, screen, stage).await
}

/// Everything that changes something.
async fn go_on(args: &Enable, ground: &Ground, screen: &Screen, stage: &RefCell<Stage>) -> Result<ExitCode, Stop> {
    let Ground { kubernetes, eks: Some(eks), checks, .. } = ground else {
        return Err(Stop { code: ExitCode::Error, error: anyhow::anyhow!("AWS was not asked, which is a bug") });
    };
    let began = Instant::now();
    let deadline = began + args.go.timeout;
    let update = associate(eks, screen, stage).await?;
    if let (Some(id), false) = (&update, args.wait) {
        screen.line(&format!(
            "EKS goes on with it without us (update {id}). To go on when it is done:\n  {}",
            args.again()
        ));
        early::associated(ground, Association::InProgress { update: id.clone() }, args.go.output, screen);
        return Ok(ExitCode::Done);
    }
    settle::wait((&eks.aws, &eks.cluster, &eks.key), update.as_deref(), &kubernetes.client, screen, deadline).await?;
    stage.replace(Stage::Associated);
    screen.line("The key is associated, and the cluster is ACTIVE");
    let subject = Subject::of(ground);
    if !args.encrypt_existing_secrets {
        screen.line(&summary::associated(&subject, &args.second_half(&eks.cluster.arn)));
        early::associated(ground, Association::Associated, args.go.output, screen);
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
    let before = ground.api_servers.key.as_ref().filter(|_| eks.plan == Plan::Associate);
    let (wanted, pace) = (args.engine.prover(&args.job), args.engine.pace.pace());
    let prover = Prover { kubernetes, key_arn, before, wanted, pace, deadline, screen };
    if let Some((namespace, _)) = &ground.verified {
        let (proven, failures) = prover.conclude(CensusBefore::Later, Some(namespace)).await;
        match proven {
            Proven::Yes(verified) => {
                verify::report(args.go.output, &subject, Ok(&verified), &failures, began.elapsed(), screen);
                return Ok(ExitCode::Done);
            }
            Proven::No(why) => screen.line(&format!("note: not proven: {}. A run starts", one_line(&why))),
            Proven::NotWanted => {}
        }
    }
    match run_and_verify(&work, &prover, stage).await {
        Ok(driven) => Ok(tell(&driven, &args.kube, &subject, checks, began.elapsed(), args.go.output, screen)),
        Err(stop) => {
            screen.line("The key stays associated; what is missing is the re-encryption.");
            Err(stop)
        }
    }
}

/// Has the key associated, by us or by whoever began. Gives back EKS's update, if there is one to wait for.
async fn associate(eks: &Eks, screen: &Screen, stage: &RefCell<Stage>) -> Result<Option<String>, Stop> {
    let Eks { aws, cluster, key, plan } = eks;
    let update = match plan {
        Plan::Associate => {
            stage.replace(Stage::Asking);
            association::start(aws, cluster, key).await?
        }
        Plan::Follow(id) => Some(id.clone()),
        Plan::Nothing => None,
    };
    stage.replace(if update.is_some() { Stage::Associating } else { Stage::Associated });
    if let Some(id) = &update {
        screen.line(&format!("EKS is associating the key (update {id})"));
    }
    Ok(update)
}

#[cfg(test)]
#[path = "enable_tests.rs"]
mod tests;
