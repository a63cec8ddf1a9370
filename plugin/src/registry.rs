//! The registry of the Job's image. A push, in the order of its files: `archive` (read and checked) -> `login` (`docker`, `ecr`, `password`) ->
//! `client` (with `last_error` for what goes wrong) -> `push`. `enable --push-image` and `reencrypt --push-image` push by `before`.

pub(crate) mod archive;
pub(crate) mod credentials;
pub(crate) mod push;
pub(crate) mod save;

pub(crate) mod client;
mod docker;
mod ecr;
mod errors;
mod file;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod hostile_tests;
mod password;
