//! Holds the table of controls in `docs/internals/security.md` to what is there: every test, target, campaign, script and file that it names.

use super::{root, text, texts_below};
use std::collections::BTreeSet;

/// Returns the path of every test as `cargo test` names it: modules and function, without the name of the crate.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests/it", "tests/fuzz"] {
        for (path, text) in texts_below(folder, "rs") {
            let modules = path.trim_start_matches(folder).trim_start_matches('/').trim_end_matches(".rs");
            let modules = modules.replace('/', "::").replace("::mod", "");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
                    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    tests.insert(format!("{modules}::{name}"));
                    is_test = false;
                }
            }
        }
    }
    assert!(tests.len() > 300, "the tests were not found: {}", tests.len());
    tests
}

/// Row of the table of controls: the control, the code that enforces it, and the tests that show it.
#[derive(Debug)]
struct Row {
    control: String,
    held_by: String,
    shown_by: String,
}

/// The rows below a heading.
fn rows(document: &str, heading: &str) -> Vec<Row> {
    let (_, rest) = document.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let section = rest.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| control |"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [control, held_by, shown_by] = cells[..] else { panic!("three cells: {line}") };
        Row { control: control.to_owned(), held_by: held_by.to_owned(), shown_by: shown_by.to_owned() }
    })
    .collect()
}

/// Returns the quoted names of a cell, each with the word before it.
fn quoted(cell: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = cell.split('`').collect();
    let pairs = parts.chunks(2).filter_map(|pair| Some((pair[0], *pair.get(1)?)));
    pairs
        .map(|(before, name)| (before.split_whitespace().last().unwrap_or_default().to_owned(), name.to_owned()))
        .collect()
}

/// Lists the faults of a row: names of tests, targets, campaigns, scripts or files that do not exist.
fn faults(row: &Row, tests: &BTreeSet<String>, targets: &str, campaign: &str) -> Vec<String> {
    let shown = quoted(&row.shown_by);
    let mut faults = Vec::new();
    if shown.is_empty() {
        faults.push("nothing shows it".to_owned());
    }
    for (before, name) in shown {
        let is_there = match before.as_str() {
            "target" => targets.contains(&format!("(\"{name}\",")),
            "campaign" => campaign.contains(&format!("Some(\"{name}\")")),
            _ if name.starts_with('.') => root().join(&name).is_file(),
            // All tests of a module or of a file.
            "of" if name.contains('/') => {
                let module = name.trim_end_matches(".rs").replace('/', "::");
                tests.iter().any(|test| test.starts_with(&format!("{module}::")))
            }
            "of" => tests.iter().any(|test| test.starts_with(&format!("{name}::"))),
            _ if name.contains("::") => tests.iter().any(|test| test.contains(&name)),
            _ => tests.iter().any(|test| test.rsplit("::").next().is_some_and(|test| test.starts_with(&name))),
        };
        if !is_there {
            faults.push(format!("{before} `{name}` is not there"));
        }
    }
    let paths = quoted(&row.held_by).into_iter().map(|(_, name)| name);
    for path in paths.filter(|name| name.ends_with(".rs")) {
        if !root().join("src").join(&path).is_file() {
            faults.push(format!("src/{path} is not there"));
        }
    }
    faults.into_iter().map(|fault| format!("{}: {fault}", row.control)).collect()
}

#[test]
fn every_control_names_a_test_that_is_there() {
    let (tests, targets, campaign) = (tests(), text("tests/fuzz/targets.rs"), text("benches/campaign.rs"));
    let rows = rows(&text("docs/internals/security.md"), "Controls");
    assert!(rows.len() > 30, "the table was not found: {} rows", rows.len());
    let faults: Vec<String> = rows.iter().flat_map(|row| faults(row, &tests, &targets, &campaign)).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_planted_row_is_caught() {
    let tests = BTreeSet::from(["overload::l1_an_anonymous_flood".to_owned()]);
    let planted = |held_by: &str, shown_by: &str| {
        let row = Row { control: "planted".to_owned(), held_by: held_by.to_owned(), shown_by: shown_by.to_owned() };
        faults(&row, &tests, "pure(\"query\", query", "Some(\"faults\")").len()
    };
    assert_eq!(
        planted("`client/body.rs`", "`l1_`, target `query`, campaign `faults`, `.ci/run`, tests of `overload`"),
        0
    );
    assert_eq!(planted("", "`l9_`"), 1);
    assert_eq!(planted("", "target `queries`, campaign `fault`, `.ci/runs`, tests of `over`"), 4);
    assert_eq!(planted("`client/bounded_.rs`", "`anonymous`"), 2);
    assert_eq!(planted("", "by reading"), 1);
}
