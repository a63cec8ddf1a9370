//! What the layers above share, without I/O.

pub(crate) mod followup;
pub(crate) mod options;
pub(crate) mod pem;
pub(crate) mod reference;
pub(crate) mod run;
pub(crate) mod target;

/// The version of this program, and of the image that comes with it.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
