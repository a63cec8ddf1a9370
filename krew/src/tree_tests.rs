//! Text as cargo prints it, and what is read from it.
use super::*;

const TEXT: &str = "\
0plugin v0.1.0 (/home/me/plugin)|Apache-2.0
1serde v1.0.0|MIT OR Apache-2.0
2derive v1.0.0 (proc-macro)|MIT
3syn v2.0.0|MIT
4ident v1.0.0|Unicode-3.0
1ident v1.0.0|Unicode-3.0 (*)
1old v0.9.0|
1serde v1.0.0|MIT OR Apache-2.0 (*)
";

#[test]
fn a_macro_and_what_only_it_needs_is_not_shipped() {
    let Tree { root, crates } = tree(TEXT).unwrap();
    assert_eq!(root.name, "plugin");
    let shipped =
        |shipped| crates.iter().filter(move |known| known.1.shipped == shipped).map(|known| known.0.name.as_str());
    assert_eq!(shipped(true).collect::<Vec<_>>(), ["ident", "old", "plugin", "serde"]);
    assert_eq!(shipped(false).collect::<Vec<_>>(), ["derive", "syn"]);
}

#[test]
fn licences_needs_and_whose_it_is_are_read() {
    let Tree { root, crates } = tree(TEXT).unwrap();
    let plugin = &crates[&root];
    assert!(plugin.ours);
    assert_eq!(plugin.needs.iter().map(|need| need.name.as_str()).collect::<Vec<_>>(), ["ident", "old", "serde"]);
    let licence = |name: &str| crates.iter().find(|known| known.0.name == name).unwrap().1.licence.as_deref();
    assert_eq!((licence("ident"), licence("old")), (Some("Unicode-3.0"), None));
    assert!(!crates.iter().any(|known| known.0.name == "serde" && known.1.ours));
}

#[test]
fn what_cargo_does_not_print_is_an_error() {
    assert_eq!(tree("").unwrap_err(), Error::Empty);
    for line in ["├── serde v1.0.0|MIT", "0serde v1.0.0", "1serde v1.0.0|MIT", "0serde|MIT"] {
        assert_eq!(tree(line).unwrap_err(), Error::Line(line.into()));
    }
}

#[test]
fn a_licence_cant_put_another_root_into_the_list() {
    let forged = "0harmless v9.9.9|MIT";
    assert_eq!(tree(&format!("{TEXT}2last v1.0.0|MIT\n{forged}\n")).unwrap_err(), Error::Line(forged.into()));
}

#[test]
fn a_chain_of_any_length_is_read() {
    let text: String = (0..100_000).map(|depth| format!("{depth}c{depth} v1.0.0|MIT\n")).collect();
    let Tree { crates, .. } = tree(&text).unwrap();
    assert!(crates.len() == 100_000 && crates.values().all(|known| known.shipped));
}
