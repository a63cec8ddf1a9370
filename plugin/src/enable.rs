//! `enable`, step by step: the story of the plugin. Each step is a file. Input: the command line. Output: an exit code,
//! and everything said on the screen on the way.

use std::cell::RefCell;

use eks_encrypt_job::event::Method;
use eks_encrypt_job::exit::ExitCode;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::apply::Owner;
use crate::association::Plan;
use crate::cli::Enable;
use crate::existing::Found;
use crate::interrupt::Stage;
use crate::manifests::Settings;
use crate::preflight::{Ground, preflight};
use crate::run::Run;
use crate::screen::Screen;
use crate::stop::Stop;
use crate::verdict::{Verdict, judge};
use crate::{apply, association, cleanup, confirm, existing, follow, manifests, settle, summary};

/// Associates the key and re-encrypts every Secret under it.
pub(crate) async fn enable(args: &Enable, screen: &Screen, stage: &RefCell<Stage>) -> Result<ExitCode, Stop> {
    let ground = preflight(args, screen).await?;
    let others = (ground.owner == Owner::Others).then_some(args.namespace.as_str());
    confirm::confirm(args.yes, &ground.plan, &ground.cluster, &ground.key, others, screen).await?;
    go_on(args, &ground, screen, stage).await
}

/// Everything that changes something.
async fn go_on(args: &Enable, ground: &Ground, screen: &Screen, stage: &RefCell<Stage>) -> Result<ExitCode, Stop> {
    let began = Instant::now();
    let deadline = began + args.timeout;
    associate(ground, screen, stage, deadline).await?;

    let (run, made) = start(args, ground, screen, stage).await?;
    stage.replace(Stage::Following(run.clone()));
    let client = &ground.kubernetes.client;
    let ended = match follow::follow(client, &run, made, screen, deadline).await {
        Err(error @ follow::Error::NotStarted { .. }) => {
            cleanup::job(client, &run, screen).await;
            cleanup::rights(client, &run, screen).await;
            return Err(error.into());
        }
        // The Job is not deleted again: were it there after all, it would be at work.
        Err(error @ follow::Error::Gone { .. }) => {
            cleanup::rights(client, &run, screen).await;
            return Err(error.into());
        }
        ended => ended?,
    };
    cleanup::rights(client, &run, screen).await;

    let verdict = judge(&ended.job, ended.last_word.as_ref(), &ended.progress);
    screen.line(&summary::text(&verdict, &ended.progress, &ground.cluster, &ground.key, &run, began.elapsed()));
    Ok(match verdict {
        Verdict::Done { .. } => ExitCode::Done,
        Verdict::Incomplete { .. } => ExitCode::Incomplete,
    })
}

/// Has the key associated, by us or by whoever began, and waits until the cluster works with it.
async fn associate(ground: &Ground, screen: &Screen, stage: &RefCell<Stage>, deadline: Instant) -> Result<(), Stop> {
    let Ground { aws, cluster, key, .. } = ground;
    let update = match &ground.plan {
        Plan::Associate => {
            stage.replace(Stage::Asking);
            association::start(aws, cluster, key).await?
        }
        Plan::Follow(id) => Some(id.clone()),
        Plan::Nothing => None,
    };
    stage.replace(if update.is_some() { Stage::Associating } else { Stage::Associated });
    if let Some(id) = update {
        screen.line(&format!("EKS is associating the key (update {id})"));
        settle::follow(aws, &cluster.name, &id, screen, deadline).await?;
    }
    // Whatever the plan was: the Job must not list before every API server writes with the key.
    settle::settle(aws, &ground.kubernetes.client, cluster, key, screen, deadline).await?;
    screen.line("The key is associated, and the cluster is ACTIVE");
    Ok(())
}

/// Starts a run, or finds the one that is going on; and whether this process has made its Job.
async fn start(args: &Enable, ground: &Ground, screen: &Screen, stage: &RefCell<Stage>) -> Result<(Run, bool), Stop> {
    stage.replace(Stage::Associated);
    let client = &ground.kubernetes.client;
    let namespace = &args.namespace;
    let (key_arn, method) = (&ground.key.arn, Method::default());
    let objects = |run: &Run| {
        manifests::objects(&Settings { run, image: &args.image, key_arn, method, concurrency: args.concurrency })
    };
    match existing::find(client, namespace, key_arn, method).await? {
        Some(Found::AtWork(run)) => {
            screen.line(&format!("Job {} is at work already in namespace {namespace}: following it", run.job));
            stage.replace(Stage::Following(run.clone()));
            // Somebody may have taken its rights away, or stopped between them and the Job.
            apply::rights(client, &objects(&run)?, screen).await;
            return Ok((run, false));
        }
        Some(Found::Ended(run)) => {
            screen.line(&format!("Job {} has ended in namespace {namespace} meanwhile: looking at how", run.job));
            return Ok((run, false));
        }
        None => cleanup::leftovers(client, namespace, Timestamp::now(), screen).await,
    }
    let run = Run::new(namespace, Timestamp::now(), rand::random());
    stage.replace(Stage::Applying(run.clone()));
    if let Err(error) = apply::apply(client, &objects(&run)?, screen).await {
        // Half a set of objects is no run. The Job may be there though its answer got lost; and above all no rights to
        // Secrets may be left behind.
        cleanup::job(client, &run, screen).await;
        cleanup::rights(client, &run, screen).await;
        return Err(error.into());
    }
    screen.line(&format!("Job {} made in namespace {namespace}", run.job));
    Ok((run, true))
}

#[cfg(test)]
#[path = "enable_tests.rs"]
mod tests;
