//! How a run ends before its work is done.

/// Why a run ended before it had gone through every Secret.
pub(crate) enum RunError {
    /// It was told to stop, or can't go on.
    Stopped(String),
    /// Another run is at work.
    LeaseHeld(String),
}

impl From<String> for RunError {
    fn from(reason: String) -> Self {
        Self::Stopped(reason)
    }
}
