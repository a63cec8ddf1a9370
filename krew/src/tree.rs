//! Which crates a binary is made of. Input: what `cargo tree --prefix depth --format '{p}|{l}'` prints, which knows the features
//! that are on for this one package on this one platform (`cargo metadata` knows only those of the whole workspace). Output: the
//! crates, and who needs whom.
//!
//! A line is `DEPTHNAME vVERSION (SOURCE) (proc-macro)|LICENCE (*)`; `(*)` says that the crate's own needs were printed before.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

/// The text is not as cargo prints it.
#[derive(Debug, Error, PartialEq)]
pub(crate) enum Error {
    /// A line that makes no sense.
    #[error("`{0}` is no line of `cargo tree --prefix depth --format '{{p}}|{{l}}'`")]
    Line(String),
    /// Nothing.
    #[error("`cargo tree` printed nothing")]
    Empty,
}

/// A crate's name and version.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Id {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// What is known of a crate.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Crate {
    /// As the crate says it.
    pub(crate) licence: Option<String>,
    /// A macro runs in the compiler: it and what it needs are not in the binary, unless something else needs them too.
    pub(crate) shipped: bool,
    /// A crate of this workspace, which no registry has.
    pub(crate) ours: bool,
    /// What it needs.
    pub(crate) needs: BTreeSet<Id>,
}

/// A binary's crates.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The package that the binary is of.
    pub(crate) root: Id,
    /// All, the package too.
    pub(crate) crates: BTreeMap<Id, Crate>,
}

struct Line {
    depth: usize,
    id: Id,
    licence: Option<String>,
    is_macro: bool,
    ours: bool,
}

/// Reads it.
pub(crate) fn tree(text: &str) -> Result<Tree, Error> {
    let mut crates: BTreeMap<Id, Crate> = BTreeMap::new();
    let mut macros = BTreeSet::new();
    let mut path: Vec<Id> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Line { depth, id, licence, is_macro, ours } = parse(line).ok_or_else(|| Error::Line(line.to_owned()))?;
        // A crate's licence is its author's text: a line break in it must not make a root of a name of theirs.
        let second_root = depth == 0 && !path.is_empty();
        path.truncate(depth);
        if path.len() < depth || second_root {
            return Err(Error::Line(line.to_owned()));
        }
        if let Some(parent) = path.last().and_then(|parent| crates.get_mut(parent)) {
            parent.needs.insert(id.clone());
        }
        if is_macro {
            macros.insert(id.clone());
        }
        let known = crates.entry(id.clone()).or_default();
        known.licence = licence;
        known.ours = ours;
        path.push(id);
    }
    let root = path.into_iter().next().ok_or(Error::Empty)?;
    ship(&root, &macros, &mut crates);
    Ok(Tree { root, crates })
}

fn parse(line: &str) -> Option<Line> {
    let (package, licence) = line.split_once('|')?;
    let digits = package.len() - package.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (depth, package) = package.split_at(digits);
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let notes: Vec<&str> = words.collect();
    let licence = licence.trim_end_matches("(*)").trim();
    Some(Line {
        depth: depth.parse().ok()?,
        id: Id { name: name.to_owned(), version: version.to_owned() },
        licence: (!licence.is_empty()).then(|| licence.to_owned()),
        is_macro: notes.contains(&"(proc-macro)"),
        // Only a path says where it is.
        ours: notes.iter().any(|note| note.starts_with("(/")),
    })
}

/// Marks what is reached without passing through a macro.
fn ship(root: &Id, macros: &BTreeSet<Id>, crates: &mut BTreeMap<Id, Crate>) {
    let mut next = vec![root.clone()];
    while let Some(id) = next.pop() {
        let Some(known) = crates.get_mut(&id).filter(|known| !known.shipped && !macros.contains(&id)) else { continue };
        known.shipped = true;
        next.extend(known.needs.iter().cloned());
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
