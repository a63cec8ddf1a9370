//! The proof that every Secret is under the key, on a control plane of several API servers.
//!
//! 1. *Agreement.* A census finds that all live API servers write under one key, and that it is the wanted one.
//! 2. *Watermark.* A list after it has a resourceVersion.
//! 3. Whoever it is writes the Secrets.
//! 4. *Coverage.* Each Secret is newer than the watermark, or a no-op patch of it finds nothing to write or writes it.
//! 5. *Agreement again*, and no other process can have written in between.
//!
//! So an API server that writes under the key was the last to store each Secret. If 5 fails, the proof restarts. The Job
//! does this with its ServiceAccount's rights, the plugin with the person's: each believes what it has seen itself.

use std::ops::AddAssign;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until};

use crate::api::list::{ListError, current_version};
use crate::api::retry::LastError;
use crate::api_servers::{Agreement, Census, Connector, KeyHash, MissingRight, Options, ProcessesError, take};
use crate::engine::prove::cover;
use crate::engine::spec::RunSpec;
use crate::engine::watermark::Watermark;
use crate::limiter::limit::Limit;
use crate::wire::event::{Event, Method};
use crate::wire::outcome::Tally;

/// Between the first two censuses while the API servers do not agree. A census costs each of them some 50 ms of CPU.
const PAUSE: Duration = Duration::from_secs(1);

/// Each is half as long again as the one before, up to this: from the key in force everywhere to the first patch no more than 3 s
/// should pass.
const LONG_PAUSE: Duration = Duration::from_secs(2);

/// The same while one can't be reached: such a census makes many connections.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A live server renews its Lease every 10 s. One that looks ended, by a clock that is wrong, has done so by then.
const RENEWED_WITHIN: Duration = Duration::from_secs(12);

/// A right that is missing for so long is missing: an API server that has just started forbids everything until it has read its
/// roles.
const FORBIDDEN_FOR: Duration = Duration::from_secs(5);

/// One census takes no longer.
const CENSUS_TIME: Duration = Duration::from_secs(60);

/// How long a census that settles nothing is taken again: kube-apiserver reads its encryption configuration and asks its KMS
/// plugin once a minute (`k8s.io/apiserver`, `encryptionconfig/controller/controller.go`), and a Lease counts for a minute.
const UNSETTLED: Duration = Duration::from_secs(150);

/// How often the proof begins again because an API server has joined or was restarted.
pub(crate) const ROUNDS: u32 = 5;

/// How well the key is known that all API servers write under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// It is the wanted key: the hash of its ARN is what every API server reports.
    Matched,
    /// It is another key than before the association.
    Changed,
    /// Nothing shows which key it is. This is no proof.
    Agreed,
}

/// What the API servers agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServersAgree {
    /// How many API servers there are.
    pub servers: u32,
    /// How well their key is known.
    pub level: Level,
}

impl ServersAgree {
    /// Nothing, where they do not agree or can't all be asked.
    #[must_use]
    pub fn from(agreement: &Agreement) -> Option<Self> {
        let (servers, level) = match agreement {
            Agreement::Matched { servers } => (servers, Level::Matched),
            Agreement::Changed { servers, .. } => (servers, Level::Changed),
            Agreement::Agreed { servers, .. } => (servers, Level::Agreed),
            Agreement::Old { .. } | Agreement::Disagree { .. } | Agreement::Unknown { .. } => return None,
        };
        Some(Self { servers: u32::try_from(*servers).unwrap_or(u32::MAX), level })
    }

    /// Whether it is known that the key is the wanted one.
    #[must_use]
    pub fn is_proof(self) -> bool {
        matches!(self.level, Level::Matched | Level::Changed)
    }
}

/// The first half of the proof.
#[derive(Clone, Debug)]
pub struct Start {
    /// The API servers that agreed.
    pub census: Census,
    /// On what.
    pub agreement: Agreement,
    /// A Secret whose resourceVersion is greater was stored by one of them.
    pub watermark: Watermark,
    /// What it has cost so far.
    pub cost: Cost,
    /// When the census began.
    since: Instant,
}

/// The whole proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// What the API servers agreed on, before and after.
    pub agreed: ServersAgree,
    /// How the Secrets were covered: `current` are newer than the watermark or were found under the key, `rewritten` were
    /// moved by the proof itself.
    pub tally: Tally,
    /// How often it was begun.
    pub rounds: u32,
    /// What it has cost.
    pub cost: Cost,
}

/// What a proof has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Milliseconds that it took, without what was waited for between censuses.
    pub millis: u64,
    /// Connections to API servers, made to learn their keys.
    pub connections: u64,
    /// Bytes of metrics that were read.
    pub metrics_bytes: u64,
}

impl Cost {
    fn time(since: Instant) -> Self {
        Self { millis: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX), ..Self::default() }
    }

    fn census(census: &Census, since: Instant) -> Self {
        let (connections, metrics_bytes) = (census.connections as u64, census.metrics_bytes);
        Self { connections, metrics_bytes, ..Self::time(since) }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.millis += other.millis;
        self.connections += other.connections;
        self.metrics_bytes += other.metrics_bytes;
    }
}

/// Why there is no proof. Fits after "failed to ...".
#[derive(Debug, Error)]
pub enum VerifyError {
    /// Not every API server can be asked, and waiting does not help.
    #[error("ask every API server for its key")]
    Unknown(Agreement),
    /// Time was up before they agreed.
    #[error("see all API servers write under the key in time")]
    Late(Agreement),
    /// Secrets can't be listed.
    #[error("list the Secrets")]
    List(#[source] ListError),
    /// Some Secrets are not covered, or not all were gone through.
    #[error("cover every Secret: {reason}")]
    Coverage {
        /// What became of each, as far as it is known.
        tally: Tally,
        /// Why.
        reason: String,
    },
    /// An API server joined, ended or changed each time.
    #[error("see the same API servers before and after: {0}")]
    Unsteady(Doubt),
}

/// Why another process or another key may have come between two censuses.
#[derive(Debug, Error)]
pub enum Doubt {
    /// Another process may have written.
    #[error("{0}")]
    Processes(#[from] ProcessesError),
    /// They do not agree any more, or on another key.
    #[error("{0}")]
    Agreement(Agreement),
    /// The second census could not be taken.
    #[error("the API servers could not be asked again: {0}")]
    Census(String),
}

/// Who proves, and what is wanted.
pub struct Verifier<'a> {
    /// Lists and patches Secrets.
    pub client: &'a Client,
    /// Reaches each API server.
    pub connector: &'a dyn Connector,
    /// The wanted key. None where it is not known.
    pub key_arn: Option<&'a str>,
    /// What all API servers wrote under before the association, where somebody noted it.
    pub before: Option<&'a KeyHash>,
    /// The last refusal that is being tried again.
    pub last_error: &'a LastError,
}

impl Verifier<'_> {
    /// Waits until all API servers agree, and notes where the list of Secrets stands then. `report` gets each census that is
    /// waited on.
    ///
    /// # Errors
    /// They do not agree until the deadline, can't all be asked, or the Secrets can't be listed.
    pub async fn start(
        &self,
        deadline: Instant,
        mut report: impl FnMut(&Agreement) + Send,
    ) -> Result<Start, VerifyError> {
        let (mut unsettled, mut pause): (Option<Instant>, _) = (None, PAUSE);
        // Start times make a census some twenty times as long, so that only one that may be the last has them.
        let mut start_times = true;
        let mut cost = Cost::default();
        loop {
            let since = Instant::now();
            let census = self.census(deadline, start_times).await;
            cost += Cost::census(&census, since);
            let agreement = census.agreement(self.key_arn, self.before);
            let settled = match &agreement {
                Agreement::Matched { .. } | Agreement::Changed { .. } => true,
                // EndpointSlices are a short cut: without them the load balancer leads to all of them in the end.
                Agreement::Unknown { missing, .. }
                    if missing.iter().any(|right| *right != MissingRight::GetEndpointSlices) =>
                {
                    unsettled.get_or_insert_with(Instant::now).elapsed() >= FORBIDDEN_FOR
                }
                // No key is wanted by its ARN, so waiting shows nothing more.
                Agreement::Agreed { .. } if self.key_arn.is_none() => true,
                Agreement::Agreed { .. } | Agreement::Unknown { .. } => {
                    unsettled.get_or_insert_with(Instant::now).elapsed() >= UNSETTLED
                }
                Agreement::Old { .. } | Agreement::Disagree { .. } => {
                    unsettled = None;
                    false
                }
            };
            match agreement {
                agreement @ Agreement::Unknown { .. } if settled => return Err(VerifyError::Unknown(agreement)),
                agreement if settled && start_times => {
                    let watermark = current_version(self.client, self.last_error).await.map_err(VerifyError::List)?;
                    return Ok(Start { census, agreement, watermark, cost, since });
                }
                _ if settled => start_times = true,
                agreement if Instant::now() >= deadline => return Err(VerifyError::Late(agreement)),
                agreement => {
                    start_times = false;
                    report(&agreement);
                    sleep(pause).await;
                    let reached = !matches!(agreement, Agreement::Unknown { .. });
                    pause = (pause * 3 / 2).min(if reached { LONG_PAUSE } else { LONGEST_PAUSE });
                }
            }
        }
    }

    /// Covers every Secret, and sees that the API servers are those of the start. Begins again where they are not.
    ///
    /// # Errors
    /// Some Secrets can't be covered, or the API servers do not stay as they are.
    pub async fn finish(
        &self,
        mut start: Start,
        deadline: Instant,
        limit: impl Fn() -> Limit,
        mut report: impl FnMut(Report<'_>) + Send,
        stop: impl Fn() -> BoxFuture<'static, String>,
    ) -> Result<Verified, VerifyError> {
        let mut rounds = 1;
        loop {
            let spec = coverage(limit());
            let (sink, since) = (|event| report(Report::Covering(event)), Instant::now());
            let (tally, ended) = cover(self.client, &spec, &start.watermark, self.last_error, sink, stop()).await;
            let reason = match ended {
                Err(reason) => Some(reason),
                Ok(()) if tally.complete() => None,
                Ok(()) => Some(format!("{} of {} are not", tally.failed + tally.unaccounted(), tally.listed)),
            };
            if let Some(reason) = reason {
                return Err(VerifyError::Coverage { tally, reason });
            }
            start.cost += Cost::time(since);
            let (confirmed, cost) = self.confirm_at(&start, deadline).await;
            match confirmed {
                Ok(agreed) => return Ok(Verified { agreed, tally, rounds, cost }),
                Err(doubt) if rounds == ROUNDS => return Err(VerifyError::Unsteady(doubt)),
                Err(doubt) => report(Report::Again(&doubt)),
            }
            rounds += 1;
            let again = self.start(deadline, |agreement| report(Report::Waiting(agreement))).await?;
            // What the run was begun for: to go on with another key would move every Secret to it.
            if again.agreement.key() != start.agreement.key() {
                return Err(VerifyError::Unsteady(Doubt::Agreement(again.agreement)));
            }
            start = again;
            start.cost += cost;
        }
    }

    /// Sees that the API servers agree as they did, and that no other process can have written since.
    ///
    /// # Errors
    /// Another process or another key may have come in between.
    pub async fn confirm(&self, start: &Start, deadline: Instant) -> Result<ServersAgree, Doubt> {
        self.confirm_at(start, deadline).await.0
    }

    /// The same, and what all has cost until then.
    async fn confirm_at(&self, start: &Start, deadline: Instant) -> (Result<ServersAgree, Doubt>, Cost) {
        if !start.census.ended.is_empty() {
            sleep_until(start.since + RENEWED_WITHIN).await;
        }
        let (mut cost, since) = (start.cost, Instant::now());
        let later = match self.last_census(deadline).await {
            Ok(later) => later,
            Err(doubt) => return (Err(doubt), cost),
        };
        cost += Cost::census(&later, since);
        (self.compare(start, &later), cost)
    }

    async fn last_census(&self, deadline: Instant) -> Result<Census, Doubt> {
        // The last census may be late: without it, all that was done is worth nothing.
        let deadline = deadline.max(Instant::now() + CENSUS_TIME);
        let options = Options { deadline, start_times: true };
        take(self.connector, options, self.last_error)
            .await
            .map_err(|error| Doubt::Census(format!("{:#}", anyhow::Error::new(error))))
    }

    fn compare(&self, start: &Start, later: &Census) -> Result<ServersAgree, Doubt> {
        let agreement = later.agreement(self.key_arn, self.before);
        match ServersAgree::from(&agreement) {
            Some(agreed) if agreement.key() == start.agreement.key() => {
                later.only_processes_of(&start.census)?;
                Ok(agreed)
            }
            _ => Err(Doubt::Agreement(agreement)),
        }
    }

    /// A census; an empty one, where the API server does not answer.
    async fn census(&self, deadline: Instant, start_times: bool) -> Census {
        let deadline = deadline.min(Instant::now() + CENSUS_TIME);
        let options = Options { deadline, start_times };
        take(self.connector, options, self.last_error).await.unwrap_or_else(Census::not_taken)
    }
}

/// What the proof is doing.
pub enum Report<'a> {
    /// It waits for the API servers.
    Waiting(&'a Agreement),
    /// It covers the Secrets: events as those of a run.
    Covering(Event),
    /// It begins again, for this reason.
    Again(&'a Doubt),
}

/// Coverage as the engine's loop is told of it. It has no run, and leaves no record.
fn coverage(limit: Limit) -> RunSpec {
    RunSpec {
        run: String::new(),
        job_uid: String::new(),
        holder: String::new(),
        namespace: String::new(),
        method: Method::Touch,
        prove: true,
        key_arn: String::new(),
        time: Timestamp::UNIX_EPOCH,
        limit,
        api_servers: None,
        cluster_role_binding: None,
    }
}
