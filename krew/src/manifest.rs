//! The krew manifest, filled in. Input: the template `krew/eks-encrypt.yaml.in`, and archives named as a release names them.
//! Output: YAML.
//!
//! The template has `@VERSION@` and, in one item of `platforms` for each platform, `@URI_OS_ARCH@` and `@SHA256_OS_ARCH@`. The item
//! of a platform that no archive is for is left out: krew would offer what can't be downloaded.

use std::collections::BTreeMap;
use std::path::PathBuf;

use thiserror::Error;

use crate::digest::sha256;
use crate::{VERSION, file};

/// The template can't be filled in.
#[derive(Debug, Error, PartialEq)]
pub(crate) enum Error {
    /// A file that no platform can be read from.
    #[error("{0} is not named kubectl-eks_encrypt-v{VERSION}-OS-ARCH.tar.gz or .zip; name it so, or leave it out")]
    Name(String),
    /// Two archives for a platform.
    #[error("{0} and {1} are for the same platform; leave one of them out")]
    Twice(String, String),
    /// An archive that would be forgotten.
    #[error("no platform of the template has @SHA256_{0}@, and so {1} would be left out")]
    Unknown(String, String),
    /// A placeholder that nothing is known for.
    #[error("nothing is known for {0}")]
    Unfilled(String),
}

/// One archive.
#[derive(Debug)]
pub(crate) struct Archive {
    name: String,
    sha256: String,
}

/// Reads archives. The key is a platform as the template writes it, such as LINUX_AMD64.
pub(crate) fn archives(paths: &[PathBuf]) -> anyhow::Result<BTreeMap<String, Archive>> {
    let mut archives: BTreeMap<String, Archive> = BTreeMap::new();
    for path in paths {
        let archive = Archive { name: file::name(path)?.to_owned(), sha256: sha256(&file::read(path)?) };
        let platform = platform(&archive.name).ok_or_else(|| Error::Name(archive.name.clone()))?;
        let name = archive.name.clone();
        if let Some(other) = archives.insert(platform, archive) {
            return Err(Error::Twice(other.name, name).into());
        }
    }
    Ok(archives)
}

fn platform(name: &str) -> Option<String> {
    let stem = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".zip"))?;
    let platform = stem.strip_prefix("kubectl-eks_encrypt-v")?.strip_prefix(VERSION)?.strip_prefix('-')?;
    let (os, arch) = platform.split_once('-')?;
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (word(os) && word(arch)).then(|| format!("{os}_{arch}").to_uppercase())
}

/// The manifest.
pub(crate) fn fill(template: &str, base_url: &str, archives: &BTreeMap<String, Archive>) -> Result<String, Error> {
    let base_url = base_url.trim_end_matches('/');
    let mut used = BTreeMap::new();
    let mut text = String::new();
    for part in parts(template) {
        let mut part = part.replace("@VERSION@", VERSION);
        for (platform, Archive { name, sha256 }) in archives {
            let sum = format!("@SHA256_{platform}@");
            if part.contains(&sum) {
                part = part.replace(&sum, sha256).replace(&format!("@URI_{platform}@"), &format!("{base_url}/{name}"));
                used.insert(platform, name);
            }
        }
        match unfilled(&part) {
            None => text += &part,
            // The item of a platform without an archive.
            Some(name) if name.starts_with("@SHA256_") || name.starts_with("@URI_") => {}
            Some(name) => return Err(Error::Unfilled(name.to_owned())),
        }
    }
    match archives.iter().find(|(platform, _)| !used.contains_key(platform)) {
        Some((platform, archive)) => Err(Error::Unknown(platform.clone(), archive.name.clone())),
        None => Ok(text),
    }
}

/// The template in pieces that are kept or left out as a whole: each item of `platforms`, and what is around them.
fn parts(template: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut platforms = false;
    let mut dash = None;
    for line in template.split_inclusive('\n') {
        let text = line.trim();
        let indent = line.len() - line.trim_start_matches(' ').len();
        if platforms && !text.is_empty() && !text.starts_with('#') {
            let dash = *dash.get_or_insert(indent);
            if indent <= dash {
                parts.push(std::mem::take(&mut part));
                platforms = indent == dash && text.starts_with("- ");
            }
        }
        platforms |= text == "platforms:";
        part += line;
    }
    parts.push(part);
    parts
}

/// The first placeholder that is left.
fn unfilled(text: &str) -> Option<&str> {
    text.match_indices('@').find_map(|(start, _)| {
        let rest = &text[start + 1..];
        let end =
            rest.find(|letter: char| !(letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'))?;
        (end > 0 && rest[end..].starts_with('@')).then(|| &text[start..start + end + 2])
    })
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
