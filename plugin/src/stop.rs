//! How a command ends before its end: an exit code and an error. Each error enum says its own exit code, so that `?` in
//! the steps is enough, and `main` prints the chain once.

use std::error::Error;

use eks_encrypt_job::wire::exit::ExitCode;

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

/// Does work that may wait for a person or a disk off the runtime's thread, so that Ctrl-C is heard meanwhile.
pub(crate) async fn aside<T: Send + 'static, E: Into<Stop> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Stop> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(error) => Err(Stop { code: ExitCode::Error, error: error.into() }),
    }
}

impl<E: Coded + Error + Send + Sync + 'static> From<E> for Stop {
    fn from(error: E) -> Self {
        Self { code: error.code(), error: anyhow::Error::new(error) }
    }
}
