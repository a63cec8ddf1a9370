//! What krew makes of the archive that is shipped, and kubectl of what krew has made. The judge of the whole: nothing here knows
//! how the archive came to be.

use super::home::{Home, MANIFEST};
use super::release_files::{VERSION, shipped};
use super::support::run;

#[test]
fn krew_installs_it_and_kubectl_finds_it_and_removed_it_can_be_installed_again() {
    let (home, shipped) = (Home::new(), shipped());
    let output = home.install(&shipped.manifest, &shipped.archive(this_arch()));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("Installed plugin: eks-encrypt"), "{}", output.stderr);

    let link = home.bin().join("kubectl-eks_encrypt");
    let list = home.kubectl(&["plugin", "list"]);
    assert!(list.stdout.lines().any(|line| line == link.to_str().unwrap()), "{} {}", list.stdout, list.stderr);
    assert!(!list.stderr.contains("warning"), "{}", list.stderr);
    // krew links the one program alone; the rest lies beside what the link leads to.
    let store = std::fs::canonicalize(&link).unwrap();
    assert_eq!(
        store.parent(),
        Some(home.path(&format!("krew/store/eks-encrypt/v{VERSION}")).canonicalize().unwrap().as_path())
    );
    for file in ["LICENSE", "README.md", "eks-encrypt-job.oci.tar"] {
        assert!(store.with_file_name(file).is_file(), "{file} is not installed");
    }

    assert_eq!(home.kubectl(&["eks-encrypt", "version"]).ok().trim(), VERSION);
    assert_eq!(home.kubectl(&["eks_encrypt", "version"]).ok().trim(), VERSION, "kubectl takes both");
    let version = home.kubectl(&["eks-encrypt", "version", "-o", "json"]).json();
    let wire = eks_encrypt_job::wire::event::WIRE_VERSION;
    assert_eq!((&version["version"], &version["wireFormat"]), (&VERSION.into(), &wire.into()), "{version}");
    assert_eq!(version["platform"], format!("linux/{}", this_arch()));
    // The image is found from the link in krew's folder.
    assert_eq!(version["image"], home.kubectl(&["eks-encrypt", "image", "digest"]).ok().trim());

    // What README.md says where `krew uninstall` can't be: it wants an index, which comes from the internet.
    let line = "cd \"$KREW_ROOT\" && rm -r bin/kubectl-eks_encrypt store/eks-encrypt receipts/eks-encrypt.yaml";
    run(home.command("/bin/sh").args(["-c", line])).ok();
    assert!(home.kubectl(&["eks-encrypt", "version"]).error().contains("unknown command"));
    home.install(&shipped.manifest, &shipped.archive(this_arch())).ok();
    home.kubectl(&["eks-encrypt", "version"]).ok();
}

/// On a machine without krew's index, which it would clone with git: a manifest and an archive are all that it asks for.
#[test]
fn krew_needs_neither_git_nor_an_index() {
    let (home, shipped) = (Home::new(), shipped());
    let manifest = home.write(MANIFEST, &shipped.manifest);
    let krew = eks_encrypt_sandbox::parts::Parts::of_this_checkout().krew_bin().unwrap().join("kubectl-krew");
    let mut command = home.command(krew);
    command.args(["install", "--manifest"]).arg(manifest).arg("--archive").arg(shipped.archive(this_arch()));
    // There is no git in the folder that krew links into, and nothing else on this PATH.
    let output = run(command.env("PATH", home.bin()).env("HTTPS_PROXY", "http://127.0.0.1:1"));
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(home.kubectl(&["eks-encrypt", "version"]).ok().trim(), VERSION);
}

/// This machine's architecture as Go names it.
fn this_arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}
