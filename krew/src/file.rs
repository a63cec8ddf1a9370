//! Reads and writes files, with their names in what goes wrong.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail, ensure};

/// A program of a release has 21 MB, and an archive of tests 60.
const LARGEST: u64 = 256 << 20;

/// A list of crates has 40 KB.
const LARGEST_TEXT: u64 = 4 << 20;

/// All of a regular file: a FIFO would hang, and a device has no end.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = || format!("can't read {}", path.display());
    let file = std::fs::metadata(path).with_context(failed)?;
    if !file.is_file() || file.len() > LARGEST {
        bail!("{} is not a regular file of at most {} MiB", path.display(), LARGEST >> 20);
    }
    std::fs::read(path).with_context(failed)
}

/// All of a text that another program prints.
pub(crate) fn text(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    let length = from.take(LARGEST_TEXT + 1).read_to_string(&mut text).context("can't read standard input")?;
    ensure!(length as u64 <= LARGEST_TEXT, "standard input has more than {} MiB", LARGEST_TEXT >> 20);
    Ok(text)
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

#[cfg(test)]
mod tests {
    //! What is read has an end.
    use super::*;

    #[test]
    fn what_has_no_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (large, fifo) = (folder.path().join("large"), folder.path().join("fifo"));
        std::fs::File::create(&large).unwrap().set_len(LARGEST + 1).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        let fifo = made.is_ok_and(|status| status.success()).then_some(fifo);
        for path in [large].into_iter().chain(fifo) {
            // In a thread, because one that opens a FIFO waits for its writer.
            let (tell, hear) = std::sync::mpsc::channel();
            std::thread::spawn(move || tell.send(read(&path).unwrap_err().to_string()));
            let told = hear.recv_timeout(std::time::Duration::from_secs(10)).expect("it hangs");
            assert!(told.ends_with("is not a regular file of at most 256 MiB"), "{told}");
        }
        let told = text(std::io::repeat(b'a')).unwrap_err().to_string();
        assert_eq!(told, "standard input has more than 4 MiB");
    }
}
