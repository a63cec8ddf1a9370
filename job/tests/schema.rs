//! The committed JSON Schema of the wire format is the one that the types make.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use eks_encrypt_job::wire::event::Line;

const REGENERATE: &str = "UPDATE_SCHEMA=1 cargo test -p eks-encrypt-job --test schema";

#[test]
fn the_schema_is_not_stale() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/event.json");
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Line)).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == schema,
        "job/schema/event.json is stale: a type in event.rs or outcome.rs changed. If that was meant, and WIRE_VERSION \
         is right, make it anew with: {REGENERATE}"
    );
}
