//! Private files beside the database, with the errors of the engine.

use super::error::Error;
use crate::files::private;
use std::path::{Path, PathBuf};

/// Appends a suffix to a path: `platform.key` and `.next` give `platform.key.next`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes a file that only its owner can read. An existing file is replaced atomically, and the content survives a
/// power loss.
///
/// # Errors
/// [`Error::Io`] when the file system refuses; an existing file is then unchanged.
pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    private::replace_synced(path, text.as_bytes()).map_err(|source| io_error(path, source))
}

/// Renames a file atomically and durably.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    private::rename(from, to).map_err(|source| io_error(to, source))
}

/// Removes a file durably, if it exists.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    private::remove(path).map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: std::io::Error) -> Error {
    Error::Io { path: path.to_owned(), source }
}

/// Path of the file with the first operator's token.
pub(super) fn token_file(dir: &Path) -> PathBuf {
    dir.join("operator.token")
}
