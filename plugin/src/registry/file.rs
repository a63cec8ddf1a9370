//! Files that somebody names: the image archive, docker's configuration, certificate authorities. Only regular files are read, up to a
//! bound: opening a FIFO waits for its writer, and a device has no end.

use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// Opens a regular file of at most `limit` bytes.
pub(crate) fn open(path: &Path, limit: u64) -> Result<File> {
    // Before it is opened, because that is where a FIFO waits; and after, because another file may have its name by then.
    regular(&std::fs::metadata(path)?, limit)?;
    let file = File::open(path)?;
    regular(&file.metadata()?, limit)?;
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes. A file that grows meanwhile is read up to the limit.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path, limit)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn regular(file: &Metadata, limit: u64) -> Result<()> {
    if !file.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if file.len() > limit {
        let words = format!("it has {} KiB, and at most {} KiB are read", file.len() >> 10, limit >> 10);
        return Err(Error::new(ErrorKind::FileTooLarge, words));
    }
    Ok(())
}
