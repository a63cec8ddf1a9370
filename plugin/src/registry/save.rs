//! `image save`: the archive as a file, for skopeo, crane, podman or containerd to take further. Input: the archive. Output: a
//! new file, or stdout. What is there is never overwritten: the name may be a typo, and the file somebody's only backup.

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use eks_encrypt_job::wire::exit::ExitCode;

use crate::cause::Cause;
use crate::error::HasExitCode;

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

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::There { .. } => ExitCode::Refused,
            Self::Terminal => ExitCode::Usage,
            Self::Unwritable { .. } => ExitCode::Error,
        }
    }
}

/// Copies the archive, whose content was checked, to a file that is made.
pub(crate) fn save(archive: &mut impl Read, to: &Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::Unwritable { path: to.to_owned(), source: Cause::from_error(&error) };
    if to == Path::new("-") {
        let stdout = std::io::stdout();
        if stdout.is_terminal() {
            return Err(Error::Terminal);
        }
        return copy(archive, &mut stdout.lock()).map_err(failed);
    }
    if to.symlink_metadata().is_ok() {
        return Err(Error::There { path: to.to_owned() });
    }
    // Half an archive is worse than none, so it gets its name when it is whole, and when the disk has it: a stick may be pulled.
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut half = tempfile::Builder::new();
    half.prefix(".eks-encrypt-job-");
    // For whoever may read what its owner makes, as with any other file.
    #[cfg(unix)]
    half.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut half = half.tempfile_in(folder).map_err(failed)?;
    copy(archive, half.as_file_mut()).and_then(|()| half.as_file().sync_all()).map_err(failed)?;
    match half.persist_noclobber(to) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Error::There { path: to.to_owned() })
        }
        Err(error) => Err(failed(error.error)),
    }
}

fn copy(archive: &mut impl Read, to: &mut impl Write) -> std::io::Result<()> {
    std::io::copy(archive, to)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    //! What is there stays.
    use super::*;
    use std::fs::File;

    #[test]
    fn a_file_is_made_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, to) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&archive, "archive").unwrap();
        save(&mut File::open(&archive).unwrap(), &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"archive");
        let (is, usual) = (to.metadata().unwrap().permissions(), archive.metadata().unwrap().permissions());
        assert_eq!(is, usual, "not its owner's alone");
        std::fs::write(&to, "mine").unwrap();
        let error = save(&mut File::open(&archive).unwrap(), &to).unwrap_err();
        assert!(matches!(error, Error::There { .. }) && error.to_string().contains("b is there already"), "{error}");
        assert_eq!(std::fs::read(&to).unwrap(), b"mine");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, to) = (folder.path().join("a"), folder.path().join("b"));
        // A pipe: the archive comes in two halves, and between them we look.
        let made = std::process::Command::new("mkfifo").arg(&archive).status().unwrap();
        assert!(made.success());
        let saving = std::thread::spawn({
            let (archive, to) = (archive.clone(), to.clone());
            move || save(&mut File::open(&archive).unwrap(), &to)
        });
        let mut pipe = std::fs::OpenOptions::new().write(true).open(&archive).unwrap();
        pipe.write_all(b"half").unwrap();
        assert!(!to.exists());
        pipe.write_all(b" and half").unwrap();
        drop(pipe);
        saving.join().unwrap().unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"half and half");
    }

    #[test]
    fn half_an_archive_is_not_left() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("b");
        // A folder can be opened and not read.
        let error = save(&mut File::open(folder.path()).unwrap(), &to).unwrap_err();
        assert!(matches!(error, Error::Unwritable { .. }), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
