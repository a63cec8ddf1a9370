//! A gate: something that is asked before each write of a Secret and may deny or change it. Input: what the
//! configurations say. Output: the words for it.

use crate::ui::terminal::one_line;

use super::rules::Scope;

/// A webhook or a policy that means the writes that we make.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AdmissionHook {
    /// `validating webhook`, `mutating policy`, ...
    pub(crate) kind: &'static str,
    /// `CONFIGURATION/WEBHOOK`, or the policy's name.
    pub(crate) name: String,
    /// Whether it may change what is written.
    pub(crate) changes: bool,
    /// Whether a write is refused when the gate can't be asked: failurePolicy `Fail`.
    pub(crate) strict: bool,
    /// Which Secrets it means.
    pub(crate) scope: Scope,
    /// Who is asked.
    pub(crate) asks: Backend,
}

/// Who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// A Service in the cluster; and how many seconds it has for its answer.
    Service { address: Address, seconds: i32 },
    /// A server anywhere: we can't see from here whether the API server reaches it.
    Url(String),
    /// The API server itself.
    Nobody,
}

/// A Service's port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) port: i32,
}

/// Whether who is asked can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reachability {
    /// As far as can be seen.
    Yes,
    /// No, and why: `is not there`.
    No(String),
    /// Nobody knows, and why.
    Unknown(String),
}

impl AdmissionHook {
    /// What it is, and which.
    fn head(&self) -> String {
        format!("{} {}", self.kind, one_line(&self.name))
    }

    /// Which Secrets, if not all.
    fn part(&self) -> String {
        if self.scope.by.is_empty() { String::new() } else { format!(", some Secrets ({})", self.scope.by.join(", ")) }
    }

    /// The line of a gate that can't be asked and must be: it keeps us out. `sample`: a namespace with a Secret that it
    /// means, if it does not mean all.
    pub(crate) fn blocking(&self, why: &str, sample: Option<&str>) -> String {
        let Backend::Service { address, .. } = &self.asks else { return self.head() };
        let secrets = match sample {
            None => "each write of a Secret".to_owned(),
            Some(namespace) => {
                let picks = if self.scope.by.len() == 1 { "picks" } else { "pick" };
                let by = self.scope.by.join(" and ");
                format!("each write of the Secrets that its {by} {picks}, as in namespace {namespace}")
            }
        };
        format!("{}: its Service {} {why}, and failurePolicy Fail refuses {secrets}", self.head(), address.address())
    }

    /// The line of any other.
    pub(crate) fn allowing(&self, answers: &Reachability) -> String {
        let changes = if self.changes { ", may change Secrets when they are written" } else { "" };
        let policy = if self.strict { "Fail" } else { "Ignore" };
        let asks = match &self.asks {
            Backend::Service { address, .. } => format!(", asks Service {}", address.address()),
            Backend::Url(url) => format!(", asks {}", one_line(url)),
            Backend::Nobody => String::new(),
        };
        let answers = match (answers, &self.asks) {
            (Reachability::Yes, _) | (Reachability::No(_), Backend::Url(_) | Backend::Nobody) => String::new(),
            (Reachability::No(why), Backend::Service { .. }) if self.strict => {
                format!("; that {why}, so the Secrets that it means can't be written")
            }
            (Reachability::No(why), Backend::Service { seconds, .. }) => {
                format!("; that {why}, which may cost up to {seconds} s for each Secret")
            }
            (Reachability::Unknown(why), _) => format!("; not known whether that answers: {}", one_line(why)),
        };
        format!("{}: failurePolicy {policy}{changes}{}{asks}{answers}", self.head(), self.part())
    }
}

impl Address {
    /// `NAMESPACE/NAME`.
    fn address(&self) -> String {
        one_line(&format!("{}/{}", self.namespace, self.name))
    }
}
