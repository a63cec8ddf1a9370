//! One API server: its process, its identity Lease and its metrics.

use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::schedule::{Key, KeyIds};

/// The key that is wanted.
pub(super) const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/k";

/// Model time 0, at which the client begins, in milliseconds since 1970: 2026-01-02T06:00:00Z. No run lasts until the next day.
const BEGIN: i64 = 1_767_333_600_000;

/// Most servers of one schedule, those included that join.
pub(super) const MOST: usize = 24;

/// Each server's Lease, and the hash of its name.
static LEASES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let name = |index: usize| format!("apiserver-{}", char::from(b'a' + index as u8).to_string().repeat(26));
    (0..MOST).map(|index| (name(index), sha256(&name(index)))).collect()
});

/// The hashes of the key ids: before, the ARN, and a key id that is no ARN.
static KEYS: LazyLock<[String; 3]> = LazyLock::new(|| ["key-of-aws", ARN, "key-id-of-kms"].map(sha256));

fn sha256(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

/// How metrics name a key.
pub(super) fn key_hash(key: Key, ids: KeyIds) -> &'static str {
    match (key, ids) {
        (Key::Old, _) => &KEYS[0],
        (Key::New, KeyIds::Arn) => &KEYS[1],
        (Key::New, KeyIds::Other) => &KEYS[2],
    }
}

/// One run of kube-apiserver. Times in milliseconds, by the true clock.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) number: u64,
    pub(super) started: i64,
    /// Until then, connections are refused.
    pub(super) serves: i64,
    /// Until then, it forbids everything.
    pub(super) allows: i64,
    /// Until then, it does nothing at all.
    pub(super) frozen: i64,
    pub(super) key: Key,
    /// When it last stored something under the old key and under the new one.
    pub(super) stored: [Option<i64>; 2],
}

/// A host of a control plane.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) index: usize,
    /// How much its clock is ahead, in milliseconds.
    pub(super) skew: i64,
    pub(super) process: Option<Process>,
    /// When its process last ended.
    pub(super) ended: i64,
    /// The last renewal of its Lease, by the true clock. None before it is made and after it is deleted.
    pub(super) renewed: Option<i64>,
    /// When EndpointSlice `default/kubernetes` gets its address.
    pub(super) listed_from: i64,
}

impl Server {
    pub(super) fn lease(&self) -> &'static str {
        &LEASES[self.index].0
    }

    /// The process, where it takes requests.
    pub(super) fn serving(&self, now: i64) -> Option<&Process> {
        self.process.as_ref().filter(|process| process.serves <= now)
    }

    /// Whether the EndpointSlice has its address: those that ended are removed after a while.
    pub(super) fn is_listed(&self, now: i64) -> bool {
        self.listed_from <= now && (self.process.is_some() || now - self.ended < 15_000)
    }

    /// The Lease. Its holder stays when the process is started again.
    pub(super) fn lease_json(&self, text: &mut String) {
        let Some(renewed) = self.renewed else { return };
        let (name, time) = (self.lease(), time_of_day(self.clock(renewed)));
        if !text.ends_with('[') {
            text.push(',');
        }
        write!(
            text,
            r#"{{"metadata":{{"name":"{name}","labels":{{"kubernetes.io/hostname":"host-{}"}}}},"spec":{{"holderIdentity":"{name}_uuid-{}","renewTime":"2026-01-02T{time}Z","leaseDurationSeconds":3600}}}}"#,
            self.index, self.index
        )
        .unwrap();
    }

    /// What its clock shows at `time`, in milliseconds since 1970.
    fn clock(&self, time: i64) -> i64 {
        BEGIN + time + self.skew
    }

    /// The header Date.
    pub(super) fn date(&self, now: i64) -> String {
        format!("Fri, 02 Jan 2026 {:.8} GMT", time_of_day(self.clock(now)))
    }

    /// The text of `/metrics`: sorted by name, as far as a census reads it and one family further.
    pub(super) fn metrics(&self, process: &Process, ids: KeyIds) -> String {
        let seconds = |time: i64| self.clock(time) as f64 / 1000.0;
        let id = &LEASES[self.index].1;
        let mut text = String::with_capacity(2048);
        text.push_str(
            "# HELP apiserver_audit_event_total [ALPHA] Counter of audit events generated and sent to the audit backend.\n\
             # TYPE apiserver_audit_event_total counter\napiserver_audit_event_total 0\n",
        );
        let name = "apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds";
        writeln!(text, "# HELP {name} [ALPHA] The last time.\n# TYPE {name} gauge").unwrap();
        for (key, stored) in [Key::Old, Key::New].into_iter().zip(process.stored) {
            let Some(stored) = stored else { continue };
            writeln!(
                text,
                "{name}{{apiserver_id_hash=\"{id}\",key_id_hash=\"{}\",provider_name=\"p\",transformation_type=\"to_storage\"}} {:e}",
                key_hash(key, ids),
                seconds(stored)
            )
            .unwrap();
        }
        writeln!(
            text,
            "{name}{{apiserver_id_hash=\"{id}\",key_id_hash=\"{}\",provider_name=\"p\",transformation_type=\"from_storage\"}} {:e}\n\
             apiserver_envelope_encryption_key_id_hash_total{{apiserver_id_hash=\"{id}\"}} 1",
            key_hash(Key::Old, ids),
            seconds(process.serves)
        )
        .unwrap();
        writeln!(
            text,
            "# HELP apiserver_flowcontrol_seats x\napiserver_flowcontrol_seats 1\n\
             # HELP process_start_time_seconds Start time of the process since unix epoch in seconds.\n\
             # TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {:e}\n\
             # HELP process_virtual_memory_bytes Virtual memory size in bytes.",
            seconds(process.started)
        )
        .unwrap();
        text
    }
}

/// `06:00:00.000000`
fn time_of_day(time: i64) -> String {
    let (seconds, milliseconds) = (time / 1000 % 86_400, time % 1000);
    format!("{:02}:{:02}:{:02}.{milliseconds:03}000", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
