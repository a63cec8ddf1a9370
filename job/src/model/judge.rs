//! The judge: etcd alone says whether a proof is true, and whether a Secret is as other writers have left it.

use super::control_plane::ControlPlane;
use super::schedule::Key;

/// What is wrong with a run that says that every Secret is proven, or does not say it.
pub(super) fn judge(plane: &ControlPlane, proven: bool) -> Result<(), String> {
    if let Some(violation) = plane.violations.first() {
        return Err(violation.clone());
    }
    let stored: Vec<_> = plane.store.secrets.iter().map(|(name, secret)| (name, secret.data)).collect();
    let expected: Vec<_> = plane.store.expected.iter().map(|(name, data)| (name, *data)).collect();
    if stored != expected {
        return Err(format!("Secrets or their data were changed: {expected:?} became {stored:?}"));
    }
    if !proven {
        return Ok(());
    }
    let stale = plane.store.secrets.iter().filter(|(_, secret)| secret.key == Key::Old);
    for (name, secret) in stale {
        // A process that begins after the last look at its host can't be known, nor one that has no Lease yet.
        let unknown = match (plane.looks.metrics.get(&secret.writer), plane.looks.listed) {
            (Some(last), _) => secret.written > *last,
            (None, Some(last)) => {
                secret.written > last || plane.first_renewals.get(&secret.process).is_none_or(|first| *first > last)
            }
            (None, None) => false,
        };
        if !unknown {
            return Err(format!(
                "false proof: Secret {name} is under the old key, written by server {} at {} ms",
                secret.writer, secret.written
            ));
        }
    }
    Ok(())
}
