//! Every check before anything is changed, in an order in which each may trust the one before. Input: the command line.
//! Output: the ground that the steps stand on, or the first check that fails. Reads only.

use eks_encrypt_job::event::Method;
use eks_encrypt_job::exit::ExitCode;
use jiff::Timestamp;
use kube::Client;

use crate::apply::Owner;
use crate::association::{self, Plan};
use crate::aws::{self, Aws};
use crate::cli::Enable;
use crate::cluster::{self, Cluster};
use crate::key::{self, Key};
use crate::kubernetes::{self, Kubernetes};
use crate::manifests::{self, Settings};
use crate::run::Run;
use crate::screen::Screen;
use crate::stop::Stop;
use crate::{existing, rights};

/// What the checks found.
pub(crate) struct Ground {
    /// AWS.
    pub(crate) aws: Aws,
    /// The cluster's API server.
    pub(crate) kubernetes: Kubernetes,
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// The key.
    pub(crate) key: Key,
    /// What there is to do about the association.
    pub(crate) plan: Plan,
    /// Whose the Job's namespace is.
    pub(crate) owner: Owner,
}

/// Connects and checks.
pub(crate) async fn preflight(args: &Enable, screen: &Screen) -> Result<Ground, Stop> {
    let profile = args.profile.as_deref();
    let aws = aws::connect(profile, args.region.as_deref()).await?;
    let kubernetes = kubernetes::connect(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
    screen.line("Checks (nothing is changed):");
    check(args, aws, kubernetes, screen).await
}

/// The checks themselves.
async fn check(args: &Enable, aws: Aws, kubernetes: Kubernetes, screen: &Screen) -> Result<Ground, Stop> {
    passed(screen, "AWS identity", &aws.identity(args.profile.as_deref()).await?);

    let cluster = cluster::describe(&aws, &args.cluster).await?;
    passed(screen, "cluster", &format!("{}, Kubernetes {}, {}", cluster.arn, cluster.version, cluster.status));

    // Before we say a word to the API server: it may be somebody else's.
    cluster.check_same(&kubernetes)?;
    passed(screen, "kubeconfig", &format!("context {} has this cluster's server and CA", kubernetes.context));
    passed(screen, "Kubernetes identity", &kubernetes.identity().await?);

    let key = key::check(&aws, &args.key_arn).await?;
    passed(screen, "key", &key.arn);

    let plan = association::plan(&aws, &cluster, &key).await?;
    if !matches!(plan, Plan::Follow(_)) {
        cluster.check_active()?;
    }
    passed(
        screen,
        "association",
        &match &plan {
            Plan::Associate => "no key is associated yet".to_owned(),
            Plan::Follow(id) => format!("already in progress (update {id})"),
            Plan::Nothing => "this key is associated already".to_owned(),
        },
    );
    let owner = may_run(args, &kubernetes.client, &key).await?;
    passed(screen, "rights", &format!("RBAC and a Job may be made in namespace {}", args.namespace));
    Ok(Ground { aws, kubernetes, cluster, key, plan, owner })
}

/// What comes after the association must not fail for a reason that can be seen before it.
async fn may_run(args: &Enable, client: &Client, key: &Key) -> Result<Owner, Stop> {
    let run = Run::new(&args.namespace, Timestamp::now(), rand::random());
    let (image, key_arn, method) = (&args.image, &key.arn, Method::default());
    let settings = Settings { run: &run, image, key_arn, method, concurrency: args.concurrency };
    let owner = rights::check(client, &run, &manifests::objects(&settings)?).await?;
    match existing::find(client, &args.namespace, key_arn, method).await {
        Ok(_) => Ok(owner),
        Err(error) => Err(Stop { code: ExitCode::Refused, ..error.into() }),
    }
}

fn passed(screen: &Screen, check: &str, result: &str) {
    screen.line(&format!("  ok  {check:<20} {result}"));
}

#[cfg(test)]
#[path = "preflight_tests.rs"]
mod tests;
