//! What a kubeconfig user's command that makes tokens says of the cluster. Input: the exec entry. Output: claims; none, where the
//! command is not one that we know.

use kube::config::ExecConfig;

use super::{Attribute, Evidence};
use crate::k8s::token_command::parse_call;

/// Where both tools look for a region and a profile that no argument names, the first one first.
const REGION: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
const PROFILE: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/// What an exec entry says, in the order of topics.
pub(super) fn evidence(exec: &ExecConfig) -> Vec<Evidence> {
    let Some(call) = parse_call(exec) else { return Vec::new() };
    let called = call.tool.called;
    let argument = |names: &[&str]| {
        let value = call.argument(names)?;
        Some((value.to_owned(), format!("the arguments of {called} in")))
    };
    let environment = |names: &[&str]| {
        let set = |name: &&str| Some((call.variable(name)?.to_owned(), format!("{name} set for {called} in")));
        names.iter().find_map(set)
    };
    let found = [
        (Attribute::Name, argument(call.tool.name)),
        (Attribute::Region, argument(&["region"]).or_else(|| environment(&REGION))),
        (Attribute::Profile, argument(&["profile"]).or_else(|| environment(&PROFILE))),
    ];
    found.into_iter().filter_map(|(topic, found)| found.map(|(value, from)| Evidence { topic, value, from })).collect()
}
