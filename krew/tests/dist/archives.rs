//! What krew unpacks: which files, how, how large.

use std::path::Path;
use std::process::Command;

use tar::EntryType;

use crate::support::{ARCHES, Entry, IMAGE, PLUGIN, archive, checkout, dist, entries, gunzip, output, read, unpacked};

const COMPLETE: &str = "kubectl_complete-eks_encrypt";

#[test]
fn each_has_the_plugin_the_image_the_licence_and_the_readme() {
    for arch in ARCHES {
        let entries = entries(&gunzip(&read(&dist(&archive(arch)))));
        for name in [PLUGIN, IMAGE, "LICENSE", "README.md", COMPLETE, "man/kubectl-eks-encrypt.1"] {
            assert!(entries.contains_key(name), "{arch} has no {name}: {:?}", entries.keys());
        }
        let same = |name: &str, file: &Path| assert!(entries[name].content == read(file), "{arch}: {name}");
        same("LICENSE", &checkout("LICENSE"));
        same(IMAGE, &dist(IMAGE));
        same(COMPLETE, &checkout(&format!("krew/{COMPLETE}")));
        same(PLUGIN, &unpacked(PLUGIN, arch));
    }
}

#[test]
fn every_entry_is_a_file_or_a_folder_of_roots_at_the_commits_time() {
    for arch in ARCHES {
        let entries = entries(&gunzip(&read(&dist(&archive(arch)))));
        let commit = entries[PLUGIN].time;
        for (name, Entry { kind, mode, owner, time, content }) in &entries {
            let program = content.starts_with(b"\x7fELF") || content.starts_with(b"#!");
            let expected = if *kind == EntryType::Directory || program { 0o755 } else { 0o644 };
            assert!(matches!(kind, EntryType::Regular | EntryType::Directory), "{name} is {kind:?}");
            assert_eq!((*mode, *owner, *time), (expected, (0, 0), commit), "{name}");
            assert!(!name.contains("..") && !name.starts_with('/'), "{name}");
        }
        assert_eq!(entries[PLUGIN].mode, 0o755);
    }
}

/// As a person has them: unpacked by tar, with the modes that it gives.
#[test]
fn the_plugin_finds_the_image_that_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    output(Command::new("tar").arg("-xzf").arg(dist(&archive("amd64"))).arg("-C").arg(folder.path()));
    let said = output(Command::new(folder.path().join(PLUGIN)).args(["image", "digest"]).env_clear());
    assert_eq!(said.trim(), crate::image::digest());
}
