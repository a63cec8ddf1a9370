//! The new cluster's entry in the kubeconfig, as `aws eks update-kubeconfig` writes it, so that both agree. Input: a cluster
//! as EKS describes it. Output: the file with three entries more, and its context the current one. Nothing else in it
//! changes but its comments, which YAML libraries don't keep (nor does kubectl).
//!
//! The file is replaced as a whole, behind the lock that kubectl takes (client-go, tools/clientcmd/config.go), so that no
//! reader ever sees half of it; one that can't be read is not touched.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eks_encrypt_job::wire::exit::ExitCode;
use serde_json::{Map, Value, json};

use crate::aws::cluster::Cluster;
use crate::cause::Cause;
use crate::cluster_config::yaml;
use crate::error::HasExitCode;
use crate::file;

/// How long another program's lock is waited for: kubectl holds it for moments.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Why it was not written. The cluster is there all the same.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no home directory, and nothing names a file.
    #[error("can't find out where your kubeconfig is: set KUBECONFIG")]
    Nowhere,
    /// It can't be read, or is no kubeconfig.
    #[error("kubeconfig {file} can't be read as one, and was not touched")]
    Unreadable {
        file: String,
        #[source]
        source: Cause,
    },
    /// A device, a folder, or a link to nothing.
    #[error("kubeconfig {file} is no file, and was not touched")]
    NoFile { file: String },
    /// Somebody else writes it, or did when it died.
    #[error("kubeconfig {file} is locked, and was not touched: if no kubectl is at work, remove {file}.lock")]
    Locked { file: String },
    /// It can't be written.
    #[error("kubeconfig {file} can't be written, and is as it was")]
    Unwritable {
        file: String,
        #[source]
        source: Cause,
    },
}

impl HasExitCode for Error {
    fn code(&self) -> ExitCode {
        ExitCode::Error
    }
}

/// What is written of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The cluster's ARN: the name of all three.
    pub(crate) arn: String,
    name: String,
    region: String,
    server: String,
    /// PEM in base64, as EKS gives it.
    authority: String,
    /// The AWS profile that `aws` is to use.
    profile: Option<String>,
}

impl Entry {
    /// That of a cluster.
    pub(crate) fn for_cluster(cluster: &Cluster, profile: Option<&str>) -> Self {
        Self {
            arn: cluster.arn.clone(),
            name: cluster.name.clone(),
            region: cluster.region().to_owned(),
            server: cluster.endpoint.clone(),
            authority: cluster.authority.clone(),
            profile: profile.map(str::to_owned),
        }
    }

    fn cluster(&self) -> Value {
        json!({ "certificate-authority-data": self.authority, "server": self.server })
    }

    fn context(&self) -> Value {
        json!({ "cluster": self.arn, "user": self.arn })
    }

    fn user(&self) -> Value {
        let mut exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "args": ["--region", self.region, "eks", "get-token", "--cluster-name", self.name, "--output", "json"],
            "command": "aws",
        });
        if let Some(profile) = &self.profile {
            exec["env"] = json!([{ "name": "AWS_PROFILE", "value": profile }]);
        }
        json!({ "exec": exec })
    }
}

/// Writes the entry: into `file`; or where `KUBECONFIG` says; or into the home directory's. Gives back which it was.
pub(crate) fn write(entry: &Entry, file: Option<&Path>) -> Result<PathBuf, Error> {
    let named = match file {
        Some(file) => file.to_owned(),
        None => default_file(std::env::var_os("KUBECONFIG").as_deref(), std::env::home_dir(), &entry.arn)?,
    };
    let path = file_of(&named)?;
    let unwritable =
        |error: &dyn std::error::Error| Error::Unwritable { file: shown_path(&path), source: Cause::from_error(error) };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(&error))?;
    }
    // kubectl locks the name that it is given, which may be a link.
    let _locks = if path == named { vec![Lock::take(&path)?] } else { vec![Lock::take(&named)?, Lock::take(&path)?] };
    let merged = merged(read(&path)?, entry).map_err(|words| unreadable(&path, words))?;
    // Long values on one line, as `aws` writes them.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(&merged, options).map_err(|error| unwritable(&error))?;
    // What is written must be read again as what was meant: this file is the way into all of a person's clusters.
    if serde_saphyr::from_str::<Value>(&text).ok().as_ref() != Some(&merged) {
        return Err(unwritable(&std::io::Error::other("it holds something that would not come back as it is")));
    }
    replace(&path, &text).map_err(|error| unwritable(&error))?;
    Ok(named)
}

/// What is to be replaced: the file itself, or what a link points at.
fn file_of(named: &Path) -> Result<PathBuf, Error> {
    match (named.symlink_metadata(), named.canonicalize()) {
        (Err(_), _) => Ok(named.to_owned()),
        (Ok(_), Ok(path)) if path.is_file() => Ok(if named.is_symlink() { path } else { named.to_owned() }),
        _ => Err(Error::NoFile { file: shown_path(named) }),
    }
}

/// Of several files, the one that has the cluster already, or else the first, as `aws eks update-kubeconfig` chooses.
fn default_file(list: Option<&OsStr>, home: Option<PathBuf>, arn: &str) -> Result<PathBuf, Error> {
    let files: Vec<PathBuf> = list
        .map(|list| std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    let has = |path: &&PathBuf| {
        read(path).is_ok_and(|file| file.as_object().is_some_and(|file| find_entry(file, "clusters", arn).is_some()))
    };
    let known = files.iter().find(has).or(files.first()).cloned();
    known.or_else(|| Some(home?.join(".kube").join("config"))).ok_or(Error::Nowhere)
}

/// The file as it is; nothing in it, if there is none.
fn read(path: &Path) -> Result<Value, Error> {
    match file::read_text(path, file::MAX_KUBECONFIG) {
        Ok(text) if text.trim().is_empty() => Ok(Value::Null),
        Ok(text) => serde_saphyr::from_str_with_options(&text, yaml::options()).map_err(|error| Error::Unreadable {
            file: shown_path(path),
            source: Cause::from_error(&error.without_snippet()),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(error) => Err(Error::Unreadable { file: shown_path(path), source: Cause::from_error(&error) }),
    }
}

/// The same file with the entry.
fn merged(file: Value, entry: &Entry) -> Result<Value, &'static str> {
    let mut file = match file {
        Value::Null => {
            let new = json!({ "apiVersion": "v1", "clusters": [], "contexts": [], "current-context": "", "kind": "Config",
                "preferences": {}, "users": [] });
            new.as_object().cloned().unwrap_or_default()
        }
        Value::Object(file) => file,
        _ => return Err("it is no mapping"),
    };
    if file.get("kind").is_some_and(|kind| kind != "Config") {
        return Err("its kind is not Config");
    }
    put_entry(&mut file, "clusters", &entry.arn, "cluster", entry.cluster())?;
    let context =
        merge_fields(find_entry(&file, "contexts", &entry.arn).and_then(|there| there.get("context")), entry.context());
    put_entry(&mut file, "contexts", &entry.arn, "context", context)?;
    put_entry(&mut file, "users", &entry.arn, "user", entry.user())?;
    file.insert("current-context".to_owned(), json!(entry.arn));
    Ok(Value::Object(file))
}

/// What was there, with these fields in the place of its own: a person's `namespace` stays.
fn merge_fields(there: Option<&Value>, fields: Value) -> Value {
    let mut all = there.and_then(Value::as_object).cloned().unwrap_or_default();
    all.extend(fields.as_object().cloned().unwrap_or_default());
    Value::Object(all)
}

/// Puts a named entry into a list: in the place of one that has the name, or at the end.
fn put_entry(
    file: &mut Map<String, Value>,
    list: &str,
    name: &str,
    field: &str,
    content: Value,
) -> Result<(), &'static str> {
    let entry = json!({ field: content, "name": name });
    let list = file.entry(list).or_insert_with(|| json!([]));
    if list.is_null() {
        *list = json!([]);
    }
    let list = list.as_array_mut().ok_or("its clusters, contexts or users are no list")?;
    match list.iter_mut().find(|entry| entry["name"] == name) {
        Some(there) => *there = entry,
        None => list.push(entry),
    }
    Ok(())
}

fn find_entry<'a>(file: &'a Map<String, Value>, list: &str, name: &str) -> Option<&'a Value> {
    file.get(list)?.as_array()?.iter().find(|entry| entry.get("name").is_some_and(|there| there == name))
}

/// Replaces the file's content in one step. It keeps its owner and its mode; a new one is its owner's alone.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    if let Ok(old) = std::fs::metadata(path) {
        new.as_file().set_permissions(old.permissions())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            // Only root may give a file away; to everybody else it is theirs anyway.
            std::os::unix::fs::chown(new.path(), Some(old.uid()), Some(old.gid())).ok();
        }
    }
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}

/// kubectl's lock: a file beside the file, which nobody may make twice.
struct Lock(PathBuf);

impl Lock {
    /// Waits a moment for whoever has it.
    fn take(path: &Path) -> Result<Self, Error> {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        let until = Instant::now() + LOCK_TIMEOUT;
        loop {
            match std::fs::File::create_new(&lock) {
                Ok(_) => return Ok(Self(lock)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && Instant::now() < until => {
                    std::thread::sleep(LOCK_TIMEOUT / 20);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    return Err(Error::Locked { file: shown_path(path) });
                }
                Err(error) => {
                    return Err(Error::Unwritable { file: shown_path(path), source: Cause::from_error(&error) });
                }
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

fn unreadable(path: &Path, words: &str) -> Error {
    Error::Unreadable { file: shown_path(path), source: Cause::from_error(&std::io::Error::other(words.to_owned())) }
}

fn shown_path(path: &Path) -> String {
    crate::ui::terminal::one_line(&path.display().to_string())
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
