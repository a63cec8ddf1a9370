//! The file of `enable -f FILE`: an eksctl ClusterConfig, of which three fields are ours to read and all others eksctl's.
//! Input: a file or stdin. Output: the cluster's name and region and the name of its key, or an error that says what is
//! wrong, and on which line. A field that only looks like one of ours is an error too: it would be lost in silence.

use std::io::Read;
use std::path::Path;

use crate::screen::one_line;

mod error;
mod fields;
mod near;
mod tree;

use error::At;
pub(crate) use error::Error;
use fields::{Fields, Place};
use near::Wanted;
use tree::What;

/// More bytes than any ClusterConfig has; less than what hurts, if somebody names a disk image.
const MOST: u64 = 1 << 20;

const METADATA: Wanted = Wanted { name: "metadata", also: &["meta"] };
const SECRETS_ENCRYPTION: Wanted =
    Wanted { name: "secretsEncryption", also: &["encryption", "encryptionconfig", "kmsencryption", "kms"] };

const NAME: Place = Place {
    section: METADATA,
    field: Wanted { name: "name", also: &["cluster", "clustername"] },
    what: "the EKS cluster's name",
    example: "shop",
};
const REGION: Place = Place {
    section: METADATA,
    field: Wanted { name: "region", also: &["awsregion"] },
    what: "the cluster's AWS region",
    example: "us-west-2",
};
const KEY: Place = Place {
    section: SECRETS_ENCRYPTION,
    field: Wanted {
        name: "keyARN",
        also: &["arn", "cmk", "cmkarn", "key", "keyid", "kms", "kmsarn", "kmskey", "kmskeyarn", "kmskeyid"],
    },
    what: "the KMS key to put the Secrets under",
    example: "arn:aws:kms:REGION:ACCOUNT:key/ID",
};

/// What `enable` takes from an eksctl ClusterConfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterConfig {
    /// The EKS cluster's name.
    pub(crate) name: String,
    /// Its AWS region.
    pub(crate) region: String,
    /// The KMS key, by whatever name KMS knows it: `key` resolves it.
    pub(crate) key: String,
    /// Where this was read, for messages: the file as it was named, or `stdin`.
    pub(crate) file: String,
}

/// Reads a file, or stdin if it is `-`. Waits for stdin's end.
pub(crate) fn read(path: &Path) -> Result<ClusterConfig, Error> {
    if path == Path::new("-") {
        return parse("stdin", &text("stdin", std::io::stdin().lock())?);
    }
    let file = one_line(&path.display().to_string());
    let opened = std::fs::File::open(path).map_err(|error| Error::read(&file, &error))?;
    parse(&file, &text(&file, opened)?)
}

/// All of it, if it can be a ClusterConfig.
fn text(file: &str, from: impl Read) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let read = from.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| Error::read(file, &error))?;
    if read as u64 > MOST {
        return Err(Error::Large { file: file.to_owned() });
    }
    String::from_utf8(bytes).map_err(|_| Error::Binary { file: file.to_owned() })
}

/// Finds the three fields in a file's text.
pub(crate) fn parse(file: &str, text: &str) -> Result<ClusterConfig, Error> {
    let documents = tree::read(text).map_err(|broken| {
        let at = At { file: file.to_owned(), line: broken.line };
        match broken.what {
            What::Twice(name) => Error::Twice { at, name: one_line(&name) },
            What::Syntax(words) => Error::Syntax { at, words: one_line(&words) },
        }
    })?;
    let fields = Fields::of(file, &documents)?;
    fields.check_names("", &[&METADATA, &SECRETS_ENCRYPTION])?;
    Ok(ClusterConfig {
        name: fields.text(&NAME)?,
        region: fields.text(&REGION)?,
        key: fields.text(&KEY)?,
        file: file.to_owned(),
    })
}

#[cfg(test)]
#[path = "cluster_config_tests.rs"]
mod tests;
