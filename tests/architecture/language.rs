//! Holds the language of the project: type names, doc sentences, references between code and documents, and the words that users read.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, files, root, text, texts_below};

/// Types outside tests that share their name with another, at most. The ceiling only falls.
const MAX_SHARED_TYPE_NAMES: usize = 60;
/// Percent of the types outside tests whose name is one word, at most. The ceiling only falls.
const MAX_ONE_WORD_TYPES_PERCENT: usize = 25;
/// Words of the shortest doc block.
const MIN_DOC_WORDS: usize = 4;
/// Words that leave a sentence without an actor.
const ACTORLESS: [&str; 4] = ["somebody", "nobody", "whoever", "anybody"];
/// Words that users do not read, with the word of the glossary. A text is a string literal of three words or more, or a
/// doc that becomes help or OpenAPI.
const GLOSSARY: [(&str, &str); 19] = [
    ("somebody", "an operator, a caller"),
    ("nobody", "no operator, no caller"),
    ("whoever", "the caller that"),
    ("fuse", "failures in a row"),
    ("streak", "failures in a row"),
    ("passed by", "missed"),
    ("went by", "missed"),
    ("parked", "on hold"),
    ("run-book", "runbook"),
    ("as intended", "disabled by … with the reason"),
    ("is told", "receives, is shown"),
    ("acts now", "is active"),
    ("at hand", "available"),
    ("behind it", "after it"),
    ("beside those", "in addition to those"),
    ("dialled", "connected to"),
    ("handed on", "forwarded"),
    ("it fits", "the signature matches"),
    ("under way", "in progress"),
];
/// Files whose docs users read: they become help and OpenAPI.
const READ_BY_USERS: [&str; 2] = ["src/cli/arguments/", "src/wire/"];

/// Text with words of the glossary that is a code: an action of the audit trail.
const CODE: &str = "mark subscription as intended";

/// The file outside tests, without modules of unit tests at its end.
fn production(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| !file.is_test())
}

/// Doc blocks (`///` and `//!`) of a text: line number of the first line, and the sentence.
fn docs(text: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        match line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) {
            Some(said) if is_open => {
                let block = &mut blocks.last_mut().expect("a block is open").1;
                block.push(' ');
                block.push_str(said.trim());
            }
            Some(said) => {
                blocks.push((n + 1, said.trim().to_owned()));
                is_open = true;
            }
            None => is_open = false,
        }
    }
    blocks
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphabetic() || c == '\'' || c == '-')).filter(|word| !word.is_empty())
}

/// String literals of a Rust text, outside comments: line number and content as written.
fn literals(text: &str) -> Vec<(usize, String)> {
    let chars: Vec<char> = text.chars().collect();
    let (mut i, mut line, mut found) = (0, 1, Vec::new());
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    while i < chars.len() {
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
                continue;
            }
            // A character literal, or a lifetime, which has no closing quote two or three characters on.
            '\'' if at(i + 1) == '\\' => i += 3,
            '\'' if at(i + 2) == '\'' => i += 2,
            'r' if matches!(at(i + 1), '"' | '#') && !(i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_')) => {
                let n_hashes = (i + 1..).take_while(|&n| at(n) == '#').count();
                if at(i + 1 + n_hashes) == '"' {
                    let end: Vec<char> = std::iter::once('"').chain("#".repeat(n_hashes).chars()).collect();
                    let start = i + 2 + n_hashes;
                    let close = (start..chars.len()).find(|&n| chars[n..].starts_with(&end)).unwrap_or(chars.len());
                    found.push((line, chars[start..close].iter().collect()));
                    line += chars[i..close].iter().filter(|c| **c == '\n').count();
                    i = close + end.len();
                    continue;
                }
            }
            '"' => {
                let (start, first) = (i + 1, line);
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    line += usize::from(at(i) == '\n');
                    if at(i) == '\\' {
                        i += 1;
                        line += usize::from(at(i) == '\n');
                    }
                    i += 1;
                }
                found.push((first, chars[start..i.min(chars.len())].iter().collect()));
            }
            '\n' => line += 1,
            _ => {}
        }
        i += 1;
    }
    found
}

/// Names of the structs, enums and traits that a text declares.
fn types(text: &str) -> Vec<String> {
    let declared = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("pub").map_or(line, |rest| {
            rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest).trim_start()
        });
        let rest = ["struct ", "enum ", "trait "].into_iter().find_map(|word| line.strip_prefix(word))?;
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        (!name.is_empty()).then_some(name)
    };
    text.lines().filter_map(declared).collect()
}

fn n_words_of(name: &str) -> usize {
    name.chars().filter(char::is_ascii_uppercase).count().max(1)
}

#[test]
fn type_names_are_clear_without_their_module() {
    let files = files();
    let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for file in production(&files) {
        for name in types(file.production()) {
            places.entry(name).or_default().push(&file.path);
        }
    }
    let n_types: usize = places.values().map(Vec::len).sum();
    let shared: Vec<_> = places.iter().filter(|(_, at)| at.len() > 1).collect();
    let n_shared: usize = shared.iter().map(|(_, at)| at.len()).sum();
    assert!(n_shared <= MAX_SHARED_TYPE_NAMES, "{n_shared} types share a name: {shared:#?}");
    let one_word: Vec<_> = places.keys().filter(|name| n_words_of(name) == 1).collect();
    let n_one_word: usize = one_word.iter().map(|name| places[*name].len()).sum();
    assert!(
        n_one_word * 100 <= n_types * MAX_ONE_WORD_TYPES_PERCENT,
        "{n_one_word} of {n_types} types have a name of one word: {one_word:?}"
    );
}

#[test]
fn doc_sentences_stand_alone() {
    let files = files();
    let mut faults = Vec::new();
    let mut n_docs = 0;
    for file in production(&files) {
        for (line, said) in docs(file.production()) {
            n_docs += 1;
            let n_words = said.split_whitespace().count();
            if n_words < MIN_DOC_WORDS {
                faults.push(format!("{}:{line} has a doc of {n_words} words: {said}", file.path));
            }
            let lower = said.to_lowercase();
            if let Some(word) = words(&lower).find(|word| ACTORLESS.contains(word)) {
                faults.push(format!("{}:{line} says \"{word}\": name the actor", file.path));
            }
        }
    }
    assert!(n_docs > 3_000, "docs were not found: {n_docs}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn users_read_the_words_of_the_glossary() {
    let files = files();
    let mut faults = Vec::new();
    let mut n_texts = 0;
    for file in production(&files) {
        let is_read = READ_BY_USERS.iter().any(|folder| file.path.starts_with(folder));
        let helps = if is_read { docs(file.production()) } else { Vec::new() };
        for (line, said) in literals(file.production()).into_iter().chain(helps) {
            if words(&said).count() < 3 || is_sql(&said) {
                continue;
            }
            n_texts += 1;
            let lower = without_placeholders(&said.to_lowercase());
            if lower.contains(CODE) {
                continue;
            }
            for (word, instead) in GLOSSARY {
                if has_word(&lower, word) {
                    faults.push(format!("{}:{line} says \"{word}\", the glossary \"{instead}\": {said}", file.path));
                }
            }
        }
    }
    assert!(n_texts > 1_000, "texts were not found: {n_texts}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// A text of `format!` without its placeholders.
fn without_placeholders(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|c| {
            depth = (depth + usize::from(*c == '{')).saturating_sub(usize::from(*c == '}'));
            depth == 0 && *c != '}'
        })
        .collect()
}

/// Checks whether a text is an SQL statement.
fn is_sql(text: &str) -> bool {
    let first = words(text).next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "WITH", "PRAGMA", "FROM", "WHERE", "AND", "ORDER", "ALTER"]
        .contains(&first)
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let is_inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
        !is_inside(text[..at].chars().next_back()) && !is_inside(text[at + word.len()..].chars().next())
    })
}

#[test]
fn references_lead_to_a_document_of_the_project() {
    let reliability = text("docs/internals/reliability.md");
    let ids: BTreeSet<String> = reliability
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next().map(str::to_lowercase))
        .filter(|id| id.len() <= 3 && id.ends_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(ids.len() > 40, "{ids:?}");
    let mut faults = Vec::new();
    for (path, text) in [texts_below("src", "rs"), texts_below("tests", "rs"), texts_below("benches", "rs")].concat() {
        for (n, line) in text.lines().enumerate() {
            let n = n + 1;
            if path != "tests/architecture/language.rs" && (line.contains("(contract:") || has_manner(line)) {
                faults.push(format!("{path}:{n} refers to a rule that no document has: {}", line.trim()));
            }
            for (at, _) in line.match_indices("docs/") {
                let end = line[at..].find(".md").map(|end| at + end + 3);
                let name = end.map(|end| &line[at..end]).filter(|name| !name.contains([' ', '{', '`', '"', '*']));
                if let Some(name) = name.filter(|name| !root().join(name).exists()) {
                    faults.push(format!("{path}:{n} refers to {name}, which is not there"));
                }
            }
            let test = line.trim_start().trim_start_matches("async ").strip_prefix("fn ").unwrap_or_default();
            let id = test.split('_').next().unwrap_or_default();
            let is_id = (2..=3).contains(&id.len())
                && id.starts_with(|c: char| c.is_ascii_lowercase())
                && id[1..].chars().all(|c| c.is_ascii_digit());
            if is_id && test.contains('_') && !ids.contains(id) {
                faults.push(format!("{path}:{n} {test} has an id that docs/internals/reliability.md lacks"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Checks whether a line cites a rule of the console by number.
fn has_manner(line: &str) -> bool {
    line.match_indices("manner").any(|(at, word)| {
        let rest = line[at + word.len()..].trim_start_matches(['s', '_', ' ']);
        rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

#[test]
fn the_scanners_see_what_they_judge() {
    let text = "/// Its number.\npub struct Desk;\nlet a = \"one \\\" two\"; let b = 'x'; let c: &'a str = r#\"three \" four\"#; // \"no\"\n";
    assert_eq!(docs(text), [(1, "Its number.".to_owned())]);
    assert_eq!(types(text), ["Desk"]);
    assert_eq!(literals(text), [(3, "one \\\" two".to_owned()), (3, "three \" four".to_owned())]);
    assert_eq!([n_words_of("Desk"), n_words_of("ViewState"), n_words_of("HttpApi")], [1, 2, 2]);
    assert!(has_word("the fuse is full", "fuse") && !has_word("refuse it", "fuse") && !has_word("fuse_n", "fuse"));
    assert_eq!(without_placeholders("sends {parked}, {n} times"), "sends ,  times");
    assert!(has_manner("fn manner_07_x") && has_manner("(manner 3)") && !has_manner("in a manner that"));
}
