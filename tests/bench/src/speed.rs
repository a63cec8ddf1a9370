//! How fast: against what the API server can do at all, against kubectl; and how much another client feels of it. All
//! share two cores with the API server, so only ratios mean something, and only of what was measured side by side.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use eks_encrypt_job::wire::names::ANNOTATION;

use crate::background_cpu::BackgroundCpu;
use crate::cpu_speed::CpuSpeed;
use crate::engine::Engine;
use crate::harness::Harness;
use crate::report::{Bound, Report, median};
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

/// What one round has measured.
struct Round {
    /// Secrets a second, and the same as a part of the mean of wrk's rates before and after.
    full: f64,
    full_of_wrk: f64,
    default: f64,
    default_of_wrk: f64,
    /// Another client's GETs, p99 in ms.
    idle: f64,
    busy: f64,
    /// The most memory at full speed, in MiB.
    peak: f64,
    /// wrk's rates, after full speed and after the default.
    between: f64,
    after: f64,
    /// How fast the cores were in the slowest part, GETs on an idle API server left aside: there, they are asleep most of the time.
    speed: f64,
}

impl Round {
    /// `before`: wrk's rate so far.
    fn measure(harness: &Harness, host: &CpuSpeed, before: f64) -> anyhow::Result<Self> {
        let wrk = || host.during(|| saturate(harness, SECRETS, SAME, SECONDS));
        harness.collect()?;
        let (ended, at_full) = host.during(|| Engine::new(harness, FULL)?.run(SECRETS))?;
        harness.collect()?;
        let (between, at_wrk) = wrk()?;
        harness.collect()?;
        let idle = idle_p99(harness)?;
        let ((default, busy), by_default) = host.during(|| beside_another(harness))?;
        harness.collect()?;
        let (after, at_wrk_again) = wrk()?;
        let full = rate(ended.took);
        Ok(Self {
            full,
            full_of_wrk: full / f64::midpoint(before, between),
            default,
            default_of_wrk: default / f64::midpoint(between, after),
            idle,
            busy,
            peak: ended.peak,
            between,
            after,
            speed: at_full.min(at_wrk).min(by_default).min(at_wrk_again),
        })
    }
}

/// Measures all of it. Expects 1 KiB in each Secret.
pub(crate) fn measure(harness: &Harness, report: &mut Report) -> anyhow::Result<()> {
    harness.seed(SECRETS, 1024)?;
    let (others, host) = (BackgroundCpu::start(), CpuSpeed::watch()?);
    let (best, more) = at_best(harness)?;

    let first = saturate(harness, SECRETS, SAME, SECONDS)?;
    let mut rounds: Vec<Round> = Vec::new();
    for _ in 0..ROUNDS {
        let round = Round::measure(harness, &host, rounds.last().map_or(first, |round| round.after))?;
        eprintln!(
            "  (round: wrk {:.0}/s, full speed {:.0}/s, default {:.0}/s, GET p99 {:.1} ms idle and {:.1} ms busy; cores at {:.0} %)",
            round.after,
            round.full,
            round.default,
            round.idle,
            round.busy,
            100.0 * round.speed / host.best()
        );
        rounds.push(round);
    }
    let kubectl = rate(kubectl(harness)?);

    let of = |what: fn(&Round) -> f64| median(rounds.iter().map(what).collect());
    let wrk = rounds.iter().flat_map(|round| [round.between, round.after]).chain([first]).collect();
    let (full, peak) = (of(|round| round.full), rounds.iter().map(|round| round.peak).fold(0.0, f64::max));
    report.add(format!("wrk with as many in flight ({SAME} connections)"), median(wrk), "PATCH/s", None);
    report.add(format!("  at its best ({best} connections)"), more, "x", None);
    report.add("engine at full speed (--concurrency 64)", full, "Secrets/s", None);
    report.add("  of wrk's rate", of(|round| round.full_of_wrk), "x", Some(Bound::AtLeast(0.95)));
    report.add("kubectl get | kubectl annotate", kubectl, "Secrets/s", None);
    report.add("  engine at full speed against it", full / kubectl, "x", Some(Bound::AtLeast(5.0)));
    report.add("engine by default", of(|round| round.default), "Secrets/s", None);
    report.add("  of wrk's rate", of(|round| round.default_of_wrk), "x", Some(Bound::AtLeast(0.75)));
    report.add("another client's GET, idle, p99", of(|round| round.idle), "ms", None);
    report.add("another client's GET, engine by default, p99", of(|round| round.busy), "ms", None);
    report.add("  of its idle p99", of(|round| round.busy / round.idle), "x", Some(Bound::AtMost(4.0)));
    report.add("peak memory at full speed, 10,000 Secrets", peak, "MiB", Some(Bound::AtMost(32.0)));
    report.add("the machine's time that other programs took meanwhile", others.share(), "%", None);
    let speed = 100.0 * of(|round| round.speed) / host.best();
    report.add("the cores' speed in a round's slowest part, of their best", speed, "%", None);
    Ok(())
}

/// The number of connections with which wrk gets most out of the API server, by the medians of its tries, and how much more
/// that is than with as many as ours.
fn at_best(harness: &Harness) -> anyhow::Result<(u32, f64)> {
    let mut tried = CONNECTIONS.map(|connections| (connections, Vec::new()));
    for _ in 0..TRIES {
        harness.collect()?;
        for (connections, rates) in &mut tried {
            rates.push(saturate(harness, SECRETS, *connections, TRY_SECONDS)?);
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
fn idle_p99(harness: &Harness) -> anyhow::Result<f64> {
    let other = OtherClient::start(harness)?;
    std::thread::sleep(IDLE);
    Ok(other.end()?.p99)
}

/// The engine by default: its rate, and what another client's GETs take beside it, in ms.
fn beside_another(harness: &Harness) -> anyhow::Result<(f64, f64)> {
    let engine = Engine::new(harness, "")?;
    let other = OtherClient::start(harness)?;
    let ended = engine.run(SECRETS)?;
    Ok((rate(ended.took), other.end()?.p99))
}

/// The same where Go collects the API server's garbage as it does by itself. For the record: no bound.
pub(crate) fn as_go_collects(report: &mut Report) -> anyhow::Result<()> {
    let harness = Harness::with_go_gc()?;
    harness.seed(SECRETS, 1024)?;
    let mut stretch = Vec::new();
    for _ in 0..FEWER_ROUNDS {
        let idle = idle_p99(&harness)?;
        let (_, busy) = beside_another(&harness)?;
        stretch.push(busy / idle);
    }
    let name = "another client's GET, its p99 of its idle p99, as Go collects by itself";
    report.add(name, median(stretch), "x", None);
    Ok(())
}

/// What the AWS guide recommends.
fn kubectl(harness: &Harness) -> anyhow::Result<Duration> {
    let since = Instant::now();
    let mut get = harness.kubectl_command()?;
    let mut get = get.args(["get", "secrets", "--all-namespaces", "--output=json"]).stdout(Stdio::piped()).spawn()?;
    let secrets = get.stdout.take().context("kubectl has no stdout")?;
    let mut annotate = harness.kubectl_command()?;
    annotate.args(["annotate", "--overwrite", "--filename=-", &format!("{ANNOTATION}=by-kubectl")]);
    let annotated = annotate.stdin(secrets).stdout(Stdio::null()).status()?;
    ensure!(get.wait()?.success() && annotated.success(), "kubectl did not annotate every Secret");
    Ok(since.elapsed())
}
