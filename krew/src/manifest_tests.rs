//! What a placeholder becomes, and what is not let pass. The real template's rules are tested beside it.
use super::*;

const TEMPLATE: &str = "\
spec:
  version: v@VERSION@
  homepage: mail@example.com
  platforms:
    - selector: {os: linux, arch: amd64}
      uri: \"@URI_LINUX_AMD64@\"
      sha256: \"@SHA256_LINUX_AMD64@\"
      files:
        - from: '*'
    # A comment.
    - selector: {os: darwin, arch: arm64}
      uri: \"@URI_DARWIN_ARM64@\"
      sha256: \"@SHA256_DARWIN_ARM64@\"
  caveats: none
";

fn some(names: &[&str]) -> anyhow::Result<BTreeMap<String, Archive>> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
    for path in &paths {
        std::fs::write(path, "abc").unwrap();
    }
    archives(&paths)
}

fn named(platform: &str) -> String {
    format!("kubectl-eks_encrypt-v{VERSION}-{platform}.tar.gz")
}

#[test]
fn a_platform_has_its_address_and_sum_and_one_without_an_archive_is_left_out() {
    let filled = fill(TEMPLATE, "https://example.com/files/", &some(&[&named("linux-amd64")]).unwrap()).unwrap();
    insta::assert_snapshot!(filled.replace(VERSION, "1.2.3"), @r#"
    spec:
      version: v1.2.3
      homepage: mail@example.com
      platforms:
        - selector: {os: linux, arch: amd64}
          uri: "https://example.com/files/kubectl-eks_encrypt-v1.2.3-linux-amd64.tar.gz"
          sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
          files:
            - from: '*'
        # A comment.
      caveats: none
    "#);
}

#[test]
fn all_platforms_that_have_an_archive_stay() {
    let archives = some(&[&named("linux-amd64"), &named("darwin-arm64")]).unwrap();
    let filled = fill(TEMPLATE, "https://example.com", &archives).unwrap();
    assert_eq!(filled.matches("ba7816bf").count(), 2);
    assert_eq!(filled.lines().count(), TEMPLATE.lines().count());
}

#[test]
fn an_archive_that_would_be_forgotten_is_an_error() {
    let error = fill(TEMPLATE, "", &some(&[&named("plan9-amd64")]).unwrap()).unwrap_err();
    assert_eq!(error, Error::Unknown("PLAN9_AMD64".into(), named("plan9-amd64")));
}

#[test]
fn a_placeholder_that_nothing_is_known_for_is_an_error() {
    let template = format!("name: @NAME@\n{TEMPLATE}");
    assert_eq!(fill(&template, "", &BTreeMap::new()), Err(Error::Unfilled("@NAME@".into())));
}

#[test]
fn an_archive_of_another_version_or_for_a_platform_that_has_one_is_refused() {
    insta::assert_snapshot!(
        some(&["kubectl-eks_encrypt-v0.0.0-linux-amd64.tar.gz"]).unwrap_err().to_string().replace(VERSION, "1.2.3"),
        @"kubectl-eks_encrypt-v0.0.0-linux-amd64.tar.gz is not named kubectl-eks_encrypt-v1.2.3-OS-ARCH.tar.gz or .zip; name it so, or leave it out"
    );
    let zip = format!("kubectl-eks_encrypt-v{VERSION}-linux-amd64.zip");
    insta::assert_snapshot!(
        some(&[&named("linux-amd64"), &zip]).unwrap_err().to_string().replace(VERSION, "1.2.3"),
        @"kubectl-eks_encrypt-v1.2.3-linux-amd64.tar.gz and kubectl-eks_encrypt-v1.2.3-linux-amd64.zip are for the same platform; leave one of them out"
    );
}
