//! Looking after a platform's data directory from outside: backup and verification also while a platform runs on it, restoring, changing the
//! key, leaving numbers out and making a new token only while none does.

pub mod access;
pub mod backup;
pub mod rekey;
pub mod renumber;
pub mod restore;
pub mod verify;

use super::{Error, files};
use crate::store;
use std::fs::OpenOptions;
use std::path::Path;

/// What the audit trail calls whoever looks after the data directory.
const COMMAND: &str = "crow db";

/// What went wrong with a database, without what it would mean for a caller of the API.
fn store_error(error: impl Into<store::Error>) -> Error {
    Error::Store(error.into())
}

/// Makes room for a copy: an empty file that only its owner can read, and none of the files that an earlier copy may have left beside it.
fn clear(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        files::remove(&files::beside(path, suffix))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|source| Error::Io { path: path.to_owned(), source })
}
