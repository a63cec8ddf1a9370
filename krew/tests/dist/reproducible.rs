//! Packed again, of the same files in another place, every file is the same byte for byte. (Compiled again: `make reproducible`.)

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::image;
use crate::support::{ARCHES, IMAGE, JOB, PLUGIN, archive, dist, entries, gunzip, output, program, read};

/// `dist`, in a folder, with a commit's time.
fn again(folder: &Path, time: u64, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dist"));
    output(command.args(arguments).env("SOURCE_DATE_EPOCH", time.to_string()).current_dir(folder));
}

#[test]
fn the_image_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["image".to_owned(), "--output=again.tar".into()];
    for arch in ARCHES {
        fs::write(folder.path().join(arch), program(JOB, arch)).unwrap();
        arguments.push(format!("--binary={arch}={arch}"));
    }
    arguments.extend(image::revision().map(|revision| format!("--revision={revision}")));
    let first = read(&dist(IMAGE));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    again(folder.path(), entries(&first)["index.json"].time, &arguments);
    assert!(first == read(&folder.path().join("again.tar")));
}

#[test]
fn an_archive_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let first = read(&dist(&archive("arm64")));
    let files = entries(&gunzip(&first));
    let mut arguments = vec!["archive", "--output=again.tar.gz"];
    for (name, entry) in &files {
        let path = folder.path().join(name);
        match name.split_once('/') {
            Some((_, "")) => fs::create_dir_all(path).unwrap(),
            _ => fs::write(path, &entry.content).unwrap(),
        }
        if let None | Some((_, "")) = name.split_once('/') {
            arguments.push(name.trim_end_matches('/'));
        }
    }
    again(folder.path(), files[PLUGIN].time, &arguments);
    assert!(first == read(&folder.path().join("again.tar.gz")));
}
