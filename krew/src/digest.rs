//! SHA-256, in the lowercase that OCI and krew ask for.

use sha2::{Digest, Sha256};

/// The sum of some bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
