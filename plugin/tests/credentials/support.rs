//! What scenarios share: an environment for the program, and what it said; servers that answer by a function.

mod server;
pub(crate) mod tls;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use server::{Request, Server};

/// A home directory, and the variables that the program gets, and no others.
pub(crate) struct Shell {
    home: TempDir,
    variables: Vec<(String, String)>,
}

/// What the program printed.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Shell {
    /// One in which nobody is logged in, in a region; the machine has no credentials either.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".aws/sso/cache")).unwrap();
        let shell = Self { home, variables: Vec::new() };
        let folder = shell.home.path().display().to_string();
        shell
            .set("HOME", &folder)
            .set("PATH", "/usr/bin:/bin")
            .set("AWS_REGION", "us-west-2")
            .set("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// The same with a variable.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(set, _)| set != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without one.
    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.retain(|(set, _)| set != name);
        self
    }

    /// The same with `~/.aws/config`.
    pub(crate) fn config(self, text: &str) -> Self {
        self.file(".aws/config", text)
    }

    /// The same with keys in the environment.
    pub(crate) fn keys(self, id: &str) -> Self {
        self.set("AWS_ACCESS_KEY_ID", id).set("AWS_SECRET_ACCESS_KEY", "secret")
    }

    /// The same with a file in the home directory.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    /// A file's place.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs the program.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-eks_encrypt"));
        command.env_clear().envs(self.variables.iter().cloned()).stdin(Stdio::null()).args(arguments);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs `token` for a cluster.
    pub(crate) fn token(&self, more: &[&str]) -> Said {
        self.run(&[&["token", "--cluster-name", "shop"], more].concat())
    }

    /// The error of a program that must have failed, with this home directory called `~`.
    #[track_caller]
    pub(crate) fn error(&self, said: &Said) -> String {
        assert_eq!(said.code, Some(3), "stdout: {}\nstderr: {}", said.stdout, said.stderr);
        said.stderr.trim().replace(self.home.path().to_str().unwrap(), "~")
    }
}

impl Said {
    /// The URL in the token that was printed.
    #[track_caller]
    pub(crate) fn url(&self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        let credential: Value = serde_json::from_str(&self.stdout).unwrap();
        let token = credential["status"]["token"].as_str().unwrap().strip_prefix("k8s-aws-v1.").unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap()
    }

    /// The access key that signed it.
    #[track_caller]
    pub(crate) fn signer(&self) -> String {
        let url = self.url();
        url.split_once("X-Amz-Credential=").unwrap().1.split_once("%2F").unwrap().0.to_owned()
    }
}

/// STS, which gives each role keys that are named after it, and writes down who asked for what.
pub(crate) fn sts() -> Server {
    Server::new(|request| {
        let role = request.parameter("RoleArn").unwrap_or_default();
        let action = request.parameter("Action").unwrap_or_default();
        let key = role.rsplit('/').next().unwrap_or_default().to_uppercase();
        let body = format!(
            "<{action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{action}Result><Credentials>
             <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></{action}Result></{action}Response>"
        );
        (200, body)
    })
}

/// STS, which refuses everything.
pub(crate) fn sts_refuses(code: &'static str, message: &'static str) -> Server {
    Server::new(move |_| {
        (403, format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"))
    })
}
