//! Reads and writes files, with their names in what goes wrong.

use std::path::Path;

use anyhow::Context;

/// All of a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("can't read {}", path.display()))
}

/// Writes a file whole or not at all. One that is there and the same is left alone, so that nothing is made anew from it.
pub(crate) fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, content)
        .and_then(|()| std::fs::rename(&part, path))
        .with_context(|| format!("can't write {}", path.display()))
}

/// The last part of a path, which must be text.
pub(crate) fn name(path: &Path) -> anyhow::Result<&str> {
    path.file_name().and_then(|name| name.to_str()).with_context(|| format!("{} has no name", path.display()))
}
