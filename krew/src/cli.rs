//! The command line of `dist`: one subcommand for each file of a release, each with `--output`. Input: arguments, and
//! SOURCE_DATE_EPOCH, the time that everything carries (<https://reproducible-builds.org/specs/source-date-epoch/>).

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::image::{Binary, Image};
use crate::{archive, file, manifest, sbom, sums};

/// Makes a release's files; `make dist` calls it.
#[derive(Debug, Parser)]
#[command(name = "dist", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the Job's image as an OCI archive, from one static binary for each architecture
    Image(ImageArgs),
    /// Write a krew archive (.tar.gz) of files and folders, each at its top
    Archive(ArchiveArgs),
    /// Write an SBOM (CycloneDX 1.5) from what `cargo tree` prints, which is read from standard input
    Sbom(SbomArgs),
    /// Fill in the krew manifest's template
    Manifest(ManifestArgs),
    /// Write the SHA-256 sums of files, as `sha256sum --check` reads them
    Sums(SumsArgs),
}

#[derive(Debug, Args)]
struct Out {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, Args)]
struct Time {
    /// When it was made, in seconds since 1970: that of the commit
    #[arg(long, env = "SOURCE_DATE_EPOCH", value_name = "SECONDS")]
    time: u32,
}

#[derive(Debug, Args)]
struct ImageArgs {
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    time: Time,
    /// A binary and what it runs on, such as `arm64=FILE`
    #[arg(long = "binary", value_name = "ARCH=FILE", required = true)]
    binaries: Vec<Binary>,
    /// The commit, for the image's label
    #[arg(long)]
    revision: Option<String>,
    /// Where the source is published, for the image's label; none without it
    #[arg(long, value_name = "URL")]
    source: Option<String>,
}

#[derive(Debug, Args)]
struct ArchiveArgs {
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    time: Time,
    /// What it holds
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct SbomArgs {
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    time: Time,
}

#[derive(Debug, Args)]
struct ManifestArgs {
    #[command(flatten)]
    out: Out,
    /// The template: krew/eks-encrypt.yaml.in
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// The folder, on the web, that the archives will be downloaded from
    #[arg(long, value_name = "URL")]
    base_url: String,
    /// The archives; a platform without one is left out
    #[arg(required = true)]
    archives: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct SumsArgs {
    #[command(flatten)]
    out: Out,
    /// What is summed
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl Cli {
    /// Does it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Image(ImageArgs { out, time, binaries, revision, source }) => {
                let image = Image {
                    binaries: &binaries,
                    time: time.time,
                    revision: revision.as_deref(),
                    source: source.as_deref(),
                };
                file::write(&out.output, &image.archive()?)
            }
            Command::Archive(args) => file::write(&args.out.output, &archive::archive(&args.paths, args.time.time)?),
            Command::Sbom(args) => {
                let tree = file::text(std::io::stdin())?;
                file::write(&args.out.output, &sbom::sbom(&tree, args.time.time)?)
            }
            Command::Manifest(args) => {
                let template = String::from_utf8(file::read(&args.template)?)
                    .with_context(|| format!("{} is not text", args.template.display()))?;
                let text = manifest::fill(&template, &args.base_url, &manifest::archives(&args.archives)?)
                    .with_context(|| format!("can't fill in {}", args.template.display()))?;
                file::write(&args.out.output, text.as_bytes())
            }
            Command::Sums(args) => file::write(&args.out.output, sums::sums(&args.files)?.as_bytes()),
        }
    }
}
