//! SHA256SUMS: a line for each file of a release, for `sha256sum --check`. Input: files. Output: text, in the order of names.

use std::path::PathBuf;

use crate::digest::sha256;
use crate::file;

/// The lines.
pub(crate) fn sums(files: &[PathBuf]) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for path in files {
        lines.push((file::name(path)?, sha256(&file::read(path)?)));
    }
    lines.sort_unstable();
    Ok(lines.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect())
}

#[cfg(test)]
mod tests {
    //! The format is sha256sum's own.
    use super::*;

    #[test]
    fn lines_are_sorted_and_as_sha256sum_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["b", "a"].map(|name| folder.path().join(name));
        for file in &files {
            std::fs::write(file, "abc").unwrap();
        }
        insta::assert_snapshot!(sums(&files).unwrap(), @r"
        ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a
        ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b
        ");
    }
}
