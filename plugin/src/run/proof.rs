//! The proof with the person's rights: all API servers write under the key before the first Secret is written, and after the
//! run every Secret is under it. The Job's own proof is shown as the Job's.

use eks_encrypt_job::LastError;
use eks_encrypt_job::api_servers::{Agreement, ConnectError, Connector, KeyHash};
use eks_encrypt_job::engine::verify::{Report, ServersAgree, Start, Verified, Verifier, VerifyError};
use eks_encrypt_job::limiter::limit::Limit;
use eks_encrypt_job::wire::event::Event;
use eks_encrypt_job::wire::exit::ExitCode;
use eks_encrypt_job::wire::outcome::Failure;
use futures::FutureExt as _;
use kube::Client;
use tokio::time::{Instant, sleep_until};

use crate::error::HasExitCode;
use crate::k8s::Kubernetes;
use crate::model::options::{Pace, Prove};
use crate::run::verification;
use crate::ui::progress::{Progress, elapsed, own_line};
use crate::ui::terminal::{Frame, Terminal};

/// Reaches API servers from outside of the cluster: by its load balancer, which chooses one for each new connection. A
/// connection ends with each answer of metrics, because that is not read to its end.
pub(crate) struct OutsideConnector(pub(crate) Client);

impl Connector for OutsideConnector {
    fn fresh(&self) -> Result<Client, ConnectError> {
        Ok(self.0.clone())
    }

    fn dials_addresses(&self) -> bool {
        false
    }

    fn at(&self, _: std::net::SocketAddr) -> Result<Client, ConnectError> {
        Err("an API server's own address can't be reached from outside of the cluster".into())
    }
}

/// What a command proves, and with what.
pub(crate) struct Prover<'a> {
    /// The cluster.
    pub(crate) kubernetes: &'a Kubernetes,
    /// The key's ARN; empty where it is not known.
    pub(crate) key_arn: &'a str,
    /// What all API servers wrote under before the association, if this command has seen that.
    pub(crate) before: Option<&'a KeyHash>,
    /// How much is wanted.
    pub(crate) wanted: Prove,
    /// How many no-op patches at once, and how many a second, at most.
    pub(crate) pace: Pace,
    /// Until when it is waited for.
    pub(crate) deadline: Instant,
    /// Where it is shown.
    pub(crate) terminal: &'a Terminal,
}

/// What is known before the first Secret is written.
pub(crate) enum CensusBefore {
    /// All API servers agree.
    Agreed(Box<Start>),
    /// That can't be seen, and why: the run continues, and is not proven.
    Unknown(String),
    /// Not checked yet: every Secret is verified at the end.
    Later,
    /// It is not wanted.
    NotWanted,
}

/// What is known at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proven {
    /// This command has seen it.
    Yes(Verified),
    /// It has not, and why.
    No(String),
    /// It was not to look.
    NotWanted,
}

/// The run can't begin, or the Secrets can't be listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API servers do not write under the key yet.
    #[error(
        "time is up: {agreement}\n  no Secret was written; EKS may still be replacing its API servers: run the same command again"
    )]
    Late { agreement: Agreement },
    /// Something else.
    #[error("no Secret was written: failed to {0}")]
    Other(#[source] VerifyError),
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::Late { .. } => ExitCode::StillRunning,
            Self::Other(_) => ExitCode::Error,
        }
    }
}

impl Error {
    /// Why there is no proof, where it was looked for after the run.
    fn reason(self) -> String {
        match self {
            Self::Late { agreement } => agreement.to_string(),
            Self::Other(error) => format!("failed to {:#}", anyhow::Error::new(error)),
        }
    }
}

impl Prover<'_> {
    /// Waits until all API servers write under the key: before that, no Secret may be written.
    pub(crate) async fn begin(&self) -> Result<CensusBefore, Error> {
        let last_error = LastError::default();
        let began = Instant::now();
        let outside = OutsideConnector(self.kubernetes.client.clone());
        let verifier = self.verifier(&last_error, &outside);
        let started = verifier.start(self.deadline, |agreement| self.print_waiting(agreement, began)).await;
        self.terminal.clear();
        match started {
            Ok(start) => {
                self.terminal.println(&sentence(&start.agreement.to_string()));
                let known = ServersAgree::from(&start.agreement).is_some_and(ServersAgree::is_proof);
                match (self.wanted, known) {
                    (Prove::Full, true) => Ok(CensusBefore::Agreed(Box::new(start))),
                    (Prove::Full, false) => Ok(CensusBefore::Unknown(start.agreement.to_string())),
                    (Prove::Job | Prove::None, _) => Ok(CensusBefore::NotWanted),
                }
            }
            Err(VerifyError::Unknown(agreement)) => {
                let why = agreement.to_string();
                if self.wanted == Prove::Full {
                    self.terminal.println(&format!("note: {why}: the run continues, and is not proven"));
                    return Ok(CensusBefore::Unknown(why));
                }
                self.terminal.println(&format!("note: {why}"));
                Ok(CensusBefore::NotWanted)
            }
            Err(VerifyError::Late(agreement)) => Err(Error::Late { agreement }),
            Err(error) => Err(Error::Other(error)),
        }
    }

    /// Covers every Secret, and sees that the API servers are those that agreed. `namespace`: where that is noted, if anywhere.
    pub(crate) async fn conclude(&self, begun: CensusBefore, namespace: Option<&str>) -> (Proven, Vec<Failure>) {
        let begun = match begun {
            // What could not be seen before the run may be seen by now.
            CensusBefore::Later | CensusBefore::Unknown(_) => {
                self.begin().await.unwrap_or_else(|error| CensusBefore::Unknown(error.reason()))
            }
            begun => begun,
        };
        let start = match begun {
            CensusBefore::Agreed(start) => *start,
            CensusBefore::Unknown(why) => return (Proven::No(why), Vec::new()),
            CensusBefore::Later | CensusBefore::NotWanted => return (Proven::NotWanted, Vec::new()),
        };
        self.terminal.println("Verifying every Secret");
        let last_error = LastError::default();
        let (mut progress, began) = (Progress::default(), Instant::now());
        let report = |report: Report<'_>| match report {
            Report::Waiting(agreement) => self.print_waiting(agreement, began),
            Report::Again(doubt) => self.terminal.println(&format!("note: verifying again: {doubt}")),
            Report::Covering(event) => self.show_progress(&mut progress, event, began),
        };
        let (deadline, (concurrency, max_qps)) = (self.deadline, self.pace);
        let limit = || Limit::from_options(concurrency, max_qps);
        let time_up = move || async move {
            sleep_until(deadline).await;
            "time is up".to_owned()
        };
        let outside = OutsideConnector(self.kubernetes.client.clone());
        let verifier = self.verifier(&last_error, &outside);
        let verified = verifier.finish(start, deadline, limit, report, || time_up().boxed()).await;
        self.terminal.clear();
        let failures = progress.failures().collect();
        let proven = match verified {
            Ok(verified) if !verified.agreed.is_proof() => {
                Proven::No("the API servers agree on a key, and nothing shows that it is yours".to_owned())
            }
            Ok(verified) => {
                if let Some(namespace) = namespace
                    && let Some(cause) =
                        verification::record_verification(self.kubernetes, namespace, self.key_arn, &verified).await
                {
                    self.terminal.println(&format!("note: the verification could not be noted for `status`: {cause}"));
                }
                Proven::Yes(verified)
            }
            Err(VerifyError::Unknown(agreement) | VerifyError::Late(agreement)) => Proven::No(agreement.to_string()),
            Err(error) => Proven::No(format!("failed to {:#}", anyhow::Error::new(error))),
        };
        (proven, failures)
    }

    fn verifier<'a>(&'a self, last_error: &'a LastError, connector: &'a OutsideConnector) -> Verifier<'a> {
        let key_arn = Some(self.key_arn).filter(|arn| !arn.is_empty());
        Verifier { client: &self.kubernetes.client, connector, key_arn, before: self.before, last_error }
    }

    fn print_waiting(&self, agreement: &Agreement, began: Instant) {
        let text = format!("waiting for the API servers: {agreement}, {} so far", elapsed(began.elapsed()));
        self.terminal.draw_progress(&Frame { text, share: None });
    }

    fn show_progress(&self, progress: &mut Progress, event: Event, began: Instant) {
        // A run's first line; this is none.
        let is_start = matches!(event, Event::Started { .. });
        let line = own_line("", event);
        if let Some(text) = progress.fold(&line, began.elapsed()).filter(|_| !is_start) {
            self.terminal.println(&text);
        }
        self.terminal.draw_progress(&progress.frame(began.elapsed(), self.terminal.width()));
    }
}

/// With a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
