//! Where the files are, and how they are opened.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;
use tar::EntryType;

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// As Go names them.
pub(crate) const ARCHES: [&str; 2] = ["amd64", "arm64"];
pub(crate) const PLUGIN: &str = "kubectl-eks_encrypt";
pub(crate) const JOB: &str = "eks-encrypt-job";
pub(crate) const IMAGE: &str = "eks-encrypt-job.oci.tar";
pub(crate) const MIB: usize = 1 << 20;

/// A file of this checkout.
pub(crate) fn checkout(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

/// A packed file. `EKS_ENCRYPT_DIST` names the folder, relative to the checkout: `make pack` and `make dist` have one each.
pub(crate) fn dist(file: &str) -> PathBuf {
    checkout(&std::env::var("EKS_ENCRYPT_DIST").unwrap_or_else(|_| "target/dist".to_owned())).join(file)
}

/// A program as it was before it was packed: beside the folder of the packed files.
pub(crate) fn unpacked(name: &str, arch: &str) -> PathBuf {
    dist("..").join(format!("linux-{arch}/{name}"))
}

/// What is in it.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path)
        .unwrap_or_else(|error| panic!("{}: {error}; `make dist` or `make pack` makes it", path.display()))
}

/// The name of the archive for an architecture.
pub(crate) fn archive(arch: &str) -> String {
    format!("{PLUGIN}-v{VERSION}-linux-{arch}.tar.gz")
}

/// An entry of a tar.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) kind: EntryType,
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) time: u64,
    pub(crate) content: Vec<u8>,
}

/// All entries of a tar.
pub(crate) fn entries(tar: &[u8]) -> BTreeMap<String, Entry> {
    let mut entries = BTreeMap::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let (name, header) = (entry.path().unwrap().display().to_string(), entry.header());
        let owner = (header.uid().unwrap(), header.gid().unwrap());
        let (kind, mode, time) = (header.entry_type(), header.mode().unwrap(), header.mtime().unwrap());
        assert!(
            entries.insert(name.clone(), Entry { kind, mode, owner, time, content }).is_none(),
            "{name} is there twice"
        );
    }
    entries
}

/// What was compressed.
pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut content).unwrap();
    content
}

/// The plugin, out of its archive, or the Job, out of its image.
pub(crate) fn program(name: &str, arch: &str) -> Vec<u8> {
    if name == JOB {
        return crate::image::binary(arch);
    }
    entries(&gunzip(&read(&dist(&archive(arch))))).remove(name).unwrap().content
}

/// Makes a file that can be run.
///
/// Another process writes it: what a test has open for writing, a child that another test forks has open too until its exec, and
/// Linux runs no file that is open for writing (execve(2), ETXTBSY).
pub(crate) fn executable(path: &Path, bytes: &[u8]) {
    let mut install = Command::new("install");
    let mut install = install.args(["-m", "755", "/dev/stdin"]).arg(path).stdin(Stdio::piped()).spawn().unwrap();
    install.stdin.take().unwrap().write_all(bytes).unwrap();
    assert!(install.wait().unwrap().success(), "{}", path.display());
}

/// What a command prints, which must succeed.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_file_just_made_is_run_while_other_tests_start_programs() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let others = scope.spawn(|| (0..1_000).for_each(|_| drop(output(&mut Command::new("true")))));
        while !others.is_finished() {
            let script = folder.path().join("script");
            executable(&script, b"#!/bin/sh\necho it runs\n");
            assert_eq!(output(&mut Command::new(&script)), "it runs\n");
            std::fs::remove_file(script).unwrap();
        }
    });
}
