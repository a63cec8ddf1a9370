//! What is accepted, and that nothing damaged is.
use super::*;
use crate::registry::fixture::{self, archive, files, pack};
use insta::assert_snapshot;

type Files = BTreeMap<String, Vec<u8>>;

/// What is said of an archive in which something was changed.
fn spoilt(change: impl FnOnce(&mut Files)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(&["amd64", "arm64"]);
    change(&mut files);
    let error = read(&pack(folder.path(), &files)).unwrap_err();
    assert_eq!(error.code(), ExitCode::Usage);
    error.to_string().replace(&folder.path().display().to_string(), "DIR")
}

/// Whole archives, and what lies in them: a changed byte of an archive is mostly found by a digest.
#[test]
fn fuzz_reads_any_archive() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, files) = (std::fs::read(archive(folder.path())).unwrap(), files(&["amd64"]));
    let corpus: Vec<_> = [&whole[..]].into_iter().chain(files.values().map(Vec::as_slice)).collect();
    crate::fuzz_tests::mutate::fuzz(&corpus, |bytes| {
        let file = tempfile::tempfile().unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0).unwrap();
        _ = image(&file);
        _ = (json::<ImageIndex>("x", bytes), json::<ImageManifest>("x", bytes));
    });
}

/// The first blob's name with these bytes in it.
fn blob(files: &Files, part: &str) -> String {
    let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(part);
    files.iter().find(|(name, bytes)| name.starts_with("blobs/") && has(bytes)).unwrap().0.clone()
}

#[test]
fn every_architecture_is_there_with_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let image = read(&archive(folder.path())).unwrap();
    assert_eq!(image.version, "0.1.0");
    assert_eq!(image.index.digest, format!("sha256:{}", hex::encode(Sha256::digest(&image.index.bytes))));
    let told: Vec<_> = image.manifests.iter().map(|manifest| (&manifest.platform[..], manifest.parts.len())).collect();
    assert_eq!(told, [("linux/amd64", 2), ("linux/arm64", 2)]);
    assert_eq!(&image.manifests[1].parts[1].blob.bytes[..], b"the layer of arm64");
}

#[test]
fn a_damaged_blob_is_found_before_anything_is_sent() {
    let told = spoilt(|files| {
        let name = blob(files, "the layer of arm64");
        files.insert(name, b"the layer of arm65".to_vec());
    });
    assert_snapshot!(told, @"can't use the image archive DIR/eks-encrypt-job.oci.tar: blob sha256:85ac8d5aa66f4c79849fb31e0d74912a75a191d3aa7040d441752eff95e9e01c has the digest sha256:f567e1abc0ef2080e5dc0c7b6b26352a0a2d27c57c8f3870f9c1a4b733bf086b: the file is damaged");
}

#[test]
fn what_is_missing_is_named() {
    let told = spoilt(|files| {
        let name = blob(files, "the layer of amd64");
        files.remove(&name);
    });
    assert_snapshot!(told, @"can't use the image archive DIR/eks-encrypt-job.oci.tar: blob sha256:8e7dbd515932cef428c8af4ac41c6d389f1199bab113d514636899408ab69400 is missing: the file is not whole");
}

#[test]
fn a_wrong_size_is_found() {
    let told = spoilt(|files| {
        let text = String::from_utf8(files["index.json"].clone()).unwrap();
        let at = text.find("\"size\":").unwrap() + 7;
        files.insert("index.json".into(), format!("{}9{}", &text[..at], &text[at..]).into_bytes());
    });
    assert!(told.contains("bytes instead of 9"), "{told}");
}

#[test]
fn other_archives_are_told_apart() {
    let index = |text: &'static str| spoilt(move |files| drop(files.insert("index.json".into(), text.into())));
    let all = [
        spoilt(|files| files.clear()),
        index("{}"),
        index(r#"{"schemaVersion":2,"manifests":[]}"#),
        index(
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":1}]}"#,
        ),
        index(
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":1}]}"#,
        ),
    ];
    assert_snapshot!(all.join("\n"), @r"
    can't use the image archive DIR/eks-encrypt-job.oci.tar: it has no index.json, so it is no OCI image layout
    can't use the image archive DIR/eks-encrypt-job.oci.tar: index.json is not what OCI's image-spec says, at line 1 column 2
    can't use the image archive DIR/eks-encrypt-job.oci.tar: index.json names 0 images instead of one
    can't use the image archive DIR/eks-encrypt-job.oci.tar: index.json names something else than an image index
    can't use the image archive DIR/eks-encrypt-job.oci.tar: index.json does not say the version (org.opencontainers.image.ref.name)
    ");
}

#[test]
fn a_file_that_is_no_archive_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let told = |error: Error| crate::testing::error_text(error).replace(&folder.path().display().to_string(), "DIR");
    let mut all = vec![told(read(&path).unwrap_err())];
    std::fs::write(&path, "a text").unwrap();
    all.push(told(read(&path).unwrap_err()));
    assert_snapshot!(all.join("\n"), @r"
    exit 2
    error: can't read the image archive DIR/x.tar: No such file or directory (os error 2)
    exit 2
    error: can't use the image archive DIR/x.tar: it is no tar file, or not whole
    ");
}

#[test]
fn the_archive_lies_beside_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kubectl-eks_encrypt");
    let error = next_to_program(Ok(program.clone())).unwrap_err();
    assert_snapshot!(error.to_string().replace(&folder.path().display().to_string(), "DIR"), @"the image archive eks-encrypt-job.oci.tar is not beside this program (looked for DIR/eks-encrypt-job.oci.tar): name it with --archive FILE; the archive that krew installs has it, and `make image` builds it");
    let path = archive(folder.path());
    assert_eq!(next_to_program(Ok(program)).unwrap(), path);
    assert_eq!(find(Some(Path::new("other.tar"))).unwrap(), Path::new("other.tar"));
}

/// What is said of a tar of these entries.
fn refused(entries: &[(tar::Header, &[u8])]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let mut tar = tar::Builder::new(File::create(&path).unwrap());
    for (header, bytes) in entries {
        tar.append(header, *bytes).unwrap();
    }
    tar.finish().unwrap();
    let error = read(&path).unwrap_err().to_string();
    error.split_once(".tar: ").unwrap().1.to_owned()
}

fn header(name: &str, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_size(size);
    header.set_cksum();
    header
}

#[test]
fn four_gib_of_zeros_in_a_sparse_entry_are_not_made() {
    const ZEROS: u64 = 4 << 30;
    for name in ["index.json", "blobs/sha256/00", "README"] {
        let mut bomb = header(name, 512);
        bomb.set_entry_type(tar::EntryType::GNUSparse);
        let gnu = bomb.as_gnu_mut().unwrap();
        gnu.set_real_size(ZEROS);
        gnu.sparse[0].set_offset(ZEROS - 512);
        gnu.sparse[0].set_length(512);
        bomb.set_cksum();
        assert_eq!(refused(&[(bomb, &[0; 512])]), "it has a sparse entry, as no image of this program has");
    }
}

#[test]
fn a_file_of_600_mib_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    File::create(&path).unwrap().set_len(600 << 20).unwrap();
    let told = crate::testing::error_text(read(&path).unwrap_err());
    assert!(told.ends_with("it has 614400 KiB, and at most 65536 KiB are read"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_fifo_and_a_device_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [fifo, "/dev/zero".into(), "/dev/tty".into(), folder.path().to_owned()] {
        // In a thread, because one that waits for the FIFO's writer would wait for ever.
        let (tell, hear) = std::sync::mpsc::channel();
        let shown = path.display().to_string();
        std::thread::spawn(move || tell.send(crate::testing::error_text(read(&path).unwrap_err())));
        let told = hear.recv_timeout(std::time::Duration::from_secs(10)).expect("it hangs");
        assert_eq!(told, format!("exit 2\nerror: can't read the image archive {shown}: it is not a regular file"));
    }
}

#[test]
fn nothing_of_another_file_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let secret = "aws_secret_access_key = wJalrXUtnFEMI ".repeat(20);
    std::fs::write(&path, &secret).unwrap();
    let told = crate::testing::error_text(read(&path).unwrap_err());
    assert!(told.ends_with("x.tar: it is no tar file, or not whole"), "{told}");
    // Nor of one in it.
    let index = |text: &str| spoilt(|files| drop(files.insert("index.json".into(), text.into())));
    for text in [format!(r#"{{"schemaVersion":"{secret}"}}"#), format!("{{\"{secret}"), secret.clone()] {
        let told = index(&text);
        assert!(told.contains("index.json is not what OCI's image-spec says") && !told.contains("wJalr"), "{told}");
    }
    let blob = format!("blobs/sha256/{}", "wJalrXUtnFEMI");
    assert_eq!(refused(&[(header(&blob, 1), b"a")]), "a blob's name is no SHA-256");
}

#[test]
fn entries_json_manifests_and_layers_have_bounds() {
    let entry = header("x", 0);
    let many: Vec<(tar::Header, &[u8])> = (0..=MAX_ENTRIES).map(|_| (entry.clone(), &b""[..])).collect();
    assert_eq!(refused(&many), "it has more than 1000 entries");

    let long = vec![b' '; MAX_JSON_BYTES + 1];
    let told = refused(&[(header("index.json", long.len() as u64), &long[..])]);
    assert_eq!(told, "index.json has 1048577 bytes, and at most 1048576 are read");

    // Each entry of the index may name the same manifest, and that the same layer many times.
    let bomb = |manifests: usize, layers: usize| {
        let mut files = Files::new();
        let mut put = |kind: &str, value: serde_json::Value| {
            let bytes = value.to_string().into_bytes();
            let (digest, size) = (fixture::digest(&bytes), bytes.len());
            files.insert(format!("blobs/{}", digest.replace(':', "/")), bytes);
            serde_json::json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": size})
        };
        let layer = put("layer.v1.tar+gzip", "layer".into());
        let manifest = put(
            "manifest.v1+json",
            serde_json::json!({"schemaVersion": 2, "config": layer, "layers": vec![&layer; layers]}),
        );
        let index = serde_json::json!({"schemaVersion": 2, "manifests": vec![&manifest; manifests]});
        let mut root = put("index.v1+json", index);
        root["annotations"] = serde_json::json!({"org.opencontainers.image.ref.name": "0.1.0"});
        let top = serde_json::json!({"schemaVersion": 2, "manifests": [root]});
        files.insert("index.json".to_owned(), top.to_string().into_bytes());
        let folder = tempfile::tempdir().unwrap();
        read(&pack(folder.path(), &files)).map_err(|error| error.to_string())
    };
    assert!(bomb(MAX_MANIFESTS, MAX_LAYERS).is_ok());
    let told = bomb(5000, 1).unwrap_err();
    assert!(told.ends_with("the image index lists 5000 images, and at most 32 are read"), "{told}");
    let told = bomb(1, 5000).unwrap_err();
    assert!(told.ends_with("the image of no platform has 5000 layers, and at most 128 are read"), "{told}");
}

#[test]
fn a_version_is_one_that_a_tag_can_have() {
    let change = |from: &str, to: &str| {
        spoilt(|files| {
            let text = String::from_utf8(files["index.json"].clone()).unwrap();
            files.insert("index.json".into(), text.replace(from, to).into_bytes());
        })
    };
    for version in ["", "-1", "a b", "a/b", "\\u001b[2J", &"a".repeat(129)] {
        let told = change("\"0.1.0\"", &format!("\"{version}\""));
        assert!(told.ends_with("that can't be a tag"), "{version}: {told}");
    }
}
