//! One schedule, run as the plugin or the Job does it, and how it ended.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::{Instant, sleep, timeout};

use super::control_plane::{ControlPlane, Looks, Route};
use super::judge::judge;
use super::schedule::{Event as Happening, Key, KeyIds, Moment, Schedule, Timed, Way};
use super::server::{ARN, key_hash};
use super::transport::Network;
use crate::api::retry::LastError;
use crate::api_servers::{Connector, KeyHash, NewcomerReason, ProcessesError};
use crate::engine::prove::cover;
use crate::engine::rewrite::rewrite;
use crate::engine::spec::RunSpec;
use crate::engine::verify::{Doubt, Report, Verifier, VerifyError};
use crate::engine::watermark::Watermark;
use crate::fixture;
use crate::limiter::limit::Limit;
use crate::wire::event::{Event, Phase, RunResult};

/// Model time within which each run ends.
const ENDS_WITHIN: Duration = Duration::from_secs(4 * 60 * 60);

/// A part of the proof that is left out, to see that the schedules find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Omission {
    /// The census: another control plane is asked, whose servers all write under the key.
    Census,
    /// The second agreement.
    Confirmation,
    /// The difference between newer than the watermark and as old.
    Watermark,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Proven,
    /// The servers agree, and nothing shows on which key.
    Agreed,
    Unknown,
    Late,
    ListFailed,
    NotCovered,
    Unsteady,
    Incomplete,
    Stopped,
    Refused,
    /// It did not end.
    Endless,
}

/// A run, when it is over.
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) verdict: Result<(), String>,
    pub(super) seen: BTreeSet<&'static str>,
    pub(super) requests: u64,
    pub(super) log: Vec<String>,
}

/// Runs a schedule.
pub(super) fn run(schedule: &Schedule, omission: Option<Omission>, verbose: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut plane = ControlPlane::new(schedule.clone());
        plane.log = verbose.then(Vec::new);
        let network = Network::new(plane);
        let work = async {
            match (schedule.way, omission) {
                (Way::Alone, None | Some(Omission::Census)) => alone(&network, schedule, omission).await,
                // What else is left out is the plugin's.
                _ => watched(&network, schedule, omission).await,
            }
        };
        let end = timeout(ENDS_WITHIN, work).await.unwrap_or(End::Endless);
        let mut plane = network.plane();
        plane.advance(network.now());
        if omission == Some(Omission::Confirmation) {
            plane.looks = Looks::default();
        }
        let verdict = if end == End::Endless || plane.is_exhausted() {
            Err(format!("it did not end: {} requests", plane.requests))
        } else {
            judge(&plane, end == End::Proven)
        };
        let (seen, log) = (std::mem::take(&mut plane.seen), plane.log.take().unwrap_or_default());
        Outcome { end, verdict, seen, requests: plane.requests, log }
    })
}

/// A census of another control plane, whose one server has written under the key for long.
fn liar(schedule: &Schedule) -> Network {
    let mut schedule = schedule.clone();
    schedule.servers = vec![0];
    schedule.forbidden.clear();
    schedule.events = vec![Timed { moment: Moment::Begin, after: -60_000, event: Happening::Switch { server: 0 } }];
    Network::new(ControlPlane::new(schedule))
}

async fn watched(network: &Network, schedule: &Schedule, omission: Option<Omission>) -> End {
    let liar = (omission == Some(Omission::Census)).then(|| liar(schedule));
    let connector: &dyn Connector = liar.as_ref().unwrap_or(network);
    let (client, last_error) = (network.client(Route::Pool), LastError::default());
    let before = schedule.before_known.then(|| KeyHash::parse(key_hash(Key::Old, schedule.key_ids)).unwrap());
    let verifier =
        Verifier { client: &client, connector, key_arn: Some(ARN), before: before.as_ref(), last_error: &last_error };
    let patience = milliseconds(schedule.patience);
    let mut start = match verifier.start(Instant::now() + patience, |_| ()).await {
        Ok(start) => start,
        Err(error) => return end_of(&error),
    };
    network.reach(Moment::Agreed);
    if schedule.way != Way::VerifyOnly {
        sleep(milliseconds(schedule.job_starts_after)).await;
        let job = network.client(Route::Pool);
        rewrite(&job, &spec(schedule, None), |_| (), std::future::pending()).boxed().await;
        network.reach(Moment::Written);
        sleep(milliseconds(schedule.pause)).await;
    }
    let limit = || Limit::fixed(schedule.concurrency.try_into().unwrap());
    match omission {
        Some(Omission::Confirmation) => {
            let spec = spec(schedule, None);
            let stop = std::future::pending().boxed();
            let (tally, ended) = cover(&client, &spec, &start.watermark, &last_error, |_| (), stop).await;
            return if ended.is_ok() && tally.complete() { End::Proven } else { End::NotCovered };
        }
        Some(Omission::Watermark) => {
            let version: u64 = start.watermark.as_str().parse().unwrap();
            start.watermark = Watermark::new((version - 1).to_string());
        }
        Some(Omission::Census) | None => {}
    }
    let stop = || std::future::pending().boxed();
    let report = |report: Report<'_>| {
        if let Report::Again(doubt) = report {
            network.plane().see(word(doubt));
        }
    };
    match verifier.finish(start, Instant::now() + patience, limit, report, stop).boxed().await {
        Ok(verified) if verified.agreed.is_proof() => End::Proven,
        Ok(_) => End::Agreed,
        Err(error) => end_of(&error),
    }
}

async fn alone(network: &Network, schedule: &Schedule, omission: Option<Omission>) -> End {
    let connector = if omission == Some(Omission::Census) { liar(schedule) } else { network.clone() };
    let spec = RunSpec { prove: true, ..spec(schedule, Some(Box::new(connector))) };
    let sink = |event: Event| match event {
        Event::Started { .. } => network.reach(Moment::Agreed),
        Event::Progress { phase: Phase::Prove, .. } => network.reach(Moment::Written),
        Event::Note { message } if message.starts_with("the proof begins again") => {
            network.plane().see("again: alone");
        }
        _ => {}
    };
    let stop = async {
        sleep(milliseconds(schedule.patience)).await;
        "time is up".to_owned()
    };
    match rewrite(&network.client(Route::Pool), &spec, sink, stop).boxed().await {
        RunResult::Complete => End::Proven,
        RunResult::Incomplete => End::Incomplete,
        RunResult::Stopped => End::Stopped,
        RunResult::Refused => End::Refused,
    }
}

fn spec(schedule: &Schedule, api_servers: Option<Box<dyn Connector>>) -> RunSpec {
    let key_arn = if schedule.key_ids == KeyIds::Arn || schedule.way == Way::Alone { ARN } else { "" };
    RunSpec { key_arn: key_arn.into(), api_servers, ..fixture::spec(schedule.method, schedule.concurrency) }
}

fn end_of(error: &VerifyError) -> End {
    match error {
        VerifyError::Unknown(_) => End::Unknown,
        VerifyError::Late(_) => End::Late,
        VerifyError::List(_) => End::ListFailed,
        VerifyError::Coverage { .. } => End::NotCovered,
        VerifyError::Unsteady(_) => End::Unsteady,
    }
}

/// Why the proof begins again.
fn word(doubt: &Doubt) -> &'static str {
    match doubt {
        Doubt::Agreement(_) => "again: no agreement",
        Doubt::Census(_) => "again: no census",
        Doubt::Processes(ProcessesError::NotListed) => "again: no list",
        Doubt::Processes(ProcessesError::TooFarApart(_)) => "again: too far apart",
        Doubt::Processes(ProcessesError::Newcomers(newcomers)) => {
            match newcomers.first().map(|newcomer| newcomer.reason) {
                Some(NewcomerReason::Joined) => "again: joined",
                Some(NewcomerReason::OtherKey) => "again: another key",
                Some(NewcomerReason::Restarted) => "again: restarted",
                Some(NewcomerReason::NotAsked) => "again: not asked",
                Some(NewcomerReason::Ended) => "again: ended",
                Some(NewcomerReason::NoStartTime) => "again: no start time",
                Some(NewcomerReason::Malformed) | None => "again: malformed",
            }
        }
    }
}

fn milliseconds(time: i64) -> Duration {
    Duration::from_millis(time.max(0).unsigned_abs())
}
