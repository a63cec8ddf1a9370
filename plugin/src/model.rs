//! What the layers above share, without I/O.

pub(crate) mod run;
