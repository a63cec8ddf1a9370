//! What the plan and the last words both say, in the same words: rows of a fact each, node groups, and what costs money.
//! Input: what is to be created. Output: lines that fit into 80 columns, but for ARNs and commands, which people copy.

use crate::checks::wrap::wrap;
use crate::cloudformation::template::launch_template::PROVISIONED_FROM_GIB;
use crate::cluster_config::spec::{Group, Nat, Spec, Volume};

/// A terminal that nobody has made wider.
const COLUMNS: usize = 80;

/// Where the texts of rows begin: margin, label, gap.
const TEXT_COLUMN: usize = 14;

/// A row: its label once, its text in as many lines as it takes. Lines of the text are kept.
pub(super) fn row(label: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().flat_map(|line| wrap(line, COLUMNS - TEXT_COLUMN)).collect();
    format!("  {label:<width$}{}\n", lines.join(&format!("\n{:TEXT_COLUMN$}", "")), width = TEXT_COLUMN - 2)
}

/// A paragraph.
pub(super) fn paragraph(text: &str) -> String {
    // Without the hanging indent, which is for rows.
    let lines: Vec<String> = wrap(text, COLUMNS).iter().map(|line| line.trim_start().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// A list below a paragraph.
pub(super) fn list(items: &[String]) -> String {
    let item = |item: &String| format!("  {}\n", wrap(item, COLUMNS - 2).join("\n  "));
    items.iter().map(item).collect()
}

/// How many of something.
pub(super) fn pluralize(number: usize, one: &str, more: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {more}") }
}

/// How many nodes a group has, and of what kind.
pub(super) fn nodes(group: &Group) -> String {
    let Group { min, max, desired, .. } = *group;
    let range = if min == max { String::new() } else { format!(" ({min} to {max})") };
    let spot = if group.spot { "spot " } else { "" };
    let noun = if desired == 1 { "node" } else { "nodes" };
    format!("{desired} {spot}{noun}{range} of {}", group.instance_types.join(" or "))
}

/// A volume's size and kind.
pub(super) fn volume(volume: &Volume) -> String {
    let Volume { gib, kind } = volume;
    let provisioned = if kind.starts_with("io") { format!(" with {PROVISIONED_FROM_GIB} IOPS") } else { String::new() };
    format!("{gib} GiB {kind}{provisioned}")
}

/// How many NAT gateways there will be.
pub(super) fn nat_gateways(nat: Nat, zones: usize) -> usize {
    match nat {
        Nat::Disable => 0,
        Nat::Single => 1,
        Nat::HighlyAvailable => zones,
    }
}

/// What AWS bills while it exists. No prices: they change, and differ by region and account.
pub(super) fn billed_parts(spec: &Spec, zones: usize) -> Vec<String> {
    let mut bill = vec!["the control plane, by the hour".to_owned()];
    for group in &spec.groups {
        let address = if group.private { "" } else { " and a public IPv4 address" };
        bill.push(format!(
            "node group {}: {}, each with a volume of {}{address}",
            group.name,
            nodes(group),
            volume(&group.volume)
        ));
    }
    match nat_gateways(spec.network.nat, zones) {
        0 => {}
        1 => bill.push("1 NAT gateway, by the hour and by what goes through it; its public IPv4 address".to_owned()),
        more => bill.push(format!(
            "{more} NAT gateways, by the hour and by what goes through them; their public IPv4 addresses"
        )),
    }
    if !spec.logs.is_empty() {
        bill.push(format!("CloudWatch: the control plane's logs ({})", spec.logs.join(", ")));
    }
    bill
}
