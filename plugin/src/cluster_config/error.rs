//! What can be wrong with a ClusterConfig file. Raised by `cluster_config` and `fields`; printed by `main`.

use std::fmt;

use eks_encrypt_job::wire::exit::ExitCode;

use crate::cause::Cause;
use crate::error::HasExitCode;

/// A place in a file, as editors and compilers write it: `kms.yaml:7`.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    /// The file, or `stdin`.
    pub(crate) file: String,
    /// The line, where it is known.
    pub(crate) line: Option<u64>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// Why a file gives no cluster and key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It can't be opened or read.
    #[error("can't read {file}, the file that -f names")]
    Read {
        file: String,
        #[source]
        source: Cause,
    },
    /// It is too large to be what was meant.
    #[error("{file} is larger than 1 MiB, and so no eksctl ClusterConfig: -f names the wrong file")]
    Large { file: String },
    /// It is not text.
    #[error("{file} is not UTF-8 text: -f names the wrong file, or it was saved in another encoding")]
    Binary { file: String },
    /// It holds nothing, or comments alone.
    #[error("{file} is empty: -f takes an eksctl ClusterConfig")]
    Empty { file: String },
    /// It is not YAML, or too much of it.
    #[error("{at}: can't be read as YAML: {words}")]
    Syntax { at: Location, words: String },
    /// One name is given twice: which of the two counts would depend on the reader.
    #[error("{at}: `{name}` is given a second time in the same place: leave one of them")]
    Twice { at: Location, name: String },
    /// It holds several documents.
    #[error("{file} has {count} YAML documents, where -f takes one ClusterConfig: put it into a file of its own{list}")]
    Several { file: String, count: usize, list: String },
    /// It is something else.
    #[error("{at}: {is}; -f takes an eksctl file: kind ClusterConfig, apiVersion eksctl.io/v1alpha5")]
    OtherKind { at: Location, is: String },
    /// It does not say what it is.
    #[error(
        "{file} has no {name}: an eksctl ClusterConfig begins with\n  apiVersion: eksctl.io/v1alpha5\n  kind: ClusterConfig"
    )]
    NoKind { file: String, name: &'static str },
    /// A field that only looks like one that we read.
    #[error("{at}: an eksctl ClusterConfig has no field `{written}`: did you mean `{wanted}`?")]
    NearMiss { at: Location, written: String, wanted: String },
    /// A field of ours in a place where nobody reads it.
    #[error("{at}: `{name}` is {place}, where it means nothing: it belongs {belongs}")]
    Misplaced { at: Location, name: String, place: String, belongs: String },
    /// A field of ours is not there.
    #[error("{at}: there is no {section}.{field}, {what}; add\n  {section}:\n    {field}: {example}")]
    Missing { at: Location, section: &'static str, field: &'static str, what: &'static str, example: &'static str },
    /// It is there, without a value.
    #[error("{at}: {path} is empty; it is {what}, such as {example}")]
    NoValue { at: Location, path: String, what: &'static str, example: &'static str },
    /// Its value is not text.
    #[error("{at}: {path} is {is}, but must {must}")]
    NotText { at: Location, path: String, is: &'static str, must: String },
}

impl Error {
    pub(super) fn read(file: &str, error: &std::io::Error) -> Self {
        Self::Read { file: file.to_owned(), source: Cause::from_error(error) }
    }
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Usage
    }
}
