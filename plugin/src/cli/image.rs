//! The flags of `image`, and those that `enable` and `reencrypt` share with it.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

use crate::model::options::RegistryOptions;
use crate::model::reference::{Destination, parse_destination};

/// What to do with the Job's image.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Image {
    /// Push the Job's image, of all its architectures, to a registry of yours
    ///
    /// stdout is the image's name by its digest, for `--image`; what is done is said on stderr. What the registry has already is
    /// not sent again. A tag that is another image already is left alone.
    ///
    /// The login: --username; else for Amazon ECR your AWS credentials (--profile); else what `docker login`, `podman login` or
    /// their credential helpers know. The host that gets the password is printed, and the password is sent only
    /// over TLS or to loopback. Proxies: HTTPS_PROXY and NO_PROXY.
    ///
    /// Exit codes: 0 the registry has the image; 1 error; 2 wrong usage, or an archive that can't be used; 3 the registry, its
    /// login or AWS refused, or the tag is another image's.
    Push(Box<ImagePush>),
    /// Write the image as a file (an OCI image layout in a tar), for skopeo, crane, podman or ctr
    ///
    /// Exit codes: 0 saved; 1 error; 2 wrong usage, or an archive that can't be used; 3 the file is there already.
    Save(ImageSave),
    /// Print the image's digest, which is the same in every registry
    Digest(ImageDigest),
}

/// The flags of `image push`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImagePush {
    /// Where to; the tag is the image's version if you name none
    // Named as the flag of `enable`, so that the flags that need it are the same for both.
    #[arg(value_name = "REGISTRY/REPO[:TAG]", value_parser = parse_destination)]
    pub(crate) push_image: Destination,

    /// Give the tag to this image even if it is another's
    ///
    /// Registries with immutable tags refuse that.
    #[arg(long)]
    pub(crate) overwrite_tag: bool,

    /// The AWS profile to use for Amazon ECR [default: the AWS environment's]
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,

    #[command(flatten)]
    pub(crate) registry: RegistryFlags,
}

/// The flags of `image save`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImageSave {
    /// The file, which must not be there yet; `-` is stdout
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The image archive [default: eks-encrypt-job.oci.tar beside this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Option<PathBuf>,
}

/// The flags of `image digest`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImageDigest {
    /// The image archive [default: eks-encrypt-job.oci.tar beside this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Option<PathBuf>,
}

/// A push on the way to something else.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The image that comes with this plugin")]
pub(crate) struct PushFlags {
    /// Push it there when you have confirmed, before anything else is changed, and run the Job from it
    ///
    /// As `kubectl eks-encrypt image push` does, whose help says who is logged in. No login is sent before you
    /// confirm, and none by --dry-run. The Job gets the image by its digest. Where `enable` makes no Job (--encrypt-existing-secrets=false), nothing is pushed.
    #[arg(long, value_name = "REGISTRY/REPO[:TAG]", value_parser = parse_destination, conflicts_with_all = ["image", "local"])]
    pub(crate) push_image: Option<Destination>,

    #[command(flatten)]
    pub(crate) registry: RegistryFlags,
}

/// How a registry is reached.
#[derive(Args)]
struct RegistryArgs {
    /// The image archive [default: eks-encrypt-job.oci.tar beside this program]
    #[arg(long, value_name = "FILE", requires = "push_image")]
    archive: Option<PathBuf>,

    /// The name to log in to the registry with
    #[arg(long, value_name = "NAME", requires_all = ["password_stdin", "push_image"])]
    username: Option<String>,

    /// Read the password of --username from stdin
    #[arg(long, requires = "username")]
    password_stdin: bool,

    /// A file of certificate authorities (PEM) that may have signed the registry's certificate, beside the system's [default
    /// for Amazon ECR: $AWS_CA_BUNDLE]
    #[arg(long, value_name = "FILE", requires = "push_image")]
    registry_ca: Option<PathBuf>,

    /// Whether the registry is spoken to without TLS [default: only on loopback addresses, without --registry-ca]
    #[arg(long, value_name = "BOOL", default_missing_value = "true", num_args = 0..=1, require_equals = true,
          action = ArgAction::Set, requires = "push_image")]
    plain_http: Option<bool>,

    /// Create the repository in Amazon ECR if it is not there, with immutable tags and scan on push
    #[arg(long, requires = "push_image")]
    create_repository: bool,
}

options!(RegistryFlags: RegistryArgs => RegistryOptions {
    archive, username, password_stdin, registry_ca, plain_http, create_repository,
});

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
