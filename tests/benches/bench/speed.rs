//! How fast: against what the API server can do at all, against kubectl; and how much another client feels of it. All
//! share two cores with the API server, so only ratios mean something, and only of what was measured side by side.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use eks_encrypt_job::contract::ANNOTATION;

use crate::engine::Engine;
use crate::others::Others;
use crate::report::{Bound, Report, median};
use crate::rig::Rig;
use crate::wrk::{OtherClient, saturate};

const SECRETS: u32 = 10_000;

/// How often everything is repeated.
const ROUNDS: usize = 7;

/// How often what is only reported is repeated.
const FEWER_ROUNDS: usize = 3;

/// Connections that wrk is tried with, to find its best.
const CONNECTIONS: [u32; 5] = [16, 32, SAME, 128, 256];

/// How often wrk is tried with each: in turns, for the machine's own speed changes from one try to the next by more than
/// the numbers differ.
const TRIES: usize = 5;

/// How long wrk is tried with each.
const TRY_SECONDS: u32 = 3;

/// How long wrk measures.
const SECONDS: u32 = 6;

/// How long the other client asks an idle API server: long enough for a 99th percentile.
const IDLE: Duration = Duration::from_secs(8);

/// What full speed is.
const FULL: &str = "64";

/// Connections of the wrk that ours is held against: as many patches in flight as at full speed. More of them get more out of
/// etcd, which writes what comes together at once; wrk's best is reported too.
const SAME: u32 = 64;

/// Measures all of it. Expects 1 KiB in each Secret.
pub(crate) fn measure(rig: &Rig, report: &mut Report) -> anyhow::Result<()> {
    rig.seed(SECRETS, 1024)?;
    let others = Others::start();
    let (best, more) = at_best(rig)?;

    // wrk is measured before and after each of ours.
    let (mut wrk, mut full, mut default) = (vec![saturate(rig, SECRETS, SAME, SECONDS)?], Vec::new(), Vec::new());
    let (mut idle, mut busy, mut peak) = (Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..ROUNDS {
        rig.collect()?;
        let ended = Engine::new(rig, FULL)?.run(SECRETS)?;
        full.push(rate(ended.took));
        peak = peak.max(ended.peak);

        rig.collect()?;
        wrk.push(saturate(rig, SECRETS, SAME, SECONDS)?);

        rig.collect()?;
        idle.push(idle_p99(rig)?);
        let (one, other) = beside_another(rig)?;
        default.push(one);
        busy.push(other);

        rig.collect()?;
        wrk.push(saturate(rig, SECRETS, SAME, SECONDS)?);
        eprintln!(
            "  (round: wrk {:.0}/s, full speed {:.0}/s, default {:.0}/s, GET p99 {:.1} ms idle and {:.1} ms busy)",
            wrk[wrk.len() - 1],
            full[full.len() - 1],
            default[default.len() - 1],
            idle[idle.len() - 1],
            busy[busy.len() - 1]
        );
    }
    let kubectl = rate(kubectl(rig)?);

    let around: Vec<f64> = wrk.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
    let of_wrk = |rates: &[f64], first: usize| {
        median(rates.iter().zip(around.iter().skip(first).step_by(2)).map(|(rate, wrk)| rate / wrk).collect())
    };
    let stretch = median(busy.iter().zip(&idle).map(|(busy, idle)| busy / idle).collect());
    let (of_wrk_full, of_wrk_default) = (of_wrk(&full, 0), of_wrk(&default, 1));
    let full = median(full);
    report.add(format!("wrk with as many in flight ({SAME} connections)"), median(wrk), "PATCH/s", None);
    report.add(format!("  at its best ({best} connections)"), more, "x", None);
    report.add("engine at full speed (--concurrency 64)", full, "Secrets/s", None);
    report.add("  of wrk's rate", of_wrk_full, "x", Some(Bound::AtLeast(0.95)));
    report.add("kubectl get | kubectl annotate", kubectl, "Secrets/s", None);
    report.add("  engine at full speed against it", full / kubectl, "x", Some(Bound::AtLeast(5.0)));
    report.add("engine by default", median(default), "Secrets/s", None);
    report.add("  of wrk's rate", of_wrk_default, "x", Some(Bound::AtLeast(0.75)));
    report.add("another client's GET, idle, p99", median(idle), "ms", None);
    report.add("another client's GET, engine by default, p99", median(busy), "ms", None);
    report.add("  of its idle p99", stretch, "x", Some(Bound::AtMost(4.0)));
    report.add("peak memory at full speed, 10,000 Secrets", peak, "MiB", Some(Bound::AtMost(32.0)));
    report.add("the machine's time that other programs took meanwhile", others.share(), "%", None);
    Ok(())
}

/// The number of connections with which wrk gets most out of the API server, by the medians of its tries, and how much more
/// that is than with as many as ours.
fn at_best(rig: &Rig) -> anyhow::Result<(u32, f64)> {
    let mut tried = CONNECTIONS.map(|connections| (connections, Vec::new()));
    for _ in 0..TRIES {
        rig.collect()?;
        for (connections, rates) in &mut tried {
            rates.push(saturate(rig, SECRETS, *connections, TRY_SECONDS)?);
        }
    }
    let medians = tried.map(|(connections, rates)| (connections, median(rates)));
    eprintln!(
        "  (wrk, by connections: {})",
        medians.map(|(connections, rate)| format!("{connections}: {rate:.0}/s")).join(", ")
    );
    let same = medians.iter().find(|(connections, _)| *connections == SAME).context("not tried with as many")?.1;
    let best = medians.into_iter().max_by(|(_, one), (_, other)| one.total_cmp(other)).context("nothing tried")?;
    Ok((best.0, best.1 / same))
}

fn rate(took: Duration) -> f64 {
    f64::from(SECRETS) / took.as_secs_f64()
}

/// Another client's GETs where nothing else is asked, in ms.
fn idle_p99(rig: &Rig) -> anyhow::Result<f64> {
    let other = OtherClient::start(rig)?;
    std::thread::sleep(IDLE);
    Ok(other.end()?.p99)
}

/// The engine by default: its rate, and what another client's GETs take beside it, in ms.
fn beside_another(rig: &Rig) -> anyhow::Result<(f64, f64)> {
    let engine = Engine::new(rig, "")?;
    let other = OtherClient::start(rig)?;
    let ended = engine.run(SECRETS)?;
    Ok((rate(ended.took), other.end()?.p99))
}

/// The same where Go collects the API server's garbage as it does by itself. For the record: no bound.
pub(crate) fn as_go_collects(report: &mut Report) -> anyhow::Result<()> {
    let rig = Rig::as_go_collects()?;
    rig.seed(SECRETS, 1024)?;
    let mut stretch = Vec::new();
    for _ in 0..FEWER_ROUNDS {
        let idle = idle_p99(&rig)?;
        let (_, busy) = beside_another(&rig)?;
        stretch.push(busy / idle);
    }
    let name = "another client's GET, its p99 of its idle p99, as Go collects by itself";
    report.add(name, median(stretch), "x", None);
    Ok(())
}

/// What the AWS guide recommends.
fn kubectl(rig: &Rig) -> anyhow::Result<Duration> {
    let since = Instant::now();
    let mut get = rig.kubectl_command()?;
    let mut get = get.args(["get", "secrets", "--all-namespaces", "--output=json"]).stdout(Stdio::piped()).spawn()?;
    let secrets = get.stdout.take().context("kubectl has no stdout")?;
    let mut annotate = rig.kubectl_command()?;
    annotate.args(["annotate", "--overwrite", "--filename=-", &format!("{ANNOTATION}=by-kubectl")]);
    let annotated = annotate.stdin(secrets).stdout(Stdio::null()).status()?;
    ensure!(get.wait()?.success() && annotated.success(), "kubectl did not annotate every Secret");
    Ok(since.elapsed())
}
