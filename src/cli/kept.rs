//! Files that a command keeps from one run to the next.

use super::failure::Failure;
use crate::monitor::files;
use serde::de::DeserializeOwned;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What an earlier run has kept in its file, if there is one; `remedy` says what to do about one that cannot be read.
pub(super) fn recall<T: DeserializeOwned>(file: &Path, remedy: &str) -> Result<Option<T>, Failure> {
    let refused = |why: String| Failure::usage(format!("{}: {why}", file.display()), remedy);
    match crate::files::read(file, crate::files::MAX_STATE_BYTES) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| refused(error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// Puts a text and a line's end into a file, whole or not at all.
pub(super) fn keep(file: &Path, text: &str) -> Result<(), Failure> {
    files::replace(file, format!("{}\n", text.trim_end()).as_bytes()).map_err(|error| unwritten(file, &error))
}

/// What to do about a file that cannot be written.
pub(super) fn unwritten(file: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("{}: {error}", file.display()), "name a file that can be written")
}
