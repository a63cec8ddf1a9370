//! A push, step by step. Input: the image in memory, a destination and the command line's flags. Output: the image in the
//! registry, named by its digest. The first look is anonymous: a login is sent only after the person confirmed. Then the registry gets
//! what it lacks, from the bottom up, so that no manifest ever names what it does not have. The tag comes last.

use eks_encrypt_job::wire::exit::ExitCode;
use oci_spec::image::MediaType;
use tokio::sync::OnceCell;

use crate::error::{CliError, HasExitCode, run_blocking};
use crate::model::options::RegistryOptions;
use crate::model::reference::Destination;
use crate::registry::archive::{self, Image};
use crate::registry::client::{Registry, TagDigest, Transport, uses_plain_http};
use crate::registry::credentials::{self, AwsUse, Login};
use crate::registry::docker::Credentials;
use crate::registry::{ecr, errors, password};
use crate::ui::terminal::Terminal;

/// A push that has been asked for. Nothing has gone over the network yet.
pub(crate) struct Push {
    image: Image,
    to: Destination,
    flags: RegistryOptions,
    typed: Option<Credentials>,
    aws: AwsUse,
    /// Whether a tag may be given to another image.
    overwrite: bool,
    /// Made when it is first needed.
    place: OnceCell<Target>,
}

/// Where it goes, once we know how.
struct Target {
    registry: Registry,
    login: Login,
    /// Where the login goes, as it was shown before the confirmation.
    shown: OnceCell<Option<String>>,
}

/// What is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TagState {
    /// Nothing under this tag.
    Absent,
    /// This image.
    UpToDate,
    /// Another image, of this digest.
    Different(String),
    /// No repository, where that is not made by a push.
    NoRepository,
}

/// Why a push is not begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Only ECR's repositories can be made.
    #[error(
        "--create-repository is for Amazon ECR, and {registry} is no address of it: other registries make a repository when it is pushed to"
    )]
    NotEcr { registry: String },
    /// AWS is not to be asked.
    #[error("--create-repository asks AWS, which --without-aws forbids")]
    WithoutAws,
    /// The tag is another image's.
    #[error("{name} is another image already ({there}; this one is {ours}): {cure}")]
    Taken { name: String, there: String, ours: String, cure: &'static str },
    /// ECR wants the repository made first.
    #[error("ECR has no repository {name}: add --create-repository, or create it yourself: {by_hand}")]
    NoRepository { name: String, by_hand: String },
    /// It was given one image and has another.
    #[error("{name} is not the image that was pushed: the registry says {there} instead of {ours}")]
    Changed { name: String, there: String, ours: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        match self {
            Self::NotEcr { .. } | Self::WithoutAws => ExitCode::Usage,
            Self::Changed { .. } => ExitCode::Error,
            Self::Taken { .. } | Self::NoRepository { .. } => ExitCode::Refused,
        }
    }
}

impl Push {
    /// Reads all that is on this machine: the archive, and a password from stdin.
    pub(crate) async fn prepare(
        to: &Destination,
        flags: &RegistryOptions,
        aws: AwsUse,
        overwrite: bool,
    ) -> Result<Self, CliError> {
        if flags.create_repository {
            match (ecr::from_registry(&to.registry), &aws) {
                (None, _) => return Err(Error::NotEcr { registry: to.registry.clone() }.into()),
                (_, AwsUse::Never) => return Err(Error::WithoutAws.into()),
                _ => {}
            }
        }
        let named = flags.archive.clone();
        let image = run_blocking(move || archive::find(named.as_deref()).and_then(|path| archive::read(&path))).await?;
        let typed = match &flags.username {
            Some(username) => Some(Credentials {
                username: username.clone(),
                password: run_blocking(password::read).await?,
                from: "--username".to_owned(),
            }),
            None => None,
        };
        Ok(Self { image, to: to.clone(), flags: flags.clone(), typed, aws, overwrite, place: OnceCell::new() })
    }

    /// The image's name after the push, which never means another image: `REGISTRY/REPO@sha256:…`.
    pub(crate) fn by_digest(&self) -> String {
        format!("{}@{}", self.to.name(), self.image.index.digest)
    }

    /// Its name by tag.
    pub(crate) fn by_tag(&self) -> String {
        format!("{}:{}", self.to.name(), self.tag())
    }

    fn tag(&self) -> &str {
        self.to.tag.as_deref().unwrap_or(&self.image.version)
    }

    /// Where it goes.
    pub(crate) fn registry(&self) -> &str {
        &self.to.registry
    }

    /// The image's version.
    pub(crate) fn version(&self) -> &str {
        &self.image.version
    }

    /// Why nobody is logged in there, if that is more than that nobody has.
    pub(crate) fn anonymous_reason(&self) -> Option<&str> {
        self.place.get()?.login.known.broken.as_deref()
    }

    /// What is pushed, in words.
    pub(crate) fn image_description(&self) -> String {
        let platforms: Vec<_> = self.image.manifests.iter().map(|manifest| manifest.platform.as_str()).collect();
        format!("image {} ({})", self.image.version, platforms.join(", "))
    }

    async fn target(&self) -> Result<&Target, CliError> {
        self.place
            .get_or_try_init(async || {
                let login = credentials::login(self.typed.as_ref(), &self.to, &self.aws).await?;
                let bundle =
                    std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(std::path::PathBuf::from);
                // For ECR, what holds for AWS's other addresses; a company's proxy answers for both.
                let bundle = bundle.filter(|_| login.ecr.is_some());
                let authority = self.flags.registry_ca.as_deref().or(bundle.as_deref());
                let way = Transport {
                    plain: uses_plain_http(self.flags.plain_http, &self.to.registry, authority),
                    authority,
                };
                let registry = Registry::new(&self.to, way, login.known.clone())?;
                Ok(Target { registry, login, shown: OnceCell::new() })
            })
            .await
    }

    /// Looks at what is there without a login. `None`: the registry requires one.
    pub(crate) async fn inspect(&self) -> Result<Option<TagState>, CliError> {
        let place = self.target().await?;
        let challenge = place.registry.challenge().await?;
        place.registry.may_log_in(&challenge)?;
        let known = place.login.known.credentials.is_some();
        place.shown.set(place.registry.recipient(&challenge).filter(|_| known)).ok();
        let looked = match place.registry.stay_anonymous(challenge).await {
            Ok(()) => self.tag_state(place).await,
            Err(error) => Err(error),
        };
        match looked {
            Err(error) if known && error.depends_on_login() => Ok(None),
            looked => Ok(Some(looked?)),
        }
    }

    /// Logs in at the recipient that the person confirmed, and looks at what is there. Without a confirmation, it prints the recipient.
    async fn log_in(&self, terminal: &Terminal) -> Result<TagState, CliError> {
        let place = self.target().await?;
        let challenge = place.registry.challenge().await?;
        if let (Some(login), Some(now)) = (&place.login.known.credentials, place.registry.recipient(&challenge)) {
            match place.shown.get() {
                Some(shown) if shown.as_ref() == Some(&now) => {}
                Some(shown) => {
                    let (registry, shown) = (self.to.registry.clone(), shown.clone());
                    let shown = shown.unwrap_or_else(|| "no login".to_owned());
                    return Err(errors::Error::RecipientChanged { registry, now, shown }.into());
                }
                None => terminal.println(&format!("Logging in as {} (from {}) at {now}", login.username, login.from)),
            }
        }
        place.registry.log_in(challenge).await?;
        Ok(self.tag_state(place).await?)
    }

    async fn tag_state(&self, place: &Target) -> Result<TagState, errors::Error> {
        Ok(match place.registry.tag(self.tag()).await? {
            TagDigest::Is(there) if there == self.image.index.digest => TagState::UpToDate,
            TagDigest::Is(there) => TagState::Different(there),
            TagDigest::NoRepository if place.login.ecr.is_some() => TagState::NoRepository,
            TagDigest::NoRepository | TagDigest::Free => TagState::Absent,
        })
    }

    /// Which password goes where, after `look`.
    pub(crate) fn password_notice(&self) -> Option<String> {
        let place = self.place.get()?;
        let (login, recipient) = (place.login.known.credentials.as_ref()?, place.shown.get()?.as_ref()?);
        Some(format!("The password of {} (from {}) is sent to\n    {recipient}\n", login.username, login.from))
    }

    /// What stands in the way of a push, if anything does.
    pub(crate) fn ensure_pushable(&self, standing: &TagState) -> Result<(), Error> {
        match standing {
            TagState::Different(there) if !self.overwrite => Err(Error::Taken {
                name: self.by_tag(),
                there: there.clone(),
                ours: self.image.index.digest.clone(),
                cure: "name another tag (REGISTRY/REPO:TAG); `image push` takes --overwrite-tag too",
            }),
            _ => Ok(()),
        }
    }

    /// What to say where ECR has no repository, unless it is going to be made. ECR can make it by itself at a push, where
    /// somebody has set that up, so a push is tried all the same.
    pub(crate) fn missing_repository(&self, standing: &TagState) -> Option<Error> {
        let profile = match &self.aws {
            AwsUse::As(profile) => profile.as_deref(),
            AwsUse::Never => None,
        };
        let by_hand = ecr::from_registry(&self.to.registry)?.create_command(&self.to.repository, profile);
        (*standing == TagState::NoRepository && !self.flags.create_repository)
            .then(|| Error::NoRepository { name: self.to.name(), by_hand })
    }

    /// Pushes what is missing.
    pub(crate) async fn push(&self, terminal: &Terminal) -> Result<(), CliError> {
        let standing = self.log_in(terminal).await?;
        self.ensure_pushable(&standing)?;
        // What has the index has all that it names; and where nothing is missing, nobody needs the right to push.
        if standing == TagState::UpToDate {
            terminal.println(&format!("{} is in the registry already, as {}", self.by_digest(), self.by_tag()));
            return Ok(());
        }
        let Target { registry, login, .. } = self.target().await?;
        terminal.println(&format!("Pushing {} to {}", self.image_description(), self.by_tag()));
        // Asked for also where only the tag is not there: not every way to ECR tells the two apart, and one that is there stays.
        let nothing = matches!(standing, TagState::NoRepository | TagState::Absent);
        if let (true, true, Some((ecr, Some(client)))) = (nothing, self.flags.create_repository, &login.ecr)
            && ecr.create_repository(client, &self.to).await?
        {
            terminal.println(&format!("  repository {} created: immutable tags, scan on push", self.to.repository));
        }
        for manifest in &self.image.manifests {
            for part in &manifest.parts {
                let there = registry.has_blob(&part.blob).await?;
                if !there {
                    registry.push_blob(&part.blob).await.map_err(|error| {
                        match (error, self.missing_repository(&standing)) {
                            (errors::Error::NoRepository { .. }, Some(error)) => CliError::from(error),
                            (error, _) => error.into(),
                        }
                    })?;
                }
                let done = if there { "there already" } else { "pushed" };
                let size = format_size(part.blob.bytes.len());
                terminal.println(&format!("  {} of {}, {size}: {done}", part.what, manifest.platform));
            }
            registry.push_manifest(&manifest.blob.digest, &manifest.blob, &MediaType::ImageManifest).await?;
        }
        registry.push_manifest(self.tag(), &self.image.index, &MediaType::ImageIndex).await?;
        let before = match &standing {
            TagState::Different(there) => format!(" (it was {there})"),
            _ => String::new(),
        };
        terminal.println(&format!("  tag {}: pushed{before}", self.tag()));
        self.verify(registry).await
    }

    /// The registry's own word for what it has now.
    async fn verify(&self, registry: &Registry) -> Result<(), CliError> {
        let ours = &self.image.index.digest;
        let there = match registry.tag(self.tag()).await? {
            TagDigest::Is(there) if there == *ours => return Ok(()),
            TagDigest::Is(there) => there,
            TagDigest::Free | TagDigest::NoRepository => "that it has none".to_owned(),
        };
        Err(Error::Changed { name: self.by_tag(), there, ours: ours.clone() }.into())
    }
}

fn format_size(bytes: usize) -> String {
    const KIB: usize = 1 << 10;
    const MIB: usize = 1 << 20;
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", bytes.div_ceil(KIB)),
        _ => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
    }
}

#[cfg(test)]
#[path = "push_tests.rs"]
mod tests;
