//! What serde found wrong in a file, in the words that help most: what eksctl would have understood, what was meant, where
//! it belongs. Input: `node`'s findings. Output: errors.

use super::error::Error;
use super::node::{What, Wrong};
use super::path::{any_item, under};
use super::{known, schema};
use crate::cluster_config::fields::Place;
use crate::cluster_config::suggest::{Wanted, nearest};
use crate::cluster_config::yaml::Node;
use crate::cluster_config::{self, At, METADATA, SECRETS_ENCRYPTION, Source};
use crate::ui::terminal::one_line;

/// The fields without which no command does anything.
const NEEDED: [Place; 3] = [cluster_config::NAME, cluster_config::REGION, cluster_config::KEY];

/// What people write who know EKS's own names better than eksctl's.
const ALSO: [(&str, Wanted); 7] = [
    ("metadata", Wanted { name: "version", also: &["kubernetesversion"] }),
    ("vpc", Wanted { name: "cidr", also: &["cidrblock", "vpccidr"] }),
    ("managedNodeGroups[]", Wanted { name: "desiredCapacity", also: &["desired", "desiredsize", "size"] }),
    ("managedNodeGroups[]", Wanted { name: "volumeSize", also: &["disksize"] }),
    ("managedNodeGroups[]", Wanted { name: "amiFamily", also: &["amitype"] }),
    ("managedNodeGroups[]", Wanted { name: "spot", also: &["capacitytype"] }),
    ("managedNodeGroups[]", Wanted { name: "privateNetworking", also: &["private"] }),
];

/// A finding, in words.
pub(super) fn told(wrong: Wrong, document: &Node, source: &Source) -> Error {
    let (path, line) = wrong.place.unwrap_or_default();
    // What the whole file lacks is on none of its lines.
    let at = source.at((!path.is_empty() || !matches!(wrong.what, What::Missing(_))).then_some(line));
    let path = one_line(&path);
    match wrong.what {
        What::Unknown(name, expected) => unknown(at, &path, &one_line(&name), expected, document),
        What::Choice(written, all) => {
            let names = all.iter().map(|name| Wanted { name, also: &[] });
            let known = match nearest(&written, names) {
                Some(name) => format!("`{name}`, in exactly these letters"),
                None => list(all, "or"),
            };
            Error::Choice { at, path, written: one_line(&written), known }
        }
        What::Missing(field) => missing(at, &path, field),
        What::Nothing => nothing(at, path),
        What::Kind(is, must) => {
            let needed = NEEDED.iter().find(|needed| needed.section.name == path);
            let must = needed.map_or(must, |needed| format!("hold\n    {}: {}", needed.field.name, needed.example));
            Error::Kind { at, path, is, must }
        }
        What::Unforeseen(words) => Error::Value { at, path, why: one_line(&words) },
    }
}

fn unknown(at: At, path: &str, name: &str, expected: &'static [&'static str], document: &Node) -> Error {
    let place = any_item(path);
    let written = under(path, name);
    let ours = expected.iter().map(|name| Wanted { name, also: also(&place, name) });
    let theirs = known::of(&place).map(|name| Wanted { name, also: &[] });
    if let Some(cure) = known::cure(&place, name) {
        let others = others(document, &written);
        return Error::Unsupported { at, field: format!("`{written}`"), cure, others };
    }
    let near = nearest(name, ours.chain(theirs));
    if let Some((theirs, cure)) = near.and_then(|near| Some((near, known::cure(&place, near)?))) {
        let field = format!("`{written}` (eksctl's `{theirs}`)");
        return Error::Unsupported { at, field, cure, others: others(document, &written) };
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
fn others(document: &Node, told: &str) -> String {
    let all = known::all_in(document).into_iter().filter(|(path, _)| path != told);
    let lines: String = all.map(|(path, line)| format!("\n  line {line}: {}", one_line(&path))).collect();
    if lines.is_empty() { lines } else { format!("\nit does not support these either:{lines}") }
}

fn missing(at: At, path: &str, field: &'static str) -> Error {
    // A section that is not there lacks its first field, and that is what people know.
    let needs = |needed: &&Place| match path {
        "" => needed.section.name == field,
        path => needed.section.name == path && needed.field.name == field,
    };
    if let Some(needed) = NEEDED.iter().find(needs) {
        return needed.missing(at).into();
    }
    Error::Missing { at, path: path.to_owned(), field }
}

/// A field without a value. Of most, none would do as well.
fn nothing(at: At, path: String) -> Error {
    for needed in &NEEDED {
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
    let needed = NEEDED.iter().map(|needed| (needed.section.name, needed.field));
    let sections = [METADATA, SECRETS_ENCRYPTION].map(|section| ("", section));
    let mut all = needed.chain(sections).chain(ALSO);
    all.find(|(under, wanted)| *under == place && wanted.name == name).map_or(&[], |(_, wanted)| wanted.also)
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
