//! How a command ends before its end: an exit code and an error. Each error enum says its own exit code, so that `?` in
//! the steps is enough, and `main` prints the chain once.

use std::error::Error;

use eks_encrypt_job::wire::exit::ExitCode;

/// An error with the exit code that scripts see.
#[derive(Debug)]
pub(crate) struct CliError {
    /// The exit code.
    pub(crate) code: ExitCode,
    /// What happened; printed with its causes.
    pub(crate) error: anyhow::Error,
}

/// An error that knows its exit code.
pub(crate) trait HasExitCode {
    /// The exit code of a program that ends with this error.
    fn code(&self) -> ExitCode;
}

/// Does work that may wait for a person or a disk off the runtime's thread, so that Ctrl-C is heard meanwhile.
pub(crate) async fn run_blocking<T: Send + 'static, E: Into<CliError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, CliError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(error) => Err(CliError { code: ExitCode::Error, error: error.into() }),
    }
}

impl<E: HasExitCode + Error + Send + Sync + 'static> From<E> for CliError {
    fn from(error: E) -> Self {
        Self { code: error.code(), error: anyhow::Error::new(error) }
    }
}
