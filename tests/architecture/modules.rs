//! Holds the rooms inside the layers: no import cycle between the modules of a layer, and external crates only where a
//! layer needs them.

use super::{File, files};
use std::collections::{BTreeMap, BTreeSet};

/// External crates that only some layers may name. A crate that is not listed is open to all layers but `domain`.
const CRATE_OWNERS: &[(&str, &[&str])] = &[
    ("axum", &["http", "server", "relay", "demo", "cli", "observer"]),
    ("chacha20poly1305", &["engine"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("crossterm", &["tui", "cli"]),
    ("hickory_resolver", &["engine"]),
    ("hyper", &["engine", "http", "relay"]),
    ("hyper_util", &["engine", "http", "relay"]),
    ("if_addrs", &["engine"]),
    ("nucleo_matcher", &["tui"]),
    ("ratatui", &["tui", "cli"]),
    ("reqwest", &["client", "observer", "server", "demo", "cli"]),
    ("rusqlite", &["database", "store", "engine", "history", "cli"]),
    ("rusqlite_migration", &["database"]),
    ("rustls", &["client", "engine", "demo"]),
    ("socket2", &["engine", "http"]),
    ("tokio_rustls", &["engine", "relay", "demo"]),
    ("security_framework", &["cli"]),
    ("toml_edit", &["cli", "demo"]),
    ("tracing_subscriber", &["cli"]),
    ("tui_input", &["tui"]),
    ("webpki", &["engine"]),
    ("zip", &["export"]),
];

/// External crates that `domain` may name: pure functions over values.
const DOMAIN_CRATES: &[&str] = &[
    "base64",
    "chrono",
    "hex",
    "hmac",
    "md5",
    "sha1",
    "sha2",
    "subtle",
    "unicode_segmentation",
    "unicode_width",
    "url",
    "zeroize",
];

/// Module of a file: `src/tui/state/app.rs` and `src/tui/state/app/mod.rs` are `tui::state::app`.
fn module(path: &str) -> Vec<&str> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    path.trim_end_matches("/mod").split('/').collect()
}

/// Paths that a text names: those of `use` declarations, with groups expanded, and others that begin with `crate`,
/// `self` or `super`.
fn paths(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect();
    let mut found = Vec::new();
    for start in ["use ", "crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            if start == "use " {
                let line = code[..at].rsplit('\n').next().unwrap_or_default().trim();
                // Not the word in a text.
                if !line.is_empty() && !line.starts_with("pub") {
                    continue;
                }
                let end = code[at..].find(';').map_or(code.len(), |end| at + end);
                found.extend(expand(&code[at + start.len()..end]));
            } else {
                let path: String =
                    code[at..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
                // The prefix of a group belongs to the `use` declaration around it.
                if !path.ends_with("::") {
                    found.push(path);
                }
            }
        }
    }
    found
}

/// Child modules that a text declares and names without a prefix, as in `child::Item`.
fn named_children(text: &str) -> Vec<String> {
    let declared =
        text.lines().filter_map(|line| line.trim_end().strip_suffix(';')?.split_once("mod ")).map(|(_, child)| child);
    let is_named = |child: &&str| {
        text.match_indices(&format!("{child}::")).any(|(at, _)| {
            text[..at].chars().next_back().is_some_and(|c| !c.is_alphanumeric() && !matches!(c, '_' | ':' | '.' | '`'))
        })
    };
    declared.filter(is_named).map(|child| format!("self::{child}")).collect()
}

/// Expands the groups of a `use` tree.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let (prefix, group) = (&tree[..open], &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())]);
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts
        .into_iter()
        .filter(|part| !part.trim().is_empty())
        .flat_map(expand)
        .map(|part| format!("{prefix}{part}"))
        .collect()
}

/// Absolute path, without `crate`, of a path named in a module; `None` for one of another crate.
fn absolute(path: &str, named_in: &[&str]) -> Option<Vec<String>> {
    let mut base: Vec<String> = named_in.iter().map(|part| (*part).to_owned()).collect();
    let mut parts = path.split("::").filter(|part| !part.is_empty()).peekable();
    match *parts.peek()? {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            while parts.next_if_eq(&"super").is_some() {
                base.pop();
            }
            return Some(base.into_iter().chain(parts.map(str::to_owned)).collect());
        }
        _ => return None,
    }
    Some(base.into_iter().chain(parts.skip(1).map(str::to_owned)).collect())
}

/// Modules of the same layer that each module names.
fn imports(files: &[File]) -> BTreeMap<String, BTreeSet<String>> {
    let known: BTreeSet<String> = files.iter().map(|file| module(&file.path).join("::")).collect();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| !file.is_test()) {
        let me = module(&file.path);
        let children = named_children(file.production());
        let named = paths(file.production()).into_iter().chain(children).filter_map(|path| {
            // A path without a prefix may begin at a child of this module.
            let path = absolute(&path, &me).or_else(|| absolute(&format!("self::{path}"), &me))?;
            (1..=path.len()).rev().map(|n| path[..n].join("::")).find(|name| known.contains(name))
        });
        let own = me.join("::");
        let named = named.filter(|name| *name != own && name.split("::").next() == Some(me[0])).collect();
        imports.insert(own, named);
    }
    imports
}

/// A cycle that a module is part of, as the path back to it.
fn cycle<'a>(imports: &'a BTreeMap<String, BTreeSet<String>>, from: &'a str) -> Option<Vec<&'a str>> {
    let mut parents: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = vec![from];
    while let Some(at) = next.pop() {
        for to in imports.get(at).into_iter().flatten() {
            if to == from {
                let mut path = vec![from, at];
                while let Some(parent) = path.last().and_then(|last| parents.get(last)) {
                    path.push(parent);
                }
                path.reverse();
                return Some(path);
            }
            if !parents.contains_key(to.as_str()) {
                parents.insert(to, at);
                next.push(to);
            }
        }
    }
    None
}

fn cycles(files: &[File]) -> Vec<String> {
    let imports = imports(files);
    imports.keys().filter_map(|module| cycle(&imports, module)).map(|path| path.join(" → ")).collect()
}

/// External crates that a file names although its layer may not.
fn foreign_crates(file: &File) -> Vec<String> {
    let named: BTreeSet<String> =
        paths(file.production()).iter().map(|path| path.split("::").next().unwrap_or_default().to_owned()).collect();
    let is_kept_out = |name: &str| {
        let owners = CRATE_OWNERS.iter().find(|(of, _)| *of == name).map(|(_, owners)| owners);
        owners.is_some_and(|owners| !owners.contains(&file.layer.as_str()))
            || (file.layer == "domain" && dependencies().contains(name) && !DOMAIN_CRATES.contains(&name))
    };
    named.into_iter().filter(|name| is_kept_out(name)).map(|name| format!("{} names {name}", file.path)).collect()
}

/// External crates of the project, as code names them.
fn dependencies() -> BTreeSet<String> {
    let manifest = super::text("Cargo.toml");
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let names = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split([' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(|name| name.replace('-', "_")).collect()
}

#[test]
fn no_modules_of_a_layer_import_one_another_in_a_cycle() {
    let files = files();
    let cycles = cycles(&files);
    assert!(cycles.is_empty(), "\n{}\n", cycles.join("\n"));
}

#[test]
fn each_external_crate_is_named_only_by_the_layers_that_own_it() {
    let strays: Vec<String> = files().iter().filter(|file| !file.is_test()).flat_map(foreign_crates).collect();
    assert!(strays.is_empty(), "\n{}\n", strays.join("\n"));
}

fn planted(path: &str, text: &str) -> File {
    let layer = path.trim_start_matches("src/").split('/').next().unwrap_or_default().to_owned();
    File { path: path.to_owned(), layer, text: format!("//! Planted.\n{text}") }
}

#[test]
fn a_planted_cycle_is_caught_however_it_is_written() {
    let back = |path: &str, text: &str| {
        let files = [
            planted("src/store/mod.rs", "pub mod one;"),
            planted("src/store/one.rs", "use crate::{domain::ids, store::{two::Two, three}};"),
            planted("src/store/three.rs", ""),
            planted(path, text),
        ];
        cycles(&files).len()
    };
    assert_eq!(back("src/store/two.rs", "use super::one::One;"), 2);
    assert_eq!(back("src/store/two.rs", "use super::{three, one::{self, One}};"), 2);
    assert_eq!(back("src/store/two/mod.rs", "fn f() { crate::store::one::f(); }"), 2);
    assert_eq!(back("src/store/two.rs", "use super::Everything;"), 0);
    assert_eq!(back("src/store/one/two.rs", "use super::One;"), 0);
    assert_eq!(back("src/store/two.rs", "use super::three;"), 0);
    assert_eq!(back("src/store/two.rs", "#[cfg(test)]\nmod tests { use crate::store::one; }"), 0);
    let parent = [
        planted("src/store/parent/mod.rs", "pub mod child;\nenum Any { One(child::Child) }"),
        planted("src/store/parent/child.rs", "use super::Any;"),
    ];
    assert_eq!(cycles(&parent).len(), 2);
    assert_eq!(back("src/engine/two.rs", "use crate::store::one;"), 0);
}

#[test]
fn a_planted_crate_is_caught() {
    let strays = |path: &str, text: &str| foreign_crates(&planted(path, text)).len();
    assert_eq!(strays("src/engine/planted.rs", "use ratatui::text::Line;"), 1);
    assert_eq!(strays("src/domain/planted.rs", "use serde::{Deserialize, Serialize};"), 1);
    assert_eq!(strays("src/tui/planted.rs", "use rusqlite::Connection;"), 1);
    assert_eq!(strays("src/tui/planted.rs", "use ratatui::text::Line;"), 0);
}
