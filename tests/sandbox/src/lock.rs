//! The lock on a sandbox's folder, held by its janitor. The kernel knows who holds it and lets it go with its holder, so
//! that there is no file with a process id, which could be stale.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::unistd::Pid;

/// A lock, held as long as this value and this process live.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "closing it would let the lock go")] File);

/// Takes the lock, unless another process has it.
pub(crate) fn take(path: &Path) -> io::Result<Option<Lock>> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match fcntl(&file, FcntlArg::F_SETLK(&whole_file())) {
        Ok(_) => Ok(Some(Lock(file))),
        Err(nix::Error::EACCES | nix::Error::EAGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Who holds the lock. Looks without touching it.
pub(crate) fn owner(path: &Path) -> io::Result<Option<Pid>> {
    let file = match File::options().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut held = whole_file();
    fcntl(&file, FcntlArg::F_GETLK(&mut held))?;
    Ok((i32::from(held.l_type) != libc::F_UNLCK).then(|| Pid::from_raw(held.l_pid)))
}

/// A write lock on the whole file.
fn whole_file() -> libc::flock {
    libc::flock {
        l_type: i16::try_from(libc::F_WRLCK).unwrap_or_default(),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}
