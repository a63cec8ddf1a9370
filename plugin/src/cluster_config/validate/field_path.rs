//! The path of a field in a file, such as `managedNodeGroups[0].labels.team`: how it is written, and on which line it is.

use crate::cluster_config::yaml::{Node, Value};

/// The path of a field.
pub(super) fn under(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The path of an item.
pub(super) fn item(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// The line on which a path is, or what it is in, where it is left to its default.
pub(super) fn line(document: &Node, path: &str) -> u64 {
    lines(document, "", document.line, path)
}

fn lines(node: &Node, here: &str, line: u64, path: &str) -> u64 {
    let inside =
        |other: &str| path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    match &node.value {
        Value::Mapping(fields) => {
            let found = fields.iter().map(|field| (under(here, &field.name), field));
            let longest = found.filter(|(other, _)| inside(other)).max_by_key(|(other, _)| other.len());
            longest.map_or(line, |(other, field)| lines(&field.node, &other, field.line, path))
        }
        Value::List(items) => {
            let mut found = items.iter().enumerate().map(|(index, node)| (item(here, index), node));
            found.find(|(other, _)| inside(other)).map_or(line, |(other, node)| lines(node, &other, node.line, path))
        }
        _ => line,
    }
}

/// `managedNodeGroups[0]` as `managedNodeGroups[]`: the place, in whichever item.
pub(super) fn any_item(path: &str) -> String {
    let mut parts = path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |place, rest| place + "[]" + rest)
}
