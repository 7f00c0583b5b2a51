//! The order of the modules in both crates: each uses only those before it. That the first crate knows nothing of the platform is
//! the compiler's to see: `core/Cargo.toml` doesn't have it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

#[path = "modules/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Declared, Source};

/// Where each crate's source is, and how many modules it has at the least.
const CRATES: [(&str, usize); 2] = [("core/src", 7), ("src", 6)];

/// A file of the crate, and the module that it is: from the root on.
struct File {
    path: PathBuf,
    module: Vec<String>,
    test: bool,
    source: Source,
}

/// Every file that the `lib.rs` in the folder `root` leads to.
fn files(root: &str) -> Vec<File> {
    let mut files = vec![open(Path::new(root).join("lib.rs"), Vec::new(), false)];
    let mut at = 0;
    while let Some(file) = files.get(at) {
        let found: Vec<_> =
            file.source.modules.iter().map(|declared| (place(root, file, declared), declared)).collect();
        let found = found.into_iter().map(|(path, it)| open(path, it.module.clone(), file.test || it.test));
        let found: Vec<_> = found.collect();
        files.extend(found);
        at += 1;
    }
    files
}

fn open(path: PathBuf, module: Vec<String>, test: bool) -> File {
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    File { source: source::read(&text, &module), path, module, test }
}

/// Where the module is that a file declares.
fn place(root: &str, file: &File, declared: &Declared) -> PathBuf {
    if let Some(path) = &declared.path {
        return file.path.with_file_name(path);
    }
    let folder = declared.module.iter().fold(PathBuf::from(root), |folder, name| folder.join(name));
    let own = folder.with_extension("rs");
    if own.exists() { own } else { folder.join("mod.rs") }
}

/// The modules in the order in which `lib.rs` declares them.
fn order(files: &[File]) -> Vec<String> {
    files[0].source.modules.iter().map(|declared| declared.module[0].clone()).collect()
}

/// What the module uses that doesn't come before it, in words. `order` has it.
fn breaches(source: &Source, module: &str, order: &[String]) -> Vec<String> {
    let at = order.iter().position(|name| name == module).unwrap();
    let allowed = |path: &Vec<String>| path.first().is_some_and(|first| order[..=at].contains(first));
    let later = source.paths.iter().filter(|path| !allowed(path)).map(|path| format!("crate::{}", path.join("::")));
    later.chain(source.hidden.iter().map(|&what| what.to_owned())).collect()
}

#[test]
fn a_module_uses_only_those_before_it() {
    for (root, at_least) in CRATES {
        let files = files(root);
        let order = order(&files);
        assert!(order.len() >= at_least, "{root}: found only {order:?}");
        for file in files.iter().filter(|file| !file.test && !file.module.is_empty()) {
            let found = breaches(&file.source, &file.module[0], &order);
            assert!(found.is_empty(), "{} uses what doesn't come before it: {found:?}", file.path.display());
        }
    }
}

/// Every file is one that the order leads to.
#[test]
fn no_file_is_outside_the_order() {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    for (root, _) in CRATES {
        let known: Vec<_> = files(root).into_iter().map(|file| file.path).collect();
        let mut all = Vec::new();
        below(Path::new(root), &mut all);
        let named = |script: &Path| {
            let module = format!("module = \"/{}\"", script.display());
            known.iter().any(|file| fs::read_to_string(file).unwrap().contains(&module))
        };
        // JavaScript that the Worker's modules call stands beside them, and one of them names it; or the entry does, or another script.
        let is_script = |file: &&PathBuf| file.extension().is_some_and(|ends| ends == "js");
        let mut scripts: Vec<_> = all.iter().filter(is_script).filter(|script| named(script)).cloned().collect();
        scripts.extend(imports(Path::new("entry/index.js"), "./src/", "src"));
        let mut at = 0;
        while let Some(script) = scripts.get(at) {
            let found = imports(script, ".", &script.parent().unwrap().display().to_string());
            let found: Vec<_> = found.into_iter().filter(|found| !scripts.contains(found)).collect();
            scripts.extend(found);
            at += 1;
        }
        for file in &all {
            let good = if is_script(&file) { scripts.contains(file) } else { known.contains(file) };
            assert!(good, "{} is in no module that {root}/lib.rs leads to", file.display());
        }
    }
}

/// The files that the script imports by a path that begins so, taken from `folder`.
fn imports(script: &Path, start: &str, folder: &str) -> Vec<PathBuf> {
    let text = fs::read_to_string(script).unwrap();
    let named = text.lines().filter_map(|line| line.split_once("from \"")?.1.split('"').next());
    let mut found = Vec::new();
    for name in named.filter(|name| name.starts_with(start)) {
        let mut path = PathBuf::from(folder);
        for part in name.strip_prefix("./src/").unwrap_or(name).split('/') {
            match part {
                "." => {}
                ".." => assert!(path.pop(), "{name}"),
                part => path.push(part),
            }
        }
        found.push(path);
    }
    found
}

/// Scripts keep the order, too: each imports from its own module, or from one before it.
#[test]
fn scripts_import_only_what_comes_before() {
    let root = source::read(&fs::read_to_string("src/lib.rs").unwrap(), &[]);
    let order: Vec<_> = root.modules.iter().map(|declared| declared.module[0].clone()).collect();
    let place = |file: &Path| {
        let module = file.components().nth(1).unwrap().as_os_str().to_str().unwrap().to_owned();
        order.iter().position(|name| *name == module).unwrap()
    };
    let mut looked_at = 0;
    for folder in order.iter().map(|name| Path::new("src").join(name)).filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder).unwrap() {
            let script = entry.unwrap().path();
            if script.extension().is_none_or(|ends| ends != "js") {
                continue;
            }
            for imported in imports(&script, ".", &script.parent().unwrap().display().to_string()) {
                assert!(imported.is_file(), "{}", imported.display());
                assert!(place(&imported) <= place(&script), "{} imports {}", script.display(), imported.display());
                looked_at += 1;
            }
        }
    }
    assert!(looked_at >= 5, "{looked_at} imports");
}

/// `first` may use `first`, `middle` also `first`, and nobody the root. The snippet stands in `middle::inner`.
fn found(snippet: &str) -> Vec<String> {
    let order = ["first", "middle", "later"].map(str::to_owned);
    breaches(&source::read(snippet, &["middle".to_owned(), "inner".to_owned()]), "middle", &order)
}

#[test]
fn every_way_to_use_a_later_module_is_seen() {
    for snippet in [
        "use crate::later;",
        "use crate::later::now;",
        "use crate::later as first;",
        "use crate::{later};",
        "use crate::{later::now};",
        "use crate::{first::a, later::now};",
        "use crate::{first::{a, b}, later::{self, c}};",
        "use crate::{first, {later::now}};",
        "use crate::{\n    first,\n    // later,\n    later::now as then,\n};",
        "pub(crate) use crate::later::now;",
        "pub(in crate::later) fn f() {}",
        "use crate::r#later::now;",
        "use crate :: later :: now;",
        "use super::super::later::now;",
        "use super::{super::later::now};",
        "use super::{a, super::{later}};",
        "use self::super::super::later;",
        "use super::super::{first, later};",
        "mod deep { use super::super::super::later; }",
        "mod deep { pub mod deeper { fn f() { super::super::super::super::later::now() } } }",
        // All of the root, and another name for it.
        "use crate::*;",
        "use super::super::*;",
        "use crate as c;",
        "use crate::{self as c};",
        "use super::super as root;",
        "use self::super::super as root;",
        "use super::{super as root};",
        "extern crate self as ws_ticket;",
        // What stands at the root only, such as a name that it gives to something later.
        "use crate::Renamed;",
        "crate::made_by_a_macro!();",
        // Not in a `use`.
        "fn f() { crate::later::now() }",
        "fn f() { use crate::{later}; }",
        "fn f() -> crate::later::Time { todo!() }",
        "fn f(x: &[crate::later::Time; 2]) {}",
        "fn f<T: super::super::later::Clock>() {}",
        "type T = <crate::later::Time as Clone>::Owned;",
        "impl From<()> for crate::later::Time {}",
        "fn f() { let crate::later::Time { x } = y; }",
        "const C: u8 = super::super::later::C;",
        "struct S { x: Option<crate::later::Time> }",
        "struct S(pub crate::later::Time);",
        "struct S(pub (crate::later::Time));",
        "struct S(pub(crate) crate::later::Time);",
        "crate::later::x!();",
        "fn f() { println!(\"{}\", crate::later::now()); }",
        "fn f() { assert!(matches!(x, Some(crate::later::Time { .. }))); }",
        "macro_rules! m { () => { $crate::later::now() }; }",
        "macro_rules! m { ($name:ident) => { $crate::$name::now() }; }",
        "uses!(crate, later);",
        "include!(\"../later.rs\");",
        "#[derive(crate::later::Derive)] struct S;",
        "#[crate::later::attribute] fn f() {}",
        "struct S { #[serde(with = \"crate::later::text\")] x: u8 }",
        "struct S { #[serde(default = \"super::super::later::now\")] x: u8 }",
        "#[cfg_attr(wasm, serde(with = \"crate::later::text\"))] struct S;",
        "#[cfg(test)] mod tests {} use crate::later;",
        "#[cfg(test)] use crate::later;",
        "#[cfg(not(test))] mod real { use crate::later; }",
    ] {
        assert!(!found(snippet).is_empty(), "nothing was found in: {snippet}");
    }
}

#[test]
fn what_is_allowed_is_left_alone() {
    for snippet in [
        "use crate::{first::{self, a}, middle::b};",
        "use super::{Inner, other::{self, *}};",
        "use self::deeper::*;",
        "use super::super::first;",
        "use crate::first as later;",
        "use std::collections::HashMap as later;",
        "use later::now;",
        "pub(crate) fn f(self) -> Self { later::now(self.later) }",
        "pub(super) mod deeper;",
        "fn f() { crate::first::now::<u8>(super::g::<T>()) }",
        "// crate::later::now\nfn f() {}",
        "/// [`crate::later::now`]\nfn f() {}",
        "/* crate::later */ fn f() { /* super::super::later */ }",
        "fn f() { g(\"crate::later::now\") }",
        "#[cfg(test)] mod tests { use crate::later; fn f() { crate::later::now() } }",
        "#[cfg(test)]\n#[allow(clippy::unwrap_used)]\npub(crate) mod tests { use crate::*; }",
        "#[serde(with = \"crate::first::text\", rename = \"later\")] struct S;",
        "extern crate alloc;",
    ] {
        assert_eq!(found(snippet), Vec::<String>::new(), "in: {snippet}");
    }
}
