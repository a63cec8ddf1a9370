//! How a command ends before its end: an exit code and an error. Each error enum says its own exit code, so that `?` in
//! the steps is enough, and `main` prints the chain once.

use std::error::Error;

use eks_encrypt_job::exit::ExitCode;

/// An error with the exit code that scripts see.
#[derive(Debug)]
pub(crate) struct Stop {
    /// The exit code.
    pub(crate) code: ExitCode,
    /// What happened; printed with its causes.
    pub(crate) error: anyhow::Error,
}

/// An error that knows its exit code.
pub(crate) trait Coded {
    /// The exit code of a program that ends with this error.
    fn code(&self) -> ExitCode;
}

impl<E: Coded + Error + Send + Sync + 'static> From<E> for Stop {
    fn from(error: E) -> Self {
        Self { code: error.code(), error: anyhow::Error::new(error) }
    }
}
