//! The password of `--username`, from stdin: a command line is seen by every user of the machine, and kept by shells.

use std::io::Read as _;

use eks_encrypt_job::wire::exit::ExitCode;

use crate::cause::Cause;
use crate::error::HasExitCode;

/// More is no password.
const MAX_PASSWORD_BYTES: u64 = 64 << 10;

/// There is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// stdin can't be read.
    #[error("can't read the password from stdin")]
    Unreadable {
        #[source]
        source: Cause,
    },
    /// It is empty.
    #[error("--password-stdin: stdin is empty")]
    Empty,
    /// It has no end, or is a file by mistake.
    #[error("--password-stdin: stdin has more than {} KiB, which is no password", MAX_PASSWORD_BYTES >> 10)]
    TooLong,
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// Reads it to stdin's end, without the line break that `echo` adds.
pub(crate) fn read() -> Result<String, Error> {
    from_reader(std::io::stdin().lock())
}

fn from_reader(input: impl std::io::Read) -> Result<String, Error> {
    let mut text = String::new();
    let unreadable = |error| Error::Unreadable { source: Cause::from_error(&error) };
    if input.take(MAX_PASSWORD_BYTES + 1).read_to_string(&mut text).map_err(unreadable)? as u64 > MAX_PASSWORD_BYTES {
        return Err(Error::TooLong);
    }
    let password = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if password.is_empty() { Err(Error::Empty) } else { Ok(password.to_owned()) }
}

#[cfg(test)]
mod tests {
    //! What `echo`, `printf` and Windows send.
    use super::*;

    #[test]
    fn one_line_break_is_not_part_of_it() {
        for sent in ["pass word", "pass word\n", "pass word\r\n"] {
            assert_eq!(from_reader(sent.as_bytes()).unwrap(), "pass word");
        }
        assert_eq!(from_reader("a\n\n".as_bytes()).unwrap(), "a\n");
        assert!(
            matches!(from_reader(std::io::repeat(b'a')), Err(Error::TooLong)),
            "the beginning of something is no password"
        );
        assert_eq!(from_reader("\n".as_bytes()).unwrap_err().to_string(), "--password-stdin: stdin is empty");
    }
}
