//! The commands, a file each.

pub(crate) mod attach;
pub(crate) mod cleanup;
pub(crate) mod complete;
pub(crate) mod confirm;
pub(crate) mod create;
pub(crate) mod enable;
pub(crate) mod image;
pub(crate) mod manifests;
pub(crate) mod prepare_image;
pub(crate) mod reencrypt;
pub(crate) mod status;
pub(crate) mod target;
pub(crate) mod token;
pub(crate) mod verify;
pub(crate) mod version;
