//! `image save`: the archive as a file, for skopeo, crane, podman or containerd to take further. Input: the archive. Output: a
//! new file, or stdout. What is there is never overwritten: the name may be a typo, and the file somebody's only backup.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use eks_encrypt_job::exit::ExitCode;

use crate::cause::Cause;
use crate::stop::Coded;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file of this name is there.
    #[error("{path} is there already, and is not overwritten: name another file, or remove it first", path = path.display())]
    There { path: PathBuf },
    /// Nobody wants an archive on their screen.
    #[error("stdout is a terminal: redirect it, or name a file")]
    Terminal,
    /// The disk is full, or the folder is not there.
    #[error("can't write {path}", path = path.display())]
    Unwritable {
        path: PathBuf,
        #[source]
        source: Cause,
    },
}

impl Coded for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::There { .. } => ExitCode::Refused,
            Self::Terminal => ExitCode::Usage,
            Self::Unwritable { .. } => ExitCode::Error,
        }
    }
}

/// Copies the archive, whose content was checked, to a file that is made.
pub(crate) fn save(archive: &Path, to: &Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::Unwritable { path: to.to_owned(), source: Cause::of(&error) };
    if to == Path::new("-") {
        let stdout = std::io::stdout();
        if stdout.is_terminal() {
            return Err(Error::Terminal);
        }
        return copy(archive, &mut stdout.lock()).map_err(failed);
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).open(to) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Error::There { path: to.to_owned() });
        }
        opened => opened.map_err(failed)?,
    };
    copy(archive, &mut file).map_err(|error| {
        // Half an archive is worse than none. We made it, so it is ours to remove.
        std::fs::remove_file(to).ok();
        failed(error)
    })
}

fn copy(archive: &Path, to: &mut impl Write) -> std::io::Result<()> {
    std::io::copy(&mut std::fs::File::open(archive)?, to)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    //! What is there stays.
    use super::*;

    #[test]
    fn a_file_is_made_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, to) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&archive, "archive").unwrap();
        save(&archive, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"archive");
        std::fs::write(&to, "mine").unwrap();
        let error = save(&archive, &to).unwrap_err();
        assert!(matches!(error, Error::There { .. }) && error.to_string().contains("b is there already"), "{error}");
        assert_eq!(std::fs::read(&to).unwrap(), b"mine");
    }

    #[test]
    fn half_an_archive_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("b");
        // A folder can be opened and not read.
        let error = save(folder.path(), &to).unwrap_err();
        assert!(matches!(error, Error::Unwritable { .. }) && !to.exists(), "{error}");
    }
}
