//! Imports point down: a folder uses those below it, and none above.

use std::path::{Path, PathBuf};

/// The folders and files of this crate, from the top down.
const LAYERS: [&str; 17] = [
    "time_limit",
    "commands",
    "cli",
    "cloudformation",
    "output",
    "checks",
    "registry",
    "run",
    "aws",
    "k8s",
    "cluster_config",
    "ui",
    "model",
    "error",
    "cause",
    "file",
    "nss",
];

/// Those that know the command line. What is below knows options, whatever they came from.
const COMMAND_LINE: [&str; 3] = ["time_limit", "commands", "cli"];

/// What may use everything, and what is only used by tests.
const NO_LAYER: [&str; 4] = ["main", "testing", "fuzz_tests", "layers_tests"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// Where something is written, if it has a place.
fn layer(name: &str) -> Option<usize> {
    let place = LAYERS.iter().position(|layer| *layer == name);
    assert!(place.is_some() || NO_LAYER.contains(&name), "{name} has no place in LAYERS");
    place
}

#[test]
fn imports_point_down_and_clap_stays_on_top() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&root, &mut all);
    let mut upward = Vec::new();
    let mut clap = Vec::new();
    for file in &all {
        let path = file.strip_prefix(&root).unwrap();
        // Tests may set up what they need.
        if ["_tests.rs", "fixture.rs", "examples.rs"].iter().any(|end| path.to_str().unwrap().ends_with(end)) {
            continue;
        }
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let from = path.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if code.contains("clap::") && !COMMAND_LINE.contains(&from) && !NO_LAYER.contains(&from) {
            clap.push(path.to_owned());
        }
        for part in code.split("crate::").skip(1).filter(|part| part.starts_with(|c: char| c.is_ascii_lowercase())) {
            let to = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
            if let (Some(from), Some(to)) = (layer(from), layer(to))
                && to < from
            {
                upward.push(format!("{} uses {}", path.display(), LAYERS[to]));
            }
        }
    }
    assert!(all.len() > 100, "only {} files were read", all.len());
    assert!(upward.is_empty(), "{upward:#?}");
    assert!(clap.is_empty(), "these know clap: {clap:#?}");
}
