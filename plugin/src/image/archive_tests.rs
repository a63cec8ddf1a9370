//! What is accepted, and that nothing damaged is.
use super::*;
use crate::image::fixture::{archive, files, pack};
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
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:00","size":1}]}"#,
        ),
        index(
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:00","size":1}]}"#,
        ),
    ];
    assert_snapshot!(all.join("\n"), @r"
    can't use the image archive DIR/eks-encrypt-job.oci.tar: it has no index.json, so it is no OCI image layout
    can't use the image archive DIR/eks-encrypt-job.oci.tar: index.json can't be read: missing field `schemaVersion` at line 1 column 2
    can't use the image archive DIR/eks-encrypt-job.oci.tar: index.json names 0 images instead of one
    can't use the image archive DIR/eks-encrypt-job.oci.tar: index.json names application/vnd.oci.image.manifest.v1+json instead of an image index
    can't use the image archive DIR/eks-encrypt-job.oci.tar: index.json does not say the version (org.opencontainers.image.ref.name)
    ");
}

#[test]
fn a_file_that_is_no_archive_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tar");
    let told = |error: Error| crate::testing::told(error).replace(&folder.path().display().to_string(), "DIR");
    let mut all = vec![told(read(&path).unwrap_err())];
    std::fs::write(&path, "a text").unwrap();
    all.push(told(read(&path).unwrap_err()));
    assert_snapshot!(all.join("\n"), @r"
    exit 2
    error: can't read the image archive DIR/x.tar: No such file or directory (os error 2)
    exit 2
    error: can't use the image archive DIR/x.tar: failed to read entire block: it is no tar file, or not whole
    ");
}

#[test]
fn the_archive_lies_beside_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kubectl-eks_encrypt");
    let error = beside(Ok(program.clone())).unwrap_err();
    assert_snapshot!(error.to_string().replace(&folder.path().display().to_string(), "DIR"), @"the image archive eks-encrypt-job.oci.tar is not beside this program (looked for DIR/eks-encrypt-job.oci.tar): name it with --archive FILE; the archive that krew installs has it, and `make image` builds it");
    let path = archive(folder.path());
    assert_eq!(beside(Ok(program)).unwrap(), path);
    assert_eq!(find(Some(Path::new("other.tar"))).unwrap(), Path::new("other.tar"));
}
