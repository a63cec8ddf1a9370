//! `version`: what a bug report and a script ask for. Input: what was known when this program was built. Output: stdout.

use eks_encrypt_job::wire::event::WIRE_VERSION;
use eks_encrypt_job::wire::exit::ExitCode;
use serde::Serialize;

use crate::model::VERSION;
use crate::output::type_meta::API_VERSION;
use crate::registry::archive;
use crate::ui::terminal::{self, Output, Terminal};

/// This program, as data. A public format: adding a field is no change of its version.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    api_version: &'static str,
    kind: &'static str,
    /// The plugin's version.
    version: &'static str,
    /// The git commit that it was built from; null where the builder did not say.
    revision: Option<&'static str>,
    /// What it runs on, as Go and OCI name platforms.
    platform: String,
    /// The version of the wire format that it reads: that of the Job has to be the same.
    wire_format: u32,
    /// The digest of the Job's image that came with it; null where none did.
    image: Option<String>,
}

/// Prints it: the version alone for people, all of it for scripts.
pub(crate) fn version(output: Option<Output>, terminal: &Terminal) -> ExitCode {
    match output {
        None => terminal::stdout(VERSION),
        Some(output) => terminal::data(&this(), output, terminal),
    }
    ExitCode::Done
}

fn this() -> Version {
    Version {
        api_version: API_VERSION,
        kind: "Version",
        version: VERSION,
        revision: revision(option_env!("EKS_ENCRYPT_REVISION")),
        platform: platform(std::env::consts::OS, std::env::consts::ARCH),
        wire_format: WIRE_VERSION,
        image: image(),
    }
}

/// The commit comes from the builder's environment, not from a build script that asks git: two builds of one commit are the same
/// byte for byte, also where there is no git, and a commit does not make every developer's build anew.
fn revision(told: Option<&'static str>) -> Option<&'static str> {
    told.map(str::trim).filter(|told| !told.is_empty())
}

/// The digest of the image archive beside this program; why one that is there can't be read, `image digest` says.
fn image() -> Option<String> {
    archive::find(None).and_then(|archive| archive::read(&archive)).ok().map(|image| image.index.digest)
}

/// Rust's names of a platform, in Go's words.
fn platform(os: &str, arch: &str) -> String {
    let os = if os == "macos" { "darwin" } else { os };
    let arch = match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}/{arch}")
}

#[cfg(test)]
mod tests {
    //! The form of it.
    use super::*;

    #[test]
    fn all_that_is_known_of_this_program() {
        let version =
            Version { version: "0.1.0", revision: None, platform: platform("linux", "x86_64"), image: None, ..this() };
        insta::assert_snapshot!(serde_json::to_string_pretty(&version).unwrap(), @r#"
        {
          "apiVersion": "eks-encrypt/v1",
          "kind": "Version",
          "version": "0.1.0",
          "revision": null,
          "platform": "linux/amd64",
          "wireFormat": 1,
          "image": null
        }
        "#);
    }

    #[test]
    fn platforms_have_the_names_that_krew_and_registries_use() {
        assert_eq!(platform("macos", "aarch64"), "darwin/arm64");
        assert_eq!(platform("windows", "x86_64"), "windows/amd64");
        assert_eq!(platform("linux", "riscv64"), "linux/riscv64");
    }

    #[test]
    fn an_empty_revision_is_none() {
        assert_eq!((revision(Some(" ")), revision(Some("ab12\n"))), (None, Some("ab12")));
    }
}
