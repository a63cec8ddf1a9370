//! Taints, as EKS names them ("Taint", API reference). Input: `taints`, with Kubernetes' names of the effects.

use super::file::{self, Effect};
use super::{Bad, item, labels, under};
use crate::cloudformation::spec::Taint;

/// As many as EKS takes for a group.
const MOST: usize = 50;

pub(super) fn check(path: &str, written: Vec<file::Taint>) -> Result<Vec<Taint>, Bad> {
    if written.len() > MOST {
        return Err(Bad::new(path, format!("has {} taints; EKS takes {MOST}", written.len())));
    }
    let mut taints: Vec<Taint> = Vec::new();
    for (index, file::Taint { key, value, effect }) in written.into_iter().enumerate() {
        let here = item(path, index);
        if let Some(why) = labels::key_why_not(&key) {
            return Err(Bad::new(&under(&here, "key"), why));
        }
        if let Some(why) = value.as_deref().and_then(labels::value_why_not) {
            return Err(Bad::new(&under(&here, "value"), why));
        }
        let effect = match effect {
            Effect::NoSchedule => "NO_SCHEDULE",
            Effect::PreferNoSchedule => "PREFER_NO_SCHEDULE",
            Effect::NoExecute => "NO_EXECUTE",
        };
        if taints.iter().any(|other| other.key == key && other.effect == effect) {
            return Err(Bad::new(&here, format!("is `{key}` with the same effect a second time")));
        }
        taints.push(Taint { key, value, effect });
    }
    Ok(taints)
}
