//! The file of `enable -f FILE`: an eksctl ClusterConfig, of which three fields are ours to read and all others eksctl's.
//! Input: a file or stdin. Output: the cluster's name and region and the name of its key, or an error that says what is
//! wrong, and on which line. A field that only looks like one of ours is an error too: it would be lost in silence.

use std::path::Path;

mod error;
pub(crate) mod fields;
mod source;
pub(crate) mod spec;
pub(crate) mod suggest;
pub(crate) mod validate;
pub(crate) mod yaml;

pub(crate) use error::{Error, Location};
use fields::{FieldPath, Fields};
pub(crate) use source::Source;
use suggest::FieldName;

pub(crate) const METADATA: FieldName = FieldName { name: "metadata", aliases: &["meta"] };
pub(crate) const SECRETS_ENCRYPTION: FieldName =
    FieldName { name: "secretsEncryption", aliases: &["encryption", "encryptionconfig", "kmsencryption", "kms"] };

pub(crate) const NAME: FieldPath = FieldPath {
    section: METADATA,
    field: FieldName { name: "name", aliases: &["cluster", "clustername"] },
    what: "the EKS cluster's name",
    example: "shop",
};
pub(crate) const REGION: FieldPath = FieldPath {
    section: METADATA,
    field: FieldName { name: "region", aliases: &["awsregion"] },
    what: "the cluster's AWS region",
    example: "us-west-2",
};
pub(crate) const KEY: FieldPath = FieldPath {
    section: SECRETS_ENCRYPTION,
    field: FieldName {
        name: "keyARN",
        aliases: &["arn", "cmk", "cmkarn", "key", "keyid", "kms", "kmsarn", "kmskey", "kmskeyarn", "kmskeyid"],
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
    parse(&Source::read(path)?)
}

/// Finds the three fields in a file's text.
pub(crate) fn parse(source: &Source) -> Result<ClusterConfig, Error> {
    let documents = source.documents()?;
    let fields = Fields::new(&source.file, &documents)?;
    fields.check_names("", &[&METADATA, &SECRETS_ENCRYPTION])?;
    Ok(ClusterConfig {
        name: fields.text(&NAME)?,
        region: fields.text(&REGION)?,
        key: fields.text(&KEY)?,
        file: source.file.clone(),
    })
}

#[cfg(test)]
#[path = "cluster_config_tests.rs"]
mod tests;
