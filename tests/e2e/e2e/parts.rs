//! The cache of a sandbox's parts (`parts/build.sh`): clones that build at once, an interrupted build, and its removal. krew is the
//! part that is built quickly; `make test` has built it before.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What krew is built from.
const NEEDED: [&str; 3] = ["build.sh", "krew/go.mod", "krew/go.sum"];

/// A machine's cache, and clones that have nothing but the script and what pins krew.
struct Machine(TempDir);

impl Machine {
    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    fn clone(&self, name: &str) -> PathBuf {
        let clone = self.0.path().join(name);
        std::fs::create_dir_all(clone.join("krew")).unwrap();
        for file in NEEDED {
            let parts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sandbox/parts");
            std::fs::copy(parts.join(file), clone.join(file)).unwrap();
        }
        clone
    }

    fn start(&self, clone: &Path, group: &str) -> Child {
        let mut command = Command::new(clone.join("build.sh"));
        command.arg(group).env("EKS_ENCRYPT_PARTS", self.cache()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// How often a part was built.
    #[track_caller]
    fn built(&self, child: Child) -> usize {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        text.matches(": building ...").count()
    }

    /// The folder of krew.
    fn krew(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.cache()).unwrap().map(|entry| entry.unwrap().path());
        let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders.remove(0)
    }
}

#[test]
fn a_part_is_built_once_a_machine_and_again_after_an_interrupted_build_and_removed_alone() {
    let machine = Machine(tempfile::tempdir().unwrap());
    let (one, two) = (machine.clone("one"), machine.clone("two"));
    let at_once = [machine.start(&one, "krew"), machine.start(&two, "krew")];
    assert_eq!(at_once.map(|child| machine.built(child)).iter().sum::<usize>(), 1);
    for clone in [&one, &two] {
        assert!(clone.join(".built/krew/kubectl-krew").is_file(), "{}", clone.display());
    }
    assert_eq!(machine.built(machine.start(&one, "krew")), 0);

    // As a build leaves it that was ended half way.
    std::fs::remove_file(machine.krew().join(".complete")).unwrap();
    std::fs::remove_file(machine.krew().join("kubectl-krew")).unwrap();
    assert_eq!(machine.built(machine.start(&two, "krew")), 1);
    assert!(one.join(".built/krew/kubectl-krew").is_file());

    // Another version is another folder.
    let pinned = one.join("krew/go.mod");
    let newer = std::fs::read_to_string(&pinned).unwrap() + "// newer\n";
    std::fs::write(pinned, newer).unwrap();
    assert_eq!(machine.built(machine.start(&one, "krew")), 1);
    assert_eq!(machine.built(machine.start(&two, "krew")), 0);

    // The folder may be one that has other things in it.
    std::fs::write(machine.cache().join("mine"), "").unwrap();
    assert_eq!(machine.built(machine.start(&two, "clean")), 0);
    let left = std::fs::read_dir(machine.cache()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["mine"]);
    assert!(!two.join(".built").exists());
}
