//! `create -f FILE`, step by step: a new cluster with the customer key from birth. Each step is a file. Input: the command
//! line. Output: an exit code, and everything said on the screen on the way.
//!
//! The steps: `config` reads the file into a `Spec` -> `ground` makes every check and renders the `template` -> `plan` says what
//! will be -> `stack` has CloudFormation create it -> `follow` watches it -> `verify` asks EKS for the key -> `kubeconfig` ->
//! `summary`.

use std::cell::RefCell;
use std::path::PathBuf;

use eks_encrypt_job::exit::ExitCode;
use tokio::time::Instant;

use crate::cli::Create;
use crate::create::follow::Followed;
use crate::create::ground::Ground;
use crate::create::kubeconfig::Entry;
use crate::create::spec::Spec;
use crate::create::stack::Plan;
use crate::create::summary::Created;
use crate::create::verify::Asked;
use crate::eks::aws;
use crate::eks::cluster::Cluster;
use crate::interrupt::Stage;
use crate::screen::{self, Screen};
use crate::stop::Stop;

pub(crate) mod config;
pub(crate) mod cure;
pub(crate) mod ec2;
pub(crate) mod endpoint;
#[cfg(test)]
pub(crate) mod examples;
#[cfg(test)]
pub(crate) mod fixture;
pub(crate) mod follow;
pub(crate) mod ground;
pub(crate) mod kubeconfig;
pub(crate) mod paid;
pub(crate) mod plan;
pub(crate) mod spec;
pub(crate) mod stack;
pub(crate) mod story;
pub(crate) mod subnets;
pub(crate) mod summary;
pub(crate) mod template;
mod told;
pub(crate) mod verify;
pub(crate) mod zones;

/// Creates the cluster of a file.
pub(crate) async fn create(args: &Create, screen: &Screen, stage: &RefCell<Stage>) -> Result<ExitCode, Stop> {
    let began = Instant::now();
    let spec = read(args.file.clone()).await?;
    let aws = aws::connect(args.profile.as_deref(), Some(&spec.region)).await;
    let ground = ground::check(&spec, aws, args.profile.as_deref(), screen).await?;
    if args.dry_run {
        screen.line(&plan::dry_run(&spec, &ground.found())?);
        screen::stdout(&format!("{:#}", ground.template));
        return Ok(ExitCode::Done);
    }
    screen.line(&plan::text(&spec, &ground.found())?);
    let cluster = go_on(&spec, &ground, screen, stage, began + args.timeout).await?;
    let context = write_kubeconfig(args, &cluster, screen).await;
    let created = Created {
        account: &ground.account,
        key_arn: &ground.key.arn,
        version: &cluster.version,
        endpoint: &cluster.endpoint,
        zones: ground.zones.len(),
        context: context.as_deref(),
        took: began.elapsed(),
    };
    screen.line(&summary::text(&spec, &created));
    Ok(ExitCode::Done)
}

/// Everything that changes something in AWS, and the proof.
async fn go_on(
    spec: &Spec,
    ground: &Ground,
    screen: &Screen,
    stage: &RefCell<Stage>,
    deadline: Instant,
) -> Result<Cluster, Stop> {
    let (client, name) = (&ground.cloudformation, &spec.stack());
    let id = match &ground.plan {
        Plan::Create => {
            stage.replace(Stage::Creating(name.clone()));
            let id = stack::create(client, name, &spec.region, &ground.template.to_string(), &spec.tags).await?;
            screen.line(&format!("CloudFormation has begun to create stack {name}. It goes on by itself from here."));
            id
        }
        Plan::Follow(id) => {
            screen.line(&format!("Stack {name} is being created already, from the same file: following it."));
            id.clone()
        }
        Plan::Verify(id) => id.clone(),
    };
    stage.replace(Stage::Creating(name.clone()));
    let followed = Followed { client, region: &spec.region, name, id: &id, resources: ground.resources() };
    followed.to_its_end(screen, deadline).await?;
    let delete = stack::delete(name, &spec.region);
    let asked = Asked { cluster: &spec.name, key: &ground.key, stack: name, delete };
    Ok(verify::verify(&ground.aws, &asked, screen, deadline).await?)
}

/// Off the runtime's thread, so that Ctrl-C is heard while somebody types into stdin.
async fn read(path: PathBuf) -> Result<Spec, Stop> {
    match tokio::task::spawn_blocking(move || config::read(&path)).await {
        Ok(spec) => Ok(spec?),
        Err(error) => Err(Stop { code: ExitCode::Error, error: error.into() }),
    }
}

/// Writes the entry, and gives back the context's name. The cluster is there whether it can be written or not.
async fn write_kubeconfig(args: &Create, cluster: &Cluster, screen: &Screen) -> Option<String> {
    let entry = Entry::of(cluster, args.profile.as_deref());
    let (context, file) = (entry.arn.clone(), args.kubeconfig.clone());
    let written = tokio::task::spawn_blocking(move || kubeconfig::write(&entry, file.as_deref())).await;
    match written {
        Ok(Ok(path)) => {
            screen.line(&format!("{} has this cluster now, as its current context", path.display()));
            Some(context)
        }
        Ok(Err(error)) => {
            screen.line(&format!("warning: {:#}", anyhow::Error::new(error)));
            None
        }
        Err(error) => {
            screen.line(&format!("warning: the kubeconfig was not written: {error}"));
            None
        }
    }
}
