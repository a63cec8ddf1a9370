//! A tar that is the same wherever it is made: every entry has one time, belongs to root by number, and is a file or a folder;
//! and a gzip that says neither when nor on what it was made. Input: names and contents. Output: bytes.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// Of a program and of a folder.
pub(crate) const EXECUTABLE: u32 = 0o755;
/// Of everything else.
pub(crate) const PLAIN: u32 = 0o644;

/// A tar that grows.
pub(crate) struct Tarball<W: Write> {
    builder: Builder<W>,
    time: u32,
}

impl<W: Write> Tarball<W> {
    /// An empty one, whose entries will all have this time.
    pub(crate) fn new(out: W, time: u32) -> Self {
        Self { builder: Builder::new(out), time }
    }

    /// Adds a folder.
    pub(crate) fn folder(&mut self, name: &str) -> io::Result<()> {
        let mut header = self.header(EntryType::Directory, EXECUTABLE, 0);
        self.builder.append_data(&mut header, format!("{name}/"), io::empty())
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let mut header = self.header(EntryType::Regular, mode, content.len());
        self.builder.append_data(&mut header, name, content)
    }

    fn header(&self, kind: EntryType, mode: u32, size: usize) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size as u64);
        header.set_mtime(self.time.into());
        header.set_uid(0);
        header.set_gid(0);
        header
    }

    /// Ends it.
    pub(crate) fn finish(self) -> io::Result<W> {
        self.builder.into_inner()
    }
}

/// A gzip without name and time. 255 is its "unknown" for the operating system (RFC 1952).
pub(crate) fn gzip<W: Write>(out: W) -> GzEncoder<W> {
    GzBuilder::new().mtime(0).operating_system(255).write(out, Compression::best())
}
