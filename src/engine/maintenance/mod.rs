//! Maintenance of a data directory. Backup and verification also work while a platform is running; restore, key
//! change, renumbering and token reset require a stopped platform.

pub mod access;
pub mod backup;
pub mod rekey;
pub mod renumber;
pub mod restore;
pub mod verify;

use super::error::Error;
use super::files;
use crate::files::private;
use crate::store;
use std::path::Path;

/// Actor name of these commands in the audit trail.
const AUDIT_COMMAND: &str = "crow db";

/// Wraps a database error without translating it for callers of the API.
fn store_error(error: impl Into<store::Error>) -> Error {
    Error::Store(error.into())
}

/// Prepares the destination of a copy: an empty file that only its owner can read, without log files of an earlier
/// copy.
fn prepare_destination(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        files::remove(&files::with_suffix(path, suffix))?;
    }
    private::create(path, &[]).map_err(|source| Error::Io { path: path.to_owned(), source })
}
