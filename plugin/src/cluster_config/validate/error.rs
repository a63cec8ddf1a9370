//! What can be wrong with a ClusterConfig for `create`, beyond what can be wrong with any. Raised by `config`; printed by
//! `main`. Nothing in such a file is skipped: what we don't know might be what a person counts on.

use eks_encrypt_job::wire::exit::ExitCode;

use crate::cluster_config::{self, Location};
use crate::error::HasExitCode;

/// Why a file gives no cluster to be created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It is no ClusterConfig, or lacks what every command needs of one.
    #[error(transparent)]
    File(#[from] cluster_config::Error),
    /// A field that only looks like one of ours.
    #[error("{at}: an eksctl ClusterConfig has no field `{written}`: did you mean `{wanted}`?")]
    NearMiss { at: Location, written: String, wanted: String },
    /// A field of eksctl's that is none of ours; and all others of the kind, so that they are seen at once.
    #[error("{at}: {field} is a field of eksctl that `create` does not support; nothing was created: {cure}{others}")]
    Unsupported { at: Location, field: String, cure: &'static str, others: String },
    /// A field of ours in a place where nobody reads it.
    #[error("{at}: `{name}` is {place}, where it means nothing: it belongs {belongs}")]
    Misplaced { at: Location, name: String, place: String, belongs: String },
    /// A field of nobody's.
    #[error("{at}: an eksctl ClusterConfig has no field `{written}`; {place} `create` takes {known}")]
    Unknown { at: Location, written: String, place: String, known: String },
    /// A field is not there.
    #[error("{at}: {path} has no `{field}`: add it")]
    Missing { at: Location, path: String, field: &'static str },
    /// A field is there, without a value.
    #[error("{at}: {path} has no value: write one, or take the line away")]
    NoValue { at: Location, path: String },
    /// A field's value is of another kind.
    #[error("{at}: {path} is {is}, but must {must}")]
    Kind { at: Location, path: String, is: String, must: String },
    /// A word that is none of those that a field can hold.
    #[error("{at}: {path} is `{written}`, but must be {known}")]
    Choice { at: Location, path: String, written: String, known: String },
    /// A value that can't be.
    #[error("{at}: {path} {why}")]
    Value { at: Location, path: String, why: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// A value that can't be, before anybody has looked up its line.
#[derive(Debug)]
pub(super) struct ValueError {
    /// The field's path.
    pub(super) path: String,
    /// What is wrong with it: the end of a sentence that begins with the path.
    pub(super) why: String,
}

impl ValueError {
    pub(super) fn new(path: &str, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), why: why.into() }
    }
}
