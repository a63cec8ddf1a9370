//! Whatever the files look like here, the archive is the same, and one that krew unpacks.
use std::io::Read;

use super::*;

/// Each entry's name, mode, owner, time, kind.
fn listed(archive: &[u8]) -> Vec<String> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let entry = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let (mode, owner) = (header.mode().unwrap(), (header.uid().unwrap(), header.gid().unwrap()));
        let (time, kind) = (header.mtime().unwrap(), header.entry_type());
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let name = entry.path().unwrap().display().to_string();
        format!("{mode:o} {}:{} {time} {kind:?} {name} {text:?}", owner.0, owner.1)
    };
    tar.entries().unwrap().map(entry).collect()
}

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let paths = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    (folder, paths)
}

#[test]
fn programs_can_be_executed_and_entries_are_sorted_and_roots() {
    let files =
        [("plugin", "\x7fELF…"), ("complete", "#!/bin/sh\n"), ("LICENSE", "terms"), ("man/b.1", "b"), ("man/a.1", "a")];
    let (_folder, paths) = folder(&files);
    insta::assert_snapshot!(listed(&archive(&paths, 1_700_000_000).unwrap()).join("\n"), @r##"
    644 0:0 1700000000 Regular LICENSE "terms"
    755 0:0 1700000000 Regular complete "#!/bin/sh\n"
    755 0:0 1700000000 Directory man/ ""
    644 0:0 1700000000 Regular man/a.1 "a"
    644 0:0 1700000000 Regular man/b.1 "b"
    755 0:0 1700000000 Regular plugin "\u{7f}ELF…"
    "##);
}

#[test]
fn it_is_the_same_from_other_folders_at_other_times_in_other_orders() {
    let files = [("LICENSE", "terms"), ("man/a.1", "a"), ("README.md", "read")];
    let ((_one, mut paths), (other, mut others)) = (folder(&files), folder(&files));
    paths.sort();
    others.sort();
    others.reverse();
    let old = fs::File::options().write(true).open(other.path().join("LICENSE")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    let archive = |paths: &[PathBuf]| archive(paths, 5).unwrap();
    assert_eq!(archive(&paths), archive(&others));
}

#[test]
fn the_gzip_says_neither_when_nor_where_it_was_made() {
    let (_folder, paths) = folder(&[("LICENSE", "terms")]);
    // RFC 1952: magic, deflate, no flags (no name, no comment), no time, best compression, unknown operating system.
    assert_eq!(archive(&paths, 5).unwrap()[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
}

#[test]
#[cfg(unix)]
fn a_link_is_refused_as_krew_would() {
    let (folder, _) = folder(&[("LICENSE", "terms")]);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("LICENSE", &link).unwrap();
    let error = archive(&[link], 5).unwrap_err().to_string();
    assert!(error.ends_with("link is neither a file nor a folder: krew refuses to unpack anything else"), "{error}");
}

#[test]
fn names_that_krew_refuses_and_names_given_twice_are_errors() {
    let (one, paths) = folder(&[("a..b", "")]);
    let error = archive(&paths, 5).unwrap_err().to_string();
    assert!(error.ends_with("a..b has `..` in its name, which krew refuses"), "{error}");
    drop(one);
    let (_folder, paths) = folder(&[("LICENSE", "")]);
    let error = archive(&[paths[0].clone(), paths[0].clone()], 5).unwrap_err().to_string();
    assert_eq!(error, "there are two of LICENSE");
}
