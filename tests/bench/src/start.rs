//! What passes before anything is done: from the Job's creation to the first Secret that its Pod writes, and until the
//! plugin has printed its help; and the size of what is downloaded before that.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use eks_encrypt_job::wire::names::{APP, CONTAINER, NAMESPACE};
use k8s_openapi::api::batch::v1::Job;
use kube::Api;
use kube::api::{DeleteParams, PostParams};

use crate::harness::{Harness, built, checkout, first_change, output};
use crate::report::{Bound, Report, median};
use eks_encrypt_sandbox::sandbox::built_program;

/// Enough that there is one to see.
const SECRETS: u32 = 10;

/// A Pod that has not begun by then does not.
const POD_TIMEOUT: Duration = Duration::from_secs(120);

/// A Job as `manifests/job.yaml` has it, on a node that has to pull the image.
pub(crate) fn pod(harness: &Harness, report: &mut Report) -> anyhow::Result<()> {
    harness.seed(SECRETS, 64)?;
    let mut push = harness.sandbox.command(built_program()?)?;
    push.arg("push")
        .arg("--dir")
        .arg(harness.sandbox.folder().path())
        .arg(built("target/image/eks-encrypt-job.oci.tar")?);
    let image = format!("{CONTAINER}={}", output(&mut push)?.trim());
    let file = format!("--filename={}", checkout("manifests/job.yaml").display());
    let job: Job =
        serde_json::from_str(&harness.kubectl(&["set", "image", "--local", &file, &image, "--output=json"])?)?;
    let took = harness.runtime.block_on(async { tokio::time::timeout(POD_TIMEOUT, first_patch(harness, &job)).await });
    let took = took.context("the Pod wrote nothing")??;
    report.add("from the Job's creation to its Pod's first patch", took.as_secs_f64(), "s", None);
    harness.clear()
}

async fn first_patch(harness: &Harness, job: &Job) -> anyhow::Result<Duration> {
    let jobs: Api<Job> = Api::namespaced(harness.admin.clone(), NAMESPACE);
    let changes = harness.watch_secrets().await?;
    let since = Instant::now();
    jobs.create(&PostParams::default(), job).await?;
    let took = first_change(changes).await?.duration_since(since);
    jobs.delete(APP, &DeleteParams::background()).await?;
    Ok(took)
}

/// The plugin as it is shipped: how long `--help` takes, and how large it is.
pub(crate) fn plugin(report: &mut Report) -> anyhow::Result<()> {
    let plugin = built("target/linux-amd64/kubectl-eks_encrypt")?;
    let mut times = Vec::new();
    for _ in 0..20 {
        let since = Instant::now();
        output(Command::new(&plugin).arg("--help"))?;
        times.push(since.elapsed().as_secs_f64() * 1e3);
    }
    report.add("kubectl-eks_encrypt --help", median(times), "ms", Some(Bound::AtMost(30.0)));
    let size = std::fs::metadata(&plugin)?.len() as f64 / f64::from(1 << 20);
    report.add("kubectl-eks_encrypt itself", size, "MiB", Some(Bound::AtMost(25.0)));
    Ok(())
}
