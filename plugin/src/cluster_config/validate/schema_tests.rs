//! What editors are given.
use super::*;

#[test]
fn the_committed_schema_is_not_stale() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/cluster-config.json");
    let made = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == made, "plugin/schema/cluster-config.json is stale; make it anew with: make schema");
}
