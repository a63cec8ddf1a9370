//! What the layers above share, without I/O.

pub(crate) mod engine;
pub(crate) mod pem;
pub(crate) mod reference;
pub(crate) mod run;
pub(crate) mod target;
