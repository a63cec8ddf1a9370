//! The text of a ClusterConfig file. Input: the path that `-f` names. Output: the text with its name, and the YAML
//! documents in it; whatever can't be a ClusterConfig because of its size or its bytes ends here.

use std::io::{ErrorKind, Read};
use std::path::Path;

use super::error::{Error, Location};
use super::yaml::{self, Node, YamlErrorKind};
use crate::file;
use crate::ui::terminal::one_line;

/// More bytes than any ClusterConfig has.
const MAX_BYTES: u64 = file::MAX_SMALL_FILE;

/// A file's text.
#[derive(Debug)]
pub(crate) struct Source {
    /// The file as it was named, or `stdin`.
    pub(crate) file: String,
    /// All of it.
    pub(crate) text: String,
}

impl Source {
    /// Reads a file, or stdin if it is `-`. Waits for stdin's end.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Self::from_reader("stdin", std::io::stdin().lock());
        }
        let file = one_line(&path.display().to_string());
        match file::read(path, MAX_BYTES) {
            Ok(bytes) => Self::from_reader(&file, bytes.as_slice()),
            Err(error) if error.kind() == ErrorKind::FileTooLarge => Err(Error::Large { file }),
            Err(error) => Err(Error::read(&file, &error)),
        }
    }

    /// All of it, if it can be a ClusterConfig.
    pub(crate) fn from_reader(file: &str, from: impl Read) -> Result<Self, Error> {
        let file = file.to_owned();
        let mut bytes = Vec::new();
        let read = from.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| Error::read(&file, &error))?;
        if read as u64 > MAX_BYTES {
            return Err(Error::Large { file });
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { file, text }),
            Err(_) => Err(Error::Binary { file }),
        }
    }

    /// The YAML documents in it, without those that hold nothing.
    pub(crate) fn documents(&self) -> Result<Vec<Node>, Error> {
        yaml::read(&self.text).map_err(|broken| {
            let at = self.location(broken.line);
            match broken.what {
                YamlErrorKind::Twice(name) => Error::Twice { at, name: one_line(&name) },
                YamlErrorKind::Syntax(words) => Error::Syntax { at, words: one_line(&words) },
            }
        })
    }

    /// A line of it, for messages.
    pub(crate) fn location(&self, line: Option<u64>) -> Location {
        Location { file: self.file.clone(), line }
    }
}
