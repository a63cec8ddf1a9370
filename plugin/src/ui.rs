//! What people see and are asked: the screen, its progress, the question, and Ctrl-C.

pub(crate) mod interrupt;
pub(crate) mod progress;
pub(crate) mod terminal;
