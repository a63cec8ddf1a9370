//! A krew archive: what `kubectl krew install` unpacks. Input: files and folders. Output: a .tar.gz with each at its top.
//!
//! krew takes regular files and folders alone, and no name with `..` in it (krew, `internal/download/downloader.go`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::file;
use crate::tarball::{EXECUTABLE, PLAIN, Tarball, gzip};

/// How programs begin: ELF, Mach-O (64 bits), Windows' and scripts. Their modes are not asked: what passed through a CI's store
/// of artifacts, or a checkout on Windows, has lost them.
const PROGRAMS: [&[u8]; 4] = [b"\x7fELF", b"\xcf\xfa\xed\xfe", b"MZ", b"#!"];

enum Entry {
    Folder,
    File(Vec<u8>),
}

/// The archive of these files and folders.
pub(crate) fn archive(paths: &[PathBuf], time: u32) -> anyhow::Result<Vec<u8>> {
    let mut entries = BTreeMap::new();
    for path in paths {
        collect(path, file::name(path)?.to_owned(), &mut entries)?;
    }
    let mut tar = Tarball::new(gzip(Vec::new()), time);
    for (name, entry) in &entries {
        match entry {
            Entry::Folder => tar.folder(name),
            Entry::File(content) => tar.file(name, mode(content), content),
        }
        .with_context(|| format!("can't add {name}"))?;
    }
    Ok(tar.finish()?.finish()?)
}

fn collect(path: &Path, name: String, entries: &mut BTreeMap<String, Entry>) -> anyhow::Result<()> {
    ensure!(!name.contains(".."), "{} has `..` in its name, which krew refuses", path.display());
    let kind = fs::symlink_metadata(path).with_context(|| format!("can't read {}", path.display()))?.file_type();
    let entry = if kind.is_dir() {
        for child in fs::read_dir(path).with_context(|| format!("can't read {}", path.display()))? {
            let child = child?.path();
            collect(&child, format!("{name}/{}", file::name(&child)?), entries)?;
        }
        Entry::Folder
    } else if kind.is_file() {
        Entry::File(file::read(path)?)
    } else {
        bail!("{} is neither a file nor a folder: krew refuses to unpack anything else", path.display());
    };
    ensure!(entries.insert(name.clone(), entry).is_none(), "there are two of {name}");
    Ok(())
}

fn mode(content: &[u8]) -> u32 {
    if PROGRAMS.iter().any(|magic| content.starts_with(magic)) { EXECUTABLE } else { PLAIN }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
