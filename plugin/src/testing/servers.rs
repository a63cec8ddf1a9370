//! What the API server of every test here says of itself: there is one, and it writes under the key.

use eks_encrypt_job::api_servers::KeyHash;

use super::{Call, KEY};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases?";

/// The time of [`super::DATE`], in seconds since 1970.
const NOW: u64 = 1_795_510_800;

/// Its Lease and its metrics; nothing, where something else is asked for.
pub(super) fn answer(call: &Call) -> Option<(u16, String)> {
    if call.method == "GET" && call.path.starts_with(LEASES) {
        let lease = serde_json::json!({
            "metadata": { "name": "apiserver-a", "labels": { "kubernetes.io/hostname": "api-server-1" } },
            "spec": { "holderIdentity": "apiserver-a_5f2b", "renewTime": "2026-11-24T09:00:00.000000Z" },
        });
        return Some((200, serde_json::json!({ "metadata": {}, "items": [lease] }).to_string()));
    }
    (call.method == "GET" && call.path == "/metrics").then(|| (200, metrics()))
}

fn metrics() -> String {
    // The hash of a name is made as that of a key's id.
    let (server, key) = (KeyHash::of_arn("apiserver-a"), KeyHash::of_arn(KEY));
    format!(
        "apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds{{apiserver_id_hash=\"{server}\",\
         key_id_hash=\"{key}\",provider_name=\"p\",transformation_type=\"to_storage\"}} {NOW}\n\
         process_start_time_seconds {NOW}\nworkqueue_depth 0\n"
    )
}
