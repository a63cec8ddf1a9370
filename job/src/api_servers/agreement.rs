//! Judges censuses: whether all servers write under one key, and whether anybody else wrote between two of them. No I/O.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

use super::census::{ApiServer, Census, MissingRight};
use super::identity::Identity;
use super::key_hash::KeyHash;
use super::metrics::WriteKey;

/// Two censuses that are further apart leave room for a server that came, went, and whose Lease was deleted: Kubernetes
/// deletes it 3600 s after the last renewal. The 5 minutes less are for clocks that differ.
const FURTHEST_APART: Duration = Duration::from_secs(55 * 60);

/// Two start times of one process may differ by this much: Linux computes them from the time of boot, which moves when the
/// clock is set. A process that was started again within 3 s of its start has not answered in between.
const START_SLACK: Duration = Duration::from_secs(3);

/// What a census says about the key, from the strongest to the weakest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Every live server writes under the key whose id is the wanted ARN.
    Matched {
        /// Live servers.
        servers: usize,
    },
    /// Every live server writes under one key, and it is another than before the association.
    Changed {
        /// Live servers.
        servers: usize,
        /// Their key.
        key: KeyHash,
    },
    /// Every live server writes under one key, and nothing shows which. Not proven.
    Agreed {
        /// Live servers.
        servers: usize,
        /// Their key.
        key: KeyHash,
    },
    /// Every live server writes under the key of before the association: the new one is not in force anywhere yet.
    Old {
        /// Live servers.
        servers: usize,
        /// Their key.
        key: KeyHash,
    },
    /// Two servers write under different keys, or one has written under several.
    Disagree {
        /// Live servers that write under the wanted key. Where none writes under the wanted ARN's, those that write under
        /// the only other key than before. 0 where neither tells which key is wanted.
        with_key: usize,
        /// Live servers.
        of: usize,
        /// The hostnames, or Leases, of all the others.
        others: Vec<String>,
    },
    /// Not every live server's key is known. Not proven.
    Unknown {
        /// Live servers whose key is known.
        asked: usize,
        /// Live servers.
        of: usize,
        /// The rights that would help.
        missing: Vec<MissingRight>,
        /// Why their key is not known.
        reason: UnknownReason,
        /// The last failure on the way, where no right is missing.
        last_error: Option<String>,
    },
}

/// One sentence without its full stop, for people.
impl fmt::Display for Agreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched { servers: 1 } => formatter.write_str("the API server writes under the key"),
            Self::Matched { servers } => write!(formatter, "{servers} of {servers} API servers write under the key"),
            Self::Changed { servers, .. } => write!(
                formatter,
                "{servers} of {servers} API servers write under one key, and it is not the key of before the association"
            ),
            Self::Agreed { servers, .. } => write!(
                formatter,
                "{servers} of {servers} API servers write under one key, and nothing shows that it is yours"
            ),
            Self::Old { servers, .. } => {
                write!(formatter, "0 of {servers} API servers write under the key: it is not in force yet")
            }
            Self::Disagree { with_key, of, others } => write!(
                formatter,
                "{with_key} of {of} API servers write under the key; under another one: {}",
                others.join(", ")
            ),
            Self::Unknown { asked, of, missing, reason, last_error } => {
                match reason {
                    UnknownReason::NotListed => write!(formatter, "{reason}")?,
                    _ => write!(formatter, "{asked} of {of} API servers could be asked for their key: {reason}")?,
                }
                let rights = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                match last_error {
                    _ if !rights.is_empty() => write!(formatter, " (missing right: {rights})"),
                    Some(error) => write!(formatter, " (last error: {error})"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Why the key of a server is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownReason {
    /// The Leases may not be listed.
    LeasesForbidden,
    /// The list of Leases was not answered.
    NotListed,
    /// There is no identity Lease.
    NoServers,
    /// No connection reached these (hostnames, or Leases).
    NotAsked(Vec<String>),
    /// So many answered that have no identity Lease, or do not name themselves.
    Strangers(usize),
    /// These have not stored anything under a KMS key in the last 15 s (hostnames, or Leases).
    Idle(Vec<String>),
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeasesForbidden => formatter.write_str("the API servers' identity Leases can't be listed"),
            Self::NotListed => formatter.write_str("the API servers could not be listed"),
            Self::NoServers => formatter.write_str("no API server has an identity Lease"),
            Self::Strangers(count) => {
                write!(formatter, "{count} that answered have no identity Lease, or do not name themselves")
            }
            Self::NotAsked(names) => write!(formatter, "no connection reached API server {}", names.join(", ")),
            Self::Idle(names) => {
                write!(formatter, "no recent write under a KMS key by API server {}", names.join(", "))
            }
        }
    }
}

/// A server that may have written between two censuses, under an unknown key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Its Lease in the later census.
    pub identity: Identity,
    /// What makes it one.
    pub reason: NewcomerReason,
}

/// Why a server may have written under another key than the one it was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewcomerReason {
    /// The earlier census has no such Lease.
    Joined,
    /// The process was started again, or another one took the Lease.
    Restarted,
    /// The earlier census did not learn its key.
    NotAsked,
    /// It has stored something under another key since the earlier census.
    OtherKey,
    /// It has ended since the earlier census. The Lease does not show whether it was started again before that.
    Ended,
    /// One of the censuses has no start time of it.
    NoStartTime,
    /// Its Lease is malformed.
    Malformed,
}

/// Why other processes may have written between two censuses.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProcessesError {
    /// One of the censuses has no Lease with a time.
    #[error("a census has no list of API servers")]
    NotListed,
    /// A Lease may have come and gone between the censuses. Take one in between.
    #[error("the censuses are {} min apart, and Leases are deleted after an hour", .0.as_secs() / 60)]
    TooFarApart(Duration),
    /// These may have written.
    #[error("an API server joined, ended, was restarted or changed its key since: {}", names(.0))]
    Newcomers(Vec<Newcomer>),
}

fn names(newcomers: &[Newcomer]) -> String {
    newcomers.iter().map(|newcomer| newcomer.identity.display_name()).collect::<Vec<_>>().join(", ")
}

impl Agreement {
    /// The key that all live servers write under; None inside where it is the wanted ARN's, and None where they do not agree.
    #[must_use]
    pub fn key(&self) -> Option<Option<&KeyHash>> {
        match self {
            Self::Matched { .. } => Some(None),
            Self::Changed { key, .. } | Self::Agreed { key, .. } | Self::Old { key, .. } => Some(Some(key)),
            Self::Disagree { .. } | Self::Unknown { .. } => None,
        }
    }
}

impl Census {
    /// Whether all live servers write under one key, and which. `key_arn` is the wanted key. `before` is what all servers
    /// wrote under before the association.
    #[must_use]
    pub fn agreement(&self, key_arn: Option<&str>, before: Option<&KeyHash>) -> Agreement {
        let servers = self.servers.len();
        let wanted = key_arn.map(KeyHash::of_arn);
        let keys: BTreeSet<_> = self.servers.iter().flat_map(keys_of).collect();
        if keys.len() > 1 {
            return self.disagreement(&keys, wanted.as_ref(), before);
        }
        let asked = self.servers.iter().filter(|server| !keys_of(server).is_empty()).count();
        match (self.unknown_reason(), keys.first()) {
            // Whatever the others write under, it is not in force yet.
            (_, Some(&key)) if before == Some(key) && wanted.as_ref() != Some(key) => {
                Agreement::Old { servers, key: key.clone() }
            }
            (None, Some(&key)) => {
                let matched = wanted.as_ref() == Some(key);
                let key = key.clone();
                match before {
                    _ if matched => Agreement::Matched { servers },
                    Some(before) if *before == key => Agreement::Old { servers, key },
                    Some(_) => Agreement::Changed { servers, key },
                    None => Agreement::Agreed { servers, key },
                }
            }
            (reason, _) => Agreement::Unknown {
                asked,
                of: servers,
                missing: self.missing.clone(),
                reason: reason.unwrap_or(UnknownReason::NoServers),
                last_error: self.last_error.clone().filter(|_| self.missing.is_empty()),
            },
        }
    }

    fn disagreement(&self, keys: &BTreeSet<&KeyHash>, wanted: Option<&KeyHash>, before: Option<&KeyHash>) -> Agreement {
        let mut new = before.into_iter().flat_map(|before| keys.iter().copied().filter(move |key| *key != before));
        let only_new = new.next().filter(|_| new.next().is_none());
        let wanted = wanted.filter(|wanted| keys.contains(wanted)).or(only_new);
        let has_key =
            |server: &&ApiServer| wanted.is_some_and(|wanted| keys_of(server) == std::slice::from_ref(wanted));
        let (with_key, others): (Vec<_>, Vec<_>) = self.servers.iter().partition(has_key);
        Agreement::Disagree { with_key: with_key.len(), of: self.servers.len(), others: display_names(others) }
    }

    fn unknown_reason(&self) -> Option<UnknownReason> {
        let with = |key: WriteKey| display_names(self.servers.iter().filter(move |server| server.write_key == key));
        if self.missing.contains(&MissingRight::ListLeases) {
            return Some(UnknownReason::LeasesForbidden);
        }
        if self.not_listed {
            return Some(UnknownReason::NotListed);
        }
        let (not_asked, idle) = (with(WriteKey::NotAsked), with(WriteKey::Idle));
        match (self.strangers, not_asked.is_empty(), idle.is_empty()) {
            (1.., ..) => Some(UnknownReason::Strangers(self.strangers)),
            (0, false, _) => Some(UnknownReason::NotAsked(not_asked)),
            (0, true, false) => Some(UnknownReason::Idle(idle)),
            (0, true, true) => None,
        }
    }

    /// Whether no other process can have written since `earlier` than those whose key it knows. Both censuses need start
    /// times ([`super::Options::start_times`]), because a process that is started again keeps its Lease and the holder in
    /// it. No two clocks are compared, but for the hour that a Lease lasts.
    ///
    /// It holds from one census to the next: where a run is longer than 55 minutes, take some in between and ask each about
    /// the one before.
    ///
    /// # Errors
    /// The servers that may have written, or that the censuses can't tell.
    pub fn only_processes_of(&self, earlier: &Self) -> Result<(), ProcessesError> {
        let forbidden = |census: &Self| census.missing.contains(&MissingRight::ListLeases);
        let (Some(from), Some(to)) = (earlier.newest_renewal(), self.newest_renewal()) else {
            return Err(ProcessesError::NotListed);
        };
        if forbidden(earlier) || forbidden(self) {
            return Err(ProcessesError::NotListed);
        }
        let apart = to.duration_since(from).unsigned_abs();
        if apart > FURTHEST_APART {
            return Err(ProcessesError::TooFarApart(apart));
        }
        let live = self.servers.iter().map(|server| (&server.identity, Some(server)));
        let all = live.chain(self.ended.iter().map(|identity| (identity, None)));
        let newcomers: Vec<_> = all
            .filter_map(|(identity, server)| {
                let reason = earlier.newcomer_reason(identity, server)?;
                Some(Newcomer { identity: identity.clone(), reason })
            })
            .collect();
        if newcomers.is_empty() { Ok(()) } else { Err(ProcessesError::Newcomers(newcomers)) }
    }

    /// Asked of the earlier census. `later` is None where the server has ended.
    fn newcomer_reason(&self, identity: &Identity, later: Option<&ApiServer>) -> Option<NewcomerReason> {
        if identity.is_malformed() {
            return Some(NewcomerReason::Malformed);
        }
        let Some(known) = self.identities().find(|known| known.lease == identity.lease) else {
            return Some(NewcomerReason::Joined);
        };
        if known.process != identity.process {
            return Some(NewcomerReason::Restarted);
        }
        let Some(later) = later else {
            return (known.renewed != identity.renewed).then_some(NewcomerReason::Ended);
        };
        let asked = self.servers.iter().find(|server| server.identity.lease == identity.lease);
        let Some(asked) = asked.filter(|server| matches!(server.write_key, WriteKey::Known(_))) else {
            return Some(NewcomerReason::NotAsked);
        };
        match (asked.started, later.started) {
            (Some(before), Some(after)) if !is_one_start(before, after) => Some(NewcomerReason::Restarted),
            (Some(_), Some(_)) => asked.has_used_another_key(later).then_some(NewcomerReason::OtherKey),
            _ => Some(NewcomerReason::NoStartTime),
        }
    }
}

impl ApiServer {
    /// Whether the same process has stored something under another key since this answer. Its key may change and change back
    /// without a restart: kube-apiserver asks its KMS plugin for it once a minute.
    fn has_used_another_key(&self, later: &Self) -> bool {
        let (WriteKey::Known(key), Some(since)) = (&self.write_key, self.answered) else { return true };
        later.stored.iter().any(|(other, time)| other != key && *time >= since)
    }
}

fn is_one_start(before: Timestamp, after: Timestamp) -> bool {
    after.duration_since(before).unsigned_abs() <= START_SLACK
}

fn keys_of(server: &ApiServer) -> &[KeyHash] {
    match &server.write_key {
        WriteKey::Known(key) => std::slice::from_ref(key),
        WriteKey::Several(keys) => keys,
        WriteKey::Idle | WriteKey::NotAsked => &[],
    }
}

fn display_names<'a>(servers: impl IntoIterator<Item = &'a ApiServer>) -> Vec<String> {
    servers.into_iter().map(|server| server.identity.display_name().to_owned()).collect()
}

#[cfg(test)]
#[path = "agreement_tests.rs"]
mod tests;
