//! What the layers above share, without I/O.

pub(crate) mod reference;
pub(crate) mod run;
