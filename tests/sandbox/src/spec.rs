//! What the janitor and the supervisor are started with: JSON on their command lines.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::folder::Folder;
use crate::options::Options;

/// What to run, where, and on which lane.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) options: Options,
    pub(crate) folder: PathBuf,
    /// Known once the janitor has taken it.
    pub(crate) slot: Option<u8>,
}

impl Spec {
    pub(crate) fn new(options: Options, folder: &Folder) -> Self {
        Self { options, folder: folder.path().to_owned(), slot: None }
    }

    pub(crate) fn folder(&self) -> Folder {
        Folder::at(&self.folder)
    }
}
