//! The programs as they are released: they run on their architectures, need nothing of the machine that they run on, say nothing of
//! the one that they were made on, and are small. `make release-test` compiles them; `make test` skips this module.

use std::process::Command;

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};
use serde_json::Value;

use crate::support::{
    ARCHES, IMAGE, JOB, MIB, PLUGIN, VERSION, archive, dist, entries, executable, output, program, read,
};

/// Runs a program; arm64's in qemu, which Debian's qemu-user-static brings.
fn say(name: &str, arch: &str, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    executable(&path, &program(name, arch));
    let mut command = match arch {
        "amd64" => Command::new(&path),
        _ => Command::new("qemu-aarch64-static"),
    };
    if arch != "amd64" {
        command.arg(&path);
    }
    // No setting and no file of this machine.
    output(command.args(arguments).env_clear().current_dir(folder.path()))
}

#[test]
fn both_architectures_say_their_version_and_help() {
    for arch in ARCHES {
        let version = say(PLUGIN, arch, &["version"]);
        assert!(version.contains(VERSION), "{arch}: {version}");
        assert_eq!(say(JOB, arch, &["--version"]), format!("{JOB} {VERSION}\n"));
        assert!(say(PLUGIN, arch, &["--help"]).contains("kubectl eks-encrypt"));
        assert!(say(JOB, arch, &["--help"]).contains("--max-qps"));
    }
}

#[test]
fn the_plugin_says_the_commit_and_the_platform_that_it_was_built_for() {
    for arch in ARCHES {
        let version: Value = serde_json::from_str(&say(PLUGIN, arch, &["version", "--output=json"])).unwrap();
        assert_eq!(version["platform"], format!("linux/{arch}"));
        // Both are of one commit, or neither says one.
        assert_eq!(version["revision"].as_str(), crate::image::revision().as_deref(), "{arch}");
    }
}

#[test]
fn they_are_static_and_for_the_architecture_that_they_are_named_after() {
    for arch in ARCHES {
        for name in [PLUGIN, JOB] {
            let bytes = program(name, arch);
            let header = elf::FileHeader64::<Endianness>::parse(bytes.as_slice()).unwrap();
            let endian = header.endian().unwrap();
            let machine = if arch == "amd64" { elf::EM_X86_64 } else { elf::EM_AARCH64 };
            assert_eq!(header.e_machine(endian), machine, "{name} of {arch}");
            // What is dynamic asks for an interpreter, ld-linux, and names libraries.
            let segments = header.program_headers(endian, bytes.as_slice()).unwrap();
            assert!(segments.iter().all(|segment| segment.p_type(endian) != elf::PT_INTERP), "{name} of {arch}");
            let dynamic = segments.iter().find_map(|segment| segment.dynamic(endian, bytes.as_slice()).unwrap());
            let needed = |entry: &elf::Dyn64<Endianness>| entry.d_tag.get(endian) == elf::DT_NEEDED;
            assert!(!dynamic.unwrap_or_default().iter().any(needed), "{name} of {arch} needs a library");
        }
    }
}

#[test]
fn no_path_of_this_machine_is_in_them() {
    let checkout = crate::support::checkout(".").canonicalize().unwrap();
    let home = |variable: &str, folder: &str| {
        std::env::var(variable).unwrap_or_else(|_| format!("{}/{folder}", std::env::var("HOME").unwrap()))
    };
    let paths = [checkout.display().to_string(), home("CARGO_HOME", ".cargo"), home("RUSTUP_HOME", ".rustup")];
    for arch in ARCHES {
        for name in [PLUGIN, JOB] {
            let bytes = program(name, arch);
            for path in &paths {
                let found = bytes.windows(path.len()).position(|window| window == path.as_bytes());
                let context = found.map(|at| String::from_utf8_lossy(&bytes[at..(at + 100).min(bytes.len())]));
                assert_eq!(context, None, "{name} of {arch}");
            }
        }
    }
}

/// A module for /etc/nsswitch.conf that ends, with 99, whatever loads it. It needs no library itself.
const TRAP: &str = r#"__attribute__((constructor)) static void trap(void) {
    __asm__ volatile("syscall" : : "a"(231), "D"(99) : "rcx", "r11", "memory");
}"#;

const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://nowhere.invalid"}}]
users: [{name: u, user: {token: t}}]
"#;

/// rust-lang/rust issue 100711: a static binary that loads another glibc's modules crashes.
#[test]
fn the_plugin_looks_names_up_without_the_machines_modules() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("trap.c"), TRAP).unwrap();
    std::fs::write(path("nsswitch.conf"), "hosts: trap files dns\npasswd: trap files\n").unwrap();
    std::fs::write(path("kubeconfig"), KUBECONFIG).unwrap();
    executable(&folder.path().join(PLUGIN), &program(PLUGIN, "amd64"));
    let (trap, module) = (path("trap.c"), path("libnss_trap.so.2"));
    output(Command::new("gcc").args(["-shared", "-fPIC", "-nostdlib", "-o", &module, &trap]));
    // Namespaces of its own: the machine's nsswitch.conf stays, and there is no name server to be asked.
    let script = "mount --bind nsswitch.conf /etc/nsswitch.conf; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "sh", "-ec", script, "sh", "env", "--ignore-environment"]);
    command
        .arg(format!("LD_LIBRARY_PATH={}", folder.path().display()))
        .arg(format!("KUBECONFIG={}", path("kubeconfig")));
    command.args(["AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_MAX_ATTEMPTS=1"]);
    command.arg("AWS_ENDPOINT_URL=http://nowhere.invalid").arg(path(PLUGIN));
    let said =
        command.args(["status", "--cluster=c", "--region=us-west-2"]).current_dir(folder.path()).output().unwrap();
    // It says what it could not see, which is no error.
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8_lossy(&said.stdout);
    assert_eq!(text.matches("failed to lookup address information").count(), 2, "{text}");
}

#[test]
fn the_plugin_is_smaller_than_25_mib() {
    for arch in ARCHES {
        let size = program(PLUGIN, arch).len();
        assert!(size < 25 * MIB, "{arch}: {size} bytes");
    }
}

#[test]
fn each_archive_is_smaller_than_25_mib() {
    for arch in ARCHES {
        let size = read(&dist(&archive(arch))).len();
        assert!(size < 25 * MIB, "{arch}: {size} bytes");
    }
}

#[test]
fn the_image_is_smaller_than_12_mib_for_each_architecture() {
    let entries = entries(&read(&dist(IMAGE)));
    for arch in ARCHES {
        let manifest = crate::image::manifest(&entries, arch);
        let pulled = manifest["config"]["size"].as_u64().unwrap() + manifest["layers"][0]["size"].as_u64().unwrap();
        // Unpacked, which is what a node stores, it holds too.
        let unpacked = program(JOB, arch).len();
        assert!(pulled < 12 * MIB as u64 && unpacked < 12 * MIB, "{arch}: {pulled} bytes");
    }
}
