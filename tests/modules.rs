//! The order of the modules: each uses only those before it, and the first ones know nothing of the platform.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order in which `src/lib.rs` declares them.
fn order() -> Vec<String> {
    let lib = fs::read_to_string("src/lib.rs").unwrap();
    let names = lib.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    names.map(|name| name.trim_end_matches(';').to_owned()).collect()
}

/// The module's files: `name.rs` and all below `name/`.
fn files(module: &str) -> Vec<PathBuf> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    let (file, folder) = (format!("src/{module}.rs"), format!("src/{module}"));
    if Path::new(&file).exists() {
        found.push(file.into());
    }
    if Path::new(&folder).is_dir() {
        below(Path::new(&folder), &mut found);
    }
    assert!(!found.is_empty(), "{module} has no file");
    found
}

/// What the file says, without comments and without its tests.
fn code(path: &Path) -> String {
    if path.ends_with("tests.rs") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_module_uses_only_those_before_it() {
    let order = order();
    assert!(order.len() > 8, "found only {order:?}");
    for (at, module) in order.iter().enumerate() {
        for file in files(module) {
            let code = code(&file);
            for later in &order[at + 1..] {
                let used = code.contains(&format!("crate::{later}::")) || code.contains(&format!("crate::{later}}}"));
                assert!(!used, "{} uses {later}, which comes after {module}", file.display());
            }
        }
    }
}

#[test]
fn the_first_modules_know_nothing_of_the_platform() {
    for module in ["ticket", "region", "grant", "store", "gate"] {
        for file in files(module) {
            assert!(!code(&file).contains("worker::"), "{} uses the worker crate", file.display());
        }
    }
}

/// Every file is in a module that the order names.
#[test]
fn no_file_is_outside_the_order() {
    let known: Vec<PathBuf> = order().iter().flat_map(|module| files(module)).collect();
    let mut all = Vec::new();
    for entry in fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        all.extend(if name == "lib" { Vec::new() } else { files(&name) });
    }
    for file in all {
        assert!(known.contains(&file), "{} is in no module that src/lib.rs declares", file.display());
    }
}
