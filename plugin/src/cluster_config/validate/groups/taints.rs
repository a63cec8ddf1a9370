//! Taints, as EKS names them ("Taint", API reference). Input: `taints`, with Kubernetes' names of the effects.

use super::file::{self, Effect};
use super::{ValueError, item, labels, under};
use crate::cluster_config::spec::Taint;

/// As many as EKS takes for a group.
const MAX_TAINTS: usize = 50;

pub(super) fn check(path: &str, written: Vec<file::Taint>) -> Result<Vec<Taint>, ValueError> {
    if written.len() > MAX_TAINTS {
        return Err(ValueError::new(path, format!("has {} taints; EKS takes {MAX_TAINTS}", written.len())));
    }
    let mut taints: Vec<Taint> = Vec::new();
    for (index, file::Taint { key, value, effect }) in written.into_iter().enumerate() {
        let here = item(path, index);
        if let Some(why) = labels::invalid_key_reason(&key) {
            return Err(ValueError::new(&under(&here, "key"), why));
        }
        if let Some(why) = value.as_deref().and_then(labels::invalid_value_reason) {
            return Err(ValueError::new(&under(&here, "value"), why));
        }
        let effect = match effect {
            Effect::NoSchedule => "NO_SCHEDULE",
            Effect::PreferNoSchedule => "PREFER_NO_SCHEDULE",
            Effect::NoExecute => "NO_EXECUTE",
        };
        if taints.iter().any(|other| other.key == key && other.effect == effect) {
            return Err(ValueError::new(&here, format!("is `{key}` with the same effect a second time")));
        }
        taints.push(Taint { key, value, effect });
    }
    Ok(taints)
}
