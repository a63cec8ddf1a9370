//! Follows a run from here: the Job, its Pods, their logs. Input: a run. Output: how the Job ended, its last word and all
//! that its log told. A log stream that ends means nothing: it is opened again where it broke off, and only the Job's
//! conditions end the wait.

mod error;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use eks_encrypt_job::api::bounds::Unbounded;
use eks_encrypt_job::wire::names::{CONTAINER, RUN_LABEL};
use futures::AsyncBufRead;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{ListParams, LogParams, Request};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::cause::Cause;
use crate::k8s::{Kubernetes, is_not_found};
use crate::model::followup;
use crate::model::options::KubeOptions;
use crate::model::run::{JobEnd, Run, job_end};
use crate::run::lines::{Allowance, Lines};
use crate::run::log::{Log, LogLine};
use crate::run::pod_status::{container_state, had_previous_pod, has_started, last_seen, pending_reason};
use crate::run::verdict::final_event;
use crate::run::wire_version::OtherWireVersion;
use crate::ui::progress::{Finished, Progress, elapsed};
use crate::ui::terminal::Terminal;

pub(crate) use error::Error;

/// How often we look, and the screen is drawn.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The Job writes a line every 15 s. Three missing ones mean that the connection is dead, whatever TCP thinks.
const STREAM_TIMEOUT: Duration = Duration::from_secs(45);

/// When a Pod that has not begun deserves a word, though nothing says why.
const SLOW_START: Duration = Duration::from_secs(30);

/// How often an ended Pod's log is asked for before we do without it: its node may be gone.
const MAX_LOG_ATTEMPTS: u32 = 3;

/// How long refusals (401, 403, a proxy's 404) are borne in a row: an API server that starts, or a load balancer before it,
/// sends them too.
const MAX_REJECTION_TIME: Duration = Duration::from_secs(300);

/// How often the Job is looked at while a log is read: a Pod may write for ever, and only the Job knows whether it has ended.
const JOB_POLL_INTERVAL: Duration = Duration::from_secs(10);

/// How long what is left of the logs is read once the Job has ended.
const LOG_GRACE: Duration = Duration::from_secs(30);

/// How many lines of logs are shown at once; after that, one a second.
const MAX_BURST_LINES: f64 = 100.0;

/// How many reasons and causes are shown: their authors must not fill the screen.
const MAX_REPORTED: usize = 100;

/// How it ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// The Job's condition.
    pub(crate) job: JobEnd,
    /// The Pod's termination message.
    pub(crate) last_word: Option<Finished>,
    /// What the log told.
    pub(crate) progress: Progress,
    /// Whether it was stopped by Ctrl-C: a run in this process alone.
    pub(crate) interrupted: bool,
}

/// Follows until the Job has ended. `made`: this process has made the Job, and may give it up if it never begins.
pub(crate) async fn follow(
    kubernetes: &Kubernetes,
    run: &Run,
    made: bool,
    terminal: &Terminal,
    deadline: Instant,
) -> Result<Ended, Error> {
    let client = &kubernetes.client;
    let mut follower = Follower {
        client,
        jobs: Api::namespaced(client.clone(), &run.namespace),
        pods: Api::namespaced(client.clone(), &run.namespace),
        events: Api::namespaced(client.clone(), &run.namespace),
        run,
        flags: &kubernetes.flags,
        made,
        terminal,
        deadline,
        began: Instant::now(),
        log: Log::default(),
        allowance: Allowance::default(),
        over: None,
        shown: (MAX_BURST_LINES, Instant::now()),
        hidden: 0,
        progress: Progress::default(),
        read: HashSet::new(),
        attempts: HashMap::new(),
        begun: false,
        stuck: None,
        refused: None,
        told: HashSet::new(),
        foreign: None,
        uid: run.uid.clone(),
    };
    let result = follower.follow().await;
    terminal.clear();
    result
}

struct Follower<'a> {
    client: &'a Client,
    jobs: Api<Job>,
    pods: Api<Pod>,
    events: Api<Event>,
    run: &'a Run,
    flags: &'a KubeOptions,
    made: bool,
    terminal: &'a Terminal,
    deadline: Instant,
    began: Instant,
    log: Log,
    /// How much of the logs may still be read.
    allowance: Allowance,
    /// Since when the Job is known to have ended.
    over: Option<Instant>,
    /// How many lines may be shown, as of when.
    shown: (f64, Instant),
    /// How many were not.
    hidden: u64,
    progress: Progress,
    /// Pods whose log has been read to its end after they ended.
    read: HashSet<String>,
    attempts: HashMap<String, u32>,
    /// Whether a Pod of the run has begun, or may have.
    begun: bool,
    /// Since when nothing runs though something says why.
    stuck: Option<Instant>,
    /// Since when the API server has refused to answer.
    refused: Option<Instant>,
    /// What has been said once: reasons alternate (ErrImagePull, ImagePullBackOff), connections break again and again.
    told: HashSet<String>,
    /// The version that the Job speaks, where it is not ours.
    foreign: Option<OtherWireVersion>,
    /// The Job's UID, once it is known.
    uid: Option<String>,
}

impl Follower<'_> {
    async fn follow(&mut self) -> Result<Ended, Error> {
        loop {
            match self.fetch().await {
                // Another one has its name by now.
                Ok((job, _)) if self.is_replaced(&job) => {
                    return Err(Error::Deleted { job: self.run.job.clone(), namespace: self.run.namespace.clone() });
                }
                Ok((job, pods)) => {
                    self.refused = None;
                    self.begun |= has_started(&job, &pods);
                    let end = job_end(&job);
                    if let Some(theirs) = self.foreign.take().or_else(|| OtherWireVersion::from_job(&job, &pods)) {
                        return Err(Error::unsupported_version(self.run, self.flags, self.made, theirs, end));
                    }
                    if end.is_some() {
                        self.over.get_or_insert_with(Instant::now);
                    }
                    let unread = self.next_log(&pods).filter(|_| self.may_read());
                    match (&unread, end) {
                        (Some((pod, over)), _) => self.stream(pod, *over).await,
                        (None, Some(end)) => {
                            self.report_hidden();
                            let last_word = final_event(&pods, &self.run.id);
                            let progress = std::mem::take(&mut self.progress);
                            return Ok(Ended { job: end, last_word, progress, interrupted: false });
                        }
                        (None, None) => self.check_startup(&job, pods.last()).await?,
                    }
                }
                Err(error) if is_not_found(&error, &self.run.job) => {
                    return Err(Error::Deleted { job: self.run.job.clone(), namespace: self.run.namespace.clone() });
                }
                Err(error) => {
                    let source = Cause::kube(&error);
                    if !source.retryable
                        && self.refused.get_or_insert_with(Instant::now).elapsed() >= MAX_REJECTION_TIME
                    {
                        return Err(Error::unreachable(self.run, self.flags, source));
                    }
                    self.print_once(format!("note: no answer, asking again: {source}"));
                }
            }
            if Instant::now() >= self.deadline {
                return Err(Error::deadline_exceeded(self.run, self.flags, elapsed(self.began.elapsed())));
            }
            self.draw_progress();
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Whether this is not the Job that was made, found or seen first.
    fn is_replaced(&mut self, job: &Job) -> bool {
        let Some(uid) = &job.metadata.uid else { return false };
        self.uid.get_or_insert_with(|| uid.clone()) != uid
    }

    /// The Job and its Pods, oldest first.
    async fn fetch(&self) -> Result<(Job, Vec<Pod>), kube::Error> {
        let job = self.jobs.get(&self.run.job).await?;
        let ours = ListParams::default().labels(&format!("{RUN_LABEL}={}", self.run.id));
        let mut pods = self.pods.list(&ours).await?.items;
        // A label can stand on any Pod.
        if let Some(uid) = &job.metadata.uid {
            pods.retain(|pod| pod.owner_references().iter().any(|owner| owner.uid == *uid));
        }
        pods.sort_by_key(|pod| pod.metadata.creation_timestamp.clone());
        Ok((job, pods))
    }

    /// The next Pod with a log to read, and whether it has ended.
    fn next_log(&self, pods: &[Pod]) -> Option<(String, bool)> {
        pods.iter().find_map(|pod| {
            let (name, state) = (pod.name_any(), container_state(pod)?);
            let over = state.terminated.is_some();
            let begun = over || state.running.is_some();
            (begun && !self.read.contains(&name)).then_some((name, over))
        })
    }

    /// Whether logs are read any further. They carry progress. How the run ended, the Job's conditions and its last word say.
    fn may_read(&mut self) -> bool {
        let why = if self.allowance.is_used_up() {
            "the logs of this run are too long"
        } else if self.over.is_some_and(|over| over.elapsed() >= LOG_GRACE) {
            "the Job has ended, and its Pods' logs have not"
        } else {
            return true;
        };
        self.print_once(format!("note: {why}: the rest of them is not read"));
        false
    }

    /// Reads a Pod's log from where we were until the stream ends, for whatever reason.
    async fn stream(&mut self, pod: &str, over: bool) {
        self.stuck = None;
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            follow: !over,
            since_time: self.log.since(pod),
            timestamps: true,
            ..LogParams::default()
        };
        let url = Pod::url_path(&(), Some(&self.run.namespace));
        let log = match Request::new(url).logs(pod, &params) {
            Ok(mut request) => {
                request.extensions_mut().insert(Unbounded);
                self.client.request_stream(request).await
            }
            Err(error) => Err(kube::Error::BuildRequest(error)),
        };
        let whole = match log {
            Ok(log) => self.read_lines(pod, Lines::new(log)).await,
            Err(error) => {
                self.print_once(format!("note: can't read the log of Pod {pod} now: {}", Cause::kube(&error)));
                false
            }
        };
        let attempts = self.attempts.entry(pod.to_owned()).or_default();
        *attempts += u32::from(over);
        if over && (whole || *attempts >= MAX_LOG_ATTEMPTS) {
            self.read.insert(pod.to_owned());
        }
    }

    /// Takes lines in until there are no more. Gives back whether the stream ended by itself.
    async fn read_lines(&mut self, pod: &str, mut lines: Lines<impl AsyncBufRead + Unpin>) -> bool {
        let mut tick = interval(POLL_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut heard = Instant::now();
        let (jobs, run) = (self.jobs.clone(), self.run);
        let mut over = std::pin::pin!(logs_deadline(&jobs, &run.job, self.over));
        loop {
            tokio::select! {
                over = &mut over => {
                    self.over = Some(over);
                    return false;
                }
                line = lines.next(&mut self.allowance) => match line {
                    Ok(Some(line)) => {
                        heard = Instant::now();
                        self.ingest_line(pod, &line);
                        if self.foreign.is_some() {
                            return false;
                        }
                    }
                    Err(_) => return false,
                    Ok(None) => return true,
                },
                _ = tick.tick() => {
                    self.draw_progress();
                    if heard.elapsed() >= STREAM_TIMEOUT || Instant::now() >= self.deadline {
                        return false;
                    }
                }
            }
        }
    }

    fn ingest_line(&mut self, pod: &str, line: &str) {
        match self.log.read(pod, line) {
            LogLine::Event(line) => {
                if let Some(text) = self.progress.fold(&line, self.began.elapsed()) {
                    self.print_line(&text);
                }
            }
            LogLine::Note(text) => self.print_line(&text),
            LogLine::Duplicate => {}
            LogLine::OtherVersion(theirs) => self.foreign = Some(theirs),
        }
    }

    /// Shows a line of a log, unless there are too many.
    fn print_line(&mut self, text: &str) {
        let (left, as_of) = self.shown;
        let left = (left + as_of.elapsed().as_secs_f64()).min(MAX_BURST_LINES);
        self.shown = (if left < 1.0 { left } else { left - 1.0 }, Instant::now());
        if left < 1.0 {
            self.hidden += 1;
            return;
        }
        self.report_hidden();
        self.terminal.println(text);
    }

    fn report_hidden(&mut self) {
        match std::mem::take(&mut self.hidden) {
            0 => {}
            hidden => self.terminal.println(&format!("note: {hidden} more lines of the log, see `kubectl logs`")),
        }
    }

    /// Says why nothing runs, and gives up when that lasts, if nothing has ever run: a run that is half done waits for
    /// its next Pod, and so do we.
    async fn check_startup(&mut self, job: &Job, pod: Option<&Pod>) -> Result<(), Error> {
        let events = if pod.is_some() { Vec::new() } else { self.job_events().await };
        match pending_reason(job, pod, &events, Timestamp::now()) {
            Some(reason) => {
                self.print_once(format!("waiting: {}", reason.text));
                let since = *self.stuck.get_or_insert_with(Instant::now);
                if since.elapsed() >= reason.timeout && self.made && self.never_started(pod).await {
                    let (job, namespace) = (self.run.job.clone(), self.run.namespace.clone());
                    return Err(Error::NotStarted { job, namespace, reason: reason.text });
                }
                if since.elapsed() >= SLOW_START && !self.begun {
                    let (job, namespace) = (&self.run.job, &self.run.namespace);
                    self.print_once(format!(
                        "no Pod of it has begun. To begin anew, take it away first: `{}`. Then run the same command again with \
                         other settings, or do the same from here, with your own rights and without a Pod: `{}`",
                        followup::kubectl(self.flags, &format!("delete job -n {namespace} {job}")),
                        followup::reencrypt(self.flags, Some(namespace), "--local")
                    ));
                }
            }
            None => {
                self.stuck = None;
                if self.began.elapsed() >= SLOW_START && self.attempts.is_empty() {
                    let (job, namespace) = (&self.run.job, &self.run.namespace);
                    let look = followup::kubectl(self.flags, &format!("describe job,pod -n {namespace}"));
                    self.print_once(format!(
                        "waiting: its Pod has not begun, and nothing says why; see `{look}` ({job})"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether no Pod of the run can have begun, one that nobody saw included.
    async fn never_started(&self, pod: Option<&Pod>) -> bool {
        !self.begun && !had_previous_pod(pod.map(Pod::name_any).as_deref(), &self.job_events().await)
    }

    /// The Job's events, oldest first. They only explain: without them the wait goes on.
    async fn job_events(&self) -> Vec<Event> {
        let about =
            ListParams::default().fields(&format!("involvedObject.kind=Job,involvedObject.name={}", self.run.job));
        let mut events = self.events.list(&about).await.map(|list| list.items).unwrap_or_default();
        events.sort_by_key(last_seen);
        events
    }

    fn print_once(&mut self, text: String) {
        if self.told.len() < MAX_REPORTED && self.told.insert(text.clone()) {
            self.terminal.println(&text);
        }
    }

    fn draw_progress(&self) {
        self.terminal.draw_progress(&self.progress.frame(self.began.elapsed(), self.terminal.width()));
    }
}

/// Waits until a Job has ended (`known`: since when that is known already), and what is left of its logs has had time to be read.
/// Gives back when the end was seen.
async fn logs_deadline(jobs: &Api<Job>, job: &str, known: Option<Instant>) -> Instant {
    let known = match known {
        Some(known) => known,
        None => loop {
            sleep(JOB_POLL_INTERVAL).await;
            if jobs.get(job).await.is_ok_and(|job| job_end(&job).is_some()) {
                break Instant::now();
            }
        },
    };
    sleep_until(known + LOG_GRACE).await;
    known
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
