//! Holds the walls between the layers: who may name whom, how each file begins, and how large it may grow. Inside one crate the compiler
//! does not mind a hole in a wall; this test does.

#[path = "architecture/controls.rs"]
mod controls;
#[path = "architecture/language.rs"]
mod language;
#[path = "architecture/modules.rs"]
mod modules;
#[path = "architecture/reads.rs"]
mod reads;
#[path = "architecture/references.rs"]
mod references;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Layers that each layer may name, besides itself. `cli` may name every layer, and no layer may name `cli`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("text", &["domain"]),
    ("clock", &["domain"]),
    ("files", &[]),
    ("database", &["files"]),
    ("wire", &["domain", "text"]),
    ("store", &["domain", "files", "database"]),
    ("engine", &["domain", "clock", "files", "store"]),
    ("http", &["domain", "clock", "wire"]),
    ("server", &["domain", "clock", "wire", "http", "engine"]),
    ("client", &["domain", "files", "wire"]),
    ("history", &["domain", "files", "wire", "database"]),
    ("observer", &["domain", "clock", "wire", "http", "client", "history"]),
    ("relay", &["domain", "clock", "files", "wire", "http", "client", "history"]),
    ("sync", &["domain", "text", "clock", "files", "wire", "client", "history"]),
    ("diagnose", &["domain", "text", "clock", "wire", "client", "sync"]),
    ("export", &["domain", "text", "clock", "files", "wire", "sync", "diagnose"]),
    ("tui", &["domain", "text", "clock", "files", "wire", "sync", "diagnose", "export"]),
    ("demo", &["domain", "clock", "wire", "client"]),
];

/// The one file of the console that may name the client.
const PERFORM: &str = "src/tui/runtime/perform.rs";
/// Files that may read the environment.
const SETTINGS: &str = "src/cli/settings.rs";
/// Lines of production code in a file at most.
const LONGEST: usize = 500;

struct File {
    path: String,
    layer: String,
    text: String,
}

impl File {
    /// Returns the production code of the file, without its tests.
    fn production(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
    }

    /// Checks whether the whole file is test code.
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/") || self.path.ends_with("/fixture.rs")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A text file of the project.
fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Text files below a folder of the project, each with its path in the project.
fn texts_below(folder: &str, extension: &str) -> Vec<(String, String)> {
    let (mut folders, mut texts) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is here") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let shown = path.strip_prefix(root()).expect("inside the project").to_string_lossy().replace('\\', "/");
                texts.push((shown, fs::read_to_string(&path).expect("readable")));
            }
        }
    }
    texts
}

fn files() -> Vec<File> {
    let layer = |path: &str| path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default().to_owned();
    let files: Vec<File> =
        texts_below("src", "rs").into_iter().map(|(path, text)| File { layer: layer(&path), path, text }).collect();
    assert!(files.len() > 50, "the sources were not found");
    files
}

/// The layers a text names: the word behind each `crate::`, and each word at the top level of a group `crate::{…}`.
fn named(text: &str) -> BTreeSet<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect();
    let mut layers = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.trim_start().strip_prefix('{') {
            Some(group) => layers.extend(top_level(group)),
            None => layers.extend(word(rest)),
        }
    }
    layers
}

fn word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

fn top_level(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut words) = (0_usize, 0, Vec::new());
    for (position, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                words.extend(word(&group[start..position]));
                start = position + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    words
}

/// Lists the violations of a file.
fn faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    if !file.text.starts_with("//! ") {
        faults.push(format!("{} does not begin with a //! head", file.path));
    }
    let n_lines = file.production().lines().count();
    if !file.is_test() && n_lines > LONGEST {
        faults.push(format!("{} has {n_lines} lines of production code; split it", file.path));
    }
    if matches!(file.layer.as_str(), "lib" | "main" | "cli") {
        if file.path != SETTINGS && file.text.contains("env::var") {
            faults.push(format!("{} reads the environment; that belongs into {SETTINGS}", file.path));
        }
        return faults;
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(layer, _)| *layer == file.layer) else {
        faults.push(format!("{} belongs to no known layer", file.path));
        return faults;
    };
    for layer in named(&file.text) {
        let is_known = layer == "cli" || MAY_USE.iter().any(|(known, _)| *known == layer);
        let is_free =
            layer == file.layer || allowed.contains(&layer.as_str()) || (layer == "client" && file.path == PERFORM);
        if is_known && !is_free {
            faults.push(format!("{} names {layer}, which {} may not use", file.path, file.layer));
        }
    }
    faults
}

#[test]
fn every_file_keeps_to_its_layer_its_head_and_its_size() {
    let faults: Vec<String> = files().iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn sql_stands_only_where_it_belongs() {
    let strays: Vec<String> = files()
        .iter()
        .filter(|file| !matches!(file.layer.as_str(), "store" | "database" | "history"))
        .filter(|file| {
            ["INSERT INTO ", "SELECT ", "UPDATE ", "DELETE FROM "].iter().any(|sql| file.production().contains(sql))
        })
        .map(|file| file.path.clone())
        .collect();
    assert!(strays.is_empty(), "SQL outside store and history: {strays:?}");
}

#[test]
fn every_dependency_has_a_reason() {
    let (manifest, architecture) = (text("Cargo.toml"), text("ARCHITECTURE.md"));
    let (_, parts) = architecture.split_once("\n## Chosen parts\n").expect("the section");
    let parts: BTreeSet<&str> = parts.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).collect();
    let (mut is_list, mut missing) = (false, Vec::new());
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_list = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| is_list) {
            missing.extend((!parts.contains(name)).then_some(name));
        }
    }
    assert!(missing.is_empty(), "ARCHITECTURE.md gives no reason for {missing:?}");
}

#[test]
fn a_planted_import_is_caught() {
    let plant = |layer: &str, text: &str| {
        let file = File {
            path: format!("src/{layer}/planted.rs"),
            layer: layer.to_owned(),
            text: format!("//! Planted.\n{text}"),
        };
        faults(&file).len()
    };
    assert_eq!(plant("tui", "use crate::store::keys;"), 1);
    assert_eq!(plant("tui", "use crate::client::connection::Client;"), 1);
    assert_eq!(plant("server", "use crate::{wire::{keys, page}, store::{self, keys}, domain};"), 1);
    assert_eq!(plant("engine", "fn f() { crate::server::serve(); }"), 1);
    assert_eq!(plant("domain", "use crate::wire;"), 1);
    assert_eq!(plant("demo", "use crate::{\n    clock::RuntimeEnv,\n    engine::handle::Engine,\n};"), 1);
    assert_eq!(plant("server", "use crate::{wire::{keys, page}, domain, engine::{self, keys::KeyDraft}};"), 0);
    assert_eq!(plant("domain", &"fn f() {}\n".repeat(LONGEST)), 1);
}
