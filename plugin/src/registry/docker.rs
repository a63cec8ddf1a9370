//! What docker, podman and their credential helpers know of a registry. Input: their configuration files. Output: name and
//! password, or nothing. Read by ourselves: the crate docker_credential 1.4 can't say which helper is missing, takes a helper's
//! "credentials not found" for a failure, asks `auths` before `credsStore`, and knows no keys with a repository in them.
//!
//! Sources: docker's `docker login` reference, "Credential stores" and "Credential helpers"; containers-auth.json(5).

use std::collections::HashMap;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use eks_encrypt_job::wire::exit::ExitCode;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::cause::Cause;
use crate::error::HasExitCode;
use crate::model::reference::Destination;
use crate::registry::file;
use crate::ui::terminal::shorten;

/// What helpers print for a registry that they don't know (docker-credential-helpers, `credentials/error.go`).
const NOT_FOUND: &str = "credentials not found";

/// In place of a name: the secret is not a password (the same project's protocol).
const TOKEN: &str = "<token>";

/// The largest configuration that is read.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The longest answer of a helper that is read.
const MAX_HELPER_BYTES: u64 = 64 << 10;

/// A helper may ask a person to unlock a keychain.
const HELPER_TIMEOUT: Duration = Duration::from_secs(120);

/// A name and its password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The name.
    pub(crate) username: String,
    /// Its password.
    pub(crate) password: String,
    /// Who knows it, for messages.
    pub(crate) from: String,
}

/// What is known of a registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct FoundCredentials {
    /// Who we are to it, if we are anybody.
    pub(crate) credentials: Option<Credentials>,
    /// Why a store of all registries' passwords could not be asked. The registry may want none.
    pub(crate) broken: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// What is there can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file can't be read, or is no JSON.
    #[error("can't read {file}, which docker or podman keeps logins in", file = file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: Cause,
    },
    /// The entry of this registry is not what `docker login` writes.
    #[error("{file} has a login for {registry} that can't be read: `docker login {registry}` writes it anew", file = file.display())]
    Unusable { file: PathBuf, registry: String },
    /// A token that has to be exchanged for another.
    #[error(
        "{from} has an identity token for {registry}, which this program can't log in with: use --username NAME --password-stdin"
    )]
    IdentityToken { registry: String, from: String },
    /// The helper is not on PATH.
    #[error(
        "{helper}, which {file} names for {registry}, can't be run: install it, or use --username NAME --password-stdin",
        file = file.display()
    )]
    NoHelper { helper: String, file: PathBuf, registry: String, source: std::io::Error },
    /// The helper says no.
    #[error("{helper}, which {file} names for {registry}, gives no password: {said}", file = file.display())]
    Helper { helper: String, file: PathBuf, registry: String, said: String },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Refused
    }
}

/// A configuration file. There is more in it, which is not ours to judge.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: HashMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// A helper's answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperOutput {
    username: String,
    secret: String,
}

/// The files, in the order in which they are asked: what is set by hand comes first.
pub(crate) fn config_files(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let home = |path: &str| variable("HOME").or_else(|| variable("USERPROFILE")).map(|home| home.join(path));
    let podmans = variable("REGISTRY_AUTH_FILE");
    let dockers = variable("DOCKER_CONFIG").map(|folder| folder.join("config.json"));
    let runtime = variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json"));
    let all = [podmans, dockers.or_else(|| home(".docker/config.json")), runtime, home(".config/containers/auth.json")];
    all.into_iter().flatten().collect()
}

/// What the first file that knows this registry says.
pub(crate) async fn credentials(files: &[PathBuf], to: &Destination) -> Result<FoundCredentials, Error> {
    let mut broken = None;
    for file in files {
        // It holds passwords, and the parser's own words quote it.
        let damaged = |error: serde_json::Error| {
            Cause::message(format!("it can't be parsed at line {} column {}", error.line(), error.column()))
        };
        let config = match file::read(file, MAX_CONFIG_BYTES) {
            Ok(text) => serde_json::from_slice::<Config>(&text).map_err(damaged),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => Err(Cause::from_error(&error)),
        };
        let config = config.map_err(|source| Error::Unreadable { file: file.clone(), source })?;
        if let Some(found) = config.credentials(file, to, &mut broken).await? {
            return Ok(FoundCredentials { credentials: Some(found), broken: None });
        }
    }
    Ok(FoundCredentials { credentials: None, broken: broken.map(|error| Cause::from_error(&error).to_string()) })
}

impl Config {
    async fn credentials(
        &self,
        file: &Path,
        to: &Destination,
        broken: &mut Option<Error>,
    ) -> Result<Option<Credentials>, Error> {
        // Docker Hub's key is the address of an interface that is long gone.
        let server = if to.registry == "docker.io" { "https://index.docker.io/v1/" } else { &to.registry };
        let own = self.cred_helpers.get(&to.registry);
        if let Some(helper) = own.or(self.creds_store.as_ref()).filter(|name| !name.is_empty()) {
            match ask_helper(helper, server, file, &to.registry).await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                // It is named for every registry, also for those that want no login: docker, too, then tries as nobody.
                Err(error @ (Error::NoHelper { .. } | Error::Helper { .. })) if own.is_none() => {
                    broken.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        self.auth(to).map_or(Ok(None), |auth| auth.credentials(file, &to.registry))
    }

    /// The entry of the repository, of a folder above it, or of the registry.
    fn auth(&self, to: &Destination) -> Option<&Auth> {
        let name = to.name();
        let mut key = name.as_str();
        loop {
            let found = self.auths.iter().find(|(written, _)| is_same_server(written, key)).map(|(_, auth)| auth);
            match (found, key.rsplit_once('/')) {
                (Some(auth), _) => return Some(auth),
                (None, Some((above, _))) => key = above,
                (None, None) => return None,
            }
        }
    }
}

/// Old keys are addresses: `https://registry.example/v1/`.
fn is_same_server(written: &str, key: &str) -> bool {
    let stripped = ["https://", "http://"].iter().find_map(|scheme| written.strip_prefix(scheme));
    let written = stripped.map_or(written, |address| address.split('/').next().unwrap_or_default());
    written == key || (key == "docker.io" && written == "index.docker.io")
}

impl Auth {
    fn credentials(&self, file: &Path, registry: &str) -> Result<Option<Credentials>, Error> {
        let from = file.display().to_string();
        if self.identitytoken.as_ref().is_some_and(|token| !token.is_empty()) {
            return Err(Error::IdentityToken { registry: registry.to_owned(), from });
        }
        if let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) {
            let unusable = || Error::Unusable { file: file.to_owned(), registry: registry.to_owned() };
            let (username, password) = decode_pair(auth).ok_or_else(unusable)?;
            return Ok(Some(Credentials { username, password, from }));
        }
        Ok(match (&self.username, &self.password) {
            (Some(username), Some(password)) => {
                Some(Credentials { username: username.clone(), password: password.clone(), from })
            }
            // Docker leaves an empty entry where a store has the password.
            _ => None,
        })
    }
}

/// `NAME:PASSWORD` in base64, padded or not.
pub(crate) fn decode_pair(text: &str) -> Option<(String, String)> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&STANDARD, config).decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// Asks a credential helper, which answers on stdout, errors too.
async fn ask_helper(name: &str, server: &str, file: &Path, registry: &str) -> Result<Option<Credentials>, Error> {
    run_helper(&format!("docker-credential-{name}"), server, file, registry).await
}

async fn run_helper(helper: &str, server: &str, file: &Path, registry: &str) -> Result<Option<Credentials>, Error> {
    let (helper, file, registry) = (helper.to_owned(), file.to_owned(), registry.to_owned());
    let output = match run(&helper, server).await {
        Ok(output) => output,
        Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::FileTooLarge) => {
            return Err(Error::Helper { helper, file, registry, said: error.to_string() });
        }
        Err(error) => return Err(Error::NoHelper { helper, file, registry, source: error }),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        if stdout.contains(NOT_FOUND) {
            return Ok(None);
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let said = shorten([stdout.trim(), stderr.trim()].join(" ").trim());
        return Err(Error::Helper { helper, file, registry, said });
    }
    match serde_json::from_str::<HelperOutput>(&stdout) {
        Ok(answer) if answer.username == TOKEN => Err(Error::IdentityToken { registry, from: helper }),
        Ok(HelperOutput { username, secret }) => Ok(Some(Credentials { username, password: secret, from: helper })),
        // Its answer holds a password: it is not shown.
        Err(_) => Err(Error::Helper { helper, file, registry, said: "its answer can't be read".to_owned() }),
    }
}

async fn run(helper: &str, server: &str) -> std::io::Result<std::process::Output> {
    let mut child = Command::new(helper)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that ends without reading has said why.
        stdin.write_all(server.as_bytes()).await.ok();
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let answer = async {
        let (stdout, stderr) = tokio::try_join!(read(stdout), read(stderr))?;
        Ok(std::process::Output { status: child.wait().await?, stdout, stderr })
    };
    let late = || IoError::new(ErrorKind::TimedOut, format!("it did not answer within {HELPER_TIMEOUT:?}"));
    tokio::time::timeout(HELPER_TIMEOUT, answer).await.unwrap_or_else(|_| Err(late()))
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(MAX_HELPER_BYTES + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > MAX_HELPER_BYTES {
        return Err(IoError::new(
            ErrorKind::FileTooLarge,
            format!("it prints more than {} KiB", MAX_HELPER_BYTES >> 10),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
#[path = "docker_tests.rs"]
mod tests;
