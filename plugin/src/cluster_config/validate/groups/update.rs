//! How many nodes may be replaced at once. EKS takes one of two ways to say it, each from 1 to 100 ("NodegroupUpdateConfig").

use super::file::UpdateConfig;
use super::{ValueError, under};
use crate::cluster_config::spec::Update;

pub(super) fn check(path: &str, config: UpdateConfig) -> Result<Update, ValueError> {
    let UpdateConfig { max_unavailable, max_unavailable_percentage } = config;
    let (field, count, update) = match (max_unavailable, max_unavailable_percentage) {
        (Some(count), None) => ("maxUnavailable", count, Update::Nodes(count)),
        (None, Some(count)) => ("maxUnavailablePercentage", count, Update::Percent(count)),
        (Some(_), Some(_)) => {
            return Err(ValueError::new(path, "has maxUnavailable and maxUnavailablePercentage: leave one"));
        }
        (None, None) => return Err(ValueError::new(path, "needs maxUnavailable or maxUnavailablePercentage")),
    };
    match count {
        1..=100 => Ok(update),
        count => Err(ValueError::new(&under(path, field), format!("is {count}; EKS takes from 1 to 100"))),
    }
}
