//! etcd: one revision counter, and Secrets with the key that each is stored under. Beside it the judge's own list of what
//! must be in it, which only other writers change.

use std::collections::BTreeMap;

use super::schedule::Key;

/// A continue token lives so long, in milliseconds: etcd is compacted every 5 min.
const TOKEN_LIVES: i64 = 300_000;

/// One stored Secret.
#[derive(Clone)]
pub(super) struct Secret {
    /// Its resourceVersion.
    pub(super) version: u64,
    /// A digest of its data.
    pub(super) data: u64,
    /// The one annotation that we may change.
    pub(super) annotation: Option<String>,
    /// What it is stored under.
    pub(super) key: Key,
    /// The server that stored it last.
    pub(super) writer: usize,
    /// Its process.
    pub(super) process: u64,
    /// When.
    pub(super) written: i64,
}

/// A list as it was when its first page was given.
struct Snapshot {
    version: u64,
    taken: i64,
    items: Vec<(String, u64)>,
}

/// Some of a list.
pub(super) struct Page {
    /// `namespace/name` and resourceVersion.
    pub(super) items: Vec<(String, u64)>,
    pub(super) version: u64,
    /// Where the list goes on.
    pub(super) token: Option<String>,
    pub(super) remaining: usize,
}

/// Who writes, and what of a Secret changes.
pub(super) struct Write<'a> {
    pub(super) server: usize,
    pub(super) process: u64,
    /// The server's write key.
    pub(super) key: Key,
    pub(super) now: i64,
    /// The write is refused if the Secret has another version.
    pub(super) version: Option<&'a str>,
    pub(super) data: Option<u64>,
    pub(super) annotation: Option<&'a str>,
}

/// Why nothing was written.
pub(super) enum Refused {
    Missing,
    Conflict,
}

/// All that is stored.
#[derive(Default)]
pub(super) struct Store {
    pub(super) revision: u64,
    /// By `namespace/name`, in the order of etcd's keys.
    pub(super) secrets: BTreeMap<String, Secret>,
    /// The data of each Secret that other writers have made and not deleted.
    pub(super) expected: BTreeMap<String, u64>,
    snapshots: Vec<Snapshot>,
}

impl Store {
    /// Writes a Secret that exists. The API server's rule: what changes nothing is written only where it is stored under
    /// another key. Gives the version after it, and whether something was written.
    pub(super) fn update(&mut self, name: &str, write: &Write<'_>) -> Result<(u64, bool), Refused> {
        let secret = self.secrets.get_mut(name).ok_or(Refused::Missing)?;
        if write.version.is_some_and(|version| version != secret.version.to_string()) {
            return Err(Refused::Conflict);
        }
        let is_same = write.data.is_none_or(|data| data == secret.data)
            && write.annotation.is_none_or(|annotation| secret.annotation.as_deref() == Some(annotation));
        if is_same && secret.key == write.key {
            return Ok((secret.version, false));
        }
        self.revision += 1;
        secret.version = self.revision;
        secret.data = write.data.unwrap_or(secret.data);
        secret.annotation = write.annotation.map(str::to_owned).or_else(|| secret.annotation.take());
        (secret.key, secret.writer, secret.process) = (write.key, write.server, write.process);
        secret.written = write.now;
        Ok((self.revision, true))
    }

    /// Makes a Secret, for another writer.
    pub(super) fn create(&mut self, name: &str, data: u64, write: &Write<'_>) {
        self.revision += 1;
        let secret = Secret {
            version: self.revision,
            data,
            annotation: None,
            key: write.key,
            writer: write.server,
            process: write.process,
            written: write.now,
        };
        self.secrets.insert(name.to_owned(), secret);
        self.expected.insert(name.to_owned(), data);
    }

    /// Deletes a Secret, for another writer.
    pub(super) fn delete(&mut self, name: &str) {
        if self.secrets.remove(name).is_some() {
            self.revision += 1;
            self.expected.remove(name);
        }
    }

    /// One page of all Secrets. None where the token has expired.
    pub(super) fn page(&mut self, limit: usize, token: Option<&str>, now: i64) -> Option<Page> {
        let (number, from) = match token {
            None => {
                let items = self.secrets.iter().map(|(name, secret)| (name.clone(), secret.version)).collect();
                self.snapshots.push(Snapshot { version: self.revision, taken: now, items });
                (self.snapshots.len() - 1, 0)
            }
            Some(token) => {
                let (number, from) = token.split_once('-')?;
                (number.parse().ok()?, from.parse().ok()?)
            }
        };
        let snapshot = self.snapshots.get(number).filter(|snapshot| now - snapshot.taken <= TOKEN_LIVES)?;
        let end = snapshot.items.len().min(from + limit);
        let remaining = snapshot.items.len() - end;
        Some(Page {
            items: snapshot.items[from..end].to_vec(),
            version: snapshot.version,
            token: (remaining > 0).then(|| format!("{number}-{end}")),
            remaining,
        })
    }
}
