//! Follows a run from here: the Job, its Pods, their logs. Input: a run. Output: how the Job ended, its last word and all
//! that its log told. A log stream that ends means nothing: it is opened again where it broke off, and only the Job's
//! conditions end the wait.

mod error;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use eks_encrypt_job::contract::{CONTAINER, RUN_LABEL};
use futures::{AsyncBufReadExt as _, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::cause::Cause;
use crate::cli::{self, KubeFlags};
use crate::drive::log::{Log, Read};
use crate::drive::run::{JobEnd, Run, ended};
use crate::drive::startup::{begun, had_another, reason, state, when};
use crate::drive::wire::Foreign;
use crate::finish::verdict::last_word;
use crate::kubernetes::{Kubernetes, gone};
use crate::progress::{Finished, Progress, elapsed};
use crate::screen::Screen;

pub(crate) use error::Error;

/// How often we look, and the screen is drawn.
const TICK: Duration = Duration::from_secs(1);

/// The Job writes a line every 15 s. Three missing ones mean that the connection is dead, whatever TCP thinks.
const DEAD: Duration = Duration::from_secs(45);

/// When a Pod that has not begun deserves a word, though nothing says why.
const SLOW: Duration = Duration::from_secs(30);

/// How often an ended Pod's log is asked for before we do without it: its node may be gone.
const ATTEMPTS: u32 = 3;

/// How long refusals (401, 403, a proxy's 404) are borne in a row: an API server that starts, or a load balancer before it,
/// sends them too.
const REFUSED: Duration = Duration::from_secs(300);

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
    screen: &Screen,
    deadline: Instant,
) -> Result<Ended, Error> {
    let client = &kubernetes.client;
    let mut follower = Follower {
        jobs: Api::namespaced(client.clone(), &run.namespace),
        pods: Api::namespaced(client.clone(), &run.namespace),
        events: Api::namespaced(client.clone(), &run.namespace),
        run,
        flags: &kubernetes.flags,
        made,
        screen,
        deadline,
        began: Instant::now(),
        log: Log::default(),
        progress: Progress::default(),
        read: HashSet::new(),
        attempts: HashMap::new(),
        begun: false,
        stuck: None,
        refused: None,
        told: HashSet::new(),
        foreign: None,
    };
    let result = follower.follow().await;
    screen.clear();
    result
}

struct Follower<'a> {
    jobs: Api<Job>,
    pods: Api<Pod>,
    events: Api<Event>,
    run: &'a Run,
    flags: &'a KubeFlags,
    made: bool,
    screen: &'a Screen,
    deadline: Instant,
    began: Instant,
    log: Log,
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
    foreign: Option<Foreign>,
}

impl Follower<'_> {
    async fn follow(&mut self) -> Result<Ended, Error> {
        loop {
            match self.look().await {
                Ok((job, pods)) => {
                    self.refused = None;
                    self.begun |= begun(&job, &pods);
                    let end = ended(&job);
                    if let Some(theirs) = self.foreign.take().or_else(|| Foreign::of(&job, &pods)) {
                        return Err(Error::unreadable(self.run, self.flags, self.made, theirs, end));
                    }
                    let unread = self.unread(&pods);
                    match (&unread, end) {
                        (Some((pod, over)), _) => self.stream(pod, *over).await,
                        (None, Some(end)) => {
                            let last_word = last_word(&pods, &self.run.id);
                            let progress = std::mem::take(&mut self.progress);
                            return Ok(Ended { job: end, last_word, progress, interrupted: false });
                        }
                        (None, None) => self.startup(&job, pods.last()).await?,
                    }
                }
                Err(error) if gone(&error, &self.run.job) => {
                    return Err(Error::Gone { job: self.run.job.clone(), namespace: self.run.namespace.clone() });
                }
                Err(error) => {
                    let source = Cause::kube(&error);
                    if !source.passing && self.refused.get_or_insert_with(Instant::now).elapsed() >= REFUSED {
                        return Err(Error::lost(self.run, self.flags, source));
                    }
                    self.tell(format!("note: no answer, asking again: {source}"));
                }
            }
            if Instant::now() >= self.deadline {
                return Err(Error::time_up(self.run, self.flags, elapsed(self.began.elapsed())));
            }
            self.draw();
            sleep(TICK).await;
        }
    }

    /// The Job and its Pods, oldest first.
    async fn look(&self) -> Result<(Job, Vec<Pod>), kube::Error> {
        let job = self.jobs.get(&self.run.job).await?;
        let ours = ListParams::default().labels(&format!("{RUN_LABEL}={}", self.run.id));
        let mut pods = self.pods.list(&ours).await?.items;
        pods.sort_by_key(|pod| pod.metadata.creation_timestamp.clone());
        Ok((job, pods))
    }

    /// The next Pod with a log to read, and whether it has ended.
    fn unread(&self, pods: &[Pod]) -> Option<(String, bool)> {
        pods.iter().find_map(|pod| {
            let (name, state) = (pod.name_any(), state(pod)?);
            let over = state.terminated.is_some();
            let begun = over || state.running.is_some();
            (begun && !self.read.contains(&name)).then_some((name, over))
        })
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
        let whole = match self.pods.log_stream(pod, &params).await {
            Ok(stream) => self.lines(pod, stream.lines()).await,
            Err(error) => {
                self.tell(format!("note: can't read the log of Pod {pod} now: {}", Cause::kube(&error)));
                false
            }
        };
        let attempts = self.attempts.entry(pod.to_owned()).or_default();
        *attempts += u32::from(over);
        if over && (whole || *attempts >= ATTEMPTS) {
            self.read.insert(pod.to_owned());
        }
    }

    /// Takes lines in until there are no more. Gives back whether the stream ended by itself.
    async fn lines(&mut self, pod: &str, lines: impl futures::Stream<Item = std::io::Result<String>>) -> bool {
        let mut lines = std::pin::pin!(lines);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                line = lines.next() => match line {
                    Some(Ok(line)) => {
                        heard = Instant::now();
                        self.take(pod, &line);
                        if self.foreign.is_some() {
                            return false;
                        }
                    }
                    Some(Err(_)) => return false,
                    None => return true,
                },
                _ = tick.tick() => {
                    self.draw();
                    if heard.elapsed() >= DEAD || Instant::now() >= self.deadline {
                        return false;
                    }
                }
            }
        }
    }

    fn take(&mut self, pod: &str, line: &str) {
        match self.log.read(pod, line) {
            Read::Event(line) => {
                if let Some(text) = self.progress.fold(&line, self.began.elapsed()) {
                    self.screen.line(&text);
                }
            }
            Read::Note(text) => self.screen.line(&text),
            Read::Seen => {}
            Read::Foreign(theirs) => self.foreign = Some(theirs),
        }
    }

    /// Says why nothing runs, and gives up when that lasts, if nothing has ever run: a run that is half done waits for
    /// its next Pod, and so do we.
    async fn startup(&mut self, job: &Job, pod: Option<&Pod>) -> Result<(), Error> {
        let events = if pod.is_some() { Vec::new() } else { self.job_events().await };
        match reason(job, pod, &events, Timestamp::now()) {
            Some(reason) => {
                self.tell(format!("waiting: {}", reason.text));
                let since = *self.stuck.get_or_insert_with(Instant::now);
                if since.elapsed() >= reason.patience && self.made && self.never_begun(pod).await {
                    let (job, namespace) = (self.run.job.clone(), self.run.namespace.clone());
                    return Err(Error::NotStarted { job, namespace, reason: reason.text });
                }
                if since.elapsed() >= SLOW && !self.begun {
                    let (job, namespace) = (&self.run.job, &self.run.namespace);
                    self.tell(format!(
                        "no Pod of it has begun. To begin anew, take it away first: `{}`. Then run the same command again with \
                         other settings, or do the same from here, with your own rights and without a Pod: `{}`",
                        cli::kubectl(self.flags, &format!("delete job -n {namespace} {job}")),
                        cli::reencrypt(self.flags, Some(namespace), "--local")
                    ));
                }
            }
            None => {
                self.stuck = None;
                if self.began.elapsed() >= SLOW && self.attempts.is_empty() {
                    let (job, namespace) = (&self.run.job, &self.run.namespace);
                    let look = cli::kubectl(self.flags, &format!("describe job,pod -n {namespace}"));
                    self.tell(format!("waiting: its Pod has not begun, and nothing says why; see `{look}` ({job})"));
                }
            }
        }
        Ok(())
    }

    /// Whether no Pod of the run can have begun, one that nobody saw included.
    async fn never_begun(&self, pod: Option<&Pod>) -> bool {
        !self.begun && !had_another(pod.map(Pod::name_any).as_deref(), &self.job_events().await)
    }

    /// The Job's events, oldest first. They only explain: without them the wait goes on.
    async fn job_events(&self) -> Vec<Event> {
        let about =
            ListParams::default().fields(&format!("involvedObject.kind=Job,involvedObject.name={}", self.run.job));
        let mut events = self.events.list(&about).await.map(|list| list.items).unwrap_or_default();
        events.sort_by_key(when);
        events
    }

    fn tell(&mut self, text: String) {
        if self.told.insert(text.clone()) {
            self.screen.line(&text);
        }
    }

    fn draw(&self) {
        self.screen.draw(&self.progress.frame(self.began.elapsed(), self.screen.width()));
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
