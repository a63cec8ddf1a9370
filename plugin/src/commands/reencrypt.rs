//! `reencrypt`, step by step: the second half of `enable` alone. Input: the command line. Output: an exit code, and everything
//! said on the screen on the way.

use std::cell::RefCell;

use eks_encrypt_job::wire::exit::ExitCode;
use tokio::time::Instant;

use crate::aws::association::Plan;
use crate::aws::settle;
use crate::checks::{Ground, Wanted, preflight};
use crate::cli::Reencrypt;
use crate::commands::before;
use crate::commands::confirm;
use crate::model::target::Target;
use crate::output::subject::Subject;
use crate::output::{early, tell};
use crate::registry::login::Aws;
use crate::registry::push::Push;
use crate::run::proof::Prover;
use crate::run::{RunRequest, run_and_verify};
use crate::stop::Stop;
use crate::ui::interrupt::Stage;
use crate::ui::screen::Screen;

/// Re-encrypts every Secret under the key that the cluster has.
pub(crate) async fn reencrypt(args: &Reencrypt, screen: &Screen, stage: &RefCell<Stage>) -> Result<ExitCode, Stop> {
    let target = if args.without_aws { None } else { Some(Target::of_reencrypt(args, screen)?) };
    let aws = target.as_ref().map_or(Aws::Never, |target| Aws::As(target.profile.clone()));
    let (push, job) = before::prepare(&args.push, &args.job, (None, true), aws).await?;
    let args = &Reencrypt { job, ..args.clone() };
    let ground = preflight(&wanted(args, target.as_ref(), push.as_ref()), screen).await;
    let ground = ground.map_err(|failed| early::stopped(failed, args.go.output, screen))?;
    decide(args, &ground, push.as_ref(), screen, stage).await
}

/// What is to be checked.
fn wanted<'a>(args: &'a Reencrypt, target: Option<&'a Target>, push: Option<&'a Push>) -> Wanted<'a> {
    Wanted { target, push, kube: &args.kube, engine: &args.engine, job: &args.job, rewrites: true }
}

/// Says what will happen, asks, and has it happen.
async fn decide(
    args: &Reencrypt,
    ground: &Ground,
    push: Option<&Push>,
    screen: &Screen,
    stage: &RefCell<Stage>,
) -> Result<ExitCode, Stop> {
    let question = confirm::Question::of(ground, &args.engine, &args.job, true);
    if !before::confirmed(&args.go, question, push, screen, stage).await? {
        early::dry_run(ground, args.go.output, screen);
        return Ok(ExitCode::Done);
    }
    go_on(args, ground, screen, stage).await
}

/// Everything that changes something.
async fn go_on(args: &Reencrypt, ground: &Ground, screen: &Screen, stage: &RefCell<Stage>) -> Result<ExitCode, Stop> {
    let began = Instant::now();
    let deadline = began + args.go.timeout;
    let Ground { kubernetes, eks, .. } = ground;
    if let Some(eks) = eks {
        let update = match &eks.plan {
            Plan::Follow(id) => Some(id.as_str()),
            Plan::Associate | Plan::Nothing => None,
        };
        settle::wait((&eks.aws, &eks.cluster, &eks.key), update, &kubernetes.client, screen, deadline).await?;
    }
    let vouched = args.key_arn.as_deref().unwrap_or_default();
    let key_arn = eks.as_ref().map_or(vouched, |eks| &eks.key.arn);
    stage.replace(Stage::Looking);
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
    let (wanted, pace) = (args.engine.prover(&args.job), args.engine.pace.pace());
    let prover = Prover { kubernetes, key_arn, before: None, wanted, pace, deadline, screen };
    let driven = run_and_verify(&work, &prover, stage).await?;
    let subject = Subject { key_arn: key_arn.to_owned(), ..Subject::of(ground) };
    Ok(tell(&driven, &args.kube, &subject, &ground.checks, began.elapsed(), args.go.output, screen))
}

#[cfg(test)]
#[path = "reencrypt_tests.rs"]
mod tests;
