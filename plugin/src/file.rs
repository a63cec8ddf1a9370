//! Files that a person or a file of theirs names, read within bounds: the name may be that of a disk image, of a device, or of a pipe
//! that nothing ever writes to.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// More than any certificate, key, token or ClusterConfig has.
pub(crate) const MAX_SMALL_FILE: u64 = 1 << 20;

/// More than any kubeconfig has.
pub(crate) const MAX_KUBECONFIG: u64 = 8 << 20;

/// How long it may take: what writes to a pipe (`-f <(COMMAND)`) may have to ask a server first.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// All of a file, if that is at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    read_within(path, most, READ_TIMEOUT)
}

/// The same as text.
pub(crate) fn read_text(path: &Path, most: u64) -> std::io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Whether a library that knows no bounds may read a file.
pub(crate) fn is_small(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_SMALL_FILE)
}

/// Opening a pipe blocks until something writes to it. The thread that does ends with this process.
fn read_within(path: &Path, most: u64, limit: Duration) -> std::io::Result<Vec<u8>> {
    let (path, (send, receive)) = (path.to_owned(), mpsc::channel());
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
        send.send(read.map(|_| bytes))
    });
    let bytes = receive.recv_timeout(limit).unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::TimedOut, format!("it has no end within {} s", limit.as_secs())))
    })?;
    if bytes.len() as u64 > most {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it is larger than {} KiB", most >> 10)));
    }
    Ok(bytes)
}

#[cfg(all(test, unix))]
mod tests {
    //! What is no file.
    use super::*;

    #[test]
    fn a_pipe_that_nothing_writes_to_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = read_within(&pipe, 10, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(!is_small(&pipe));
    }

    #[test]
    fn a_device_without_an_end_is_read_up_to_the_bound() {
        let zero = Path::new("/dev/zero");
        assert_eq!(read(zero, MAX_SMALL_FILE).unwrap_err().to_string(), "it is larger than 1024 KiB");
        assert!(!is_small(zero));
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let writer = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::write(pipe, "all of it")
        });
        assert_eq!(read_text(&pipe, MAX_SMALL_FILE).unwrap(), "all of it");
        writer.join().unwrap().unwrap();
    }
}
