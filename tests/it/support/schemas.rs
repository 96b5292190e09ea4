//! The schemas of documents that the repository has.

use serde_json::Value;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/schemas")
}

fn read(file: &Path) -> Value {
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The schema of a document.
pub(crate) fn schema(name: &str) -> Value {
    read(&folder().join(format!("{}.json", name.replace('/', "-"))))
}

/// The names of all documents.
pub(crate) fn names() -> Vec<String> {
    let files = std::fs::read_dir(folder()).expect("schemas").map(|entry| entry.expect("a schema").path());
    files.map(|file| read(&file)["title"].as_str().expect("a title").to_owned()).collect()
}

/// Holds a document against its schema.
#[track_caller]
pub(crate) fn assert_valid(name: &str, document: &Value) {
    assert_eq!(document["schema"], name);
    let validator = jsonschema::validator_for(&schema(name)).expect("a schema");
    let faults: Vec<String> =
        validator.iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{name}: {faults:?}\n{document:#}");
}
