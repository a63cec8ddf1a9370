//! How many nodes there are, by eksctl's rules for what is left out. Input: the three numbers, as far as they are written.
//! Output: all three, in order.

use super::ValueError;
use super::under;

/// Nodes at least, at most, and to begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) desired: u32,
}

pub(super) fn check(path: &str, min: Option<u32>, max: Option<u32>, desired: Option<u32>) -> Result<Sizes, ValueError> {
    let given_min = min;
    let min = min.or(desired).unwrap_or(2);
    // EKS takes no group that can never have a node.
    let max_or_default = max.unwrap_or_else(|| desired.unwrap_or(min).max(1));
    let refused = |field: &str, why: String| Err(ValueError::new(&under(path, field), why));
    if max == Some(0) {
        return refused("maxSize", "is 0; EKS takes 1 or more (minSize and desiredCapacity may be 0)".to_owned());
    }
    if let Some(desired) = desired {
        if desired < min {
            return refused("desiredCapacity", format!("is {desired}, less than minSize, which is {min}"));
        }
        if desired > max_or_default {
            return refused("desiredCapacity", format!("is {desired}, more than maxSize, which is {max_or_default}"));
        }
    } else if max_or_default < min {
        let unless = if given_min.is_some() { "" } else { " unless the file says otherwise: set it too" };
        return refused("maxSize", format!("is {max_or_default}, less than minSize, which is {min}{unless}"));
    }
    Ok(Sizes { min, max: max_or_default, desired: desired.unwrap_or(min) })
}
