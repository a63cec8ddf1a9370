//! Archives that the real `kubectl krew install` refuses (krew, `internal/download/downloader.go`), each for its own reason, and
//! one that it takes. They hold a script in the plugin's place: what is wrong with an archive does not depend on its size.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::home::Home;
use super::release_files::{filled, sum};
use super::serve::serve;
use super::support::{CommandOutput, run};

/// The files of an archive, and tar.
struct Files {
    home: Home,
}

impl Files {
    /// What an archive needs.
    fn new() -> Self {
        let files = Self { home: Home::new() };
        std::fs::create_dir(files.home.path("files")).unwrap();
        for (name, text, mode) in
            [("kubectl-eks_encrypt", "#!/bin/sh\necho it runs\n", 0o755), ("LICENSE", "Take it.\n", 0o644)]
        {
            let file = files.home.path("files").join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path("files").join(name)
    }

    /// What tar makes of them. `-P` lets names be as they are.
    fn tar(&self, arguments: &[&str]) -> PathBuf {
        let archive = self.home.path("archive.tar.gz");
        run(Command::new("tar").current_dir(self.home.path("files")).arg("-P").arg("-f").arg(&archive).args(arguments))
            .ok();
        archive
    }

    /// Installs an archive with a manifest that has its sum.
    fn install(&self, archive: &Path) -> CommandOutput {
        self.home.install(&filled(|_| sum(archive)), archive)
    }

    /// Why an archive is refused.
    fn refused(&self, archive: &Path) -> String {
        let output = self.install(archive).error();
        assert!(!self.home.bin().join("kubectl-eks_encrypt").exists(), "it is installed all the same: {output}");
        output
    }
}

#[test]
fn files_in_a_gzipped_tar_are_taken() {
    let files = Files::new();
    files.install(&files.tar(&["-cz", "."])).ok();
    assert_eq!(files.home.kubectl(&["eks-encrypt"]).ok(), "it runs\n");
}

#[test]
fn a_tar_that_is_not_compressed_is_refused_whatever_its_name() {
    let files = Files::new();
    let output = files.refused(&files.tar(&["-c", "."]));
    assert!(output.contains("is not a supported archive format"), "{output}");
}

#[test]
fn a_compression_that_krew_does_not_know_is_refused_whatever_its_name() {
    let files = Files::new();
    let archive = files.home.path("archive.tar.gz");
    std::fs::write(&archive, b"\xfd7zXZ\0\0").unwrap();
    let output = files.refused(&archive);
    assert!(output.contains("is not a supported archive format"), "{output}");
}

#[test]
fn links_are_refused() {
    let files = Files::new();
    std::os::unix::fs::symlink("LICENSE", files.path("COPYING")).unwrap();
    let output = files.refused(&files.tar(&["-cz", "."]));
    assert!(output.contains("unable to handle file type") && output.contains("COPYING"), "{output}");

    let files = Files::new();
    std::fs::hard_link(files.path("LICENSE"), files.path("MORE")).unwrap();
    let output = files.refused(&files.tar(&["-cz", "LICENSE", "MORE", "kubectl-eks_encrypt"]));
    assert!(output.contains("unable to handle file type") && output.contains("MORE"), "{output}");
}

#[test]
fn a_name_that_leads_out_of_the_folder_is_refused() {
    let files = Files::new();
    let output = files.refused(&files.tar(&["-cz", "../files/LICENSE", "kubectl-eks_encrypt"]));
    assert!(output.contains("refusing to unpack archive with suspicious entry"), "{output}");
    let whole = files.path("LICENSE").display().to_string();
    let output = files.refused(&files.tar(&["-cz", &whole, "kubectl-eks_encrypt"]));
    assert!(output.contains("refusing to unpack archive with absolute entry"), "{output}");
}

#[test]
fn an_archive_with_another_sum_is_refused() {
    let files = Files::new();
    let archive = files.tar(&["-cz", "."]);
    let output = files.home.install(&filled(|_| "0".repeat(64)), &archive).error();
    assert!(output.contains("checksum does not match"), "{output}");
}

#[test]
fn an_archive_without_the_program_is_refused() {
    let files = Files::new();
    let output = files.refused(&files.tar(&["-cz", "LICENSE"]));
    assert!(output.contains("cannot be found in extracted archive"), "{output}");
}

#[test]
fn a_manifest_without_this_platform_is_refused() {
    let files = Files::new();
    let archive = files.tar(&["-cz", "."]);
    let mut manifest = filled(|_| sum(&archive));
    for platform in manifest["spec"]["platforms"].as_array_mut().unwrap() {
        platform["selector"]["matchLabels"]["os"] = "darwin".into();
    }
    let output = files.home.install(&manifest, &archive).error();
    assert!(output.contains("does not offer installation for this platform"), "{output}");
}

/// krew installs it all the same; the index's CI does not take it.
#[test]
fn a_licence_has_to_be_installed() {
    let files = Files::new();
    let validated = |archive: &Path| {
        let mut manifest = filled(|_| sum(archive));
        let address = serve(archive.parent().unwrap());
        for platform in manifest["spec"]["platforms"].as_array_mut().unwrap() {
            platform["uri"] = format!("{address}/archive.tar.gz").into();
        }
        files.home.validate_installed(&manifest)
    };
    assert_eq!(validated(&files.tar(&["-cz", "."])).code, Some(0));
    let output = validated(&files.tar(&["-cz", "kubectl-eks_encrypt"])).error();
    assert!(output.contains("LICENSE (or alike) file is not extracted from the archive"), "{output}");
}
