//! `create -f FILE`, step by step: a new cluster with the customer key from birth. Each step is a file. Input: the command
//! line. Output: an exit code, and everything said on the screen on the way.
//!
//! The steps: `config` reads the file into a `Spec` -> `ground` makes every check and renders the `template` -> `plan` says what
//! will be -> `stack` has CloudFormation create it -> `follow` watches it -> `verify` asks EKS for the key -> `kubeconfig` ->
//! `summary`.

use std::cell::RefCell;

use eks_encrypt_job::wire::exit::ExitCode;
use tokio::time::Instant;

use crate::aws::client;
use crate::aws::cluster::Cluster;
use crate::cli::Create;
use crate::cloudformation::kubeconfig::Entry;
use crate::cloudformation::preflight::CreatePreflight;
use crate::cloudformation::stack::{StackPlan, StackRequest};
use crate::cloudformation::summary::Created;
use crate::cloudformation::verify::ExpectedCluster;
use crate::cloudformation::wait::StackWaiter;
use crate::cloudformation::{kubeconfig, plan, preflight, stack, summary, verify};
use crate::cluster_config::spec::Spec;
use crate::cluster_config::validate;
use crate::error::{CliError, run_blocking};
use crate::ui::interrupt::Phase;
use crate::ui::terminal::{self, Terminal};

/// Creates the cluster of a file.
pub(crate) async fn create(args: &Create, terminal: &Terminal, phase: &RefCell<Phase>) -> Result<ExitCode, CliError> {
    let began = Instant::now();
    let file = args.file.clone();
    let spec = run_blocking(move || validate::read(&file)).await?;
    let aws = client::connect(args.profile.as_deref(), Some(&spec.region)).await;
    let delete = args.delete(&spec.stack(), &spec.region);
    let ground = preflight::run_checks(&spec, aws, (args.profile.as_deref(), &delete), terminal).await?;
    if args.dry_run {
        terminal.println(&plan::dry_run(&spec, &ground.plan_input())?);
        terminal::stdout(&format!("{:#}", ground.template));
        return Ok(ExitCode::Done);
    }
    let cluster = create_stack(&spec, &ground, &delete, terminal, phase, began + args.timeout).await?;
    let context = write_kubeconfig(args, &cluster, terminal).await;
    let created = Created {
        account: &ground.account,
        key_arn: &ground.key.arn,
        version: &cluster.version,
        endpoint: &cluster.endpoint,
        zones: ground.zones.len(),
        context: context.as_deref(),
        delete: &delete,
        look: &args.inspect_commands(&spec.name, &spec.region, context.as_deref()),
        took: began.elapsed(),
    };
    terminal.println(&summary::text(&spec, &created));
    // A script that goes on with kubectl would be at whatever cluster was the current one before.
    Ok(if context.is_some() { ExitCode::Done } else { ExitCode::Error })
}

/// Everything that changes something in AWS, and the proof.
async fn create_stack(
    spec: &Spec,
    ground: &CreatePreflight,
    delete: &str,
    terminal: &Terminal,
    phase: &RefCell<Phase>,
    deadline: Instant,
) -> Result<Cluster, CliError> {
    let (client, name) = (&ground.cloudformation, &spec.stack());
    let creating = |begun| Phase::Creating { begun, stack: name.clone(), delete: delete.to_owned() };
    let id = match &ground.plan {
        StackPlan::Create => {
            terminal.println(&plan::text(spec, &ground.plan_input())?);
            phase.replace(creating(false));
            let template = &ground.template.to_string();
            let wanted = StackRequest { stack: name, template, zones: &ground.zones, tags: &spec.tags, delete };
            let id = stack::create(client, &wanted).await?;
            terminal
                .println(&format!("CloudFormation has begun to create stack {name}. It goes on by itself from here."));
            id
        }
        StackPlan::Follow(id) | StackPlan::WaitForRollback(id) | StackPlan::Verify(id) => id.clone(),
    };
    phase.replace(creating(true));
    let followed = StackWaiter { client, name, id: &id, resources: ground.resources(), delete };
    followed.wait(terminal, deadline).await?;
    phase.replace(Phase::Created(name.clone()));
    let asked = ExpectedCluster { cluster: &spec.name, key: &ground.key, stack: name, delete: delete.to_owned() };
    Ok(verify::verify(&ground.aws, &asked, terminal, deadline).await?)
}

/// Writes the entry, and gives back the context's name. The cluster is there whether it can be written or not.
async fn write_kubeconfig(args: &Create, cluster: &Cluster, terminal: &Terminal) -> Option<String> {
    // A token must come from the account that the cluster is in, in every other terminal as well.
    let of_environment =
        || std::env::var("AWS_PROFILE").ok().filter(|_| std::env::var_os("AWS_ACCESS_KEY_ID").is_none());
    let profile = args.profile.clone().or_else(of_environment).filter(|profile| !profile.is_empty());
    let entry = Entry::for_cluster(cluster, profile.as_deref());
    let (context, file) = (entry.arn.clone(), args.kubeconfig.clone());
    match run_blocking(move || kubeconfig::write(&entry, file.as_deref())).await {
        Ok(path) => {
            terminal.println(&format!("{} has this cluster now, as its current context", path.display()));
            Some(context)
        }
        Err(CliError { error, .. }) => {
            terminal.println(&format!("warning: {error:#}"));
            None
        }
    }
}
