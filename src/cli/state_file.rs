//! State files that a command keeps between runs.

use super::document::outbound;
use super::failure::CommandFailure;
use crate::domain::outbound::{OutboundText, RedactionCounts, SecretGate};
use crate::files::private;
use serde::de::DeserializeOwned;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Loads the state that an earlier run saved; `None` if the file does not exist. `remedy` tells the operator what to
/// do if the file cannot be read.
pub(super) fn load_state<T: DeserializeOwned>(file: &Path, remedy: &str) -> Result<Option<T>, CommandFailure> {
    let refused = |why: String| CommandFailure::usage(format!("{}: {why}", file.display()), remedy);
    match crate::files::read_limited(file, crate::files::MAX_STATE_BYTES) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| refused(error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// Redacts a JSON document and scans it for secrets, so that it may be saved.
pub(super) fn redacted_state(json: &str, gate: &SecretGate) -> Result<OutboundText, CommandFailure> {
    Ok(outbound::redact_and_release(json, gate, &mut RedactionCounts::default())?)
}

/// Saves a redacted text, with a final line break, by replacing the file atomically.
pub(super) fn save_state(file: &Path, text: &OutboundText) -> Result<(), CommandFailure> {
    private::replace(file, format!("{}\n", text.as_str().trim_end()).as_bytes())
        .map_err(|error| write_failure(file, &error))
}

/// Failure for a file that cannot be written.
pub(super) fn write_failure(file: &Path, error: &io::Error) -> CommandFailure {
    CommandFailure::failed(format!("{}: {error}", file.display()), "choose a writable file")
}
