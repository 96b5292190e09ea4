//! Holds every read of an answer, a file or a pipe to a limit: the calls that read to the end, however long that is, stand only where a limit
//! stands beside them.

use super::{File, files};

/// Calls that read to the end, or a part at a time.
const READS: &[&str] = &[
    ".bytes().await",
    ".text().await",
    ".text_with_charset(",
    ".json().await",
    ".json::<",
    ".bytes_stream()",
    ".chunk().await",
    "fs::read(",
    "fs::read_to_string(",
    "io::read_to_string(",
    ".read_to_end(",
    ".read_to_string(",
    ".read_line(",
    ".read_until(",
    "wait_with_output(",
];

/// Files that may contain one of the calls, each with what limits the read.
const BOUNDED: &[(&str, &str, &str)] = &[
    ("src/client/body.rs", ".chunk().await", "MAX_ANSWER_BYTES"),
    ("src/client/portal/overview.rs", ".chunk().await", "MAX_MESSAGE_BYTES"),
    ("src/cli/output.rs", ".read_line(", ".take(MAX_LINE_BYTES)"),
    ("src/cli/profile/secret_tool.rs", ".read_to_end(", ".take(MAX_SECRET_BYTES"),
    ("src/database/lock.rs", ".read_to_string(", ".take(MAX_HOLDER_BYTES)"),
    ("src/files.rs", ".read_to_end(", ".take(limit"),
    ("src/server/otlp.rs", ".chunk().await", "MAX_ANSWER_BYTES"),
];

/// Reads of a file that nothing limits.
fn unbounded(file: &File) -> Vec<String> {
    if file.is_test() {
        return Vec::new();
    }
    // Without white space, as a call may be broken over lines.
    let code: String = file.production().lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code: String = code.split_whitespace().collect();
    let is_bounded = |read: &str| {
        BOUNDED.iter().any(|(path, call, limit)| *path == file.path && *call == read && code.contains(limit))
    };
    let found = READS.iter().filter(|read| code.contains(**read) && !is_bounded(read));
    found.map(|read| format!("{}: {read} without a limit", file.path)).collect()
}

#[test]
fn every_read_has_a_limit() {
    let files = files();
    let faults: Vec<String> = files.iter().flat_map(unbounded).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    for (path, call, _) in BOUNDED {
        let is_there = files.iter().any(|file| file.path == *path && file.production().contains(call));
        assert!(is_there, "{path} has no {call}");
    }
}

#[test]
fn a_planted_read_is_caught() {
    let plant = |path: &str, text: &str| {
        let file = File { path: path.to_owned(), layer: String::new(), text: text.to_owned() };
        unbounded(&file).len()
    };
    assert_eq!(plant("src/server/planted.rs", "let body = answer\n    .bytes()\n    .await?;"), 1);
    assert_eq!(plant("src/cli/planted.rs", "let text = std::fs::read_to_string(path)?;"), 1);
    assert_eq!(plant("src/files.rs", "reader.read_to_end(&mut bytes)?;"), 1, "the limit is gone");
    assert_eq!(plant("src/files.rs", "reader.take(limit + 1).read_to_end(&mut bytes)?;"), 0);
    assert_eq!(plant("src/cli/tests.rs", "let text = std::fs::read_to_string(path)?;"), 0);
    assert_eq!(plant("src/cli/planted.rs", "// As fs::read(path) does.\n"), 0);
}
