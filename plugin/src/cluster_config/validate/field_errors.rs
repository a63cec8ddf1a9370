//! What serde found wrong in a file, in the words that help most: what eksctl would have understood, what was meant, where
//! it belongs. Input: `node`'s findings. Output: errors.

use super::deserializer::{DeserializeError, ErrorKind};
use super::error::Error;
use super::field_path::{any_item, under};
use super::{schema, unsupported};
use crate::cluster_config::fields::FieldPath;
use crate::cluster_config::suggest::{FieldName, nearest};
use crate::cluster_config::yaml::Node;
use crate::cluster_config::{self, Location, METADATA, SECRETS_ENCRYPTION, Source};
use crate::ui::terminal::one_line;

/// The fields without which no command does anything.
const REQUIRED: [FieldPath; 3] = [cluster_config::NAME, cluster_config::REGION, cluster_config::KEY];

/// What people write who know EKS's own names better than eksctl's.
const ALIASES: [(&str, FieldName); 7] = [
    ("metadata", FieldName { name: "version", aliases: &["kubernetesversion"] }),
    ("vpc", FieldName { name: "cidr", aliases: &["cidrblock", "vpccidr"] }),
    ("managedNodeGroups[]", FieldName { name: "desiredCapacity", aliases: &["desired", "desiredsize", "size"] }),
    ("managedNodeGroups[]", FieldName { name: "volumeSize", aliases: &["disksize"] }),
    ("managedNodeGroups[]", FieldName { name: "amiFamily", aliases: &["amitype"] }),
    ("managedNodeGroups[]", FieldName { name: "spot", aliases: &["capacitytype"] }),
    ("managedNodeGroups[]", FieldName { name: "privateNetworking", aliases: &["private"] }),
];

/// A finding, in words.
pub(super) fn describe(wrong: DeserializeError, document: &Node, source: &Source) -> Error {
    let (path, line) = wrong.place.unwrap_or_default();
    // What the whole file lacks is on none of its lines.
    let at = source.location((!path.is_empty() || !matches!(wrong.what, ErrorKind::Missing(_))).then_some(line));
    let path = one_line(&path);
    match wrong.what {
        ErrorKind::Unknown(name, expected) => unknown_field(at, &path, &one_line(&name), expected, document),
        ErrorKind::Choice(written, all) => {
            let names = all.iter().map(|name| FieldName { name, aliases: &[] });
            let known = match nearest(&written, names) {
                Some(name) => format!("`{name}`, in exactly these letters"),
                None => list(all, "or"),
            };
            Error::Choice { at, path, written: one_line(&written), known }
        }
        ErrorKind::Missing(field) => missing_field(at, &path, field),
        ErrorKind::Nothing => nothing(at, path),
        ErrorKind::Kind(is, must) => {
            let needed = REQUIRED.iter().find(|needed| needed.section.name == path);
            let must = needed.map_or(must, |needed| format!("hold\n    {}: {}", needed.field.name, needed.example));
            Error::Kind { at, path, is, must }
        }
        ErrorKind::Unforeseen(words) => Error::Value { at, path, why: one_line(&words) },
    }
}

fn unknown_field(at: Location, path: &str, name: &str, expected: &'static [&'static str], document: &Node) -> Error {
    let place = any_item(path);
    let written = under(path, name);
    let ours = expected.iter().map(|name| FieldName { name, aliases: also(&place, name) });
    let theirs = unsupported::fields_of(&place).map(|name| FieldName { name, aliases: &[] });
    if let Some(cure) = unsupported::remediation(&place, name) {
        let others = other_problems(document, &written);
        return Error::Unsupported { at, field: format!("`{written}`"), cure, others };
    }
    let near = nearest(name, ours.chain(theirs));
    if let Some((theirs, cure)) = near.and_then(|near| Some((near, unsupported::remediation(&place, near)?))) {
        let field = format!("`{written}` (eksctl's `{theirs}`)");
        return Error::Unsupported { at, field, cure, others: other_problems(document, &written) };
    }
    if let Some(near) = near {
        return Error::NearMiss { at, written, wanted: under(path, near) };
    }
    let here = if path.is_empty() { "at the top level".to_owned() } else { format!("under `{path}`") };
    let belongs: Vec<_> = schema::places_of(name).iter().map(|place| told_place(place)).collect();
    if !belongs.is_empty() {
        return Error::Misplaced { at, name: name.to_owned(), place: here, belongs: belongs.join(", or ") };
    }
    Error::Unknown { at, written, place: here, known: list(expected, "and") }
}

/// The other fields that only eksctl knows, a line each.
fn other_problems(document: &Node, told: &str) -> String {
    let all = unsupported::all_in(document).into_iter().filter(|(path, _)| path != told);
    let lines: String = all.map(|(field_path, line)| format!("\n  line {line}: {}", one_line(&field_path))).collect();
    if lines.is_empty() { lines } else { format!("\nit does not support these either:{lines}") }
}

fn missing_field(at: Location, path: &str, field: &'static str) -> Error {
    // A section that is not there lacks its first field, and that is what people know.
    let needs = |needed: &&FieldPath| match path {
        "" => needed.section.name == field,
        path => needed.section.name == path && needed.field.name == field,
    };
    if let Some(needed) = REQUIRED.iter().find(needs) {
        return needed.missing(at).into();
    }
    Error::Missing { at, path: path.to_owned(), field }
}

/// A field without a value. Of most, none would do as well.
fn nothing(at: Location, path: String) -> Error {
    for needed in &REQUIRED {
        if path == needed.section.name {
            return needed.missing(at).into();
        }
        if path == needed.path() {
            return needed.no_value(at).into();
        }
    }
    Error::NoValue { at, path }
}

fn also(place: &str, name: &str) -> &'static [&'static str] {
    let needed = REQUIRED.iter().map(|needed| (needed.section.name, needed.field));
    let sections = [METADATA, SECRETS_ENCRYPTION].map(|section| ("", section));
    let mut all = needed.chain(sections).chain(ALIASES);
    all.find(|(under, wanted)| *under == place && wanted.name == name).map_or(&[], |(_, wanted)| wanted.aliases)
}

fn told_place(place: &str) -> String {
    match place {
        "" => "at the top level, not indented".to_owned(),
        place => match place.strip_suffix("[]") {
            Some(list) => format!("in an item of `{list}`"),
            None => format!("under `{place}`"),
        },
    }
}

/// `a, b or c`.
fn list(names: &[&str], or: &str) -> String {
    match names {
        [] => "nothing".to_owned(),
        [name] => format!("{name} alone"),
        [names @ .., last] => format!("{} {or} {last}", names.join(", ")),
    }
}
