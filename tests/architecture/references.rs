//! Holds documents and module heads to the sources: the paths, types and functions that they name in backticks are
//! there, and the table of layers in ARCHITECTURE.md is the one that is enforced.

use super::{MAY_USE, files, root, text, texts_below};
use std::collections::BTreeSet;

/// Folders of the project, besides the layers, with which a path begins.
const FOLDERS: [&str; 9] = ["src", "tests", "assets", "docs", "benches", "fuzz", "examples", ".ci", ".cargo"];
/// Ends of a path that is checked wherever it begins.
const PATH_ENDS: [&str; 4] = [".rs", ".sql", ".toml", "/"];
/// Media types that look like a path of the layer `text`.
const MEDIA_TYPES: [&str; 3] = ["text/event-stream", "text/html", "text/plain"];
/// Names that other crates or the language declare.
const FOREIGN_NAMES: [&str; 8] = ["Clone", "Deserialize", "Display", "Serialize", "axum", "crate", "self", "super"];
/// Words that declare the name behind them.
const DECLARING_WORDS: [&str; 8] = ["struct", "enum", "trait", "type", "fn", "const", "static", "mod"];
/// Words between a visibility and a declaring word.
const MODIFIERS: [&str; 2] = ["async", "const"];
/// Capitals of a type name that can be told from the name of a header, a product or a state.
const MIN_CAPITALS: usize = 2;

/// Inline code of a Markdown text, outside fenced blocks: the line that it begins on, and the code.
fn quoted(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut is_fenced) = (Vec::new(), false);
    let mut open: Option<(usize, String)> = None;
    for (n, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        }
        // Code that is not closed within its paragraph is no code.
        if is_fenced || line.trim().is_empty() || line.trim_start().starts_with("```") {
            open = None;
            continue;
        }
        for (at, part) in line.split('`').enumerate() {
            if at > 0 {
                match open.take() {
                    Some(code) => found.push(code),
                    None => open = Some((n + 1, String::new())),
                }
            }
            if let Some((_, code)) = &mut open {
                code.push_str(part);
            }
        }
        if let Some((_, code)) = &mut open {
            code.push(' ');
        }
    }
    found
}

/// Path of the project that a code begins with; `None` for any other text.
fn path_of(code: &str) -> Option<&str> {
    let path = code.split_whitespace().next()?.split("::").next()?;
    let first = path.split('/').next()?;
    let is_path = path.contains('/')
        && path.starts_with(|c: char| c.is_ascii_lowercase() || c == '.')
        && path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '*'));
    let is_layer = first == "cli" || MAY_USE.iter().any(|(layer, _)| *layer == first);
    let is_ours = is_layer || FOLDERS.contains(&first) || PATH_ENDS.iter().any(|end| path.ends_with(end));
    (is_path && is_ours && !MEDIA_TYPES.contains(&path)).then_some(path)
}

/// Whether a path exists in the project or below `src`; a module may be named without `.rs`. Of a path with `*` the
/// folder before it is looked at.
fn exists(path: &str) -> bool {
    let path =
        path.split_once('*').map_or(path, |(before, _)| before.rsplit_once('/').map_or("", |(folder, _)| folder));
    [path.to_owned(), format!("src/{path}"), format!("src/{path}.rs")].iter().any(|place| root().join(place).exists())
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Word that declares something at the beginning of a line, and the name that it declares.
fn declaration(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with(|c: char| c.is_ascii_lowercase()) {
        return None;
    }
    let line = line.strip_prefix("pub").map_or(line, |rest| {
        rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest)
    });
    let words: Vec<&str> = identifiers(line).take(4).collect();
    let is_declaration = |pair: &[&str]| DECLARING_WORDS.contains(&pair[0]) && !DECLARING_WORDS.contains(&pair[1]);
    let at = words.windows(2).position(is_declaration)?;
    words[..at].iter().all(|word| MODIFIERS.contains(word)).then(|| (words[at], words[at + 1]))
}

/// Names of one file.
#[derive(Default)]
struct DeclaredNames {
    /// Names that the file declares: types, variants, functions, constants, modules.
    names: BTreeSet<String>,
    /// Modules that the file belongs to, and types that it declares or implements.
    scopes: BTreeSet<String>,
}

/// Names of all sources and tests.
#[derive(Default)]
struct SourceNames {
    files: Vec<DeclaredNames>,
    /// Names that any file declares, implements or imports from another one.
    known: BTreeSet<String>,
    functions: BTreeSet<String>,
}

impl SourceNames {
    fn read() -> Self {
        let mut names = Self::default();
        for (path, text) in ["src", "tests", "benches"].into_iter().flat_map(|folder| texts_below(folder, "rs")) {
            names.add(&path, &text);
        }
        assert!(names.functions.len() > 3_000, "functions were not found: {}", names.functions.len());
        names
    }

    fn add(&mut self, path: &str, text: &str) {
        let mut file = DeclaredNames::default();
        file.scopes.extend(path.trim_end_matches(".rs").split('/').map(str::to_owned));
        // Indentation of the variants, within an enum.
        let mut variants_at = None;
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let code = line.trim_start();
            let indentation = line.len() - code.len();
            if code.starts_with("impl") {
                file.scopes.extend(identifiers(code).map(str::to_owned));
            } else if let Some((word, name)) = declaration(code) {
                file.names.insert(name.to_owned());
                if word == "fn" {
                    self.functions.insert(name.to_owned());
                } else {
                    file.scopes.insert(name.to_owned());
                }
                if word == "enum" {
                    variants_at = Some(indentation + 4);
                }
            } else if variants_at == Some(indentation) && code.starts_with(char::is_uppercase) {
                file.names.extend(identifiers(code).next().map(str::to_owned));
            } else if variants_at == Some(indentation + 4) && code.starts_with('}') {
                variants_at = None;
            }
        }
        self.known.extend(file.names.iter().chain(&file.scopes).cloned());
        // The compiler vouches for imports, also for those of types that a macro declares.
        for import in text.split("use crate::").skip(1) {
            self.known.extend(identifiers(import.split(';').next().unwrap_or_default()).map(str::to_owned));
        }
        self.files.push(file);
    }

    /// Whether a file that belongs to a module, or that declares or implements a type, declares a name.
    fn has_member(&self, scope: &str, name: &str) -> bool {
        self.files.iter().any(|file| file.scopes.contains(scope) && file.names.contains(name))
    }

    /// Names in a code that are declared nowhere: types with at least so many capitals, members of types and modules,
    /// and functions with empty parentheses.
    fn missing(&self, code: &str, min_capitals: usize) -> Vec<String> {
        let mut missing = Vec::new();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
        if !code.chars().all(|c| is_name(c) || matches!(c, '<' | '>' | '(' | ')' | ',' | '&' | '\'' | '…')) {
            return missing;
        }
        for path in code.split(|c: char| !is_name(c)) {
            let parts: Vec<&str> = path.split("::").collect();
            if FOREIGN_NAMES.contains(&parts[0]) {
                continue;
            }
            let is_unknown = |name: &&&str| n_capitals(name) >= min_capitals && !self.known.contains(**name);
            missing.extend(parts.iter().filter(is_unknown).map(|name| (*name).to_owned()));
            let strays = parts.windows(2).filter(|pair| !self.has_member(pair[0], pair[1]));
            missing.extend(strays.map(|pair| pair.join("::")));
        }
        let function = code.strip_suffix("()").filter(|name| !name.contains("::") && n_capitals(name) == 0);
        missing.extend(function.filter(|name| !self.functions.contains(*name)).map(str::to_owned));
        missing
    }
}

/// Number of capitals of a type name; 0 for any other name.
fn n_capitals(name: &str) -> usize {
    let is_type = name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
    if is_type { name.matches(char::is_uppercase).count() } else { 0 }
}

/// What a text names that is not there, with the line. Names are checked from so many capitals on; without a number,
/// only paths are checked.
fn faults(text: &str, names: &SourceNames, min_capitals: Option<usize>) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, code) in quoted(text) {
        if path_of(&code).is_some_and(|path| !exists(path)) {
            faults.push(format!("{line} names the path {code}, which is not there"));
        }
        for name in min_capitals.map_or_else(Vec::new, |least| names.missing(&code, least)) {
            faults.push(format!("{line} names {code}, but {name} is declared nowhere"));
        }
    }
    faults
}

#[test]
fn what_documents_name_is_there() {
    let names = SourceNames::read();
    let mut documents = texts_below("docs", "md");
    documents.extend(["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"].map(|path| (path.to_owned(), text(path))));
    let mut found = Vec::new();
    let mut n_codes = 0;
    for (path, text) in &documents {
        n_codes += quoted(text).len();
        let min_capitals = match path.as_str() {
            "ARCHITECTURE.md" | "CONTRIBUTING.md" => Some(1),
            path if path.starts_with("docs/internals/") => Some(MIN_CAPITALS),
            _ => None,
        };
        found.extend(faults(text, &names, min_capitals).into_iter().map(|fault| format!("{path}:{fault}")));
    }
    assert!(n_codes > 1_000, "inline code was not found: {n_codes}");
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[test]
fn what_module_heads_name_is_there() {
    let names = SourceNames::read();
    let mut found = Vec::new();
    for file in files() {
        let head: Vec<&str> = file.text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let faults = faults(&head.join("\n"), &names, Some(MIN_CAPITALS));
        found.extend(faults.into_iter().map(|fault| format!("{}:{fault}", file.path)));
    }
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_table_of_layers_is_the_one_that_is_enforced() {
    let document = text("ARCHITECTURE.md");
    let (_, rest) = document.split_once("\n## The layers\n").expect("the heading of the layers");
    let section = rest.split("\n##").next().unwrap_or_default();
    let mut rows: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [layer, _, uses] = cells[..] else { panic!("three cells: {line}") };
        rows.push((layer.trim_matches('`'), uses.split(' ').filter(|used| *used != "–").collect()));
    }
    assert_eq!(rows.pop().map(|(layer, _)| layer), Some("cli"), "the last row is the layer that may name everything");
    let enforced: Vec<(&str, Vec<&str>)> = MAY_USE.iter().map(|(layer, uses)| (*layer, uses.to_vec())).collect();
    assert_eq!(rows, enforced);
}

#[test]
fn planted_references_are_caught() {
    let names = SourceNames::read();
    let found = |code: &str| faults(&format!("It is `{code}`."), &names, Some(1));
    for there in [
        "engine/dispatcher.rs",
        "tui/panes/",
        "domain/scan",
        "src/tui/tests",
        "tests/data/conformance/*.toml",
        ".ci/fuzz 300",
        "text/plain",
        "AuthorizedKey<P>",
        "Effect::StartJob(BackgroundJob::FetchLogPage(…))",
        "Untrusted::sanitized",
        "panes::rows_of",
        "rows_of()",
        "SubscriptionId",
        "Retry-After",
        "crow check",
    ] {
        assert_eq!(found(there), Vec::<String>::new(), "{there}");
    }
    for missing in [
        "engine/despatcher.rs",
        "tui/pane/",
        "domain/scans",
        "src/tui/test",
        "tests/data/conformances/*.toml",
        ".ci/fuzzy 300",
        "AuthorisedKey<P>",
        "Effect::BeginJob(BackgroundJob::FetchLogPage(…))",
        "Untrusted::inert",
        "panes::rows_off",
        "rows_off()",
        "SubscriptionsId",
    ] {
        assert_ne!(found(missing), Vec::<String>::new(), "{missing}");
    }
    let text = "one\n```sh\n`engine/despatcher.rs`\n```\ntwo `engine/\nno` and `engine/despatcher.rs`\n";
    assert_eq!(quoted(text), [(5, "engine/ no".to_owned()), (6, "engine/despatcher.rs".to_owned())]);
    assert_eq!(faults(text, &names, None).len(), 1, "{:?}", faults(text, &names, None));
}
